"""A queue with finished tasks, and the archive beside it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from archive_lab import ArchiveLab
from queue_lab import make_template, open_copy


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty database with the schema."""
    return make_template(tmp_path_factory.mktemp("template"))


@pytest.fixture
def lab(template: Path, tmp_path: Path) -> Iterator[ArchiveLab]:
    """A queue of its own for the test."""
    database = open_copy(template, tmp_path / "queue.db")
    yield ArchiveLab(database, state=tmp_path)
    database.close()
