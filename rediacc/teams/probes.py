"""Start a read-only program that can neither ask, nor hang, nor outlive its caller."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rediacc.errors import InvalidInput
from rediacc.teams.files import one_line

__all__ = ["Answer", "error_line", "run_probe"]

_MARK = re.compile(r"^(\[[A-Z ]+\]:|ERROR[!:](?= ))", re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What one of Ansible's programs said."""

    returncode: int
    stdout: bytes
    stderr: str


def run_probe(
    argv: Sequence[str], directory: Path, environment: Mapping[str, str], timeout_seconds: float
) -> Answer:
    """Run `argv` in `directory` without a terminal and return what it said.

    :raises InvalidInput: it could not be started or did not end in time.
    """
    name = Path(argv[0]).name
    try:
        # A session of its own: getpass cannot reach the terminal, and a timeout ends the tree.
        process = subprocess.Popen(
            argv,
            cwd=directory,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
    except (OSError, ValueError) as exc:
        raise InvalidInput(f"cannot start {argv[0]}: {exc}") from exc
    with process:
        try:
            stdout, stderr = process.communicate(timeout=timeout_seconds)
        except subprocess.TimeoutExpired as exc:
            raise InvalidInput(
                f"{name} did not answer within {timeout_seconds:g} seconds",
                hint=f"try it by hand in {directory}: {name}",
            ) from exc
        finally:
            if process.returncode is None:
                _kill_group(process)
    return Answer(
        returncode=process.returncode, stdout=stdout, stderr=stderr.decode(errors="replace")
    )


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return
    process.communicate()


def error_line(stderr: str) -> str:
    """Fold Ansible's own last error, with the place that it names, into one line."""
    blocks = _MARK.split(stderr)
    errors = [text for mark, text in zip(blocks[1::2], blocks[2::2], strict=True) if "ERR" in mark]
    if not errors:
        lines = [line for line in stderr.splitlines() if line.strip()]
        last = lines[-1] if lines else "it gave no reason"
        return one_line(re.sub(r"^ansible\.errors\.\w+: ", "", last))
    message = re.split(r"\n\s*\n|^Origin:|^<<<", errors[-1], maxsplit=1, flags=re.MULTILINE)[0]
    origin = re.search(r"^Origin: (\S.*)$", errors[-1], flags=re.MULTILINE)
    place = f" ({origin[1].strip()})" if origin and not origin[1].startswith("<") else ""
    return one_line(message + place)
