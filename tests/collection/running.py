"""Running the commands of a step, with its output in a log of its own."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path


class Failed(Exception):
    """A step did not hold."""


class Log:
    """The output of one step, in a file."""

    def __init__(self, path):
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("wb", buffering=0)

    def run(self, argv, *, cwd=None, env=None, may_fail=False):
        """Run a command; return its output.

        :raises Failed: it ended with another code than 0, unless it may.
        """
        argv = [str(part) for part in argv]
        started = time.monotonic()
        before = self._file.tell()
        self.say(f"$ {' '.join(argv)}")
        code = subprocess.run(
            argv,
            cwd=cwd,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=self._file,
            stderr=subprocess.STDOUT,
            check=False,
        ).returncode
        self.say(f"[code {code}, {time.monotonic() - started:.0f} s]")
        if code != 0 and not may_fail:
            raise Failed(f"{Path(argv[0]).name} {' '.join(argv[1:3])} ended with code {code}")
        with self.path.open("rb") as log:
            log.seek(before)
            return log.read().decode("utf-8", "replace")

    def say(self, line):
        """Write a line of our own."""
        self._file.write(f"{line}\n".encode())
        self._file.seek(0, os.SEEK_END)

    def text(self):
        """Return all of it."""
        return self.path.read_text(encoding="utf-8", errors="replace")

    def close(self):
        """Write no more."""
        self._file.close()
