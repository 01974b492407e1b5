# Copyright (c) 2026 the rediacc authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A play by hand takes nothing from a home or a directory that is another account's."""

from __future__ import annotations

import os
import pwd
from pathlib import Path
from types import SimpleNamespace

import pytest
from ansible_collections.rediacc.core.plugins.callback.results import _is_censored
from ansible_collections.rediacc.core.plugins.plugin_utils._spool import Spool, find_home


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    home = tmp_path / "home"
    (home / "work").mkdir(parents=True)
    (home / "rediacc.toml").touch()
    (home / ".rediacc" / "spool").mkdir(parents=True)
    (home / ".rediacc" / "spool").chmod(0o700)
    monkeypatch.chdir(home / "work")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return home


def test_home_that_is_not_named_is_ones_own(home: Path) -> None:
    assert find_home(None) == str(home)
    assert find_home(str(home)) == str(home)
    (home / "rediacc.toml").chmod(0o666)
    assert find_home(None) is None
    assert find_home(str(home)) == str(home)
    (home / "rediacc.toml").chmod(0o644)
    if os.geteuid() == 0:
        os.chown(home, pwd.getpwnam("nobody").pw_uid, -1)
        assert find_home(None) is None


def test_notes_are_files_of_ones_own(home: Path, tmp_path: Path) -> None:
    spool = home / ".rediacc" / "spool"
    (tmp_path / "secret").write_text("not to be told")
    os.mkfifo(spool / "a.refused")
    (spool / "b.refused").symlink_to(tmp_path / "secret")
    (spool / "c.refused").write_text("a play was not recorded")
    assert Spool(str(home)).take_notes() == ["a play was not recorded"]
    assert not (spool / "c.refused").exists()


def test_spool_that_others_can_write_or_that_leads_elsewhere_is_not_used(home: Path) -> None:
    spool = home / ".rediacc" / "spool"
    spool.chmod(0o777)
    Spool(str(home)).begin({})
    assert list(spool.iterdir()) == []
    elsewhere = home / "elsewhere"
    elsewhere.mkdir(mode=0o700)
    spool.rmdir()
    spool.symlink_to(elsewhere)
    Spool(str(home)).begin({})
    assert list(elsewhere.iterdir()) == []


@pytest.mark.parametrize(
    ("answer", "is_hidden"),
    [
        ({"censored": "the output has been hidden", "changed": True}, True),
        ({"censored": "hidden", "results": [], "attempts": 2, "_ansible_no_log": True}, True),
        ({"censored": "nothing here", "changed": True, "rc": 0, "stdout": "done"}, False),
        ({"changed": True}, False),
    ],
)
def test_a_machine_cannot_have_its_result_hidden(
    answer: dict[str, object], is_hidden: bool
) -> None:
    assert _is_censored(SimpleNamespace(result=answer)) is is_hidden
