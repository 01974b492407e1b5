"""Alembic's entry: runs the migrations on the connection that rediacc hands over."""

from __future__ import annotations

from alembic import context
from sqlmodel import SQLModel

from rediacc.storage import tables

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=SQLModel.metadata,
    render_as_batch=True,
    transactional_ddl=False,
)
context.run_migrations()

__all__ = ["tables"]
