# Copyright (c) 2026 the rediacc authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names, ages and archives of log files."""

from __future__ import annotations

import gzip
import io
import os
import subprocess
from pathlib import Path

import pytest
from ansible_collections.rediacc.core.plugins.module_utils import _logs as logs


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("0", 0), ("90", 90), ("90s", 90), ("2m", 120), ("1d", 86400), (" 2w ", 1209600)]
    + [(text, None) for text in ("", "d", "-1", "1.5h", "1 d", "1y")],
)
def test_age_is_read(text: str, seconds: int | None) -> None:
    assert logs.read_age(text) == seconds


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("app.log", "app.log"),
        ("app.log.1", "app.log"),
        ("app.log-20260131", "app.log"),
        ("app.log.2026-01-31", "app.log"),
        ("app.log-20260131T235959Z", "app.log"),
        ("app.log.20260131-2359.2", "app.log"),
        ("app2.log", "app2.log"),
        ("web-10.log.3", "web-10.log"),
        ("app.log.old", "app.log.old"),
        (".1", ".1"),
    ],
)
def test_rotations_of_a_log_are_one_log(name: str, stem: str) -> None:
    assert logs.stem(name) == stem


def test_only_archives_beyond_the_newest_of_each_log_are_surplus() -> None:
    names = [
        "a.log.1.20260103T000000Z.gz",
        "a.log.2.20260102T000000Z.gz",
        "a.log.20260101T000000Z.gz",
        "a.log.1.20260103T000000Z-2.gz",
        "b.log.1.20250101T000000Z.gz",
        "a.log.1.gz",
        "a.log.1",
    ]
    assert logs.surplus(names, 0) == []
    assert logs.surplus(names, 2) == ["a.log.2.20260102T000000Z.gz", "a.log.20260101T000000Z.gz"]
    assert logs.surplus(names, 4) == []


def _place(path: Path) -> int:
    return os.open(path, os.O_RDONLY | os.O_DIRECTORY)


def test_archive_holds_what_the_log_holds_and_a_damaged_one_holds_nothing(tmp_path: Path) -> None:
    with (tmp_path / "log").open("w+b") as source, (tmp_path / "x.gz").open("w+b") as target:
        source.write(b"line\n" * 10_000)
        source.seek(0)
        held = logs.compress(source, target)
        assert held[1] == 50_000
        assert logs.archived_digest(target) == held
    whole = (tmp_path / "x.gz").read_bytes()
    assert gzip.decompress(whole) == b"line\n" * 10_000
    for damaged in (whole[:-1], whole[: len(whole) // 2], b"", whole[:20] + b"?" + whole[21:]):
        assert logs.archived_digest(io.BytesIO(damaged)) != held


def test_archive_that_is_there_and_holds_the_same_is_taken(tmp_path: Path) -> None:
    seconds = 1_767_398_400
    directory = _place(tmp_path)
    try:
        name = "a.log.1.20260103T000000Z.gz"
        with (tmp_path / "a.log.1").open("w+b") as source, (tmp_path / "x").open("w+b") as target:
            source.write(b"one")
            source.seek(0)
            held = logs.compress(source, target)
        assert logs.free_name("a.log.1", seconds, directory, held) == (name, False)
        (tmp_path / "x").rename(tmp_path / name)
        assert logs.free_name("a.log.1", seconds, directory, held) == (name, True)
        other = ("0" * 64, 3)
        second = name.replace("Z.gz", "Z-2.gz")
        assert logs.free_name("a.log.1", seconds, directory, other) == (second, False)
    finally:
        os.close(directory)


def test_files_that_processes_have_open_are_seen(tmp_path: Path) -> None:
    path = tmp_path / "open.log"
    path.write_text("x")
    status = path.stat()
    with path.open() as stream:
        process = subprocess.Popen(["cat"], stdin=subprocess.PIPE, stderr=stream)
    try:
        assert (status.st_dev, status.st_ino) in logs.open_files()
    finally:
        process.communicate()
    assert (status.st_dev, status.st_ino) not in logs.open_files()
