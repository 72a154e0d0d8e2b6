"""`hub rebuild`: derived tables built again from the logs, beside the live ones.

Enters: which topics make which tables, and the order of the work. Stays out: how tables change places
(hub.store.shadow), how a stretch of a log is read (hub.broker.stretch), what records mean (the pure rooms).
"""
