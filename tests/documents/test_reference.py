"""Every example of the command line's reference, run for real in one home.

An example names tasks 41 and 42 and the machine web-01 at a documentation address; before it
runs, these become tasks and a machine that are there, in the state that the example speaks of.
"""

from __future__ import annotations

import contextlib
import functools
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from live_homes import Done, Home, plain_words, wait_until
from machines import Machines

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = re.compile(r"^\$ (rediacc .*)$", re.MULTILINE)
NAMES = ("prod-01", "prod-02", "staging-01", "web-01")
DEPLOY = """\
description: Say which version is out
shell: "echo {{ version }}"
machines: [prod-01]
variables:
  version:
    type: str
    required: true
"""
SITE = """\
- hosts: all
  gather_facts: false
  tasks:
    - ansible.builtin.command: uptime
      changed_when: false
"""
# What may come to an end other than 0, and why that is its right answer here.
OTHER_ENDS = {
    "rediacc top": (2,),  # it fills a terminal, and here is none
    "rediacc top --team prod --every 5s": (2,),
    "rediacc trust machine web-01": (2,),  # it shows the key and asks; here nobody can answer
    "rediacc alert check": (0, 1),  # something may be wrong by then
    "rediacc alert check --no-deliver": (0, 1),
    "rediacc doctor --machines": (0, 1),  # a warning is one of its answers
    "rediacc run --machine web-01 --command 'test -e /etc/motd' --exit-status remote": (0, 1),
    "rediacc set secret db_password --team prod": (2,),  # it asks, and here nobody can answer
    "rediacc service status": (1,),  # here no service is installed
    "rediacc service uninstall": (5,),
}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    with contextlib.ExitStack() as stack:
        machines = stack.enter_context(Machines(tmp_path_factory.mktemp("machines"), NAMES))
        account = Path(tempfile.mkdtemp(prefix="rd-"))
        stack.callback(shutil.rmtree, account, ignore_errors=True)
        home = Home(tmp_path_factory.mktemp("home"), machines, account=account)
        home.write("named_tasks/deploy.yml", DEPLOY)
        home.write("site.yml", SITE)
        stack.enter_context(_on_the_path(home, "systemctl"))
        home.make()
        with (home.directory / "rediacc.toml").open("a", encoding="utf-8") as settings:
            settings.write('[alerts.channels.pager]\nfile = "alerts.jsonl"\n')
        yield home


@contextlib.contextmanager
def _on_the_path(home: Home, name: str) -> Iterator[None]:
    """Where there is no systemd, the machines have the stand-in that says that it is one."""
    for machine in home.machines:
        directory = machine.home / "bin"
        directory.mkdir(exist_ok=True)
        shutil.copy(ROOT / "tests" / "support" / "systemctl-stand-in", directory / name)
    yield


def test_every_example_of_the_reference_works(home: Home) -> None:
    text = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    # A command with two names shows its examples under both.
    examples = list(dict.fromkeys(EXAMPLE.findall(text)))
    assert len(examples) > 80
    for example in sorted(examples, key=_order):
        done = _run(home, example)
        assert done.rc in OTHER_ENDS.get(example, (0,)), f"{example}: {done}"
        assert "Traceback" not in done.stderr


# Teams and machines are made before they are shown and deleted after.
FIRST = (
    "rediacc init",
    "rediacc create team",
    "rediacc create machine",
    "rediacc trust",
    "rediacc doctor",
)
LAST = ("rediacc delete machine", "rediacc delete team")


def _order(example: str) -> int:
    for place, start in enumerate(FIRST):
        if example.startswith(start):
            return place - len(FIRST)
    for place, start in enumerate(LAST):
        if example.startswith(start):
            return place + 1
    return 0


def _run(home: Home, example: str) -> Done:
    prepare = next((make for start, make in PREPARED.items() if example.startswith(start)), None)
    if prepare is not None:
        return prepare(home, example)
    return _type(home, example)


def _type(home: Home, example: str) -> Done:
    """Type the example; one with a shell's signs outside quotes is a shell's line."""
    words = plain_words(example)
    return _script(home, example) if words is None else home.type(*words)


def _script(home: Home, text: str) -> Done:
    program = f'rediacc() {{ {shlex.quote(sys.executable)} -m rediacc "$@"; }}\n{text}'
    done = subprocess.run(
        ["bash", "-c", program],
        cwd=home.directory,
        env=home.environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    return Done(done.returncode, done.stdout, done.stderr)


def _on_tasks(make: Callable[[Home], int]) -> Callable[[Home, str], Done]:
    """Put tasks that `make` makes in the place of 41 and 42."""

    def run(home: Home, example: str) -> Done:
        numbers = {name: str(make(home)) for name in ("41", "42") if f" {name}" in example}
        return _type(home, re.sub(r"\b4[12]\b", lambda found: numbers[found[0]], example))

    return run


def _pending(home: Home) -> int:
    return home.create("-m", "prod-01", "--command", "true", "--not-before", "+1h")


def _cancelled(home: Home) -> int:
    task = _pending(home)
    assert home.type("cancel", str(task)).rc == 0
    return task


@functools.cache
def _succeeded(home: Home) -> int:
    task = home.create("-m", "prod-01", "--shell", "echo done")
    home.work()
    return task


def _held(home: Home) -> int:
    """A task whose run was killed with its supervisor: nobody knows how far it came."""
    task = home.create("-m", "prod-01", "--command", "sleep 600")
    with home.worker():
        home.wait_for_state(task, "running")
        wait_until(lambda: home.runs_on("prod-01", "600"), "its begin")
        home.supervisor(task).kill()
        home.wait_for_state(task, "pending", "held: lost")
    return task


def _create_machine(home: Home, example: str) -> Done:
    machine = home.machines.machine("web-01")
    where = f"--host {machine.address} --port {machine.port} --user {machine.user}"
    more = (
        f"--var ansible_ssh_private_key_file={machine.key_path} "
        f"--var ansible_python_interpreter={sys.executable}"
    )
    assert "--host 192.0.2.10 --user deploy" in example
    done = _type(home, example.replace("--host 192.0.2.10 --user deploy", f"{where} {more}"))
    team = home.type("inspect", "team", "dev", "-o", "json").json["item"]
    with (home.machines.directory / "id_ed25519.pub").open("a") as authorized:
        authorized.write(f"{team['public_key']}\n")
    return done


def _work(home: Home, example: str) -> Done:
    """A worker works until it is told to end."""
    _pending(home)
    if "--drain" in example:
        home.empty_queue()
        return _type(home, example)
    with home.worker(*shlex.split(example)[2:]) as worker:
        wait_until(lambda: "worker started" in worker.log(), "the worker")
        worker.send(signal.SIGTERM)
        return Done(worker.wait(), b"", b"")


def _with_a_worker(home: Home, example: str) -> Done:
    with home.worker():
        return _type(home, example)


def _in_another_directory(home: Home, example: str) -> Done:
    """Make homes, and teams that are here already, in copies of the repository."""
    copy = home.directory.parent / "ansible"
    shutil.rmtree(copy, ignore_errors=True)
    for ours, theirs in (("prod", "production"), ("staging", "dev")):
        shutil.copytree(home.directory / "inventories" / ours, copy / "inventories" / theirs)
    is_init = example.startswith("rediacc init")
    begin = "true" if is_init else "rediacc init --team dev=inventories/dev"
    return _script(home, f"cd {copy}; {begin} && {example.replace('~/ansible', str(copy))}")


def _on_alerts(home: Home, example: str) -> Done:
    """Put alerts that are open, of which there is one at least, in the place of 3 and 4."""
    known = _open_alerts(home)
    if not known:
        waiting = home.type("list", "queue", "-q").stdout.split()
        if waiting:
            assert home.type("cancel", *waiting).rc == 0
        failed = home.shell("prod-02", "exit 3")
        with home.worker():
            home.wait_for(failed)
        assert home.type("alert", "check", "--no-deliver").rc == 1
        known = _open_alerts(home)
    numbers = {"3": known[0], "4": known[-1]}
    return _type(home, re.sub(r"\b[34]\b", lambda found: numbers[found[0]], example))


def _with_a_silence(home: Home, example: str) -> Done:
    made = home.type("silence", "--team", "staging", "--for", "1h", "-q")
    return _type(home, example.replace(" 2", f" {made.stdout.strip()}"))


def _open_alerts(home: Home) -> list[str]:
    return [str(item["id"]) for item in home.type("list", "alerts", "-o", "json").json["items"]]


def _with_members(home: Home, example: str) -> Done:
    for name, *more in (("anna",), ("ci", "--token")):
        done = home.type("create", "member", name, "--role", "operator", "--team", "prod", *more)
        assert done.rc in (0, 6), done  # 6: it is there already
    return _type(home, example)


def _completion(home: Home, example: str) -> Done:
    (Path(home.environment["HOME"]) / ".config/fish/completions").mkdir(parents=True)
    return _script(home, example)


def _with_secret(home: Home, example: str) -> Done:
    """Have the secret that the example reads, edits or deletes, and what sets it."""
    tls_key = home.write("tls.key", "one\ntwo\n")
    for name in ("tls_key", "db_password"):
        words = ("set", "secret", name, "--team", "prod", "--file", str(tls_key))
        assert home.type(*words).rc == 0
    return home.type(*shlex.split(example)[1:], EDITOR="true")


def _with_file_of_tasks(home: Home, example: str) -> Done:
    home.write("tonight.yml", "- {machine: prod-01, command: uptime, not_before: +1h}\n")
    return _type(home, example)


PREPARED: dict[str, Callable[[Home, str], Done]] = {
    "rediacc init": _in_another_directory,
    "rediacc create team prod": _in_another_directory,
    "rediacc create machine web-01": _create_machine,
    "rediacc create task --team prod --group web": _with_a_worker,  # it waits for the end
    "rediacc create tasks": _with_file_of_tasks,
    "rediacc wait": _on_tasks(_succeeded),
    "rediacc logs": _on_tasks(_succeeded),
    "rediacc list steps": _on_tasks(_succeeded),
    "rediacc retry": _on_tasks(_cancelled),
    "rediacc inspect task": _on_tasks(_pending),
    "rediacc update task": _on_tasks(_pending),
    "rediacc cancel": _on_tasks(_pending),
    "rediacc release": _on_tasks(_held),
    "rediacc inspect alert": _on_alerts,
    "rediacc ack alert": _on_alerts,
    "rediacc resolve alert": _on_alerts,
    "rediacc delete silence": _with_a_silence,
    "rediacc completion": _completion,
    "rediacc update member": _with_members,
    "rediacc delete member": _with_members,
    "rediacc worker": _work,
    "rediacc set secret tls_key": _with_secret,
    "rediacc get secret": _with_secret,
    "rediacc edit secret": _with_secret,
    "rediacc delete secret": _with_secret,
}
