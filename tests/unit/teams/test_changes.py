"""File changes are atomic, keep mode and links, and refuse what somebody else changed."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from rediacc.errors import Conflict, InvalidInput, RediaccError
from rediacc.teams.changes import FileChange, apply_change, apply_changes, is_applied, read_file


def _change(path: Path, before: bytes | None, after: bytes | None) -> FileChange:
    return FileChange(path=path, before=before, after=after, summary="a test")


def test_apply_replaces_and_keeps_the_mode(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    path.chmod(0o640)
    change = _change(path, b"old", b"new")
    assert not is_applied(change)
    apply_change(change)
    assert is_applied(change)
    assert path.read_bytes() == b"new"
    assert path.stat().st_mode & 0o7777 == 0o640
    assert os.listdir(tmp_path) == ["file"]


def test_apply_follows_links_and_leaves_them(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    target = tmp_path / "real" / "file"
    target.write_bytes(b"old")
    link = tmp_path / "link"
    link.symlink_to("real/file")
    apply_change(_change(link, b"old", b"new"))
    assert link.is_symlink()
    assert target.read_bytes() == b"new"


def test_apply_makes_directories_and_prunes_them(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "file"
    apply_change(_change(path, None, b"new"))
    gone = FileChange(path=path, before=b"new", after=None, summary="", prunes=True)
    apply_change(gone)
    assert is_applied(gone)
    assert not path.parent.exists()
    assert path.parent.parent.exists()


@pytest.mark.parametrize(
    ("content", "before"), [(b"theirs", b"old"), (None, b"old"), (b"theirs", None), (b"", None)]
)
def test_apply_refuses_what_changed_meanwhile(
    tmp_path: Path, content: bytes | None, before: bytes | None
) -> None:
    path = tmp_path / "file"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(Conflict, match="meanwhile"):
        apply_change(_change(path, before, b"new"))
    assert read_file(path) == content
    assert sorted(os.listdir(tmp_path)) == (["file"] if content is not None else [])


def test_several_changes_are_all_or_none(tmp_path: Path) -> None:
    one, two, three = (tmp_path / name for name in ("one", "new/two", "three"))
    one.write_bytes(b"1")
    (tmp_path / "three").mkdir()
    blocked = _change(three / "x" / "y", None, b"3")
    (three / "x").write_bytes(b"no directory")
    with pytest.raises(RediaccError):
        apply_changes([_change(one, b"1", b"one"), _change(two, None, b"two"), blocked])
    assert one.read_bytes() == b"1"
    assert not two.parent.exists()


def test_several_changes_check_all_before_the_first(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    with pytest.raises(Conflict):
        apply_changes([_change(one, None, b"1"), _change(two, b"other", b"2")])
    assert not one.exists()


def test_concurrent_writers_lose_no_change(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"")

    def add(mark: bytes) -> None:
        done = 0
        while done < 20:
            before = read_file(path)
            assert before is not None
            try:
                apply_change(_change(path, before, before + mark))
            except Conflict:
                continue
            done += 1

    threads = [threading.Thread(target=add, args=(mark,)) for mark in (b"a", b"b", b"c")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(path.read_bytes()) == sorted(b"a" * 20 + b"b" * 20 + b"c" * 20)


def test_read_refuses_what_is_no_regular_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    for name in ("fifo", "."):
        with pytest.raises(InvalidInput):
            read_file(tmp_path / name)
