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
    "MachineFilter",
    "MachineRef",
    "MachineUpdate",
    "ScanRequest",
    "TeamCreate",
    "TeamRef",
    "TrustRequest",
]


@dataclass(frozen=True, kw_only=True)
class TeamRef:
    """One team: ``team.inspect``, ``team.delete``."""

    name: str


@dataclass(frozen=True, kw_only=True)
class TeamCreate:
    """``team.create``: a team that rediacc keeps, or one over an inventory that exists.

    :param sample_every_seconds: how often its machines are to be sampled; ``None`` for never.
    :param ssh: ``user`` or ``vault``; ``None`` takes ``vault`` for a team that rediacc keeps.
    """

    name: str
    inventory: str | None = None
    sample_every_seconds: float | None = None
    ssh: str | None = None


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
    """One machine: ``machine.inspect``, ``machine.delete``; the team may follow from the name."""

    name: str
    team: str | None = None


@dataclass(frozen=True, kw_only=True)
class MachineUpdate:
    """``machine.update``."""

    name: str
    team: str | None = None
    state: MachineState | None = None


@dataclass(frozen=True, kw_only=True)
class MachineCreate:
    """``machine.create``."""

    name: str
    team: str
    host: str | None = None
    user: str | None = None
    port: int | None = None
    groups: tuple[str, ...] = ()
    variables: Mapping[str, Any] = field(default_factory=dict)


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
