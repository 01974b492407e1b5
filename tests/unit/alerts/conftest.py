"""Databases for the tests of alerts: copies of one that was migrated once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from alert_lab import AlertLab
from queue_lab import make_template, open_copy

from rediacc.settings.alerts import AlertSettings


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty database with the schema."""
    return make_template(tmp_path_factory.mktemp("template"))


@pytest.fixture
def make_lab(template: Path, tmp_path: Path) -> Iterator[Callable[[AlertSettings], AlertLab]]:
    """Make a home with alert settings of the test's own."""
    made: list[AlertLab] = []

    def make(alerts: AlertSettings) -> AlertLab:
        database = open_copy(template, tmp_path / f"queue-{len(made)}.db")
        made.append(AlertLab(database, tmp_path, alerts))
        return made[-1]

    yield make
    for lab in made:
        lab.database.close()


@pytest.fixture
def lab(make_lab: Callable[[AlertSettings], AlertLab]) -> AlertLab:
    """A home with one file as its channel, and limits that a test need not wait for."""
    return make_lab(AlertLab.quick())
