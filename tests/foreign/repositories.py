"""Three Ansible repositories of other people, and what a test does with them.

A repository lies in git as its owners would write it. A test works on a copy, to which it adds only
what each admin of that repository keeps to himself (how the machines are reached):

- ``webshop``: ``ssh_config``, which its ansible.cfg names; everything goes through a jump host.
- ``fleet``: ``inventories/<environment>/host_vars/<machine>/connection.yml``.
- ``estate``: ``register.json``, which its inventory script reads.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from live_homes import Done, Typed
from machines import Machines

__all__ = ["REPOSITORIES", "HandResult", "PlaybookRun", "Repository", "Standing", "digest_tree"]

_HERE = Path(__file__).parent
_HEADER = re.compile(r"^((?:PLAY|TASK|RUNNING HANDLER|HANDLER|PLAY RECAP)\b.*?)\s*\**$")
_INCLUDED = re.compile(r"(included: .+ for )(.+)")
_STATUS = re.compile(
    r"^(ok|changed|skipping|failed|fatal|rescued|included): \[?([^\]\s,:]+)(?: -> ([^\]]+))?\]?"
)
_RECAP = re.compile(r"^(\S+)\s+:\s+((?:\w+=\d+\s*)+)$")
# What differs between two runs of one playbook: times, job numbers, temporary names.
_VOLATILE = (
    (re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(?:\.\d+)?"), "<time>"),
    (re.compile(r"\b\d:\d\d:\d\d\.\d+"), "<duration>"),
    (re.compile(r"\bj\d+\.\d+\b"), "<number>"),
    (re.compile(r"\S*/ansible-local-[^/]+/tmp\w+|ansible-tmp-[\w.-]+"), "<temporary>"),
)
# How often a job is asked before it is ready is nobody's promise.
_DROPPED = re.compile(r"^ASYNC (?:POLL|OK)|^FAILED - RETRYING: .*All have ended")


@dataclass(frozen=True, kw_only=True)
class PlaybookRun:
    """One playbook with its arguments, as a person would type them.

    :param arguments: for ``ansible-playbook`` and ``rediacc run`` alike.
    :param rc: the exit code that ansible-playbook is known to give.
    :param is_ordered: false where the strategy lets machines overtake one another.
    :param stopped: machines that cannot be reached meanwhile.
    """

    playbook: str
    team: str
    arguments: tuple[str, ...] = ()
    rc: int = 0
    is_ordered: bool = True
    stopped: tuple[str, ...] = ()

    def __str__(self) -> str:
        name = self.playbook.rpartition("/")[2].removesuffix(".yml")
        return " ".join([self.team, name, *self.arguments, *self.stopped])


@dataclass(frozen=True, kw_only=True)
class Repository:
    """A repository in this directory.

    :param teams: team name → inventory path, as ``rediacc init --team`` takes them; the first is
        the one that ``ansible.cfg`` names, if it names one.
    :param needs_inventory: whether people give ``-i`` because ansible.cfg names no inventory.
    :param reach: adds to the copy how its machines are reached.
    """

    name: str
    teams: Mapping[str, str]
    machines: tuple[str, ...]
    needs_inventory: bool
    reach: Callable[[Path, Machines], None]
    runs: tuple[PlaybookRun, ...]

    def copy_to(self, target: Path) -> Path:
        """Copy the repository as it lies in git to `target`."""
        leave_out = shutil.ignore_patterns("__pycache__")
        return Path(shutil.copytree(_HERE / self.name, target, symlinks=True, ignore=leave_out))


@dataclass(frozen=True, kw_only=True)
class HandResult:
    """What a playbook did: the exit code, the recap for each machine, the status of each task.

    :param statuses: how often a status was shown for (task header, machine, delegate).
    :param lines: the output by header, sorted within each, without what differs between two runs.
    """

    rc: int
    stdout: str
    stderr: str

    @property
    def recap(self) -> dict[str, dict[str, int]]:
        found = {}
        for line in self.stdout.splitlines():
            if match := _RECAP.match(line):
                pairs = (pair.split("=") for pair in match[2].split())
                found[match[1]] = {name: int(number) for name, number in pairs}
        return found

    @property
    def statuses(self) -> Counter[tuple[str, str, str, str]]:
        return Counter(
            (header, match[2], match[1], match[3] or "")
            for header, line in _by_header(self.stdout)
            if (match := _STATUS.match(line))
        )

    @property
    def lines(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for header, line in _by_header(self.stdout):
            found.setdefault(header, []).append(line)
        return {header: sorted(lines) for header, lines in found.items()}

    @property
    def headers(self) -> list[str]:
        """The headers in the order in which each came first."""
        return list(self.lines)


class Standing:
    """A copy of a repository with its machines running.

    :param path: the copy.
    :param home: the HOME of whoever works with it, so that nothing of the real one is used.
    """

    def __init__(
        self, repository: Repository, machines: Machines, *, path: Path, home: Path
    ) -> None:
        self.repository = repository
        self.machines = machines
        self.path = path
        self.home = home

    @property
    def environment(self) -> dict[str, str]:
        """What a person's shell would have, with the Ansible that belongs to this Python."""
        search = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        return {
            "PATH": search,
            # The checkout's own package, also where nothing is installed.
            "PYTHONPATH": str(_HERE.parents[1]),
            "HOME": str(self.home),
            "LANG": "C.UTF-8",
            "TERM": "dumb",
        }

    def by_hand(self, run: PlaybookRun) -> HandResult:
        """Run a playbook with ``ansible-playbook``, from fresh machines.

        Its warnings are in the output, as on a terminal and as the queue keeps them.
        """
        command = ["ansible-playbook"]
        if self.repository.needs_inventory:
            command += ["-i", self.repository.teams[run.team]]
        with self.prepared(run):
            done = subprocess.run(
                [*command, run.playbook, *run.arguments],
                cwd=self.path,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                check=False,
            )
        return HandResult(rc=done.returncode, stdout=done.stdout, stderr="")

    @contextlib.contextmanager
    def prepared(self, run: PlaybookRun) -> Iterator[None]:
        """Have the machines as `run` wants them, without a trace of the run before."""
        self.freshen()
        for name in run.stopped:
            self.machines.stop(name)
        try:
            yield
        finally:
            for name in run.stopped:
                self.machines.start(name)

    def type(self, *words: str) -> Done:
        """Type a ``rediacc`` command in the repository."""
        return Typed(words, self.path, self.environment).wait()

    @contextlib.contextmanager
    def worker(self) -> Iterator[None]:
        """Have a worker for the time of the block."""
        with (self.home / "worker.log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "rediacc", "worker"],
                cwd=self.path,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        try:
            yield
        finally:
            process.terminate()
            process.wait()

    def freshen(self) -> None:
        """Give every machine an empty home, the equal start for two runs that are compared."""
        for machine in self.machines:
            self.machines.reset(machine.name)


def digest_tree(root: Path) -> dict[str, str]:
    """Return kind, mode and digest of every file below `root`, without Python's caches."""
    return {
        str(path.relative_to(root)): _digest(path)
        for path in sorted(root.rglob("*"))
        if "__pycache__" not in path.parts
    }


def _digest(path: Path) -> str:
    mode = f"{path.lstat().st_mode:o}"
    if path.is_symlink():
        return f"{mode} -> {path.readlink()}"
    if path.is_dir():
        return mode
    return f"{mode} {hashlib.sha256(path.read_bytes()).hexdigest()}"


def _by_header(stdout: str) -> Iterator[tuple[str, str]]:
    header = ""
    for line in stdout.splitlines():
        if match := _HEADER.match(line):
            header = match[1]
            continue
        if not line or _DROPPED.match(line):
            continue
        for pattern, word in _VOLATILE:
            line = pattern.sub(word, line)
        if included := _INCLUDED.fullmatch(line):
            # The machines stand there in the order in which they came by.
            line = included[1] + ", ".join(sorted(included[2].split(", ")))
        yield header, line


def _reach_webshop(copy: Path, machines: Machines) -> None:
    behind = dict.fromkeys(("web01", "web02", "db01"), "bastion01")
    machines.ssh_config(copy / "ssh_config", jumps=behind)


def _reach_fleet(copy: Path, machines: Machines) -> None:
    known_hosts = machines.known_hosts(machines.directory / "known_hosts")
    for machine in machines:
        environment = "production" if ".prod." in machine.name else "staging"
        target = copy / "inventories" / environment / "host_vars" / machine.name
        target.mkdir(parents=True, exist_ok=True)
        connection = {
            "ansible_host": machine.address,
            "ansible_port": machine.port,
            "ansible_user": machine.user,
            "ansible_ssh_private_key_file": str(machine.key_path),
            "ansible_ssh_common_args": f"-o UserKnownHostsFile={known_hosts}",
        }
        # JSON is YAML.
        (target / "connection.yml").write_text(json.dumps(connection, indent=2) + "\n")


_DUTIES = {
    "oak": (("mail", "web"), "north"),
    "elm": (("mail",), "south"),
    "yew": (("files",), "north"),
}


def _reach_estate(copy: Path, machines: Machines) -> None:
    known_hosts = machines.known_hosts(machines.directory / "known_hosts")
    register = {
        machine.name: {
            "address": machine.address,
            "port": machine.port,
            "user": machine.user,
            "key": str(machine.key_path),
            "known_hosts": str(known_hosts),
            "duties": _DUTIES[machine.name][0],
            "site": _DUTIES[machine.name][1],
        }
        for machine in machines
    }
    (copy / "register.json").write_text(json.dumps(register, indent=2) + "\n")


REPOSITORIES = (
    Repository(
        name="webshop",
        teams={"shop": "hosts"},
        machines=("bastion01", "web01", "web02", "db01"),
        needs_inventory=False,
        reach=_reach_webshop,
        runs=(
            PlaybookRun(playbook="site.yml", team="shop"),
            PlaybookRun(
                playbook="site.yml",
                team="shop",
                arguments=("--check", "--diff", "--tags", "common", "--limit", "web01:&shop"),
            ),
            PlaybookRun(
                playbook="deploy.yml",
                team="shop",
                arguments=("-e", '{"version": "2.5.0", "refuse": "web02"}'),
            ),
            PlaybookRun(playbook="deploy.yml", team="shop", arguments=("-e", "version=new"), rc=2),
            PlaybookRun(playbook="maintenance.yml", team="shop", rc=2),
        ),
    ),
    Repository(
        name="fleet",
        teams={"production": "inventories/production", "staging": "inventories/staging"},
        machines=(
            "app1.prod.acme.example",
            "app2.prod.acme.example",
            "cache1.prod.acme.example",
            "app1.staging.acme.example",
        ),
        needs_inventory=True,
        reach=_reach_fleet,
        runs=(
            PlaybookRun(
                playbook="playbooks/rollout.yml",
                team="production",
                arguments=("-e", "@vars/canary.yml", "--skip-tags", "never"),
            ),
            PlaybookRun(playbook="playbooks/regroup.yml", team="staging"),
            PlaybookRun(playbook="acme.fleet.audit", team="production", rc=2),
        ),
    ),
    Repository(
        name="estate",
        teams={"estate": "inventory"},
        machines=tuple(_DUTIES),
        needs_inventory=False,
        reach=_reach_estate,
        runs=(
            PlaybookRun(playbook="playbooks/nightly.yml", team="estate", is_ordered=False),
            PlaybookRun(
                playbook="playbooks/patch.yml", team="estate", arguments=("--limit", "duty_mail")
            ),
            PlaybookRun(playbook="playbooks/roll_call.yml", team="estate", rc=4, stopped=("yew",)),
        ),
    ),
)
