"""Reading the ledger: the gate's counts, and the deliveries counted on the inboxes themselves.

Enters: following logs, counting, the sheet. Stays out: deciding; the audit shares nothing with this room.
"""
