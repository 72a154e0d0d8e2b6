"""The wire contract: names, topics, envelope, frame, schemas. Pure; imports only errors and resources.

Enters: what every agency and every process must agree on. Stays out: Kafka clients, files other than
schemas.
"""
