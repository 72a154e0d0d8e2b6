"""The gate's work on the broker: read outboxes, decide, write all in one transaction, recover.

Enters: transactions, hand-over, recovery, slots. Stays out: what a record deserves (hub.gate).
"""
