"""Machines that all acceptance tests share, and homes to work in."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from live_homes import Home
from machines import Machines

NAMES = ("prod-01", "prod-02", "prod-03", "staging-01")


@pytest.fixture(scope="session")
def machines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machines]:
    """Four SSH machines, three of prod and one of staging."""
    with Machines(tmp_path_factory.mktemp("machines"), NAMES) as running:
        yield running


@pytest.fixture(scope="session")
def accounts() -> Iterator[Callable[[], Path]]:
    """Make directories that stand for a person's HOME: short, so that sockets fit below."""
    with contextlib.ExitStack() as stack:

        def make() -> Path:
            path = Path(tempfile.mkdtemp(prefix="rd-"))
            stack.callback(shutil.rmtree, path, ignore_errors=True)
            return path

        yield make


@pytest.fixture(scope="session")
def standing_home(
    tmp_path_factory: pytest.TempPathFactory,
    machines: Machines,
    accounts: Callable[[], Path],
) -> Home:
    """One home for all tests that change none of its files: what it knows of Ansible is kept."""
    directory = tmp_path_factory.mktemp("home")
    return Home(directory, machines, account=accounts()).make(settings="[worker]\nstop_grace = 1\n")


@pytest.fixture
def home(standing_home: Home) -> Home:
    """The standing home with an empty queue and machines without traces of other tests."""
    standing_home.empty_queue()
    # Another test may have given a machine another key since.
    standing_home.machines.known_hosts(standing_home.known_hosts)
    for name in NAMES:
        sweep_machine(standing_home.machines, name)
    return standing_home


@pytest.fixture(scope="session")
def make_home(
    tmp_path_factory: pytest.TempPathFactory, machines: Machines, accounts: Callable[[], Path]
) -> Callable[[], Home]:
    """Make a directory that is to become a home of its own, with a HOME of its own."""

    def make() -> Home:
        return Home(tmp_path_factory.mktemp("home"), machines, account=accounts())

    return make


def sweep_machine(machines: Machines, name: str) -> None:
    """Remove what tests left on a machine: files in its home directory, processes of runs."""
    for pid in machines.processes(name):
        with contextlib.suppress(OSError):
            if b"REDIACC_RUN=" in Path(f"/proc/{pid}/environ").read_bytes():
                os.kill(pid, signal.SIGKILL)
    for path in machines.machine(name).home.iterdir():
        if path.is_dir() and not path.is_symlink():
            if path.name not in ("bin", ".ansible"):
                shutil.rmtree(path)
        else:
            path.unlink()
