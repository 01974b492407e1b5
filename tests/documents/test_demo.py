"""The demo shows what it promises, touches nobody's files, and leaves only its home behind."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

_CHECKOUT = Path(__file__).parents[2]
_DEMO = _CHECKOUT / "tests" / "demo" / "demo.py"
_DEADLINE_SECONDS = 60.0


@pytest.fixture
def environment() -> dict[str, str]:
    search = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    return {**os.environ, "PATH": search, "PYTHONPATH": str(_CHECKOUT)}


def test_demo_queues_retries_reports_and_leaves_a_home(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    home = tmp_path / "home"
    done = subprocess.run(
        [sys.executable, str(_DEMO), "--home", str(home)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    wanted = '--machine prod-01 --priority 1 --command "systemctl restart webserver"'
    assert wanted in done.stdout.replace("'", '"')
    assert "stand-in of the rediacc demo: restarted webserver" in done.stdout
    started = done.stdout.partition("The order in which they started")[2].splitlines()
    rows = [line.split() for line in started if line[:1].isdigit()][:6]
    assert [row[1] for row in rows] == ["1", "2", "2", "3", "4", "5"]
    assert [row[5] for row in rows].count("failed") == 1
    assert re.search('"event": "task failed".*"task": 4, "attempt": 3', done.stdout)
    assert _left_behind(home) == []

    again = subprocess.run(
        [str(home / "rediacc"), "list", "tasks", "--failed", "-o", "name"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert again.stdout == "4\n", again.stderr


def test_interrupted_demo_leaves_nothing_running(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    home = tmp_path / "home"
    with subprocess.Popen(
        [sys.executable, str(_DEMO), "--home", str(home)],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as demo:
        _wait_for(home / "worker.log")
        demo.send_signal(signal.SIGINT)
        _output, said = demo.communicate()
    assert demo.returncode == 130, said
    deadline = time.monotonic() + _DEADLINE_SECONDS
    while left := _left_behind(home):
        assert time.monotonic() < deadline, left
        time.sleep(0.05)


def test_directory_of_somebody_else_is_left_alone(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    mine = tmp_path / "mine"
    mine.write_text("mine\n")
    done = subprocess.run(
        [sys.executable, str(_DEMO), "--home", str(tmp_path)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr == f"demo: {tmp_path} is not the demo's; name another one with --home\n"
    assert list(tmp_path.iterdir()) == [mine]


def _wait_for(path: Path) -> None:
    deadline = time.monotonic() + _DEADLINE_SECONDS
    while not path.exists():
        assert time.monotonic() < deadline, f"{path} did not come"
        time.sleep(0.05)


def _left_behind(home: Path) -> list[str]:
    """Command lines of processes that belong to the demo in `home`."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            command = (entry / "cmdline").read_bytes()
            variables = (entry / "environ").read_bytes()
            where = str((entry / "cwd").readlink())
        except OSError:
            continue
        if str(home).encode() in command + variables or where.startswith(str(home)):
            found.append(command.replace(b"\0", b" ").decode(errors="replace"))
    return found
