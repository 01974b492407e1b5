"""What is over moves to files and stays whole; nothing is lost or doubled, whoever dies when."""

from __future__ import annotations

import gzip
import json
import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from archive_lab import ArchiveLab
from queue_lab import new_task
from sqlalchemy import text

from rediacc.archives.checking import check_archives, list_archives
from rediacc.archives.mover import cutoffs
from rediacc.archives.reading import list_archived
from rediacc.audit.chain import GENESIS, archived_end, find_break
from rediacc.errors import ArchiveDamaged, Conflict, NotFound, RediaccError
from rediacc.queue import changes, reading
from rediacc.queue.submit import submit
from rediacc.queue.sweep import find_violations
from rediacc.requests import TaskFilter
from rediacc.settings import Retention
from rediacc.times import seconds
from rediacc.values import Kind, PublicState

DAY = 86400.0


def _listed(lab: ArchiveLab, **wanted: object) -> list[int]:
    found = list_archived(
        lab.database, lab.state, TaskFilter(is_archived=True, **wanted), teams=None
    )
    assert all(view.is_archived for view in found)
    return [view.id for view in found]


def _files(lab: ArchiveLab, pattern: str = "*.jsonl.gz") -> list[Path]:
    return sorted((lab.state / "archive").glob(f"*/*/{pattern}"))


def test_archived_task_reads_as_before(lab: ArchiveLab) -> None:
    ids = [
        lab.finish("a", "b", labels={"env": "x"}, named="deploy", idempotency_key="k"),
        lab.finish("a", fails=True, timeout_seconds=3.5),
        lab.finish("b", kind=Kind.PLAYBOOK),
    ]
    lab.deliver_all()
    before = {one: lab.whole(one) for one in ids}
    assert lab.archive().sorts[0].rows == 3
    assert lab.places(*ids) == dict.fromkeys(ids, "archive")
    assert {one: lab.whole(one) for one in ids} == before


def test_nothing_of_an_archived_task_stays(lab: ArchiveLab) -> None:
    empty = lab.snapshot(without=("audit", "fair", "counter", "wake"))
    lab.finish("a", "b", labels={"env": "x"}, fails=True)
    lab.finish("a", "b", kind=Kind.PLAYBOOK)
    lab.deliver_all()
    lab.archive()
    assert lab.snapshot(without=("audit", "fair", "counter", "wake")) == empty
    assert not lab.query("SELECT * FROM label")
    assert not lab.query("SELECT * FROM counter WHERE state > 0 AND number <> 0")
    with lab.database.read() as connection:
        assert find_violations(connection) == []


def _keep_pending(lab: ArchiveLab) -> int:
    return lab.submit("a")


def _keep_running(lab: ArchiveLab) -> int:
    task_id = lab.submit("a")
    lab.claim()
    lab.start(task_id)
    return task_id


def _keep_untold(lab: ArchiveLab) -> int:
    return lab.finish("a", fails=True)


def _keep_alerted(lab: ArchiveLab, *, is_newest: bool = True) -> int:
    task_id = lab.finish("a", fails=True)
    lab.deliver_all()
    with lab.database.write() as connection:
        connection.execute(
            text(
                "INSERT INTO alert (key, rule, team, severity, state, title, number, first_at, "
                "last_at, task_id, detail) VALUES ('k', 'r', 'prod', 's', 'acknowledged', 't', 1, "
                "1, 1, :newest, :detail)"
            ),
            {
                "newest": task_id if is_newest else None,
                "detail": json.dumps({"tasks": [] if is_newest else [task_id]}),
            },
        )
    return task_id


def _keep_grouped(lab: ArchiveLab) -> int:
    """One of several that failed of one cause: the alert's row names only the newest."""
    return _keep_alerted(lab, is_newest=False)


def _keep_young(lab: ArchiveLab) -> int:
    lab.pass_time(10)
    return lab.finish("a")


@pytest.mark.parametrize(
    "keep",
    [_keep_pending, _keep_running, _keep_untold, _keep_alerted, _keep_grouped, _keep_young],
)
def test_what_is_not_over_stays(lab: ArchiveLab, keep: Callable[[ArchiveLab], int]) -> None:
    old = lab.finish("b")
    kept = keep(lab)
    lab.archive(older=1 if keep is _keep_young else 0)
    assert lab.places(old, kept) == {old: "archive", kept: "database"}


STEPS = ("written", "recorded", "published", "removed 0", "done", "moved")


def test_kill_between_any_two_steps_loses_and_doubles_nothing(lab: ArchiveLab) -> None:
    ids: list[int] = []
    before = {}
    deaths = [("tasks", step) for step in STEPS] + [("audit", step) for step in STEPS[:3]]
    for sort, step in deaths:
        # Enough rows for two short transactions, so that the kill may come between them.
        machines = [f"m{number:02}" for number in range(60)] if step == "removed 0" else ["a"]
        kind = Kind.PLAYBOOK if step == "removed 0" else Kind.COMMAND
        new = [lab.finish(*machines, labels={"step": step}, kind=kind) for _turn in range(3)]
        before |= {one: lab.whole(one) for one in new}
        ids += new
        lab.archive_killed_at(step, sort)
        places = lab.places(*ids)
        assert set(places.values()) <= {"database", "archive"}, (sort, step, places)
        assert {one: lab.whole(one) for one in new} == {one: before[one] for one in new}
        assert sorted(_listed(lab, limit=100)) == [
            one for one in ids if places[one] == "archive"
        ], (sort, step)
        _check_chain(lab)
    entries = len(lab.query("SELECT seq FROM audit"))
    lab.archive("tasks", "audit")
    assert lab.places(*ids) == dict.fromkeys(ids, "archive")
    assert sorted(_listed(lab, limit=100)) == ids
    assert {one: lab.whole(one) for one in ids} == before
    assert {one.status for one in check_archives(lab.database, lab.state)} == {"ok"}
    assert not _files(lab, "*.part")
    assert not lab.query("SELECT * FROM step")
    rows = lab.query("SELECT sort, rows, detail FROM archive")
    # A file that a crash left half done was gone on with: no task lies in two.
    assert {json.loads(row.detail)["state"] for row in rows} == {"done"}
    assert sum(row.rows for row in rows if row.sort == "tasks") == len(ids)
    archived = [json.loads(line) for path in _files(lab) if "audit" in str(path)
                for line in gzip.decompress(path.read_bytes()).splitlines()]  # fmt: skip
    left = len(lab.query("SELECT seq FROM audit"))
    assert sorted(entry["seq"] for entry in archived) == list(range(1, len(archived) + 1))
    assert len(archived) + left >= entries


def _check_chain(lab: ArchiveLab) -> None:
    """The entries in the database go on where the last archived one ended."""
    with lab.database.read() as connection:
        assert find_break(connection) is None
        seq, _hash = archived_end(connection)
        first = connection.execute(text("SELECT MIN(seq) FROM audit")).scalar_one()
    assert first == seq + 1


def test_draft_that_a_crash_left_is_dropped_and_others_files_are_not(lab: ArchiveLab) -> None:
    task_id = lab.finish("a")
    directory = lab.state / "archive" / "tasks" / "2027"
    directory.mkdir(parents=True)
    (directory / "20270115-1-abcdef.jsonl.gz.part").write_bytes(b"half")
    (directory / "20260115-9-abcdef.jsonl.gz").write_bytes(b"from another database")
    lab.archive()
    assert lab.places(task_id) == {task_id: "archive"}
    assert not _files(lab, "*.part")
    stranger = [one for one in check_archives(lab.database, lab.state) if one.status != "ok"]
    assert [(one.status, one.id) for one in stranger] == [("unknown", None)]


def test_task_that_somebody_changes_meanwhile_stays(lab: ArchiveLab) -> None:
    same, changed = lab.finish("a"), lab.finish("b", fails=True)
    lab.deliver_all()

    def retry_it(step: str) -> None:
        if step == "written":
            with lab.database.write() as connection:
                changes.retry(connection, changed, rules=lab.rules, actor="bob", now=lab.now)

    assert lab.archive(step=retry_it).sorts[0].rows == 1
    assert lab.places(same, changed) == {same: "archive", changed: "database"}
    assert _listed(lab) == [same]
    assert lab.claim_ids() == [changed]
    lab.run(changed)
    assert lab.archive().sorts[0].rows == 1
    assert lab.whole(changed)["view"].state is PublicState.SUCCEEDED
    assert {one.status for one in check_archives(lab.database, lab.state)} == {"ok"}


def test_numbers_do_not_come_back(lab: ArchiveLab) -> None:
    last = lab.finish("a")
    lab.archive()
    assert lab.submit("a") == last + 1


def test_key_and_uuid_of_an_archived_task_mean_it_for_ever(lab: ArchiveLab) -> None:
    uid = "550e8400-e29b-41d4-a716-446655440000"
    task_id = lab.finish("a", uid=uid, idempotency_key="nightly")
    lab.archive()
    for fields in ({"idempotency_key": "nightly"}, {"uid": uid}):
        with lab.database.write() as connection:
            again = submit(connection, new_task("a", **fields), rules=lab.rules, now=lab.now)
        assert (again.id, again.is_new) == (task_id, False)
        assert again.archive_id is not None
        other = new_task("a", digest="other", **fields)
        with pytest.raises(Conflict, match="something else"), lab.database.write() as connection:
            submit(connection, other, rules=lab.rules, now=lab.now)
    # A key belongs to a team.
    with lab.database.write() as connection:
        task = new_task("a", team="dev", idempotency_key="nightly")
        assert submit(connection, task, rules=lab.rules, now=lab.now).is_new


def test_archived_task_cannot_be_changed(lab: ArchiveLab) -> None:
    task_id = lab.finish("a")
    lab.archive()
    with lab.database.read() as connection:
        with pytest.raises(Conflict, match="archived"):
            reading.find_id(connection, str(task_id))
        with pytest.raises(NotFound):
            reading.find_id(connection, str(task_id + 1))


def test_list_filters_before_the_limit_over_all_files(lab: ArchiveLab) -> None:
    prod = [lab.finish("a", labels={"env": "x"}) for _turn in range(3)]
    lab.archive()
    dev = [lab.finish("b", team="dev", level=2) for _turn in range(2)]
    lab.archive()
    failed = lab.finish("a", fails=True)
    lab.deliver_all()
    lab.archive()
    cancelled = lab.submit("a", created_by="bob")
    with lab.database.write() as connection:
        changes.cancel(connection, cancelled, actor="bob", now=lab.now)
    lab.archive()
    assert _listed(lab) == [cancelled, failed, *dev[::-1], *prod[::-1]]
    for wanted, found in (
        ({"limit": 2}, [cancelled, failed]),
        ({"team": "dev"}, dev[::-1]),
        ({"team": "prod", "limit": 3, "labels": {"env": "x"}}, prod[::-1]),
        ({"labels": {"env": "x"}, "limit": 1}, prod[-1:]),
        ({"states": (PublicState.FAILED,)}, [failed]),
        ({"priority": 2, "limit": 1}, dev[-1:]),
        ({"machine": "b"}, dev[::-1]),
        ({"created_by": "bob"}, [cancelled]),
        ({"named": "none"}, []),
    ):
        assert _listed(lab, **wanted) == found, wanted
    only_dev = list_archived(lab.database, lab.state, TaskFilter(), teams=("dev",))
    assert [view.id for view in only_dev] == dev[::-1]


def test_files_are_private_and_have_a_manifest(lab: ArchiveLab) -> None:
    lab.finish("a")
    lab.archive()
    (path,) = _files(lab)
    (row,) = list_archives(lab.database, lab.state)
    assert path.parent.name == "2027"
    for one in (path, *_files(lab, "*.json")):
        assert stat.S_IMODE(one.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    manifest = json.loads(path.with_name(path.name[:-9] + ".manifest.json").read_text())
    assert (manifest["sha256"], manifest["rows"], manifest["bytes"]) == (
        row.sha256, 1, path.stat().st_size
    )  # fmt: skip


@pytest.mark.parametrize(
    ("harm", "status", "words"),
    [
        (lambda path: path.unlink(), "missing", "missing"),
        (lambda path: path.write_bytes(path.read_bytes()[:-1] + b"!"), "changed", "changed"),
        (lambda path: path.write_bytes(b""), "changed", "changed"),
    ],
)
def test_damaged_file_is_named_clearly(
    lab: ArchiveLab, harm: Callable[[Path], None], status: str, words: str
) -> None:
    task_id = lab.finish("a")
    lab.archive()
    (path,) = _files(lab)
    harm(path)
    (found,) = check_archives(lab.database, lab.state)
    assert found.status == status
    for read in (lambda: lab.whole(task_id), lambda: _listed(lab)):
        with pytest.raises(ArchiveDamaged, match=words) as caught:
            read()
        assert path.name in caught.value.message
        assert "verify archive" in caught.value.hint
    # What comes after is archived all the same.
    other = lab.finish("a")
    lab.archive()
    assert lab.places(other) == {other: "archive"}


def test_changed_manifest_is_found(lab: ArchiveLab) -> None:
    lab.finish("a")
    lab.archive()
    (manifest,) = _files(lab, "*.manifest.json")
    manifest.write_text(manifest.read_text().replace('"rows": 1', '"rows": 2'))
    (found,) = check_archives(lab.database, lab.state)
    assert (found.status, "manifest" in found.message) == ("changed", True)


def test_file_put_in_place_of_another_is_found(lab: ArchiveLab) -> None:
    """One whose checksums all fit each other, but not what the database remembers."""
    lab.finish("a")
    lab.archive()
    (path,) = _files(lab)
    document = json.loads(gzip.decompress(path.read_bytes()))
    document["task"]["created_by"] = "mallory"
    path.write_bytes(gzip.compress(json.dumps(document).encode() + b"\n"))
    (found,) = check_archives(lab.database, lab.state)
    assert found.status == "changed"


def test_audit_goes_on_over_archives(lab: ArchiveLab) -> None:
    lab.note(5)
    lab.archive("audit")
    lab.note(3)
    _check_chain(lab)
    with lab.database.read() as connection:
        seq, _hash = archived_end(connection)
    assert seq > 0
    lab.archive("audit")
    _check_chain(lab)
    assert {one.status for one in check_archives(lab.database, lab.state)} == {"ok"}
    # The newest entry stays: the next one is numbered after it.
    assert lab.query("SELECT COUNT(*) AS number FROM audit")[0].number >= 1


def test_audit_keeps_what_has_no_outcome_yet(lab: ArchiveLab) -> None:
    from rediacc.audit.chain import append_entry

    def note(outcome: str, **detail: object) -> int:
        with lab.database.write() as connection:
            return append_entry(
                connection, actor="a", channel="cli", operation="team.create", object_name="t",
                outcome=outcome, detail=detail, now=lab.now,
            )  # fmt: skip

    settled = note("intent", files=[])
    note("done", intent=settled)
    unsettled = note("intent", files=[])
    note("refused", why="x")
    lab.archive("audit")
    left = [row.seq for row in lab.query("SELECT seq FROM audit ORDER BY seq")]
    assert left[0] == unsettled
    note("done", intent=unsettled)
    lab.archive("audit")
    assert lab.query("SELECT MIN(seq) AS first FROM audit")[0].first > unsettled


def test_broken_audit_is_not_put_away(lab: ArchiveLab) -> None:
    lab.note(5)
    with lab.database.write() as connection:
        connection.execute(text("UPDATE audit SET actor = 'mallory' WHERE seq = 3"))
    with pytest.raises(ArchiveDamaged, match="broken at entry 3"):
        lab.archive("audit")
    assert len(lab.query("SELECT seq FROM audit")) == 5
    assert lab.query("SELECT * FROM archive") == []


def test_samples_move_by_their_age(lab: ArchiveLab) -> None:
    with lab.database.write() as connection:
        connection.execute(
            text(
                "INSERT INTO sample (team, machine, at, is_reachable, cpu_percent) "
                "VALUES ('prod', 'a', :at, 1, 12.5)"
            ),
            [{"at": lab.now - seconds(age)} for age in range(2500)],
        )
    moved = lab.archive("samples", older=100).sorts[0]
    assert moved.rows == 2400
    assert len(lab.query("SELECT id FROM sample")) == 100
    (path,) = _files(lab)
    lines = gzip.decompress(path.read_bytes()).splitlines()
    assert json.loads(lines[0]) == json.loads(lines[0]) | {"machine": "a", "cpu_percent": 12.5}


def test_each_file_is_named_in_the_audit(lab: ArchiveLab) -> None:
    lab.finish("a")
    lab.archive()
    (entry,) = lab.query("SELECT * FROM audit WHERE operation = 'archive.run'")
    (row,) = list_archives(lab.database, lab.state)
    assert entry.object == row.path
    assert json.loads(entry.detail)["sha256"] == row.sha256


def test_database_shrinks(lab: ArchiveLab, capsys: pytest.CaptureFixture[str]) -> None:
    assert lab.database.path is not None
    empty = lab.archive().database_bytes_after
    for number in range(100):
        lab.finish("a", "b", output=f"{number}: " + "all is well with this machine\n" * 500)
    filled = lab.archive("samples").database_bytes_after
    assert lab.database.path.stat().st_size == filled
    answer = lab.archive()
    left = lab.database.path.stat().st_size
    assert answer.database_bytes_after == left
    archived = sum(path.stat().st_size for path in _files(lab))
    with capsys.disabled():
        print(
            f"\n100 tasks: the database {filled} -> {left} bytes (empty: {empty}), "
            f"the archive {archived} bytes"
        )
    assert left - empty < (filled - empty) / 20
    assert archived < (filled - empty) / 20


def test_only_one_process_moves_at_a_time(lab: ArchiveLab) -> None:
    lab.finish("a")

    def another(step: str) -> None:
        if step == "written":
            with pytest.raises(Conflict, match="another process"):
                lab.archive()

    assert lab.archive(step=another).sorts[0].rows == 1


def test_unwritable_archive_leaves_everything_where_it_is(lab: ArchiveLab) -> None:
    task_id = lab.finish("a")
    (lab.state / "archive").mkdir()
    (lab.state / "archive" / "tasks").write_text("in the way")
    with pytest.raises(RediaccError, match="cannot write the archive"):
        lab.archive()
    assert lab.places(task_id) == {task_id: "database"}
    os.unlink(lab.state / "archive" / "tasks")
    lab.archive()
    assert lab.places(task_id) == {task_id: "archive"}


def test_cutoffs_are_whole_days_and_leave_out_what_is_kept_for_ever() -> None:
    now = seconds(1000 * DAY + 5000)
    found = cutoffs(Retention(tasks=90 * DAY, samples=60.0, audit=None), now=now)
    assert found == {"tasks": seconds(910 * DAY), "samples": now - seconds(60)}


def test_the_chain_begins_at_the_genesis_where_nothing_is_archived(lab: ArchiveLab) -> None:
    with lab.database.read() as connection:
        assert archived_end(connection) == (0, GENESIS)
