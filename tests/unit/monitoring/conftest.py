"""A queue with a past, for what is measured of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from queue_lab import Lab, make_template, open_copy


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty database with the schema."""
    return make_template(tmp_path_factory.mktemp("template"))


@pytest.fixture
def lab(template: Path, tmp_path: Path) -> Iterator[Lab]:
    """A queue of its own for the test; its time begins with a whole minute."""
    database = open_copy(template, tmp_path / "queue.db")
    yield Lab(database)
    database.close()
