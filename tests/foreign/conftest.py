"""A foreign repository with its machines running, one set for all tests of a repository."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from machines import Machines
from repositories import Repository, Standing


@pytest.fixture(scope="module")
def standing(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Standing]:
    repository: Repository = request.param
    directory = tmp_path_factory.mktemp(repository.name)
    # OpenSSH's control sockets lie under HOME, and their paths may be 107 bytes long at most.
    home = Path(tempfile.mkdtemp(prefix="foreign-"))
    try:
        with Machines(directory / "machines", repository.machines) as machines:
            copy = repository.copy_to(directory / "repository")
            repository.reach(copy, machines)
            yield Standing(repository, machines, path=copy, home=home)
    finally:
        shutil.rmtree(home)
