"""Kafka: clients, topics, ACLs and quotas as code, the transactional loop, the embedded broker.

Enters: everything that speaks to a broker. Stays out: what an event means (contracts, gate) and SQL (store).
"""
