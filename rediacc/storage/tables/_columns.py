"""Columns that all tables write alike."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Column, Integer
from sqlmodel import Field

__all__ = ["BIG_ID", "time_column"]

# SQLite makes an alias of the row id only from INTEGER; PostgreSQL wants 64 bits.
BIG_ID = BigInteger().with_variant(Integer, "sqlite")


def time_column(*, nullable: bool = True) -> Any:
    """Return a column for a time in microseconds."""
    return Field(default=None, sa_column=Column(BigInteger, nullable=nullable))
