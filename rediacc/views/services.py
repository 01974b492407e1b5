"""What operations on the worker's service answer."""

from __future__ import annotations

from dataclasses import dataclass

from rediacc.views.homes import WorkerView

__all__ = ["ServiceView"]


@dataclass(frozen=True, kw_only=True)
class ServiceView:
    """The worker's unit as systemd and the home see it.

    :param state: systemd's word: ``active``, ``inactive``, ``failed`` …; ``not installed``; empty
        where systemd was not asked.
    :param since: since when it is in this state, as systemd writes it.
    :param enabled: systemd's word: ``enabled``, ``disabled`` …
    :param text: the unit's file, for an installation.
    :param is_edited: whether somebody changed the file since it was written.
    :param workers: the home's workers that beat, the service's and others.
    """

    unit: str
    path: str
    account: str
    is_system: bool
    state: str = ""
    since: str = ""
    enabled: str = ""
    pid: int | None = None
    restarts: int | None = None
    text: str = ""
    is_edited: bool = False
    workers: tuple[WorkerView, ...] = ()
    notes: tuple[str, ...] = ()
