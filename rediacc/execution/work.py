"""What execution is given: one attempt at one task, as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from rediacc.values import AnsibleOptions, Kind

__all__ = ["Work"]


@dataclass(frozen=True, kw_only=True)
class Work:
    """One attempt at one task.

    :param machines: the machines of this attempt: all, or those that did not succeed before.
    :param shown_machines: the machines that the task was shown to target when it was accepted.
    :param patterns: the host patterns behind them, for resolving again; empty for plain names.
    :param limit: the ``--limit`` that was given.
    :param fingerprint: of inventory and playbook when the targets were resolved.
    :param secrets: environment variable → name of the team's secret whose value it gets.
    """

    task_id: int
    epoch: int
    team: str
    kind: Kind
    text: str
    title: str
    machines: tuple[str, ...]
    shown_machines: tuple[str, ...]
    patterns: tuple[str, ...] = ()
    limit: str | None = None
    module_args: Mapping[str, Any] = field(default_factory=dict)
    options: AnsibleOptions = field(default_factory=AnsibleOptions)
    timeout_seconds: float | None = None
    fingerprint: str = ""
    secrets: Mapping[str, str] = field(default_factory=dict)
