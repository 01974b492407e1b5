"""The door to systemd: ``systemctl`` and ``systemd-analyze`` as programs."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from rediacc.errors import InvalidInput, RediaccError

__all__ = ["Systemd"]

_SECONDS = 90.0
_SYSTEM_DIRECTORY = Path("/etc/systemd/system")
_SHOWN = ("LoadState", "ActiveState", "SubState", "UnitFileState", "MainPID", "NRestarts",
          "ActiveEnterTimestamp", "InactiveEnterTimestamp")  # fmt: skip


class Systemd:
    """The system's systemd, or the account's own.

    :param directory: where unit files lie; ``None`` for where systemd looks for them.
    """

    def __init__(
        self, *, is_system: bool, environment: Mapping[str, str], directory: Path | None = None
    ) -> None:
        self._is_system = is_system
        self._environment = environment
        self.directory = directory or self._own_directory()

    def require(self) -> None:
        """Pass when ``systemctl`` is there.

        :raises RediaccError: it is not.
        """
        self._program("systemctl")

    def verify(self, unit: str, text: str) -> str:
        """Return what ``systemd-analyze verify`` has against a unit; empty for nothing.

        Where the program is not installed, nothing is found.
        """
        program = shutil.which("systemd-analyze", path=self._environment.get("PATH"))
        if program is None:
            return ""
        with tempfile.TemporaryDirectory() as directory:
            path = Path(directory) / unit
            path.write_text(text, encoding="utf-8")
            done = self._run([program, "verify", str(path)])
        said = [line for line in done.stderr.splitlines() if unit in line]
        if done.returncode == 0 and not said:
            return ""
        return said[-1].strip() if said else f"systemd-analyze exits with {done.returncode}"

    def start(self, unit: str) -> None:
        """Read units again, and start `unit` now and at each boot.

        :raises RediaccError: systemd refuses.
        """
        self._control("daemon-reload")
        self._control("enable", unit)
        # A unit that runs already is to run with its new text.
        self._control("restart", unit)

    def stop(self, unit: str) -> None:
        """Stop `unit`, and start it at no boot any more.

        :raises RediaccError: systemd refuses.
        """
        self._control("disable", "--now", unit)

    def forget(self, unit: str) -> None:
        """Read units again after a file was removed; a unit that failed is forgotten too."""
        self._try("daemon-reload")
        self._try("reset-failed", unit)

    def show(self, unit: str) -> Mapping[str, str]:
        """Return what systemd says of `unit`.

        :raises RediaccError: systemd does not answer.
        """
        told = self._control("show", unit, *(f"--property={name}" for name in _SHOWN))
        pairs = (line.partition("=") for line in told.splitlines())
        return {name: value for name, equals, value in pairs if equals}

    def _own_directory(self) -> Path:
        if self._is_system:
            return _SYSTEM_DIRECTORY
        base = self._environment.get("XDG_CONFIG_HOME")
        if base:
            return Path(base) / "systemd" / "user"
        home = self._environment.get("HOME")
        if not home:
            raise InvalidInput("HOME is not set: where are this account's units?")
        return Path(home) / ".config" / "systemd" / "user"

    def _program(self, name: str) -> str:
        found = shutil.which(name, path=self._environment.get("PATH"))
        if found is None:
            raise RediaccError(
                f"there is no {name} here: systemd does not run on this host",
                hint="start 'rediacc worker' by what does",
            )
        return found

    def _control(self, *words: str) -> str:
        done = self._try(*words)
        if done.returncode != 0:
            lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
            raise RediaccError(
                f"systemctl {' '.join(words[:2])} failed: "
                + (lines[0] if lines else f"exit status {done.returncode}")
            )
        return done.stdout

    def _try(self, *words: str) -> subprocess.CompletedProcess[str]:
        scope = ["--system"] if self._is_system else ["--user"]
        return self._run([self._program("systemctl"), *scope, "--no-pager", *words])

    def _run(self, words: Sequence[str]) -> subprocess.CompletedProcess[str]:
        try:
            return subprocess.run(
                list(words),
                env={**self._environment, "LC_ALL": "C.UTF-8"},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=_SECONDS,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as exc:
            raise RediaccError(f"{words[0]} did not answer: {exc}") from exc
