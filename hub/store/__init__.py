"""PostgreSQL: engine, tables, migrations, consumer positions, and the embedded server.

Enters: everything that speaks SQL. Stays out: Kafka (broker) and what an event means (contracts, window).
"""
