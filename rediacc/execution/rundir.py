"""A run's directory: private, small, gone after settlement.

::

    owner.json       the process that made it
    spec.json        what the supervisor needs (no secret)
    lock             held by the supervisor for as long as it lives
    void             put there by an adopter: a supervisor that comes too late must not start
    supervisor.json  pid and boot id of the supervisor
    begun            put there just before Ansible starts
    records.jsonl    results, written by the callback
    stdout           what Ansible printed, masked
    stop             why the run is to stop: ``cancel`` or ``interrupt``
    exit.json        how it ended; its presence means that nothing of it runs here any more
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rediacc.errors import PreparationFailed
from rediacc.settings import Settings
from rediacc.values import Reason

__all__ = ["RunDirectory", "boot_id", "runtime_directory"]

_SHARED_MEMORY = Path("/dev/shm")
_FIRST_PERSON_UID = 1000
_REMOVAL_ROUNDS = 3


def boot_id() -> str:
    """Return this boot's id (Linux, random(4)); pids mean something only within one boot."""
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()


def runtime_directory(settings: Settings, environment: Mapping[str, str]) -> Path:
    """Return the private directory for runs of this home on this host, made when missing.

    Memory is best, because what lies there is never on a disk. But where systemd-logind removes
    a person's shared memory at logout (``RemoveIPC``), runs would lose their directories: there
    it is ``.rediacc/runs``.

    :raises PreparationFailed: the directory belongs to somebody else.
    """
    named = environment.get("REDIACC_RUNTIME_DIR")
    uid = os.getuid()
    if named:
        base = Path(named) / settings.home_id
    elif _is_memory_kept(uid):
        base = _SHARED_MEMORY / f"rediacc-{uid}" / settings.home_id
    else:
        base = settings.state_directory / "runs"
    for directory in (base.parent, base):
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        if directory is base or not named:
            _require_private(directory, uid)
    return base


def _is_memory_kept(uid: int) -> bool:
    if not os.access(_SHARED_MEMORY, os.W_OK):
        return False
    if uid < _FIRST_PERSON_UID or not Path("/run/systemd/system").is_dir():
        return True
    return Path(f"/var/lib/systemd/linger/{uid}").exists()


def _require_private(directory: Path, uid: int) -> None:
    status = directory.lstat()
    if stat.S_ISLNK(status.st_mode) or status.st_uid != uid:
        raise PreparationFailed(
            f"{directory} belongs to somebody else: runs may not lie there",
            reason=Reason.INTERNAL,
            hint="set REDIACC_RUNTIME_DIR to a private directory",
        )
    if status.st_mode & 0o077 and directory.name != ".rediacc":
        directory.chmod(0o700)


class RunDirectory:
    """The paths in a run's directory and the few facts that they tell."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def create(cls, base: Path, run_id: str) -> RunDirectory:
        """Make the directory of a new run."""
        path = base / run_id
        path.mkdir(mode=0o700)
        (path / "tmp").mkdir(mode=0o700)
        directory = cls(path)
        directory.write_json("owner.json", {"pid": os.getpid()})
        return directory

    @property
    def records(self) -> Path:
        return self.path / "records.jsonl"

    @property
    def stdout(self) -> Path:
        return self.path / "stdout"

    def exists(self) -> bool:
        return self.path.is_dir()

    def write(self, name: str, content: str) -> Path:
        """Write a private file, whole or not at all; return its path."""
        path = self.path / name
        temporary = self.path / f".{name}.new"
        descriptor = os.open(temporary, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8", errors="surrogateescape") as stream:
            stream.write(content)
        temporary.replace(path)
        return path

    def write_json(self, name: str, document: object) -> Path:
        """Write a JSON file, whole or not at all."""
        return self.write(name, json.dumps(document))

    def read_json(self, name: str) -> dict[str, Any] | None:
        """Return a JSON file's object; ``None`` where there is none."""
        try:
            document: dict[str, Any] = json.loads((self.path / name).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return document

    def has(self, name: str) -> bool:
        return (self.path / name).exists()

    def take_lock(self) -> int | None:
        """Take the run's lock; return its descriptor, or ``None`` while a supervisor holds it."""
        descriptor = os.open(self.path / "lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(descriptor)
            return None
        return descriptor

    def remove(self) -> None:
        """Remove the directory and all in it, also what a dying process still puts there."""
        for _turn in range(_REMOVAL_ROUNDS):
            shutil.rmtree(self.path, ignore_errors=True)
            if not self.path.exists():
                return
