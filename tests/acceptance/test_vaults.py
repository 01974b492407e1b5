"""A team's vault over real Ansible and SSH: who reads what, and where nothing of it ever lies."""

from __future__ import annotations

import base64
import contextlib
import os
import pty
import secrets
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from ansible.parsing.vault import VaultLib, VaultSecret
from live_homes import Done, Home, wait_until
from machines import Machines, remote_python

VARIABLE, PRIVATE = (f"{word}-{secrets.token_hex(8)}'{{{{&" for word in ("variable", "private"))

SHARED = f"shared-{secrets.token_hex(8)}"

PLAYBOOK = """\
- hosts: lab-01
  gather_facts: false
  tasks:
    - name: positive control
      ansible.builtin.command:
        cmd: "tee {{ place }}/secret"
        stdin: "{{ db_password }}"
        stdin_add_newline: false
    - name: what the repository had before
      ansible.builtin.command: {cmd: "tee {{ place }}/shared", stdin: "{{ shared_word }}"}
    - name: the team's SSH key, wherever a play got it from
      ansible.builtin.command: "cat {{ place }}/id"
    - ansible.builtin.shell: 'printf %s {{ db_password | quote }}; exit 3'
"""
BY_HAND = """\
- hosts: lab-01
  connection: local
  gather_facts: false
  tasks:
    - ansible.builtin.copy: {content: "{{ db_password }}", dest: "{{ out }}", mode: "0600"}
      vars: {ansible_python_interpreter: "{{ ansible_playbook_python }}"}
"""


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machines]:
    """Two machines of their own: whose keys they let in is this module's matter."""
    with Machines(tmp_path_factory.mktemp("rig"), ("lab-01", "lab-02")) as running:
        yield running


def keep(home: Home, name: str, value: str, *words: str) -> Done:
    """Set a secret from a file."""
    file = home.directory.parent / f"value-{secrets.token_hex(4)}"
    file.write_text(value)
    try:
        return home.type("set", "secret", name, "--team", "lab", "--file", str(file), *words)
    finally:
        file.unlink()


@pytest.fixture(scope="module")
def lab(
    tmp_path_factory: pytest.TempPathFactory, rig: Machines, accounts: Callable[[], Path]
) -> Home:
    """A home with one team that rediacc keeps; its machines let in nothing but the vault's key."""
    home = Home(tmp_path_factory.mktemp("lab"), rig, account=accounts())
    # A vault id that the repository had before: its files stay readable beside the team's.
    home.write("ansible.cfg", "[defaults]\nvault_identity_list = shared@./shared-password\n")
    home.write("shared-password", f"{SHARED}\n")
    vault = VaultLib([("shared", VaultSecret(SHARED.encode()))])
    text = vault.encrypt(b"shared_word: of the repository\n", vault_id="shared").decode()
    assert home.type("init").rc == 0
    created = home.type("create", "team", "lab", "-o", "json")
    assert created.rc == 0, created
    (rig.directory / "id_ed25519.pub").write_text(created.json["item"]["public_key"] + "\n")
    for machine in rig:
        words = ("--host", machine.address, "--port", str(machine.port), "--user", machine.user)
        assert home.type("create", "machine", machine.name, "--team", "lab", *words).rc == 0
    place = rig.machine("lab-01").home
    home.write("inventories/lab/group_vars/all/shared.yml", text)
    home.write(
        "inventories/lab/group_vars/all/plain.yml",
        f"ansible_python_interpreter: {remote_python()}\nplace: {place}\n",
    )
    home.write("show.yml", PLAYBOOK)
    for done in (
        keep(home, "db_password", VARIABLE),
        keep(home, "token", PRIVATE, "--scope", "private"),
        home.type("trust", "machine", "--unknown", "--yes"),
    ):
        assert done.rc == 0, done
    return home


def ssh_key(home: Home) -> str:
    done = home.type("get", "secret", "ssh_private_key", "--team", "lab")
    assert done.rc == 0, done
    return done.stdout


def test_team_logs_in_with_its_vaults_key_alone(lab: Home, rig: Machines) -> None:
    before = rig.connections("lab-02")
    done = lab.type("run", "-m", "lab-02", "--command", "echo reached")
    assert done.rc == 0, done
    assert "reached" in done.stdout
    assert rig.connections("lab-02") == before + 1


def spellings(value: str) -> set[bytes]:
    raw = value.encode()
    return {raw, raw.split(b"'")[0], base64.b64encode(raw)[:-4], raw.hex().encode()}


def canaries(home: Home) -> dict[str, set[bytes]]:
    """Return what must be found nowhere: two secrets, lines of the SSH key, the vault's key."""
    lines = ssh_key(home).splitlines()
    return {
        "variable": spellings(VARIABLE),
        "private": spellings(PRIVATE),
        "ssh key": {line.encode() for line in lines[2:4]},
        "vault key": {(home.directory / ".rediacc" / "keys" / "lab").read_bytes().strip()},
    }


def stored(home: Home) -> Iterator[tuple[str, bytes]]:
    """Yield all files of the home, its runs, and its account but the one that keeps the key."""
    places = (home.directory, home.runs.parent, Path("/dev/shm"))
    own = home.directory / ".rediacc" / "keys"
    for path in (path for place in places for path in place.rglob("*")):
        if path.is_symlink() or own in path.parents or "ansible_collections" in path.parts:
            continue
        with contextlib.suppress(OSError):
            if path.is_file():
                yield str(path), path.read_bytes()


def processes() -> Iterator[tuple[str, bytes]]:
    """Yield arguments and environments of everything that runs on this host."""
    for process in psutil.process_iter():
        for name in ("cmdline", "environ"):
            with contextlib.suppress(OSError):
                yield f"{process.pid} {name}", Path(f"/proc/{process.pid}/{name}").read_bytes()


def finds(found: Iterator[tuple[str, bytes]], values: dict[str, set[bytes]]) -> list[str]:
    return [
        f"{name} in {place}: {content[max(0, content.find(spelling) - 60) :][:160]!r}"
        for place, content in found
        for name, known in values.items()
        for spelling in known
        if spelling in content
    ]


def test_secrets_lie_nowhere_during_and_after_runs_that_fail(lab: Home) -> None:
    values = canaries(lab)
    line = (
        'printf "%s" "$TOKEN" > token; printf "%s\\n" "$TOKEN"; printf %s "$TOKEN" | base64 >&2; '
        "while [ ! -e go ]; do sleep 0.1; done; exit 3"
    )
    secret = ("--secret", "TOKEN=token", "--secret", "DB=db_password")
    lab.on("lab-01", "id").write_text(ssh_key(lab))
    with lab.worker():
        loud = lab.start("run", "--playbook", "show.yml", "-T", "lab", "-vvv", "--diff")
        waiting = lab.create("-m", "lab-02", *secret, "--shell", line)
        wait_until(lab.on("lab-02", "token").exists, "the command")
        during = [*finds(stored(lab), values), *finds(processes_of_controller(lab), values)]
        agents = agents_of(lab)
        lab.on("lab-02", "go").touch()
        shown = loud.wait()
        assert lab.wait_for(waiting) == 10, lab.type("logs", str(waiting))
    assert during == []
    assert agents  # the run's own, with the key: and it is gone with the run
    wait_until(lambda: not agents_of(lab), "the end of the agents")
    assert shown.rc == 10, shown
    printed = shown.raw + shown.stderr.encode()
    for words in (("logs", str(waiting)), ("inspect", "task", str(waiting), "-o", "json")):
        done = lab.type(*words)
        printed += done.raw + done.stderr.encode()
    assert finds(iter([("output", printed), *stored(lab)]), values) == []
    assert b"********" in printed
    assert b"TOKEN" in printed  # the names are no secret
    # The machines have what was meant for them.
    assert lab.on("lab-01", "secret").read_text() == VARIABLE
    assert lab.on("lab-01", "shared").read_text() == "of the repository\n"
    assert lab.on("lab-02", "token").read_text() == PRIVATE


def processes_of_controller(home: Home) -> Iterator[tuple[str, bytes]]:
    """Leave out what runs on the machine that the secret was meant for."""
    meant = {str(pid) for pid in home.machines.processes("lab-02")}
    return (one for one in processes() if one[0].split()[0] not in meant)


def agents_of(home: Home) -> list[psutil.Process]:
    """Return the ssh-agents that serve runs of the home."""
    found = []
    for process in psutil.process_iter(["name"]):
        with contextlib.suppress(psutil.Error):
            if process.name() == "ssh-agent" and str(home.runs) in " ".join(process.cmdline()):
                found.append(process)
    return found


def test_run_of_the_vault_is_ended_on_the_machine_and_leaves_no_agent(lab: Home) -> None:
    with lab.worker():
        task = lab.shell("lab-01", "echo begun > begun; exec sleep 1002", "--timeout", "600s")
        wait_until(lab.on("lab-01", "begun").exists, "the command")
        assert agents_of(lab)
        assert lab.type("cancel", "task", str(task)).rc == 0
        lab.wait_for_state(task, "cancelled", "cancelled")  # confirmed by a login of its own
        assert lab.runs_on("lab-01", "1002") == []
        assert agents_of(lab) == []
        killed = lab.shell("lab-02", "echo begun > begun; while [ ! -e go2 ]; do sleep 0.1; done")
        wait_until(lab.on("lab-02", "begun").exists, "the command")
        lab.supervisor(killed).send_signal(signal.SIGKILL)
        wait_until(lambda: not agents_of(lab), "the end of the killed run's agent")
        lab.on("lab-02", "go2").touch()


def test_plain_ansible_reads_the_same_vault_by_the_client(lab: Home, tmp_path: Path) -> None:
    lab.write("by_hand.yml", BY_HAND)
    client = lab.type("vault-client").stdout.strip()
    done = subprocess.run(
        [
            *("ansible-playbook", "-i", "inventories/lab", "--vault-id", f"lab@{client}"),
            *("by_hand.yml", "-e", f"out={tmp_path / 'value'}"),
        ],
        cwd=lab.directory,
        env={name: lab.environment[name] for name in ("PATH", "HOME", "LANG")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "value").read_text() == VARIABLE
    unknown = subprocess.run([client, "--vault-id", "nobody"], capture_output=True, check=False)
    assert (unknown.returncode, unknown.stdout) == (2, b"")


def test_doctor_and_trust_use_the_teams_key_and_known_hosts(lab: Home, rig: Machines) -> None:
    before = rig.connections("lab-02")
    done = lab.type("doctor", "--machines", "-o", "json")
    lines = {(one["name"], one["status"], one["message"]) for one in done.json["items"]}
    assert ("machines", "pass", "lab/lab-02: answers") in lines, done
    assert ("host keys", "pass", "lab: all known") in lines
    assert rig.connections("lab-02") > before
    known = (lab.directory / "vaults" / "lab" / "known_hosts").read_text()
    assert {line.split()[0] for line in known.splitlines()} == {
        f"[{machine.address}]:{machine.port}" for machine in rig
    }
    assert not (Path(lab.environment["HOME"]) / ".ssh" / "known_hosts").exists()


def test_machine_with_another_host_key_gets_nothing(lab: Home, rig: Machines) -> None:
    path = lab.directory / "vaults" / "lab" / "known_hosts"
    lines = path.read_text()
    machine = rig.machine("lab-02")
    other = " ".join(rig.machine("lab-01").host_key_line.split()[1:])
    path.write_text(f"[{machine.address}]:{machine.port} {other}\n")
    for socket in lab.runs.glob("*/cp-*/*"):
        socket.unlink()  # a connection that stands would serve on
    before = rig.connections("lab-02")
    try:
        done = lab.type("run", "-m", "lab-02", "--secret", "T=token", "--command", "true")
    finally:
        path.write_text(lines)
    assert done.rc == 11, done
    assert rig.connections("lab-02") == before


def test_key_that_is_lost_fails_the_task_in_one_line(lab: Home) -> None:
    key = lab.directory / ".rediacc" / "keys" / "lab"
    kept = key.read_bytes()
    task = lab.shell("lab-01", "echo unreached > unreached")
    key.write_bytes(b"another\n")
    try:
        for words in (("get", "secret", "token"), ("list", "secrets")):
            done = lab.type(*words)
            assert done.rc == 1
            assert "the key is wrong or the file is broken" in done.stderr
        lab.work()
        found = lab.task(task)
    finally:
        key.write_bytes(kept)
    assert (found["state"], found["reason"]) == ("failed", "config")
    assert not lab.on("lab-01", "unreached").exists()


def test_machines_are_sampled_with_the_vaults_key(lab: Home) -> None:
    config = lab.directory / "rediacc.toml"
    before = config.read_text()
    config.write_text(before.replace("[teams.lab]\n", "[teams.lab]\nsample_every = 5\n"))
    try:
        with lab.worker():
            wait_until(lambda: _health(lab) == {"lab-01": True, "lab-02": True}, "both samples")
    finally:
        config.write_text(before)
    lines = ssh_key(lab).splitlines()
    assert finds(stored(lab), {"ssh key": {line.encode() for line in lines[2:4]}}) == []


def _health(home: Home) -> dict[str, bool]:
    done = home.type("list", "machines", "--team", "lab", "--health", "-o", "json")
    items = done.json["items"]
    return {one["name"]: one["health"]["is_reachable"] for one in items if one["health"]}


def test_value_is_asked_for_twice_and_never_an_argument(lab: Home) -> None:
    for words in (("word", "sesame"), ("word=sesame",)):
        done = lab.type("set", "vault", *words, "--team", "lab")
        assert (done.rc, done.stdout) == (2, "")
        assert "never an argument" in done.stderr
        assert "sesame" not in done.stderr
    done = lab.type("set", "secret", "word", "--team", "lab")
    assert done.rc == 2
    assert "no terminal" in done.stderr
    assert typed(lab, "sesame", "sesam")[0] == 2
    rc, shown = typed(lab, "sesame", "sesame")
    assert rc == 0, shown
    assert b"sesame" not in shown
    assert lab.type("get", "vault", "word", "--team", "lab").raw == b"sesame"
    assert lab.type("rm", "vault", "word", "--team", "lab", "--yes").rc == 0


def typed(home: Home, *answers: str) -> tuple[int, bytes]:
    """Type ``set secret word`` on a terminal and answer its questions; return what was shown."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "rediacc", "set", "secret", "word", "--team", "lab"],
        cwd=home.directory,
        env=home.environment,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    shown = b""
    questions = 0
    with contextlib.suppress(OSError):  # the terminal's end, once nobody has it open
        while piece := os.read(ours, 4096):
            shown += piece
            while questions < len(answers) and shown.count(b": ") > questions:
                os.write(ours, f"{answers[questions]}\n".encode())
                questions += 1
    os.close(ours)
    return process.wait(), shown
