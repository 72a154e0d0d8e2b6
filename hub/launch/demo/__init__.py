"""`hub demo`: real event logs flow through the whole hub, and a check of its own counts what arrived.

Enters: the demo's data, its plan of what it sends, its agencies, its check and its page. Stays out: the hub's
own code paths, which the demo uses as any agency does.
"""
