"""What the chain alone cannot tell: that its end is missing, or was written anew."""

from __future__ import annotations

import csv
import gzip
import hashlib
import json
import multiprocessing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from queue_lab import make_template, open_copy
from sqlalchemy import Connection, text

from rediacc.audit.chain import append_entry, entry_hash, find_break
from rediacc.audit.checkpoint import Checkpoint, read_checkpoint, remember_commits
from rediacc.audit.files import entry_of, read_entries, to_line, verify_entries
from rediacc.audit.reading import page_of
from rediacc.audit.verify import Verdict, verify_chain
from rediacc.errors import InvalidInput
from rediacc.storage.engine import Database, open_database


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_template(tmp_path_factory.mktemp("template"))


@pytest.fixture
def database(template: Path, tmp_path: Path) -> Iterator[Database]:
    opened = open_copy(template, tmp_path / "audit.db")
    remember_commits(opened, tmp_path)
    yield opened
    opened.close()


def _append(database: Database, *numbers: int, actor: str = "alice") -> None:
    """Add entries in one transaction."""
    with database.write() as connection:
        for number in numbers:
            _append_to(connection, number, actor=actor)


def _append_and_fail(database: Database) -> None:
    with database.write() as connection:
        _append_to(connection, 2)
        raise RuntimeError("power cut")


def _append_to(connection: Connection, number: int, *, actor: str = "alice") -> None:
    append_entry(
        connection,
        actor=actor,
        channel="cli",
        operation="task.update",
        object_name=f"task {number}",
        outcome="done",
        detail={"before": {"priority": 3}, "after": {"priority": number}, "ü": None},
        now=1_800_000_000_000_000 + number,
    )


def _verdict(database: Database, directory: Path, kept: Checkpoint | None = None) -> Verdict:
    with database.read() as connection:
        return verify_chain(connection, directory, kept=kept)


def _run(database: Database, sql: str) -> None:
    with database.write() as connection:
        connection.execute(text(sql))


def test_end_is_remembered_after_each_commit(database: Database, tmp_path: Path) -> None:
    for numbers in ((1,), (2, 3, 4), (5,)):
        _append(database, *numbers)
        remembered = read_checkpoint(tmp_path)
        assert remembered is not None
        assert remembered.seq == numbers[-1]
        verdict = _verdict(database, tmp_path)
        assert (verdict.problem, verdict.note, verdict.end) == ("", "", remembered)


def test_what_was_rolled_back_is_not_remembered(database: Database, tmp_path: Path) -> None:
    _append(database, 1)
    with pytest.raises(RuntimeError):
        _append_and_fail(database)
    _run(database, "SELECT 1")
    remembered = read_checkpoint(tmp_path)
    assert remembered is not None
    assert remembered.seq == 1
    _append(database, 2)
    assert not _verdict(database, tmp_path).problem


def test_missing_last_entries_are_found_and_stay_found(database: Database, tmp_path: Path) -> None:
    _append(database, *range(1, 9))
    _run(database, "DELETE FROM audit WHERE seq > 5")
    with database.read() as connection:
        assert find_break(connection) is None  # the chain alone cannot tell
    assert "ends at entry 5, and 8 was remembered" in _verdict(database, tmp_path).problem
    # Going on does not wipe the evidence out, not even past the number that was remembered.
    for number in range(6, 12):
        _append(database, number, actor="mallory")
        assert _verdict(database, tmp_path).problem


def test_empty_table_is_no_whole_chain(database: Database, tmp_path: Path) -> None:
    _append(database, 1, 2)
    _run(database, "DELETE FROM audit")
    assert "ends at entry 0, and 2 was remembered" in _verdict(database, tmp_path).problem


def test_end_that_was_written_anew_is_found(database: Database, tmp_path: Path) -> None:
    _append(database, *range(1, 6))
    kept = _verdict(database, tmp_path).end
    _run(database, "DELETE FROM audit WHERE seq > 3")
    (tmp_path / "audit.checkpoint").rename(tmp_path / "aside")
    _append(database, 4, 5, actor="mallory")
    assert not _verdict(database, tmp_path).problem
    (tmp_path / "aside").rename(tmp_path / "audit.checkpoint")
    assert "written anew" in _verdict(database, tmp_path).problem
    # Whoever forges the file too is caught by what was kept elsewhere.
    (tmp_path / "audit.checkpoint").unlink()
    _append(database, 6, actor="mallory")
    assert not _verdict(database, tmp_path).problem
    assert "does not hold the entry 5" in _verdict(database, tmp_path, kept).problem


def test_remembered_end_may_be_older_than_the_chain(database: Database, tmp_path: Path) -> None:
    """A crash between a commit and its note leaves an older one, which is on the chain."""
    _append(database, 1, 2)
    database.after_commit = None
    _append(database, 3, 4)
    assert not _verdict(database, tmp_path).problem
    remember_commits(database, tmp_path)
    _append(database, 5)
    remembered = read_checkpoint(tmp_path)
    assert remembered is not None
    assert remembered.seq == 5


@pytest.mark.parametrize("content", [b"", b"x" * 83, b"\xff\xfe", b"0" * 64 + b"@1\n"])
def test_damaged_note_is_told_and_replaced(
    database: Database, tmp_path: Path, content: bytes
) -> None:
    _append(database, 1)
    (tmp_path / "audit.checkpoint").write_bytes(content)
    verdict = _verdict(database, tmp_path)
    assert verdict.problem or "no end of the chain is remembered" in verdict.note
    if not verdict.problem:
        _append(database, 2)
        after = _verdict(database, tmp_path)
        assert (after.problem, after.note) == ("", "")


def test_note_that_cannot_be_written_ends_no_operation(database: Database, tmp_path: Path) -> None:
    (tmp_path / "audit.checkpoint").mkdir()
    _append(database, 1)
    assert _verdict(database, tmp_path).end.seq == 1


def test_many_processes_leave_the_last_end(database: Database, tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    database.close()
    workers = [
        context.Process(target=_write_some, args=(database.url, tmp_path, start))
        for start in (100, 200, 300)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
        assert worker.exitcode == 0
    verdict = _verdict(database, tmp_path)
    assert (verdict.problem, verdict.note, verdict.end.seq) == ("", "", 60)
    # At most as far behind as others were between their commit and their note.
    remembered = read_checkpoint(tmp_path)
    assert remembered is not None
    assert remembered.seq >= 58


def _write_some(url: str, directory: Path, start: int) -> None:
    database = open_database(url)
    remember_commits(database, directory)
    for number in range(start, start + 20):
        _append(database, number)
    database.close()


def test_chain_goes_on_from_an_archive(database: Database, tmp_path: Path) -> None:
    _append(database, *range(1, 6))
    with database.write() as connection:
        row = connection.execute(text("SELECT seq, hash FROM audit WHERE seq = 4")).one()
        connection.execute(
            text(
                "INSERT INTO archive (sort, path, sha256, rows, bytes, first, last, first_at, "
                "last_at, created_at, detail) VALUES ('audit', 'a', '', 4, 1, 1, 4, 0, 0, 0, :d)"
            ),
            {"d": json.dumps({"seq": row.seq, "hash": row.hash})},
        )
        connection.execute(text("DELETE FROM audit WHERE seq < 5"))
    assert not _verdict(database, tmp_path).problem
    _append(database, 6)
    verdict = _verdict(database, tmp_path, Checkpoint(seq=row.seq, hash=row.hash))
    assert (verdict.problem, verdict.first, verdict.end.seq) == ("", 5, 6)
    assert _verdict(database, tmp_path, Checkpoint(seq=4, hash="0" * 64)).problem
    _run(database, "DELETE FROM audit WHERE seq = 5")
    assert _verdict(database, tmp_path).problem == "the hash chain breaks at entry 6"


# -- files


@pytest.fixture
def entries(database: Database) -> list[dict[str, Any]]:
    _append(database, *range(1, 7), actor='al"ice,\n; ü')
    with database.read() as connection:
        return [entry_of(one) for one in page_of(connection, after=0, since=None, count=100)]


@pytest.mark.parametrize("name", ["a.jsonl", "a.csv", "a.jsonl.gz"])
def test_exported_file_is_verified_without_a_home(
    entries: list[dict[str, Any]], tmp_path: Path, name: str
) -> None:
    file = _written(entries, tmp_path / name)
    assert list(read_entries(file)) == entries
    verdict = verify_entries(read_entries(file))
    assert verdict.is_whole
    assert verdict.checkpoint == f"{entries[-1]['hash']}@6"
    for damage in ("actor", "detail", "at"):
        broken = [dict(entry) for entry in entries]
        broken[2][damage] = {"actor": "bob", "detail": {}, "at": 5}[damage]
        found = verify_entries(read_entries(_written(broken, tmp_path / name)))
        assert found.problem == "the hash chain breaks at entry 3"
    for left, seq in ((entries[:2] + entries[3:], 4), (entries[::-1], 5)):
        found = verify_entries(read_entries(_written(left, tmp_path / name)))
        assert found.problem == f"the hash chain breaks at entry {seq}"


def test_part_of_the_chain_is_verified_from_its_first_entry(
    entries: list[dict[str, Any]],
) -> None:
    verdict = verify_entries(entries[3:])
    assert (verdict.is_whole, verdict.first, verdict.note) == (
        True,
        4,
        "the file begins at entry 4",
    )
    kept = Checkpoint(seq=5, hash=entries[4]["hash"])
    assert verify_entries(entries, kept=kept).is_whole
    assert "does not hold the entry 5" in verify_entries(entries[:4], kept=kept).problem


def test_documented_recipe_gives_the_same_hash(entries: list[dict[str, Any]]) -> None:
    """docs/security.md shows these lines."""
    for entry in entries:
        covered = {name: value for name, value in entry.items() if name != "hash"}
        text_of = json.dumps(covered, sort_keys=True, separators=(",", ":"))
        assert hashlib.sha256(text_of.encode()).hexdigest() == entry["hash"] == entry_hash(entry)


@pytest.mark.parametrize(
    "content", ["", "{", "[]\n", '{"seq": 1}\n', "a,b\n1,2\n", "seq,at\nx,y\n", "\udcff", "\0"]
)
def test_other_files_are_refused_with_one_line(tmp_path: Path, content: str) -> None:
    file = tmp_path / "x.jsonl"
    file.write_bytes(content.encode("utf-8", "surrogateescape"))
    with pytest.raises(InvalidInput):
        verify_entries(read_entries(file))


def test_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="cannot be read"):
        list(read_entries(tmp_path / "nothing.jsonl"))


def _written(entries: list[dict[str, Any]], path: Path) -> Path:
    form = "csv" if path.suffix == ".csv" else "jsonl"
    lines = [to_line(entry, form=form) for entry in entries]
    if form == "csv":
        lines.insert(0, ",".join(entries[0]) + "\n")
        assert len(list(csv.reader(lines))) == len(entries) + 1
    content = "".join(lines).encode()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path
