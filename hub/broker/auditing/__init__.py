"""The audit's reading of every log, under a read-only principal.

Enters: the cut, and the logs up to it: outboxes, inboxes, parked events, receipts, committed offsets. Stays
out: judging (hub.audit), writing (hub.store).
"""
