"""The gate's work on the broker: read outboxes, decide (hub.gate), write everything in one transaction, recover.

Enters: transactions, hand-over, recovery, slots. Stays out: what a record deserves (hub.gate).
"""
