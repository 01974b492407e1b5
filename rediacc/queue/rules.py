"""What the queue needs to know of the settings, and the names of its resources."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from rediacc.settings import Settings

_NO_LIMIT = 1_000_000

__all__ = ["QueueRules", "machine_key", "rules_of", "team_key"]


@dataclass(frozen=True, kw_only=True)
class QueueRules:
    """Limits and weights.

    :param level_limits: seconds after which a waiting task of a level is overdue; 0 for never.
    :param overdue_turn: each how manieth start serves the overdue head.
    """

    machine_slots: int = 1
    team_machine_slots: Mapping[str, int] = field(default_factory=dict)
    team_slots: Mapping[str, int] = field(default_factory=dict)
    weights: Mapping[str, int] = field(default_factory=dict)
    level_limits: Mapping[int, float] = field(default_factory=dict)
    overdue_turn: int = 5
    lease_seconds: float = 30.0
    max_losses: int = 2

    def slots_of(self, resource: str) -> int:
        """Return how many ordinary tasks `resource` takes at once."""
        sort, _separator, name = resource.partition(":")
        if sort == "team":
            return self.team_slots.get(name, _NO_LIMIT)
        return self.team_machine_slots.get(name.partition("/")[0], self.machine_slots)


def rules_of(settings: Settings) -> QueueRules:
    """Return the queue's rules in `settings`."""
    teams = settings.teams.values()
    return QueueRules(
        machine_slots=settings.machine_concurrency,
        team_machine_slots={t.name: t.machine_concurrency for t in teams if t.machine_concurrency},
        team_slots={team.name: team.concurrency for team in teams if team.concurrency},
        weights={team.name: team.weight for team in teams},
        level_limits=dict(settings.level_limits),
        lease_seconds=settings.lease_seconds,
    )


def machine_key(team: str, machine: str) -> str:
    """Return the resource key of a machine."""
    return f"machine:{team}/{machine}"


def team_key(team: str) -> str:
    """Return the resource key of a team's limit."""
    return f"team:{team}"
