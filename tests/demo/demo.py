"""The demo: two teams, five SSH machines on this computer, tasks of all five levels, one worker.

It does what a user would do and shows it: every line after ``$`` is a command that is really run.
The home stays to play with; the machines and the worker end with the demo. ``--machines`` starts
the machines of that home again.
"""

from __future__ import annotations

import argparse
import ctypes
import fcntl
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))

from machines import Machines

_FILES = Path(__file__).parent / "home"
_TEAMS = {"prod": ("prod-01", "prod-02", "prod-03"), "staging": ("stage-01", "stage-02")}
_NAMES = tuple(name for names in _TEAMS.values() for name in names)
_MARK = ".made-by-the-demo"
_PR_SET_PDEATHSIG = 1
_DEADLINE_SECONDS = 120.0
_STEP_SECONDS = 0.5
_COLUMNS = "id,priority,started_at,elapsed,attempt,state,title"


class DemoError(Exception):
    """The demo cannot go on; the message says why."""


def main() -> int:
    """Run the demo, or only its machines; return the exit code."""
    parser = argparse.ArgumentParser(description="rediacc on five SSH machines of its own")
    parser.add_argument("--home", type=Path, default=Path("demo-home"), help="where it lives")
    parser.add_argument("--machines", action="store_true", help="only start the machines again")
    asked = parser.parse_args()
    home: Path = asked.home.absolute()
    # A terminated demo cleans up as an interrupted one does.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        if asked.machines:
            _offer_machines(home)
        else:
            _Demo(home).run()
    except DemoError as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\ndemo: ended; nothing of it runs any more", file=sys.stderr)
        # Machines are there until somebody ends them: that is no failure.
        return 0 if asked.machines else 130
    return 0


class _Demo:
    """One showing, from an empty directory to a home that stays.

    :param home: the directory; it may be an earlier demo's.
    """

    def __init__(self, home: Path) -> None:
        self._home = home
        self._program = "rediacc"
        self._environment = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("ANSIBLE_", "REDIACC_"))
        }
        self._environment["PATH"] = f"{Path(sys.executable).parent}:{os.environ['PATH']}"

    def run(self) -> None:
        """Show everything."""
        started = time.monotonic()
        _make_home(self._home)
        with _machines_of(self._home) as machines:
            self._show(machines)
        _say(f"Done in {time.monotonic() - started:.0f} seconds; machines and worker have ended.")
        print(_farewell(self._home))

    def _show(self, machines: Machines) -> None:
        _say(
            f"Five SSH machines run on this computer ({machines.backend}), in two teams.",
            f"{_shown(self._home)} is an Ansible repository; rediacc moves in and edits nothing.",
        )
        self._do("init", "--launcher")
        self._program = "./rediacc"
        self._do("list", "machines")

        _say("Six tasks on all five levels, the least urgent first. Nobody works yet.")
        self._create("--team", "prod", "--all", "--priority", "5", "--shell", "df -h / | tail -1")
        self._create("--team", "staging", "--all", "--priority", "4", "--command", "uptime")
        self._create("--team", "prod", "--playbook", "playbooks/site.yml")
        failing = self._create(
            *("--machine", "stage-02", "--priority", "2", "--retry-count", "2"),
            *("--retry-delay", "1s", "--command", "systemctl restart payments"),
        )
        self._create(
            *("--machine", "prod-02", "--priority", "2", "--command", "systemctl start database"),
        )
        urgent = self._create(
            *("--machine", "prod-01", "--priority", "1"),
            *("--command", "systemctl restart webserver"),
        )

        _say("", "The queue, in the order of starts: the level decides, then who came first.")
        self._do("list", "queue")

        _say("A worker with one slot; level 1 has slots of its own and starts beside it.")
        with self._worker():
            self._do("logs", "--follow", urgent)
            self._do("list", "queue")
            self._until(lambda: self._has_been_retried(failing))
            _say(f"Task {failing} has failed and is tried again a second later.")
            self._do("list", "tasks")
            # 10: one of them failed, as it was meant to.
            self._do("wait", *map(str, range(1, int(urgent) + 1)), codes=(10,))

        _say("The order in which they started, and what the lowest of them found.")
        self._do("list", "tasks", "--sort", "started_at", "--columns", _COLUMNS)
        self._do("logs", "1")
        _say(f"Task {failing} has used up its two retries and is reported.")
        self._do("list", "tasks", "--failed")
        self._report()
        self._do("inspect", "task", failing)

    def _report(self) -> None:
        """Show what the worker said of failures."""
        print("$ grep '\"task failed\"' worker.log")
        for line in (self._home / "worker.log").read_text().splitlines():
            if '"task failed"' in line:
                print(line)
        print(flush=True)

    def _do(self, *arguments: str, codes: tuple[int, ...] = (0,)) -> None:
        """Show a command, run it, show what it says."""
        self._show_command(*arguments)
        done = self._call(*arguments)
        if done.returncode not in codes:
            raise DemoError(f"the last command ended with exit code {done.returncode}")
        print(flush=True)

    def _create(self, *arguments: str) -> str:
        """Create a task as :meth:`_do` would, and return its number."""
        command = ("create", "task", *arguments)
        self._show_command(*command)
        # That no worker is there yet would be said each time.
        done = self._call(*command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        if done.returncode:
            raise DemoError(f"the last command ended with exit code {done.returncode}")
        print(done.stdout, end="", flush=True)
        # "task 42 created: …"
        return str(done.stdout.split()[1])

    def _show_command(self, *arguments: str) -> None:
        print(f"$ {shlex.join([self._program, *arguments])}", flush=True)

    def _command(self) -> list[str]:
        """The program that is shown; before the launcher is there, the same by another name."""
        if self._program == "rediacc":
            return [sys.executable, "-m", "rediacc"]
        return [self._program]

    def _call(self, *arguments: str, **streams: Any) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*self._command(), *arguments],
            cwd=self._home,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            text=True,
            check=False,
            **streams,
        )

    @contextmanager
    def _worker(self) -> Iterator[None]:
        print(f"$ {self._program} worker --slots 1 2> worker.log &\n", flush=True)
        with (
            (self._home / "worker.log").open("w") as log,
            subprocess.Popen(
                [*self._command(), "worker", "--slots", "1"],
                cwd=self._home,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                # Ctrl-C is the demo's, which then ends the worker in good order.
                start_new_session=True,
                preexec_fn=_end_with_the_demo,
            ) as worker,
        ):
            try:
                yield
            finally:
                _end(worker)

    def _until(self, state: Callable[[], bool]) -> None:
        deadline = time.monotonic() + _DEADLINE_SECONDS
        while not state():
            if time.monotonic() > deadline:
                raise DemoError(f"the worker does not get on; see {self._home / 'worker.log'}")
            time.sleep(_STEP_SECONDS)

    def _has_been_retried(self, task: str) -> bool:
        found = self._task(task)
        if found["attempt"] == 1 and found["state"] in ("succeeded", "failed", "cancelled"):
            raise DemoError(f"task {task} ended too early; see {self._home / 'worker.log'}")
        return int(found["attempt"]) > 1

    def _task(self, task: str) -> dict[str, Any]:
        done = self._call("inspect", "task", task, "-o", "json", stdout=subprocess.PIPE)
        if done.returncode:
            raise DemoError(f"task {task} cannot be read")
        found: dict[str, Any] = json.loads(done.stdout)["item"]["task"]
        return found


def _make_home(home: Path) -> None:
    """Lay out an Ansible repository in `home`; an earlier demo's is replaced, nothing else is."""
    if home.is_symlink() or (home.exists() and not home.is_dir()):
        raise DemoError(f"{home} is no directory; name another one with --home")
    if home.exists() and any(home.iterdir()):
        if not (home / _MARK).is_file():
            raise DemoError(f"{home} is not the demo's; name another one with --home")
        with _only_one(home):
            shutil.rmtree(home)
    shutil.copytree(_FILES, home, dirs_exist_ok=True)
    (home / _MARK).write_text("make demo may replace this directory\n")


@contextmanager
def _machines_of(home: Path) -> Iterator[Machines]:
    """Run the machines of `home`; their addresses go to its ssh_config."""
    with _only_one(home), Machines(home / ".machines", _NAMES) as machines:
        machines.ssh_config(home / "ssh_config")
        yield machines


@contextmanager
def _only_one(home: Path) -> Iterator[None]:
    with (home / _MARK).open() as mark:
        try:
            fcntl.flock(mark, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise DemoError(f"the machines of {home} run already; end them first") from error
        yield


def _offer_machines(home: Path) -> None:
    """Run the machines of an earlier demo until somebody presses Ctrl-C."""
    if not (home / _MARK).is_file():
        raise DemoError(f"{home} is no home of the demo: make demo")
    with _machines_of(home) as machines:
        print(f"{', '.join(_NAMES)} run ({machines.backend}). Ctrl-C ends them.", flush=True)
        signal.pause()


def _end_with_the_demo() -> None:
    """In the worker: ask the kernel for SIGTERM when the demo is gone (prctl(2)).

    A Ctrl-C in the moment of its start would else leave it behind.
    """
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def _end(worker: subprocess.Popen[bytes]) -> None:
    """End the worker in good order; a second signal stops what it still runs."""
    for _turn in range(2):
        if worker.poll() is not None:
            return
        worker.send_signal(signal.SIGTERM)
        try:
            worker.wait(timeout=10.0)
        except subprocess.TimeoutExpired:
            continue
    if worker.poll() is None:
        worker.kill()


def _say(*lines: str) -> None:
    for line in lines:
        print(f"# {line}" if line else "")
    print(flush=True)


def _shown(path: Path) -> str:
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def _farewell(home: Path) -> str:
    return f"""\
To play on, start the machines again in a second terminal:

    make machines{"" if home.name == "demo-home" else f" DEMO_HOME={_shown(home)}"}

and then

    cd {_shown(home)}
    ./rediacc worker &
    ./rediacc create task --machine prod-01 --priority 1 --command "systemctl restart webserver"
    ./rediacc run --team prod --all --shell 'df -h / | tail -1'
"""


if __name__ == "__main__":
    sys.exit(main())
