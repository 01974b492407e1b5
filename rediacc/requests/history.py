"""What operations on plays that were started by hand take."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["PlayRecord"]


@dataclass(frozen=True, kw_only=True)
class PlayRecord:
    """``history.record``: bring in the records of one play, or of all that are over.

    :param id: the name of the play's file, without its ending.
    """

    id: str | None = None
