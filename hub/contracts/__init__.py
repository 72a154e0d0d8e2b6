"""The wire contract: names, topics, envelope, frame, schemas. Pure; imports nothing else of the hub but errors.

Enters: what every agency and every process must agree on. Stays out: Kafka clients, files other than schemas.
"""
