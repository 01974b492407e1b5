"""Homes whose machines are real SSH servers, and the rediacc processes of tests that work in them.

Commands are typed into processes that are forked with the program's modules loaded, because loading
them costs a second each; :meth:`Home.process` starts one afresh.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import IO, Any, NoReturn, TypeVar

import psutil
from loaded_program import load_program
from machines import Machine, Machines, remote_python

__all__ = [
    "DEADLINE",
    "Done",
    "Home",
    "Typed",
    "WorkerProcess",
    "inventory_line",
    "plain_words",
    "wait_until",
]

DEADLINE = 60.0
ROOT = Path(__file__).resolve().parents[2]
_BIN = Path(sys.executable).parent
_Found = TypeVar("_Found")


def wait_until(
    look: Callable[[], _Found], what: str = "the state", *, seconds: float = DEADLINE
) -> _Found:
    """Return what `look` finds as soon as it is true; fail when it does not become so in time.

    A look that is a whole command pauses for as long as it took, several times: else the processor
    would be busy with looking, and what is waited for would come later.
    """
    deadline = time.monotonic() + seconds
    while True:
        begun = time.monotonic()
        found = look()
        if found:
            return found
        now = time.monotonic()
        assert now < deadline, f"{what} did not come; last: {found!r}"
        time.sleep(min(1.0, max(0.05, 3 * (now - begun))))


class Done:
    """A process that ended, and what it printed."""

    def __init__(self, rc: int, stdout: bytes, stderr: bytes) -> None:
        self.rc = rc
        self.raw = stdout
        self.stdout = stdout.decode(errors="replace")
        self.stderr = stderr.decode(errors="replace")

    @property
    def json(self) -> Any:
        assert self.stdout, self.stderr
        return json.loads(self.stdout)

    def __repr__(self) -> str:
        return f"rc {self.rc}\n--- stdout\n{self.stdout}\n--- stderr\n{self.stderr}"


class Typed:
    """A command that was typed and may not have ended yet.

    :param stdin: what it reads.
    :param stderr: where its complaints go; else they are kept.
    """

    def __init__(
        self,
        words: Sequence[str],
        directory: Path,
        environment: Mapping[str, str],
        *,
        stdin: bytes = b"",
        stderr: IO[bytes] | None = None,
    ) -> None:
        load_program()
        self._out, self._error = tempfile.TemporaryFile(), tempfile.TemporaryFile()  # noqa: SIM115
        with tempfile.TemporaryFile() as given:
            given.write(stdin)
            given.seek(0)
            self._pid = os.fork()
            if self._pid == 0:
                streams = (given, self._out, stderr or self._error)
                _be_the_program(words, directory, environment, streams)

    def send(self, number: int) -> None:
        """Send a signal to it; it must not have been waited for."""
        os.kill(self._pid, number)

    def wait(self) -> Done:
        _pid, status = os.waitpid(self._pid, 0)
        with self._out as out, self._error as error:
            out.seek(0)
            error.seek(0)
            return Done(os.waitstatus_to_exitcode(status), out.read(), error.read())


def _be_the_program(
    words: Sequence[str],
    directory: Path,
    environment: Mapping[str, str],
    streams: tuple[IO[bytes], IO[bytes], IO[bytes]],
    *,
    is_afresh: bool = False,
) -> NoReturn:
    code = 99
    try:
        main = import_module("rediacc.cli.main")
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        for standard, stream in enumerate(streams):
            os.dup2(stream.fileno(), standard)
        sys.stdin, sys.stdout, sys.stderr = os.fdopen(0), os.fdopen(1, "w"), os.fdopen(2, "w")
        os.chdir(directory)
        if is_afresh:
            os.execve(sys.executable, [sys.executable, "-m", "rediacc", *words], environment)
        os.environ.clear()
        os.environ.update(environment)
        code = main.run(words, environment=os.environ)
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(code)


class WorkerProcess:
    """A ``rediacc worker``."""

    def __init__(self, pid: int, log: Path) -> None:
        self.pid = pid
        self.log_path = log
        self._rc: int | None = None

    def poll(self) -> int | None:
        """Return how it ended; ``None`` while it goes on."""
        if self._rc is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            self._rc = os.waitstatus_to_exitcode(status) if pid else None
        return self._rc

    def log(self) -> str:
        return self.log_path.read_text(errors="replace")

    def send(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """End it as a power cut of the process would: kill -9."""
        self.send(signal.SIGKILL)
        self.wait()

    def wait(self) -> int:
        wait_until(lambda: self.poll() is not None, "the worker's end")
        assert self._rc is not None
        return self._rc


def plain_words(line: str) -> list[str] | None:
    """Return the words after ``rediacc`` of a line that needs no shell; ``None`` for others."""
    if re.search(r"[|<>&~$;]", re.sub(r"'[^']*'|\"[^\"$]*\"", "", line)):
        return None
    program, *words = shlex.split(line)
    return words if program == "rediacc" else None


def inventory_line(machine: Machine, *, known_hosts: Path, more: str = "") -> str:
    """Return a machine's line of an INI inventory."""
    return (
        f"{machine.name} ansible_host={machine.address} ansible_port={machine.port} "
        f"ansible_user={machine.user} ansible_ssh_private_key_file={machine.key_path} "
        f"ansible_ssh_common_args='-o UserKnownHostsFile={known_hosts} -o IdentitiesOnly=yes' "
        f"ansible_python_interpreter={remote_python()} {more}\n"
    )


class Home:
    """An adopted repository with the teams prod and staging, and a way to work in it.

    :param account: the directory that stands for the person's own HOME; short, because sockets of
        ssh lie below it.
    """

    def __init__(self, directory: Path, machines: Machines, *, account: Path) -> None:
        self.directory = directory
        self.machines = machines
        self.known_hosts = directory / "known_hosts"
        self.runs = account / "runs"
        self._logs = 0
        account.mkdir(parents=True, exist_ok=True)
        kept = ("LD_LIBRARY_PATH", "COVERAGE_PROCESS_START")
        self.environment = {
            "PATH": f"{_BIN}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
            "HOME": str(account),
            "LANG": "C.UTF-8",
            "PYTHONPATH": str(ROOT),
            "REDIACC_RUNTIME_DIR": str(self.runs),
            **{name: os.environ[name] for name in kept if name in os.environ},
        }

    def make(self, *, settings: str = "", files: Mapping[str, str] | None = None) -> Home:
        """Lay the repository out, add `files`, and make it a home."""
        self.machines.known_hosts(self.known_hosts)
        for team in ("prod", "staging"):
            self.write(f"inventories/{team}/hosts", self.inventory(team))
        for name, content in (files or {}).items():
            self.write(name, content)
        teams = [f"--team={team}=inventories/{team}" for team in ("prod", "staging")]
        done = self.type("init", *teams)
        assert done.rc == 0, done
        config = self.directory / "rediacc.toml"
        for table in ("worker", "ansible", "queue"):
            head, found, tail = settings.partition(f"[{table}]\n")
            if found:
                lines, _separator, rest = tail.partition("\n[")
                text = config.read_text().replace(f"[{table}]\n", f"[{table}]\n{lines}\n")
                config.write_text(text)
                settings = head + (f"[{rest}" if rest else "")
        assert not settings.strip(), settings
        return self

    def inventory(self, team: str) -> str:
        return "[web]\n" + "".join(
            inventory_line(machine, known_hosts=self.known_hosts)
            for machine in self.machines
            if machine.name.startswith(team)
        )

    def write(self, name: str, content: str) -> Path:
        path = self.directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
        return path

    def empty_queue(self) -> None:
        """Begin with an empty queue again; what is known of inventories stays."""
        state = self.directory / ".rediacc"
        pristine = state / "pristine"
        for path in state.glob("rediacc.db*"):
            path.unlink()
        if not pristine.exists():
            assert self.type("list", "tasks").rc == 0
            shutil.copy(state / "rediacc.db", pristine)
        for path in state.glob("rediacc.db*"):
            path.unlink()
        shutil.copy(pristine, state / "rediacc.db")
        # Else the audit says, as it must, that an older database was put back.
        (state / "audit.checkpoint").unlink(missing_ok=True)

    # -- commands

    def start(self, *words: str, stderr: IO[bytes] | None = None, **environment: str) -> Typed:
        """Type a command and return at once.

        :param stderr: what its standard error is, for example a terminal; else it is kept.
        """
        return Typed(words, self.directory, {**self.environment, **environment}, stderr=stderr)

    def type(self, *words: str, **environment: str) -> Done:
        """Type a command and wait for its end."""
        return self.start(*words, **environment).wait()

    def process(self, *words: str, **environment: str) -> subprocess.Popen[bytes]:
        """Start a command as a process of its own, with its output in pipes."""
        return subprocess.Popen(
            [sys.executable, "-m", "rediacc", *words],
            cwd=self.directory,
            env={**self.environment, **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )

    def python(self, program: str) -> str:
        """Run a program that uses rediacc's own modules; return what it prints."""
        done = subprocess.run(
            [sys.executable, "-c", program],
            cwd=self.directory,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def create(self, *words: str, **environment: str) -> int:
        """Queue a task and return its number."""
        done = self.type("create", "task", *words, "-o", "name", **environment)
        assert done.rc == 0, done
        return int(done.stdout.strip().removeprefix("task/"))

    def shell(self, machine: str, line: str, *words: str) -> int:
        """Queue a shell line for one machine."""
        return self.create("-m", machine, "--shell", line, *words)

    def detail(self, task: int) -> dict[str, Any]:
        """Return all about a task."""
        done = self.type("inspect", "task", str(task), "-o", "json")
        assert done.rc == 0, done
        document = done.json
        found: dict[str, Any] = document["item"] if "item" in document else document["items"][0]
        return found

    def task(self, task: int) -> dict[str, Any]:
        """Return a task as a list shows it."""
        found: dict[str, Any] = self.detail(task)["task"]
        return found

    def state(self, task: int) -> tuple[str, str]:
        """Return a task's state and reason."""
        found = self.task(task)
        return found["state"], found["reason"]

    def results(self, task: int) -> dict[str, dict[str, Any]]:
        """Return each machine's last result."""
        ordered = sorted(self.detail(task)["results"], key=lambda one: one["attempt"])
        return {one["result"]["machine"]: one["result"] for one in ordered}

    def wait_for(self, *tasks: int) -> int:
        """Wait for tasks to end; return the exit code of ``rediacc wait``."""
        words = ["--wait-timeout", f"{DEADLINE:.0f}s"]
        return self.type("wait", *map(str, tasks), *words).rc

    def wait_for_state(self, task: int, state: str, reason: str | None = None) -> None:
        wait_until(
            lambda: self.state(task)[0] == state and reason in (None, self.state(task)[1]),
            f"task {task} {state} ({reason})",
        )

    # -- workers

    @contextlib.contextmanager
    def worker(self, *words: str, **environment: str) -> Iterator[WorkerProcess]:
        """Have a worker for the time of the block; what is left of it is ended.

        With an environment of its own it is started afresh, so that ``/proc`` shows that one.
        """
        self._logs += 1
        log = self.directory / f"worker-{self._logs}.log"
        load_program()
        with log.open("wb") as stream, open(os.devnull, "rb") as nothing:
            pid = os.fork()
            if pid == 0:
                its = {**self.environment, **environment}
                streams = (nothing, stream, stream)
                argv = ("worker", *words)
                _be_the_program(argv, self.directory, its, streams, is_afresh=bool(environment))
        worker = WorkerProcess(pid, log)
        try:
            yield worker
        except BaseException:
            print(worker.log(), file=sys.stderr)
            raise
        finally:
            worker.send(signal.SIGCONT)
            worker.send(signal.SIGTERM)
            try:
                worker.wait()
            except AssertionError:
                worker.kill()

    def work(self, *words: str, **environment: str) -> WorkerProcess:
        """Have a worker do all that is queued."""
        with self.worker(*(words or ("--drain",)), **environment) as worker:
            assert worker.wait() == 0, worker.log()
        return worker

    # -- what runs

    def run_directories(self) -> list[Path]:
        """Return the directories of runs that are there now."""
        return [path for path in self.runs.glob("*/*") if len(path.name) == 32]

    def run_directory(self, task: int) -> Path:
        """Return the directory of the run of a task's last attempt, as soon as it is there."""

        def look() -> Path | None:
            attempts = self.detail(task)["attempts"]
            run = attempts[-1]["run_id"] if attempts else None
            return next((path for path in self.run_directories() if path.name == run), None)

        return wait_until(look, f"the run of task {task}")

    def supervisor(self, task: int) -> psutil.Process:
        """Return the process that supervises the run of a task."""
        told = self.run_directory(task) / "supervisor.json"
        wait_until(told.exists, f"the supervisor of task {task}")
        return psutil.Process(json.loads(told.read_text())["pid"])

    # -- evidence on machines

    def on(self, machine: str, name: str) -> Path:
        """Return a file in a machine's own home directory."""
        return self.machines.machine(machine).home / name

    def lines(self, machine: str, name: str) -> list[str]:
        """Return the lines that tasks wrote to a file on a machine."""
        path = self.on(machine, name)
        return path.read_text().splitlines() if path.exists() else []

    def commands(self, machine: str) -> list[str]:
        """Return the command lines of what runs on a machine, but the machine's own login."""
        found = []
        for pid in self.machines.processes(machine):
            with contextlib.suppress(psutil.Error):
                process = psutil.Process(pid)
                if process.status() != psutil.STATUS_ZOMBIE:
                    found.append(" ".join(process.cmdline()))
        return found

    def end(self, machine: str, word: str) -> None:
        """End what runs on a machine and has `word` as one of its arguments."""
        for pid in self.machines.processes(machine):
            with contextlib.suppress(psutil.Error):
                process = psutil.Process(pid)
                if word in process.cmdline():
                    process.kill()
        wait_until(lambda: not self.runs_on(machine, word), f"the end of {word}")

    def runs_on(self, machine: str, word: str) -> list[str]:
        """Return what runs on a machine and has `word` as one of its arguments."""
        return [line for line in self.commands(machine) if word in line.split()]
