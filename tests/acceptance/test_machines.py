"""The tests' own SSH machines are what Ansible and people would meet, with either server."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from machines import Machines, remote_python, sshd_is_usable

_SUPPORT = Path(__file__).parents[1] / "support"
_DEADLINE_SECONDS = 30.0


@pytest.fixture(scope="module", params=["sshd", "asyncssh"])
def rig(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Machines]:
    if request.param == "sshd" and not sshd_is_usable():
        pytest.skip("OpenSSH's server cannot be used here")
    directory = tmp_path_factory.mktemp(request.param)
    with Machines(directory, ["alpha", "beta"], backend=request.param) as machines:
        yield machines


def _ssh(rig: Machines, *arguments: str, **options: object) -> subprocess.CompletedProcess[bytes]:
    config = rig.ssh_config(rig.directory / "ssh_config")
    command = ["ssh", "-F", str(config), "-o", "BatchMode=yes", "-o", "ControlPath=none"]
    return subprocess.run(
        [*command, *arguments],
        capture_output=True,
        timeout=_DEADLINE_SECONDS,
        check=False,
        **{"stdin": subprocess.DEVNULL, **options},
    )


def _until(state: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _DEADLINE_SECONDS
    while not state():
        assert time.monotonic() < deadline, "the state did not come"
        time.sleep(0.02)


def test_command_keeps_exit_status_and_both_outputs(rig: Machines) -> None:
    done = _ssh(rig, "alpha", "echo out; echo err >&2; exit 7")
    assert (done.returncode, done.stdout, done.stderr) == (7, b"out\n", b"err\n")


def test_bytes_pass_through_unchanged_in_both_directions(rig: Machines) -> None:
    data = bytes(range(256)) * 4000
    done = _ssh(rig, "alpha", "cat", stdin=None, input=data)
    assert done.stdout == data


def test_command_starts_in_its_own_home_with_its_own_tools(rig: Machines) -> None:
    home = rig.machine("alpha").home
    (home / ".bashrc").write_text("export FROM_RC=yes\n")
    done = _ssh(rig, "alpha", 'bash -c \'pwd; echo "$HOME"; command -v systemctl\'; sh -c "echo ~"')
    assert done.stdout.decode().split() == [
        str(home),
        str(home),
        f"{home}/bin/systemctl",
        str(home),
    ]
    (home / ".bashrc").unlink()


def test_systemctl_says_that_it_is_a_stand_in_and_keeps_state(rig: Machines) -> None:
    done = _ssh(rig, "alpha", "systemctl restart webserver")
    assert done.stdout == b"systemctl: stand-in of the rediacc demo: restarted webserver\n"
    assert _ssh(rig, "alpha", "systemctl is-active webserver").stdout == b"active\n"
    assert _ssh(rig, "beta", "systemctl is-active webserver").returncode == 3
    assert _ssh(rig, "alpha", "systemctl restart nothing").returncode == 5


@pytest.mark.parametrize("pipelining", ["True", "False"])
def test_ansible_reaches_the_machines(rig: Machines, pipelining: str, tmp_path: Path) -> None:
    config = rig.ssh_config(tmp_path / "ssh_config")
    environment = {
        **os.environ,
        "ANSIBLE_PIPELINING": pipelining,
        "ANSIBLE_SSH_ARGS": f"-F {config} -o ControlMaster=auto -o ControlPersist=5s",
        "ANSIBLE_HOME": str(tmp_path / "ansible"),
    }
    done = subprocess.run(
        [
            *(str(Path(sys.executable).with_name("ansible")), "all", "-i", "alpha,beta,"),
            *("-m", "ansible.builtin.ping", "-o"),
            *("-e", f"ansible_python_interpreter={remote_python()}"),
        ],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("SUCCESS") == 2
    assert "transfer mechanism failed" not in done.stdout + done.stderr


def test_one_machine_is_reached_through_another(rig: Machines, tmp_path: Path) -> None:
    before = rig.connections("alpha")
    config = rig.ssh_config(tmp_path / "ssh_config", jumps={"beta": "alpha"})
    done = subprocess.run(
        ["ssh", "-F", str(config), "-o", "BatchMode=yes", "beta", "pwd"],
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    assert done.stdout.strip() == str(rig.machine("beta").home), done.stderr
    _until(lambda: rig.connections("alpha") == before + 1)


def test_stopped_machine_is_unreachable_and_comes_back(rig: Machines) -> None:
    rig.stop("beta")
    assert _ssh(rig, "beta", "true").returncode == 255
    assert _ssh(rig, "alpha", "true").returncode == 0
    rig.start("beta")
    assert _ssh(rig, "beta", "true").returncode == 0


def test_machine_comes_back_on_its_own_address_however_often(rig: Machines) -> None:
    before = rig.machine("beta")
    for _turn in range(20):
        rig.stop("beta")
        rig.start("beta")
    assert rig.machine("beta") == before
    assert _ssh(rig, "beta", "true").returncode == 0


def test_swapped_host_key_is_refused_by_who_knows_the_old_one(rig: Machines) -> None:
    known = rig.known_hosts(rig.directory / "old_known_hosts")
    rig.swap_host_key("beta")
    done = _ssh(rig, "-o", f"UserKnownHostsFile={known}", "beta", "true")
    assert done.returncode == 255
    assert b"REMOTE HOST IDENTIFICATION HAS CHANGED" in done.stderr
    assert _ssh(rig, "beta", "true").returncode == 0


def test_command_outlives_its_dropped_connection_and_is_found(rig: Machines) -> None:
    config = rig.ssh_config(rig.directory / "ssh_config")
    with subprocess.Popen(
        ["ssh", "-F", str(config), "-o", "ControlPath=none", "alpha", "sleep 1000"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    ) as client:
        _until(lambda: _sleeps(rig) != [])
        client.kill()
    first = _sleeps(rig)
    # The server has noticed when a new login is through; the command still runs then.
    assert _ssh(rig, "alpha", "true").returncode == 0
    assert _sleeps(rig) == first
    for pid in first:
        os.kill(pid, signal.SIGKILL)
    _until(lambda: rig.processes("alpha") == [])


def _sleeps(rig: Machines) -> list[int]:
    return [
        pid
        for pid in rig.processes("alpha")
        if Path(f"/proc/{pid}/comm").read_text().strip() == "sleep"
    ]


@pytest.mark.parametrize("backend", ["sshd", "asyncssh"])
def test_nothing_is_left_when_the_starter_is_killed(backend: str, tmp_path: Path) -> None:
    if backend == "sshd" and not sshd_is_usable():
        pytest.skip("OpenSSH's server cannot be used here")
    program = f"""
import subprocess, sys
from pathlib import Path
sys.path.insert(0, {str(_SUPPORT)!r})
from machines import Machines
with Machines(Path({str(tmp_path)!r}), ["gone"], backend={backend!r}) as machines:
    config = machines.ssh_config(Path({str(tmp_path / "ssh_config")!r}))
    subprocess.run(["ssh", "-F", config, "gone", "setsid sleep 1000 >&- 2>&- <&- & echo $!"])
    sys.stdout.flush()
    sys.stdin.read()
"""
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as starter:
        assert starter.stdout is not None
        sleeper = int(starter.stdout.readline())
        assert Path(f"/proc/{sleeper}").exists()
        starter.kill()
    _until(lambda: not Path(f"/proc/{sleeper}").exists() and not _mentions(str(tmp_path)))


def _mentions(text: str) -> list[str]:
    """Process ids whose command line names `text`."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            command = (entry / "cmdline").read_bytes()
        except OSError:
            continue
        if text.encode() in command:
            found.append(entry.name)
    return found
