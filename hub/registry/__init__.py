"""The agency registry: who may publish what, who may receive it, under which agreement. Pure.

Enters: the models, the YAML files, plan = the diff of two registries, the records of `hub.registry`.
Stays out: Kafka (broker/apply, broker/registry_topic), schemas (contracts), decisions on events (gate).
"""
