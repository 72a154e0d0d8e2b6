"""The audit: what was due to whom, found again from the outboxes, and counted in every log. Pure.

Enters: a second, independent judgement of every outbox record, and the comparison with what the logs hold.
Stays out: the gate (nothing of hub.gate is imported), hub.ledger, and every Kafka or SQL call.
"""
