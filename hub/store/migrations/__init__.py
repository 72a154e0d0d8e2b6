"""Alembic migrations, packaged with the hub; `hub.store.migrate` runs them."""
