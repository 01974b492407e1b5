# Copyright (c) 2026 the rediacc authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the records of a play lie that somebody started by hand, until rediacc takes them.

Nothing of rediacc is loaded here: the play only appends to a private file. As long as it holds the
file's lock it goes on; once it does not, C(rediacc perform history.record), a worker or
C(rediacc doctor) bring the file in, once.
"""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import hashlib
import importlib.util
import os
import shutil
import stat
import subprocess
import sys
import uuid

from ._records import RecordFile

# What a play may write; beyond it only its end is noted.
_MOST_BYTES = 32 << 20
# A database that is away for weeks must not fill the disk.
_MOST_FILES = 1000
_WAIT_SECONDS = 60
_CONFIG = "rediacc.toml"


class SpoolFull(Exception):
    """So many plays wait already that no more are kept."""


def find_home(named: str | None) -> str | None:
    """Return the home that is named, else the one that holds from the working directory upward.

    A home names the programs that rediacc starts, so one that is not named must be this account's.
    """
    if named:
        home = os.path.realpath(os.path.expanduser(named))
        return home if os.path.isfile(os.path.join(home, _CONFIG)) else None
    directory = os.path.realpath(os.getcwd())
    while not os.path.isfile(os.path.join(directory, _CONFIG)):
        parent = os.path.dirname(directory)
        if parent == directory:
            return None
        directory = parent
    return directory if _is_own(directory) and _is_own(os.path.join(directory, _CONFIG)) else None


def _is_own(path: str) -> bool:
    status = os.stat(path)
    return status.st_uid == os.getuid() and not status.st_mode & stat.S_IWOTH


class Spool:
    """The file of one play, in the home, else in the account's own directory."""

    def __init__(self, home: str) -> None:
        self.home = home
        self.id = str(uuid.uuid4())
        self._pid = os.getpid()
        self._directory = _make_directory(home)
        if sum(1 for name in os.listdir(self._directory) if name.endswith(".jsonl")) >= _MOST_FILES:
            raise SpoolFull(f"{_MOST_FILES} plays wait in {self._directory}: rediacc doctor")
        self._records = None

    def take_notes(self) -> list[str]:
        """Return why earlier plays were not recorded, each once."""
        found = []
        for name in sorted(os.listdir(self._directory)):
            path = os.path.join(self._directory, name)
            if name.endswith(".refused"):
                with contextlib.suppress(OSError):
                    found.append("".join(filter(str.isprintable, _read_note(path))))
                    os.unlink(path)
        return found

    def begin(self, header: dict[str, object]) -> None:
        """Make the file with its first record; it has its name once it is locked."""
        path = os.path.join(self._directory, self.id + ".jsonl")
        hidden = os.path.join(self._directory, "." + self.id)
        self._records = RecordFile(hidden, self.id)
        fcntl.flock(self._records.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        self.write("spool", header)
        os.rename(hidden, path)

    def write(self, kind: str, fields: dict[str, object]) -> None:
        """Append a record, while there is room or it tells the end."""
        is_end = kind in ("stats", "exit")
        if is_end or os.fstat(self._records.fileno()).st_size < _MOST_BYTES:
            self._records.write(kind, fields)

    def hand_over_at_exit(self, program: str | None, warn: object | None) -> None:
        """Have rediacc take the file when this process ends, unless it is killed.

        :param program: C(rediacc), where it is not this Python's.
        :param warn: gets a line for each play that is not recorded, and is waited for; without it
            the process that takes the file goes on by itself.
        """
        atexit.register(self._hand_over, program, warn)

    def _hand_over(self, program, warn):
        # Ansible's forked workers end without this; other forks may not.
        if os.getpid() != self._pid or self._records is None:
            return
        with contextlib.suppress(Exception):
            self.write("exit", {})
        with contextlib.suppress(Exception):
            fcntl.flock(self._records.fileno(), fcntl.LOCK_UN)
            command = _command(program)
            if command is not None:
                _start(command, self.home, warn)
        if warn is not None:
            for line in self.take_notes():
                warn(line)


def _make_directory(home: str) -> str:
    """Return the private directory for spools, made when missing.

    :raises OSError: there can be none.
    """
    # Both places as in rediacc/history/spool.py.
    own = hashlib.sha256(home.encode("utf-8", "surrogateescape")).hexdigest()[:12]
    base = os.environ.get("XDG_STATE_HOME") or os.path.expanduser("~/.local/state")
    state = os.path.join(home, ".rediacc")
    if os.path.isdir(state):
        with contextlib.suppress(OSError):
            return _private(os.path.join(state, "spool"))
    os.makedirs(base, exist_ok=True)
    place = base
    for name in ("rediacc", "spool", own):
        place = _private(os.path.join(place, name))
    return place


def _private(path: str) -> str:
    """Return a directory that is this account's alone, and writable."""
    with contextlib.suppress(FileExistsError):
        os.mkdir(path, 0o700)
    status = os.lstat(path)
    is_open = status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid() or is_open:
        raise PermissionError(f"{path} is not this account's")
    if not os.access(path, os.W_OK | os.X_OK):
        raise PermissionError(f"{path} cannot be written")
    return path


def _read_note(path: str) -> str:
    """Return the begin of a note; what is no file of this account's is none.

    :raises OSError: it cannot be read, or is something else.
    """
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    with open(os.open(path, flags), encoding="utf-8", errors="replace") as stream:
        status = os.fstat(stream.fileno())
        if not stat.S_ISREG(status.st_mode) or status.st_uid != os.getuid():
            raise PermissionError(f"{path} is no file of this account's")
        return stream.read(1000)


def _command(program: str | None) -> list[str] | None:
    if program is None and importlib.util.find_spec("rediacc") is not None:
        return [sys.executable, "-P", "-m", "rediacc"]
    found = shutil.which(os.path.expanduser(program) if program else "rediacc")
    return None if found is None else [found]


def _start(command: list[str], home: str, warn: object | None) -> None:
    process = subprocess.Popen(
        [*command, "--home", home, "perform", "history.record"],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL if warn is None else subprocess.PIPE,
        start_new_session=True,
    )
    if warn is None:
        with contextlib.suppress(BrokenPipeError), process.stdin:
            process.stdin.write(b"{}")
        # Not waited for: it goes on by itself, and this process is about to end.
        process.returncode = 0
        return
    _output, errors = process.communicate(b"{}", timeout=_WAIT_SECONDS)
    if process.returncode:
        last = errors.decode("utf-8", "replace").strip().rpartition("\n")[2]
        warn(f"the play is not recorded yet: {last[:300]}")
