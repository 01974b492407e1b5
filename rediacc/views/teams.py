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
    "InventoryGroup",
    "InventoryMachine",
    "MachineChange",
    "MachineList",
    "MachineView",
    "TeamChange",
    "TeamInventory",
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
class InventoryGroup:
    """A group's own machines and child groups, in Ansible's order."""

    machines: tuple[str, ...] = ()
    children: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class InventoryMachine:
    """What there is to know of a machine, apart from its groups.

    :param variables: its own and its groups', as Ansible merges them; encrypted ones as Ansible
        writes them (``__ansible_vault``), and none that an encrypted file holds.
    :param health: the newest look at it; ``None`` when nobody looked.
    """

    state: MachineState
    running: tuple[int, ...] = ()
    pending_count: int = 0
    health: MachineHealth | None = None
    variables: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class TeamInventory:
    """A team's inventory.

    :param source: what Ansible takes as ``-i``: an absolute path, or a list with commas.
    :param machines: in inventory order; without contents only those of which rediacc knows
        something.
    :param groups: ``all`` and ``ungrouped`` too; empty without contents.
    :param is_complete: whether `machines` holds every variable: false where files are encrypted,
        of which only addresses, ports and accounts are told that stand in plain files too.
    :param has_uncertain_trust: whether an inventory plugin made it, so that a text may only look
        like a template.
    :param stale_seconds: the age from which a look at a machine says nothing more.
    """

    team: str
    source: str
    machines: Mapping[str, InventoryMachine]
    groups: Mapping[str, InventoryGroup]
    is_complete: bool
    has_uncertain_trust: bool
    stale_seconds: float
    digest: str = ""


@dataclass(frozen=True, kw_only=True)
class TeamChange(TeamView):
    """A team after a change, and what the change was or, in a dry run, would be.

    :param before: its settings: ``inventory``, ``ssh``, ``sample_every_seconds``, ``weight``;
        ``None``: there was no such team. `after`: likewise.
    """

    changed: bool
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None
    is_dry_run: bool = False


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
class MachineChange(MachineView):
    """A machine after a change, and what the change was or, in a dry run, would be.

    :param before: its ``state``, and what rediacc keeps of it: ``host``, ``user``, ``port``,
        ``groups`` and ``variables``, without what is vaulted or named like a secret; ``None``:
        there was no such machine. `after`: likewise, and so are `variables`.
    """

    changed: bool
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None
    is_dry_run: bool = False


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
