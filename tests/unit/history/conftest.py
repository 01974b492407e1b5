"""A home's database, and a spool with files that plays left there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from play_lab import PlayLab
from queue_lab import make_template, open_copy


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty database with the schema."""
    return make_template(tmp_path_factory.mktemp("template"))


@pytest.fixture
def lab(template: Path, tmp_path: Path) -> Iterator[PlayLab]:
    """A home of its own for the test."""
    (tmp_path / ".rediacc" / "spool").mkdir(parents=True)
    (tmp_path / "inventories" / "prod").mkdir(parents=True)
    database = open_copy(template, tmp_path / ".rediacc" / "rediacc.db")
    yield PlayLab(database, home=tmp_path)
    database.close()
