"""Operations that look at the home's health: ``doctor.check`` and ``worker.list``."""

from __future__ import annotations

import shutil
import stat
from collections.abc import Callable, Iterator
from typing import Any

from rediacc.access.binding import is_bound
from rediacc.access.identity import account_name
from rediacc.access.members import list_members
from rediacc.audit.verify import verify_chain
from rediacc.counting import count
from rediacc.errors import RediaccError
from rediacc.execution.rundir import runtime_directory
from rediacc.operations.files import settle_intents
from rediacc.operations.history import check_plays
from rediacc.operations.vault_checks import check_vaults
from rediacc.queue.sweep import find_violations
from rediacc.queue.workers import list_workers as read_workers
from rediacc.requests import DoctorRequest, Nothing
from rediacc.storage.engine import SAFE_SQLITE, sqlite_driver
from rediacc.storage.schema import current_revision, head_revision, upgrade
from rediacc.teams.ansible_command import ask, locate_ansible, read_configuration
from rediacc.teams.collection import collection_directory
from rediacc.teams.inventory import read_inventory
from rediacc.teams.known_hosts import unknown_machines
from rediacc.teams.retry_policy import check_retry_tables
from rediacc.teams.vaults.agent import login_environment
from rediacc.teams.vaults.client import vault_arguments
from rediacc.views import Check, WorkerView

__all__ = ["check", "list_workers", "start_worker"]

_LOW_BYTES = 200 << 20


def list_workers(call: Any, _request: Nothing) -> tuple[WorkerView, ...]:
    """``worker.list``: workers that run, and those that vanished without a word."""
    with call.database.read() as connection:
        return read_workers(connection, lease_seconds=call.settings.lease_seconds, now=call.now)


def start_worker(_call: Any, _request: Nothing) -> None:
    """``worker.start``: it is the owner's: a worker runs what everybody queued, with all keys."""


def check(call: Any, request: DoctorRequest) -> tuple[Check, ...]:
    """``doctor.check``: one line for each thing that must be right."""
    if request.fix:
        call.require_owner("mend the home")
    checks: list[tuple[str, Callable[[Any, DoctorRequest], Iterator[Check]]]] = [
        ("settings", _settings),
        ("state", _state_directory),
        ("database", _database),
        ("sqlite", _sqlite),
        ("queue", _queue),
        ("audit", _audit),
        ("ansible", _ansible),
        ("collection", _collection),
        ("inventory", _inventories),
        ("host keys", _host_keys),
        ("vaults", check_vaults),
        ("runtime", _runtime),
        ("disk", _disk),
        ("worker", _workers),
        ("history", check_plays),
        ("access", _access),
    ]
    if request.machines:
        checks.append(("machines", _machines))
    found: list[Check] = []
    for name, look in checks:
        try:
            found += look(call, request)
        except (RediaccError, OSError) as exc:
            fix = getattr(exc, "hint", "")
            found.append(Check(name=name, status="fail", message=str(exc), fix=fix))
    return tuple(found)


def _settings(call: Any, _request: DoctorRequest) -> Iterator[Check]:
    check_retry_tables(call.settings)
    path = call.settings.home / "rediacc.toml"
    if path.stat().st_mode & stat.S_IWOTH:
        yield Check(
            name="settings",
            status="fail",
            message=f"{path} can be written by everybody on this host",
            fix=f"chmod o-w {path}",
        )
        return
    yield Check(name="settings", status="pass", message=str(path))


def _state_directory(call: Any, request: DoctorRequest) -> Iterator[Check]:
    directory = call.settings.state_directory
    mode = stat.S_IMODE(directory.stat().st_mode)
    if mode & 0o077 and request.fix:
        directory.chmod(0o700)
        mode = 0o700
    is_private = not mode & 0o077
    yield Check(
        name="state",
        status="pass" if is_private else "fail",
        message=f"{directory} has mode {mode:03o}",
        fix="" if is_private else "rediacc doctor --fix",
    )


def _database(call: Any, request: DoctorRequest) -> Iterator[Check]:
    current, head = current_revision(call.database), head_revision()
    if current != head and request.fix:
        upgrade(call.database)
        current = head
    yield Check(
        name="database",
        status="pass" if current == head else "fail",
        message=f"schema {current}, this version has {head}",
        fix="" if current == head else "rediacc doctor --fix",
    )


def _sqlite(_call: Any, _request: DoctorRequest) -> Iterator[Check]:
    driver = sqlite_driver()
    version = driver.sqlite_version
    is_safe = driver.sqlite_version_info >= SAFE_SQLITE
    yield Check(
        name="sqlite",
        status="pass" if is_safe else "fail",
        message=f"SQLite {version} through {driver.__name__}",
        fix="" if is_safe else "older ones can corrupt a WAL database: pip install -U pysqlite3",
    )


def _queue(call: Any, _request: DoctorRequest) -> Iterator[Check]:
    with call.database.read() as connection:
        violations = find_violations(connection)
    for violation in violations:
        yield Check(name="queue", status="fail", message=violation, fix="report this")
    if not violations:
        yield Check(name="queue", status="pass", message="all invariants hold")


def _audit(call: Any, request: DoctorRequest) -> Iterator[Check]:
    if request.fix:
        settle_intents(call)
    with call.database.read() as connection:
        verdict = verify_chain(connection, call.settings.state_directory)
    yield Check(
        name="audit",
        status="fail" if verdict.problem else "pass",
        message=verdict.problem or f"the hash chain is whole: {verdict.end.seq} entries",
    )


def _ansible(call: Any, _request: DoctorRequest) -> Iterator[Check]:
    installation = locate_ansible(call.settings, call.environment)
    whose = "the home's" if call.settings.ansible_directory else "rediacc's own"
    yield Check(
        name="ansible",
        status="pass",
        message=f"ansible-core {installation.version} in {installation.directory} ({whose})",
    )
    configuration = read_configuration(call.settings, installation, call.environment)
    if not configuration.host_key_checking:
        yield Check(
            name="ansible",
            status="warn",
            message=f"{configuration.config_file} switches host key checking off",
            fix="remove host_key_checking = False, then rediacc trust machine --unknown",
        )


def _collection(_call: Any, _request: DoctorRequest) -> Iterator[Check]:
    yield Check(
        name="collection", status="pass", message=f"rediacc.core in {collection_directory()}"
    )


def _inventories(call: Any, _request: DoctorRequest) -> Iterator[Check]:
    if not call.settings.teams:
        yield Check(
            name="inventory", status="warn", message="no team yet", fix="rediacc create team NAME"
        )
    for team in call.settings.teams:
        try:
            inventory = read_inventory(call.settings, team, environment=call.environment)
        except RediaccError as exc:
            yield Check(
                name="inventory", status="fail", message=f"{team}: {exc.message}", fix=exc.hint
            )
        else:
            machines = count(len(inventory.hosts), "machine")
            yield Check(name="inventory", status="pass", message=f"{team}: {machines}")


def _host_keys(call: Any, _request: DoctorRequest) -> Iterator[Check]:
    for team in call.settings.teams:
        unknown = unknown_machines(call.settings, team, environment=call.environment)
        if unknown:
            shown = ", ".join(unknown[:5]) + (" …" if len(unknown) > 5 else "")
            yield Check(
                name="host keys",
                status="warn",
                message=f"{team}: {len(unknown)} unknown ({shown})",
                fix="rediacc trust machine --unknown",
            )
        else:
            yield Check(name="host keys", status="pass", message=f"{team}: all known")


def _runtime(call: Any, _request: DoctorRequest) -> Iterator[Check]:
    directory = runtime_directory(call.settings, call.environment)
    yield Check(name="runtime", status="pass", message=f"runs live in {directory}")


def _disk(call: Any, _request: DoctorRequest) -> Iterator[Check]:
    free = shutil.disk_usage(call.settings.state_directory).free
    yield Check(
        name="disk",
        status="pass" if free > _LOW_BYTES else "fail",
        message=f"{free >> 20} MiB free for the database",
        fix="" if free > _LOW_BYTES else "make room",
    )


def _workers(call: Any, _request: DoctorRequest) -> Iterator[Check]:
    alive = sum(view.is_alive for view in list_workers(call, Nothing()))
    yield Check(
        name="worker",
        status="pass" if alive else "warn",
        message=f"{alive} running",
        fix="" if alive else "rediacc worker",
    )


def _access(call: Any, _request: DoctorRequest) -> Iterator[Check]:
    owner = account_name(call.settings.home.stat().st_uid)
    with call.database.read() as connection:
        number = len(list_members(connection))
    members = count(number, "member")
    if not number:
        said = "nobody else is listed as a member"
    elif is_bound():
        said = (
            f"roles guard {members} against mistakes; they are a boundary for those who "
            f"reach {owner} through sudo for rediacc only, or use it under another account"
        )
    else:
        said = (
            f"roles guard {members} against mistakes, not against whoever can act as "
            f"{owner}: sudo that allows only rediacc, or another account, makes them a boundary"
        )
    yield Check(
        name="access", status="pass", message=f"{owner} and root may do everything here; {said}"
    )


def _machines(call: Any, _request: DoctorRequest) -> Iterator[Check]:
    """Try a login and Python on each machine with Ansible's own ping, a read-only probe."""
    installation = locate_ansible(call.settings, call.environment)
    for team in call.settings.teams.values():
        inventory = read_inventory(call.settings, team.name, environment=call.environment)
        if not inventory.hosts:
            continue
        arguments = ["all", "-i", inventory.source, "-m", "ansible.builtin.ping", "-o"]
        with login_environment(call.settings, team.name, environment=call.environment) as login:
            answer = ask(
                call.settings,
                installation,
                "ansible",
                [*arguments, *vault_arguments(call.settings, team.name)],
                environment=call.environment,
                timeout_seconds=300.0,
                added=login,
            )
        lines = answer.stdout.decode(errors="replace").splitlines()
        for name in inventory.hosts:
            line = next((text for text in lines if text.startswith(f"{name} | ")), "no answer")
            is_fine = " | SUCCESS" in line
            yield Check(
                name="machines",
                status="pass" if is_fine else "fail",
                message=f"{team.name}/{name}: " + ("answers" if is_fine else line[:300]),
                fix=_login_fix(line, name),
            )


def _login_fix(line: str, machine: str) -> str:
    """Return what to do about a login's answer, where that follows from it."""
    if "Host key verification failed" in line:
        return f"rediacc trust machine {machine}"
    if "Permission denied" in line:
        return f"try by hand: ssh {machine}; the account and key are your inventory's"
    return ""
