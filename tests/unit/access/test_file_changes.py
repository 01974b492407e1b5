"""Two people who change files at the same moment: no intent is taken for what a crash left."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import pytest
from sqlalchemy import text
from world import World

from rediacc.operations import files
from rediacc.requests import MachineCreate, MachineRef, TeamCreate
from rediacc.teams.changes import FileChange, apply_changes

_RECOVERED = text("SELECT COUNT(*) FROM audit WHERE detail LIKE '%recovered%'")


def test_change_under_way_is_not_settled_by_another(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    team, machine = world.fresh("team"), world.fresh("machine")
    others: list[threading.Thread] = []

    def create_machine() -> None:
        request = MachineCreate(name=machine, team="staging", host="127.0.0.1", port=1)
        world.owner("machine.create", request)

    def apply(changes: Sequence[FileChange]) -> None:
        if not others:
            others.append(threading.Thread(target=create_machine))
            others[0].start()
            others[0].join(2.0)  # as far as it comes without us
        apply_changes(changes)

    monkeypatch.setattr(files, "apply_changes", apply)
    world.owner("team.create", TeamCreate(name=team, ssh="user"))
    others[0].join()
    with world.database.read() as connection:
        assert connection.execute(_RECOVERED).scalar_one() == 0
    found = world.owner("machine.inspect", MachineRef(name=machine))
    assert found is not None
