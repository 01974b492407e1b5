"""What operations on archives take."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["ArchiveRequest"]


@dataclass(frozen=True, kw_only=True)
class ArchiveRequest:
    """``archive.run``: move what is over to the archive.

    :param sorts: ``tasks``, ``samples``, ``audit``; empty for all that ``[retention]`` does not
        keep for ever.
    :param older_than_seconds: how old it must be; ``None`` takes each sort's own retention.
    """

    sorts: tuple[str, ...] = ()
    older_than_seconds: float | None = None
    dry_run: bool = False
