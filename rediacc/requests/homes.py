"""What operations on a home take."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = [
    "DoctorRequest",
    "InitRequest",
    "Nothing",
]


@dataclass(frozen=True, kw_only=True)
class Nothing:
    """For operations that take nothing: ``team.list``, ``worker.list``, ``named_task.list``."""


@dataclass(frozen=True, kw_only=True)
class DoctorRequest:
    """``doctor.check``: look at the home, and mend or try the machines where asked."""

    fix: bool = False
    machines: bool = False


@dataclass(frozen=True, kw_only=True)
class InitRequest:
    """``home.init``: `teams` maps team names to inventory paths; empty proposes them.

    :param sample_every_seconds: how often machines are to be sampled; ``None`` for never.
    """

    directory: str
    teams: Mapping[str, str] = field(default_factory=dict)
    launcher: bool = False
    sample_every_seconds: float | None = None
