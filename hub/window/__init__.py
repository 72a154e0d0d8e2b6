"""The single window's read models: deliveries → feed rows, catalogue, cursor, sequence checks. Pure.

Enters: what the feed and the catalogue say, given deliveries of `agency.window.inbox`.
Stays out: reading Kafka and writing SQL (`streams.projector`, `hub.store`).
"""
