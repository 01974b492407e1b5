"""What operations on teams and machines answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from rediacc.values import (
    MachineState,
)
from rediacc.views.monitoring import MachineHealth

__all__ = [
    "HostKey",
    "MachineList",
    "MachineView",
    "TeamView",
]


@dataclass(frozen=True, kw_only=True)
class TeamView:
    """A team and where its inventory lies; `error` says why that cannot be read.

    :param public_key: the public half of the key that the team logs in with; empty where its
        people's own keys do.
    :param vault: where the team's vault key is: ``file``, ``command``, or ``repository`` for a
        team that has none of its own.
    """

    name: str
    inventory: str
    is_managed: bool
    ssh: str
    machine_count: int
    group_count: int
    weight: int = 1
    sample_every_seconds: float | None = None
    error: str = ""
    public_key: str = ""
    vault: str = ""


@dataclass(frozen=True, kw_only=True)
class MachineView:
    """A machine of a team.

    :param health: the newest look at it; ``None`` when nobody looked or nobody asked.
    """

    name: str
    team: str
    state: MachineState
    address: str
    user: str
    port: int | None
    groups: tuple[str, ...]
    running: tuple[int, ...] = ()
    pending_count: int = 0
    health: MachineHealth | None = None
    variables: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class MachineList:
    """The answer of ``machine.list``.

    :param unreadable: the teams whose inventory cannot be read, each with why.
    """

    machines: tuple[MachineView, ...]
    unreadable: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class HostKey:
    """A host key as a machine showed it.

    :param status: ``known``, ``unknown``, ``changed`` or ``unreachable``.
    :param line: the line for known_hosts; empty when unreachable.
    """

    machine: str
    team: str
    address: str
    port: int
    key_type: str
    fingerprint: str
    status: str
    line: str
