"""The machine a process runs on: children, ports, files written whole, steps done once, stopping on a signal.

Enters: what the operating system decides. Stays out: Kafka, PostgreSQL, events.
"""
