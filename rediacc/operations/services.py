"""Operations on the worker's service: a unit of systemd for this home."""

from __future__ import annotations

import os
import pwd
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import rediacc
from rediacc.errors import AccessDenied, Conflict, InvalidInput, NotFound, RediaccError
from rediacc.operations.files import change_files
from rediacc.queue.workers import list_workers
from rediacc.requests import ServiceInstall, ServiceRef
from rediacc.services.systemd import Systemd
from rediacc.services.unit import UnitPlan, is_edited, is_ours, render_unit, service_path, unit_name
from rediacc.teams.changes import FileChange, read_file
from rediacc.views import ServiceView, WorkerView

__all__ = ["install", "status", "uninstall"]

_STOP_MARGIN_SECONDS = 30
_LINGERING = Path("/var/lib/systemd/linger")


def install(call: Any, request: ServiceInstall) -> ServiceView:
    """``service.install``: write the unit, start it now and at each boot; or leave all as it was.

    :raises AccessDenied: the system's units are root's.
    :raises Conflict: there is a unit that somebody edited, and `force` is not given.
    :raises RediaccError: systemd does not run here, or refuses.
    """
    account = _account(call, request)
    systemd = Systemd(is_system=request.is_system, environment=call.environment)
    unit = unit_name(call.settings.home, call.settings.home_id)
    path = systemd.directory / unit
    text = render_unit(_plan(call, request, account))
    before = read_file(path)
    if not request.force:
        _require_unedited(path, before)
    view = ServiceView(
        unit=unit,
        path=str(path),
        account=account.pw_name,
        is_system=request.is_system,
        text=text,
        notes=_notes(request, account),
    )
    if request.dry_run:
        return view
    if request.is_system and os.geteuid() != 0:
        raise AccessDenied("a unit of the system is root's", hint="sudo, or leave out --system")
    systemd.require()
    problem = systemd.verify(unit, text)
    if problem:
        raise RediaccError(f"systemd would not take the unit: {problem}")
    change = FileChange(
        path=path, before=before, after=text.encode(), summary=f"have systemd run {unit}"
    )
    change_files(call, f"service {unit}", [change])
    try:
        systemd.start(unit)
    except RediaccError:
        undo = FileChange(
            path=path, before=text.encode(), after=before, summary="systemd refused it"
        )
        change_files(call, f"service {unit}", [undo])
        systemd.forget(unit)
        raise
    return _shown(call, view, systemd)


def uninstall(call: Any, request: ServiceRef) -> ServiceView:
    """``service.uninstall``: stop the worker and remove the unit; runs go on to their end.

    :raises NotFound: there is no such unit.
    :raises Conflict: somebody edited it, and `force` is not given.
    """
    systemd = Systemd(is_system=request.is_system, environment=call.environment)
    unit = unit_name(call.settings.home, call.settings.home_id)
    path = systemd.directory / unit
    before = read_file(path)
    if before is None:
        raise NotFound(f"this home has no service: there is no {path}")
    if not request.force:
        _require_unedited(path, before)
    view = ServiceView(
        unit=unit, path=str(path), account="", is_system=request.is_system, state="not installed"
    )
    if request.dry_run:
        return view
    if request.is_system and os.geteuid() != 0:
        raise AccessDenied("a unit of the system is root's", hint="sudo")
    systemd.require()
    systemd.stop(unit)
    change = FileChange(path=path, before=before, after=None, summary=f"remove {unit}")
    change_files(call, f"service {unit}", [change])
    systemd.forget(unit)
    return view


def status(call: Any, request: ServiceRef) -> ServiceView:
    """``service.status``: what systemd says of the unit, and which workers of the home live."""
    systemd = Systemd(is_system=request.is_system, environment=call.environment)
    unit = unit_name(call.settings.home, call.settings.home_id)
    path = systemd.directory / unit
    text = read_file(path)
    view = ServiceView(
        unit=unit,
        path=str(path),
        account="",
        is_system=request.is_system,
        state="not installed" if text is None else "",
        is_edited=text is not None and is_edited(text.decode(errors="replace")),
        workers=_workers(call),
    )
    if text is None:
        return view
    try:
        return _shown(call, view, systemd)
    except RediaccError as exc:
        return replace(view, state="unknown", notes=(exc.message,))


def _plan(call: Any, request: ServiceInstall, account: pwd.struct_passwd) -> UnitPlan:
    settings = call.settings
    if "REDIACC_DATABASE_URL" in call.environment:
        raise InvalidInput(
            "REDIACC_DATABASE_URL is set here, and a service would not know it",
            hint="put 'database' in rediacc.toml",
        )
    program = Path(sys.executable).parent / "rediacc"
    is_installed = os.access(program, os.X_OK)
    start = (str(program),) if is_installed else (sys.executable, "-P", "-m", "rediacc")
    environment = {"PATH": service_path(call.environment, is_system=request.is_system)}
    if not is_installed:
        environment["PYTHONPATH"] = str(Path(rediacc.__file__).resolve().parent.parent)
    if "REDIACC_RUNTIME_DIR" in call.environment:
        environment["REDIACC_RUNTIME_DIR"] = call.environment["REDIACC_RUNTIME_DIR"]
    return UnitPlan(
        home=settings.home,
        account=account.pw_name,
        is_system=request.is_system,
        command=(*start, "--home", str(settings.home), "worker"),
        environment=tuple(environment.items()),
        stop_seconds=int(settings.stop_grace_seconds) + _STOP_MARGIN_SECONDS,
    )


def _account(call: Any, request: ServiceInstall) -> pwd.struct_passwd:
    """Return who the worker is to run as: the owner of the home, who alone may read its queue."""
    owner = call.settings.state_directory.stat().st_uid
    try:
        if request.account is None:
            return pwd.getpwuid(owner if request.is_system else os.getuid())
        if not request.is_system:
            raise InvalidInput("--account belongs to --system: a user's own unit runs as that user")
        account = pwd.getpwnam(request.account)
    except KeyError as exc:
        raise NotFound(f"there is no account {request.account or owner!r}") from exc
    if account.pw_uid not in (0, owner):
        raise InvalidInput(
            f"account {account.pw_name} cannot work here: the home's data belong to uid {owner}",
            hint="leave out --account for the owner",
        )
    return account


def _require_unedited(path: Path, content: bytes | None) -> None:
    if content is None:
        return
    text = content.decode(errors="replace")
    if not is_ours(text):
        raise Conflict(f"{path} is there and is not of rediacc", hint="--force replaces it")
    if is_edited(text):
        raise Conflict(
            f"{path} was edited since it was installed",
            hint="--force replaces it; 'systemctl edit' keeps changes in a file of their own",
        )


def _notes(request: ServiceInstall, account: pwd.struct_passwd) -> tuple[str, ...]:
    if request.is_system or (_LINGERING / account.pw_name).exists():
        return ()
    return (
        "it ends when you log out, and does not start at boot, until you say: "
        f"loginctl enable-linger {account.pw_name}",
    )


def _shown(call: Any, view: ServiceView, systemd: Systemd) -> ServiceView:
    """Return `view` with what systemd says now."""
    told = systemd.show(view.unit)
    is_active = told.get("ActiveState") == "active"
    since = told.get("ActiveEnterTimestamp" if is_active else "InactiveEnterTimestamp", "")
    pid = told.get("MainPID", "0")
    restarts = told.get("NRestarts", "")
    return replace(
        view,
        state=told.get("ActiveState", "unknown"),
        since=since,
        enabled=told.get("UnitFileState", ""),
        pid=int(pid) if pid.isdecimal() and pid != "0" else None,
        restarts=int(restarts) if restarts.isdecimal() else None,
        workers=_workers(call),
    )


def _workers(call: Any) -> tuple[WorkerView, ...]:
    with call.database.read() as connection:
        found = list_workers(connection, lease_seconds=call.settings.lease_seconds, now=call.now)
    return tuple(worker for worker in found if worker.is_alive)
