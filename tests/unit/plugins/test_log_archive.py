# Copyright (c) 2026 the rediacc authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A log goes only when its archive is there, whole, and the log is still the one that was read."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.rediacc.core.plugins.modules import log_archive

OLD = 1_767_398_400
ARCHIVE = "shop.log.1.20260103T000000Z.gz"


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "shop.log.1"
    path.write_text("line\n" * 1000)
    os.utime(path, (OLD, OLD))
    return path


def _archive(directory: Path, **params: Any) -> log_archive.Archiver:
    values = {"patterns": ["*.log.*"], "age": "1d", "recurse": True, "destination": None}
    values |= {"keep": 0, "rotate_bytes": 0, "rotate_patterns": ["*.log"], **params}
    module = SimpleNamespace(params={"paths": [str(directory)], **values}, check_mode=False)
    archiver = log_archive.Archiver(module)
    archiver.run()
    return archiver


def _append(log: Path) -> None:
    with log.open("a") as stream:
        stream.write("one more\n")


def _replace(log: Path) -> None:
    log.rename(log.with_name("kept"))
    log.symlink_to("/etc/hostname")


@pytest.mark.parametrize("meddle", [_append, _replace])
@pytest.mark.parametrize("moment", ["compress", "free_name"])
def test_log_that_changes_meanwhile_stays(
    log: Path,
    monkeypatch: pytest.MonkeyPatch,
    meddle: Callable[[Path], None],
    moment: str,
) -> None:
    honest = getattr(log_archive, moment)

    def meddled(*arguments: Any) -> Any:
        result = honest(*arguments)
        meddle(log)
        return result

    monkeypatch.setattr(log_archive, moment, meddled)
    archiver = _archive(log.parent)
    assert [one["reason"] for one in archiver.found["left"]] == ["it was changed meanwhile"]
    assert archiver.found["archived"] == []
    left = {path.name for path in log.parent.iterdir()}
    assert left in ({"shop.log.1"}, {"shop.log.1", "kept"})


def test_log_that_changes_after_its_archive_got_its_name_stays(
    log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = os.rename

    def renamed(*arguments: Any, **places: Any) -> None:
        honest(*arguments, **places)
        _append(log)

    monkeypatch.setattr(log_archive.os, "rename", renamed)
    archiver = _archive(log.parent)
    assert [one["reason"] for one in archiver.found["left"]] == ["it was changed meanwhile"]
    assert log.read_text().endswith("one more\n")


def test_log_whose_archive_cannot_be_read_back_stays(
    log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_archive, "archived_digest", lambda _handle: ("", -1))
    archiver = _archive(log.parent)
    assert [path.name for path in log.parent.iterdir()] == ["shop.log.1"]
    (left,) = archiver.found["left"]
    assert left["reason"] == "its archive does not hold what it holds"


def test_full_disk_leaves_the_log_and_nothing_half_made(
    log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fill(*_arguments: Any) -> Any:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(log_archive, "compress", fill)
    archiver = _archive(log.parent)
    assert archiver.failures == [f"{log}: No space left on device"]
    assert [path.name for path in log.parent.iterdir()] == ["shop.log.1"]


def test_links_lead_nowhere(log: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    target = elsewhere / "other.log.1"
    target.write_text("x")
    os.utime(target, (OLD, OLD))
    (log.parent / "linked").symlink_to(elsewhere)
    (log.parent / "link.log.1").symlink_to(target)
    archiver = _archive(log.parent)
    assert [Path(one["archive"]).name for one in archiver.found["archived"]] == [ARCHIVE]
    assert [path.name for path in elsewhere.iterdir()] == ["other.log.1"]


def test_only_half_made_files_that_are_old_are_swept(
    log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    partial = log.with_name(".log_archive.abc")
    partial.write_text("half")
    _archive(log.parent)
    assert partial.exists()
    monkeypatch.setattr(log_archive, "STALE_SECONDS", -1)
    _archive(log.parent)
    assert not partial.exists()
    assert [path.name for path in log.parent.iterdir()] == [ARCHIVE]


def test_renamed_log_leaves_an_empty_one_like_it(log: Path) -> None:
    big = log.with_name("shop.log")
    big.write_text("x" * 100)
    big.chmod(0o640)
    archiver = _archive(log.parent, rotate_bytes=100)
    (rotated,) = archiver.found["rotated"]
    assert Path(rotated["renamed"]).read_text() == "x" * 100
    assert (big.read_text(), big.stat().st_mode & 0o777) == ("", 0o640)
