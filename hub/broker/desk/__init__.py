"""The desk: where people's actions are written to the hub's outbox, and what they act on is fetched.

Enters: writing in transactions, single events, records by their places, what was done so far, settling. Stays
out: what may be done (hub.parked, hub.mending), and what became of it (hub.store).
"""
