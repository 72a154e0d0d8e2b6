"""Run by Alembic: migrates over the connection that `hub.store.migrate` hands in, in its transaction."""

from __future__ import annotations

from alembic import context

from hub.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"], target_metadata=metadata, transactional_ddl=True
)
context.run_migrations()
