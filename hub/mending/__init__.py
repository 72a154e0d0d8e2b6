"""Mending the ledger: faults told, chosen, sent again or closed.

Enters: the audit's books, the logs and the desk together. Stays out: finding faults (hub.audit), and the text
of commands (hub.cli).
"""
