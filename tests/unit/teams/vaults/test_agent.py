"""An agent that holds one key, for as long as whoever started it lives."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from rediacc.errors import VaultError
from rediacc.teams.vaults.agent import Agent, socket_path
from rediacc.teams.vaults.ssh import make_pair, public_line

ROOT = Path(__file__).resolve().parents[4]
STARTER = """
import sys, time
from pathlib import Path
from rediacc.teams.vaults.agent import Agent
agent = Agent(Path(sys.argv[1]), sys.stdin.read(), lifetime_seconds=None)
print(agent.pid, flush=True)
time.sleep(600)
"""


def _keys(socket: Path) -> str:
    done = subprocess.run(
        ["ssh-add", "-L"],
        env={"PATH": os.environ["PATH"], "SSH_AUTH_SOCK": str(socket)},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout


def test_agent_holds_the_key_and_ends_with_its_context(tmp_path: Path) -> None:
    pair = make_pair("prod")
    with Agent(tmp_path / "agent", pair.private, lifetime_seconds=None) as agent:
        assert _keys(agent.socket).split()[:2] == pair.public.split()[:2]
        assert stat.S_IMODE(agent.socket.stat().st_mode) & 0o077 == 0
        assert "PRIVATE" not in " ".join(psutil.Process(agent.pid).cmdline())
        pid = agent.pid
    assert not psutil.pid_exists(pid)
    assert list(tmp_path.iterdir()) == []


def test_agent_forgets_the_key_after_its_time(tmp_path: Path) -> None:
    with Agent(tmp_path / "agent", make_pair("prod").private, lifetime_seconds=1) as agent:
        deadline = time.monotonic() + 30
        while "ssh-ed25519" in _keys(agent.socket):
            assert time.monotonic() < deadline
            time.sleep(0.1)


def test_agent_ends_with_whoever_started_it_however_that_ends(tmp_path: Path) -> None:
    starter = subprocess.Popen(
        [sys.executable, "-c", STARTER, str(tmp_path / "agent")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)},
    )
    assert starter.stdin is not None
    assert starter.stdout is not None
    with starter:
        starter.stdin.write(make_pair("prod").private)
        starter.stdin.close()
        agent = psutil.Process(int(starter.stdout.readline()))
        starter.send_signal(signal.SIGKILL)
    assert psutil.wait_procs([agent], timeout=30)[1] == []


@pytest.mark.parametrize("key", ["", "no key\n", make_pair("x").private[:200]])
def test_key_that_is_none_starts_no_agent(tmp_path: Path, key: str) -> None:
    with pytest.raises(VaultError, match="could not be given"):
        Agent(tmp_path / "agent", key, lifetime_seconds=None)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(Exception, match="no private key"):
        public_line(key, "prod")


def test_long_path_gets_a_short_socket_in_a_private_place(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 90)
    deep.mkdir()
    name = f"{os.getpid()}{time.time_ns()}"
    socket = socket_path(deep, name)
    assert len(str(socket)) < 108
    with Agent(socket, make_pair("prod").private, lifetime_seconds=None) as agent:
        assert stat.S_IMODE(socket.parent.stat().st_mode) == 0o700
        assert "ssh-ed25519" in _keys(agent.socket)
    assert not socket.parent.exists()
