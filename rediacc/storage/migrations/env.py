"""Alembic's entry: runs the migrations on the connection that rediacc hands over."""

from __future__ import annotations

from alembic import context

from rediacc.storage.tables.schema import METADATA

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=METADATA,
    render_as_batch=True,
    transactional_ddl=False,
)
context.run_migrations()
