"""The gate's decisions: checks in order, masks, verdicts, duplicates, sequences. Pure: no Kafka, no clock.

Enters: what one record of an outbox deserves, given the agency registry, the contracts and what was seen
before. Stays out: reading and writing (hub.broker.gating), recounting (the audit shares no code with us).
"""
