"""What operations take that look at the whole home at once."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["OverviewRequest"]


@dataclass(frozen=True, kw_only=True)
class OverviewRequest:
    """``overview.read``: one look at queue, machines, workers and alerts.

    :param team: only this team; ``None`` for all that the caller may see.
    :param text: only tasks whose number, title, team, creator or machine holds this text.
    :param limit: how many tasks of the queue, and how many machines, are wanted at most.
    :param with_machines: whether machines are wanted; reading their inventories costs more.
    :param output_of: a task whose last output is wanted.
    :param is_refresh: whether this look goes on with one that the audit has noted already.
    """

    team: str | None = None
    text: str = ""
    limit: int = 100
    with_machines: bool = True
    output_of: int | None = None
    is_refresh: bool = False
