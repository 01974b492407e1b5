# Copyright (c) 2026 the rediacc authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the filters and the callbacks make of plain values."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ansible_collections.rediacc.core.plugins.plugin_utils._end_of_play import (  # isort: skip
    PlaybookEnd,
)
from ansible_collections.rediacc.core.plugins.plugin_utils._task_results import (  # isort: skip
    machines_by_outcome,
)

_ONE = {"hosts": {"ok": ["b", "a"], "failed": [], "lost": ["c"]}}
_TWO = {"hosts": {"ok": ["d"], "failed": ["a"]}}


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (_ONE, {"lost": ["c"], "ok": ["a", "b"]}),
        ([_ONE, _TWO], {"failed": ["a"], "lost": ["c"], "ok": ["a", "b", "d"]}),
        ({"tasks": [_TWO]}, {"failed": ["a"], "ok": ["d"]}),
        ({"results": [{"skipped": True}, {"tasks": [_TWO]}]}, {"failed": ["a"], "ok": ["d"]}),
        ([], {}),
    ],
)
def test_machines_are_summed_up_by_outcome(value: Any, found: dict[str, list[str]]) -> None:
    assert machines_by_outcome(value) == found


@pytest.mark.parametrize("value", ["text", 3, None, {"rc": 0}, [{"hosts": ["a"]}]])
def test_what_is_no_result_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match="this is no result"):
        machines_by_outcome(value)


def test_playbook_is_named_as_in_the_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home, elsewhere = tmp_path / "home", tmp_path / "elsewhere"
    for path in (home / "playbooks" / "site.yml", elsewhere / "site.yml"):
        path.parent.mkdir(parents=True)
        path.touch()
    link = tmp_path / "link"
    link.symlink_to(home)

    def named(playbook: str) -> str:
        end = PlaybookEnd(key="", playbook=playbook, failed=[], unreachable=[], fine=[])
        return str(end.name_in(str(link)))

    monkeypatch.chdir(home / "playbooks")
    assert named("site.yml") == "playbooks/site.yml"
    assert named("../playbooks/site.yml") == "playbooks/site.yml"
    assert named(str(elsewhere / "site.yml")) == str(elsewhere / "site.yml")
    assert named("rediacc.core.check_machines") == "rediacc.core.check_machines"
