"""What operations on teams and machines take."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from rediacc.values import MachineState
from rediacc.views import HostKey

__all__ = [
    "InventoryRequest",
    "MachineCreate",
    "MachineDelete",
    "MachineFilter",
    "MachineRef",
    "MachineUpdate",
    "ScanRequest",
    "TeamCreate",
    "TeamDelete",
    "TeamRef",
    "TeamUpdate",
    "TrustRequest",
]


@dataclass(frozen=True, kw_only=True)
class TeamRef:
    """One team: ``team.inspect``."""

    name: str


@dataclass(frozen=True, kw_only=True)
class TeamDelete(TeamRef):
    """``team.delete``.

    :param missing_ok: that there is no such team is no error.
    :param dry_run: say what would change, and change nothing.
    """

    missing_ok: bool = False
    dry_run: bool = False


@dataclass(frozen=True, kw_only=True)
class TeamCreate:
    """``team.create``: a team that rediacc keeps, or one over an inventory that exists.

    :param inventory: an inventory that exists; ``None`` makes one that rediacc keeps.
    :param sample_every_seconds: how often its machines are to be sampled; ``None`` for never.
    :param ssh: ``user`` or ``vault``; ``None`` takes ``vault`` for a team that rediacc keeps.
    :param weight: its share among teams at one level, 1 to 1000; ``None`` for 1.
    :param dry_run: say what would be made, and make nothing.
    """

    name: str
    inventory: str | None = None
    sample_every_seconds: float | None = None
    ssh: str | None = None
    weight: int | None = None
    dry_run: bool = False


@dataclass(frozen=True, kw_only=True)
class TeamUpdate:
    """``team.update``: what is not given stays.

    :param inventory: another inventory that exists, of a team over one that is people's own.
    :param sample_every_seconds: how often its machines are to be sampled; 0 for never.
    :param ssh: ``user`` or ``vault``; a team without a key gets one with ``vault``.
    :param weight: its share among teams at one level, 1 to 1000.
    :param dry_run: say what would change, and change nothing.
    """

    name: str
    inventory: str | None = None
    sample_every_seconds: float | None = None
    ssh: str | None = None
    weight: int | None = None
    dry_run: bool = False


@dataclass(frozen=True, kw_only=True)
class InventoryRequest:
    """``inventory.read``: the inventories of teams, with what rediacc knows of their machines.

    :param teams: their names; empty for all that the caller sees.
    :param contents: whether machines, groups and variables are read; else only where each
        inventory lies, and what is known of machines.
    """

    teams: tuple[str, ...] = ()
    contents: bool = True


@dataclass(frozen=True, kw_only=True)
class MachineFilter:
    """``machine.list``; empty fields do not filter.

    :param health: whether to read each machine's newest look too.
    :param is_refresh: asked again by the same screen, which the audit does not note again.
    """

    team: str | None = None
    group: str | None = None
    state: MachineState | None = None
    health: bool = False
    is_refresh: bool = False


@dataclass(frozen=True, kw_only=True)
class MachineRef:
    """One machine: ``machine.inspect``; the team may follow from the name."""

    name: str
    team: str | None = None


@dataclass(frozen=True, kw_only=True)
class MachineDelete(MachineRef):
    """``machine.delete``; the team may follow from the name.

    :param missing_ok: that the team has no such machine is no error.
    :param dry_run: say what would change, and change nothing.
    """

    missing_ok: bool = False
    dry_run: bool = False


@dataclass(frozen=True, kw_only=True)
class MachineUpdate:
    """``machine.update``: what is not given stays.

    All but `state` stands in the hosts file of a team that rediacc keeps.

    :param state: whether it takes work.
    :param groups: all groups that it is in by that file.
    :param add_groups: groups that it comes into beside those; likewise `remove_groups`.
    :param variables: host variables that get these values.
    :param remove_variables: host variables that go.
    :param purge_variables: all others of that file go too, but address, user and port.
    :param dry_run: say what would change, and change nothing.
    """

    name: str
    team: str | None = None
    state: MachineState | None = None
    host: str | None = None
    user: str | None = None
    port: int | None = None
    groups: tuple[str, ...] | None = None
    add_groups: tuple[str, ...] = ()
    remove_groups: tuple[str, ...] = ()
    variables: Mapping[str, Any] = field(default_factory=dict)
    remove_variables: tuple[str, ...] = ()
    purge_variables: bool = False
    dry_run: bool = False


@dataclass(frozen=True, kw_only=True)
class MachineCreate:
    """``machine.create``: in a team whose inventory rediacc keeps.

    :param host: its address; ``None``: its name is one.
    :param state: whether it takes work from the start.
    :param dry_run: say what would be made, and make nothing.
    """

    name: str
    team: str
    host: str | None = None
    user: str | None = None
    port: int | None = None
    groups: tuple[str, ...] = ()
    variables: Mapping[str, Any] = field(default_factory=dict)
    state: MachineState = MachineState.ONLINE
    dry_run: bool = False


@dataclass(frozen=True, kw_only=True)
class ScanRequest:
    """``machine.scan``: read the host keys of machines, or of all whose key is unknown."""

    names: tuple[str, ...] = ()
    team: str | None = None
    unknown: bool = False


@dataclass(frozen=True, kw_only=True)
class TrustRequest:
    """``machine.trust``: record these keys. Answer: how many lines were added."""

    keys: tuple[HostKey, ...]
