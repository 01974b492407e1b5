"""What operations on the worker's service take."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["ServiceInstall", "ServiceRef"]


@dataclass(frozen=True, kw_only=True)
class ServiceInstall:
    """``service.install``: have systemd run the home's worker.

    :param is_system: a unit of the system, which runs without anybody logged in; else one of the
        account's own systemd.
    :param account: who the system's unit runs as; ``None`` for the home's owner.
    :param force: replace a unit that somebody edited.
    """

    is_system: bool = False
    account: str | None = None
    force: bool = False
    dry_run: bool = False


@dataclass(frozen=True, kw_only=True)
class ServiceRef:
    """``service.uninstall``, ``service.status``: the unit of the system or of the account."""

    is_system: bool = False
    force: bool = False
    dry_run: bool = False
