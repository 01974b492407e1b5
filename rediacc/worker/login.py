"""Trying a login as the worker would do it, before a service is installed that could not."""

from __future__ import annotations

import json
import os
import pwd
import subprocess
import sys
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import rediacc
from rediacc.errors import RediaccError
from rediacc.execution.credentials import login_key
from rediacc.execution.prepare import spec_to_json
from rediacc.execution.records import read_records
from rediacc.execution.rundir import RunDirectory, runtime_directory
from rediacc.execution.sampling import machines_to_sample, prepare_sampling, round_deadline
from rediacc.monitoring.looks import look_of_record
from rediacc.settings import Settings, load_settings
from rediacc.worker.flight import start_supervisor

__all__ = ["Login", "login_main", "try_logins"]

_SECONDS = 120.0


@dataclass(frozen=True, kw_only=True)
class Login:
    """What became of a login to one machine of a team."""

    team: str
    machine: str
    is_fine: bool
    message: str = ""


def try_logins(
    home: Path, *, account: pwd.struct_passwd, environment: Mapping[str, str], path: str
) -> tuple[Login, ...]:
    """Log in to one machine of each team as `account`, with no more around it than a service has.

    No agent, no variables of the person who installs it: what only these would make work fails
    here, and not at night.

    :param environment: of the person who installs it.
    :param path: the service's PATH.
    :raises RediaccError: nobody could try.
    """
    root = str(Path(rediacc.__file__).resolve().parent.parent)
    code = (
        f"import sys; sys.path.append({root!r}); "
        f"from rediacc.worker.login import login_main; sys.exit(login_main({str(home)!r}))"
    )
    words = [sys.executable, "-P", "-c", code]
    is_mine = account.pw_uid == os.getuid()
    if not is_mine:
        words = ["runuser", "-u", account.pw_name, "--", *words]
    told = {
        "PATH": path,
        "HOME": environment.get("HOME", account.pw_dir) if is_mine else account.pw_dir,
        "USER": account.pw_name,
        "LOGNAME": account.pw_name,
        "LANG": "C.UTF-8",
    }
    if "REDIACC_RUNTIME_DIR" in environment:
        told["REDIACC_RUNTIME_DIR"] = environment["REDIACC_RUNTIME_DIR"]
    try:
        done = subprocess.run(
            words,
            env=told,
            cwd=home,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as exc:
        raise RediaccError(f"the login could not be tried: {exc}") from exc
    if done.returncode != 0:
        lines = [line for line in done.stderr.splitlines() if line.strip()]
        raise RediaccError(
            f"the login could not be tried as {account.pw_name}: "
            + (lines[-1].strip() if lines else f"exit status {done.returncode}")
        )
    return tuple(Login(**one) for one in json.loads(done.stdout))


def login_main(home: str) -> int:
    """Be the process that tries; write what became of each login as JSON."""
    environment = dict(os.environ)
    settings = load_settings(Path(home), environment=environment)
    found = [_try_team(settings, team, environment) for team in settings.teams]
    sys.stdout.write(json.dumps([asdict(login) for login in found if login is not None]))
    return 0


def _try_team(settings: Settings, team: str, environment: Mapping[str, str]) -> Login | None:
    try:
        machines = machines_to_sample(settings, team, environment=environment)
        if not machines:
            return None
        return _try_machine(settings, team, machines[0], environment)
    except RediaccError as exc:
        return Login(team=team, machine="", is_fine=False, message=exc.message)


def _try_machine(
    settings: Settings, team: str, machine: str, environment: Mapping[str, str]
) -> Login:
    run_id = uuid.uuid4().hex
    directory = RunDirectory.create(runtime_directory(settings, environment), run_id)
    try:
        key = login_key(settings, team, environment=environment)
        spec = prepare_sampling(
            directory,
            run_id=run_id,
            team=team,
            machines=(machine,),
            deadline_seconds=round_deadline(1, settings=settings, every_seconds=60.0),
            settings=settings,
            environment=environment,
            key=key,
        )
        directory.write("spec.json", spec_to_json(spec))
        start_supervisor(directory, spec.environment, key=key).wait()
        records, _offset = read_records(directory.records, nonce=spec.nonce, offset=0)
        return _login_of(records, settings, team, machine)
    finally:
        directory.remove()


def _login_of(
    records: Sequence[Mapping[str, object]], settings: Settings, team: str, machine: str
) -> Login:
    seconds = settings.monitoring.timeout_seconds
    for record in records:
        if record.get("type") == "result" and record.get("host") == machine:
            look = look_of_record(record, team=team, at=0, timeout_seconds=seconds)
            return Login(
                team=team, machine=machine, is_fine=look.is_reachable, message=look.message
            )
    return Login(
        team=team, machine=machine, is_fine=False, message="Ansible ended without a word about it"
    )
