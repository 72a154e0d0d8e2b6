"""The broker that `hub up` starts by itself: real Apache Kafka from jars that are locked by checksum.

Enters: resolving, verifying, formatting, starting it. Stays out: who supervises it (hub.launch).
"""
