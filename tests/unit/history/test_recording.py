"""What lies in a spool becomes a task once, whole, and only as what it was seen to be."""

from __future__ import annotations

import os
import uuid
from datetime import UTC, datetime
from pathlib import Path

import pytest
from play_lab import END, PlayLab, header, result, stats
from sqlalchemy import text

from rediacc.access.identity import account_name
from rediacc.errors import Conflict, InvalidInput
from rediacc.monitoring.flows import read_flows, total_flow
from rediacc.queue import changes, reading
from rediacc.queue.output import log_entries
from rediacc.queue.steps import steps_of
from rediacc.queue.sweep import find_violations
from rediacc.times import micros
from rediacc.values import Kind, PublicState


def _task(lab: PlayLab, task_id: int | None) -> reading.TaskView:
    assert task_id is not None
    with lab.database.read() as connection:
        return reading.view_task(connection, task_id)


def test_a_play_becomes_a_task_that_is_over(lab: PlayLab) -> None:
    brought = lab.bring(lab.leave(lab.whole()))
    view = _task(lab, brought.task_id)
    assert (view.state, view.reason, view.rc) == (PublicState.SUCCEEDED, "done", 0)
    assert (view.team, view.kind, view.title, view.origin) == (
        "prod",
        "playbook",
        "site.yml",
        "hand",
    )
    assert view.machines == ("web1",)
    assert view.created_by == account_name(os.getuid())
    assert (view.elapsed_seconds, view.queue_seconds) == (9.0, None)
    with lab.database.read() as connection:
        payload, _policy, _row = reading.payload_of(connection, view.id)
        (event,) = reading.timeline_of(connection, view.id)
        (step,) = steps_of(connection, view.id, epochs={1: 1}, machine=None, statuses=())
        (entry,) = log_entries(connection, view.id, Kind.PLAYBOOK, 0)
        assert find_violations(connection) == []
        flows = read_flows(connection, since=0, until=2**60)
        # What counts failures by time finds its first row by halving.
        (at,) = (row.at for row in lab.query("SELECT at FROM result"))
        assert at > micros(datetime(2026, 1, 1, 12, tzinfo=UTC))
    assert payload["options"]["check"] is True
    assert payload["options"]["tags"] == ["web"]
    assert event.detail["limit"] == "web*"
    assert event.detail["extra_variables"] == "version"
    assert (step.machine, step.task, step.status) == ("web1", "install", "changed")
    assert "TASK" not in entry.text
    assert "web1: ok=1 changed=1" in entry.text
    # The queue had no part in it.
    assert not lab.query("SELECT * FROM counter WHERE number <> 0")
    assert not lab.query("SELECT * FROM outbox")
    total = total_flow(flows).get(("prod", 3))
    assert total is None or (total.arrivals, total.starts, total.completions) == (0, 0, 0)
    assert lab.spool.waiting() == []


def test_a_play_is_recorded_once_also_when_its_file_comes_again(lab: PlayLab) -> None:
    records = lab.whole()
    spool_id = lab.leave(records)
    first = lab.bring(spool_id)
    again = lab.bring(lab.leave(records, spool_id=spool_id))
    assert first.task_id == again.task_id
    assert len(lab.query("SELECT id FROM task")) == 1
    assert len(lab.query("SELECT * FROM step")) == 1
    assert len(lab.query("SELECT * FROM result")) == 1
    assert len(lab.query("SELECT * FROM audit WHERE operation = 'history.record'")) == 1


def test_a_large_play_is_whole_also_when_recording_it_was_broken_off(lab: PlayLab) -> None:
    machines = [f"m{number:04}" for number in range(400)]
    results = [result(name, seq=number + 2) for number, name in enumerate(machines)]
    ends = stats(**{name: {"ok": 1} for name in machines})
    spool_id = lab.leave([header(lab.home), *results, ends])
    content = lab.path(spool_id).read_bytes()
    task_id = lab.bring(spool_id).task_id
    for table in ("result", "step"):
        assert len(lab.query(f"SELECT * FROM {table}")) == 400
    with lab.database.write() as connection:  # as a kill in the middle leaves it
        connection.execute(text("DELETE FROM result WHERE machine > 'm0160'"))
        connection.execute(text("DELETE FROM step WHERE number > 7"))
        connection.execute(text("UPDATE attempt SET steps_read = 7"))
    lab.path(spool_id).write_bytes(content)
    assert lab.bring(spool_id).task_id == task_id
    assert [row.machine for row in lab.query("SELECT machine FROM result ORDER BY id")] == machines
    assert len(lab.query("SELECT * FROM step")) == 400


@pytest.mark.parametrize(
    ("end", "reason", "words"),
    [
        ([], "lost", "nobody knows how it ended"),
        ([{"type": "exit", "at": END}], "internal", "before it told its results"),
    ],
)
def test_without_a_told_end_a_play_never_succeeded(
    lab: PlayLab, end: list[dict[str, str]], reason: str, words: str
) -> None:
    for middle in ([result()], []):
        brought = lab.bring(lab.leave([header(lab.home), *middle, *end]))
        view = _task(lab, brought.task_id)
        assert (view.state, view.reason) == (PublicState.FAILED, reason)
        with lab.database.read() as connection:
            assert words in reading.message_of(connection, view.id)
            outcomes = [one.result.outcome for one in reading.results_of(connection, view.id)]
        assert outcomes == ["lost"] * len(middle)


@pytest.mark.parametrize(
    ("status", "counts", "reason"),
    [
        ("failed", {"ok": 1, "failures": 1}, "rc"),
        ("unreachable", {"unreachable": 1}, "unreachable"),
    ],
)
def test_what_failed_is_failed_and_is_not_retried(
    lab: PlayLab, status: str, counts: dict[str, int], reason: str
) -> None:
    spool_id = lab.leave([header(lab.home), result(status=status, rc=3), stats(web1=counts)])
    view = _task(lab, lab.bring(spool_id).task_id)
    assert (view.state, view.reason, view.rc) == (PublicState.FAILED, reason, 3)
    with lab.database.write() as connection, pytest.raises(Conflict, match="started by hand"):
        changes.retry(connection, view.id, rules=lab.rules, actor="alice", now=lab.now)


def test_a_file_is_left_alone_while_its_play_goes_on(lab: PlayLab) -> None:
    spool_id = lab.leave(lab.whole())
    lock = lab.hold(spool_id)
    assert lab.bring(spool_id) is None
    assert lab.spool.waiting() == [spool_id]
    os.close(lock)
    assert lab.bring(spool_id).task_id is not None


def test_ad_hoc_commands_keep_what_each_machine_answered(lab: PlayLab) -> None:
    answer = result(action="ansible.builtin.ping", result={"ping": "pong"}, stdout="out")
    spool_id = lab.leave(lab.whole(answer, module="ansible.builtin.ping", pattern="web1"))
    view = _task(lab, lab.bring(spool_id).task_id)
    assert (view.kind, view.title) == (Kind.MODULE, "ansible.builtin.ping")
    with lab.database.read() as connection:
        (one,) = reading.results_of(connection, view.id)
        assert steps_of(connection, view.id, epochs={1: 1}, machine=None, statuses=()) == ()
    assert (one.result.stdout, one.result.result) == ("out", {"ping": "pong"})


def test_a_play_of_no_team_is_refused_in_one_line(lab: PlayLab) -> None:
    spool_id = lab.leave(lab.whole(inventory=["/elsewhere/hosts"]))
    brought = lab.bring(spool_id)
    assert brought.task_id is None
    note = lab.path(spool_id, "refused").read_text()
    assert "no team" in note
    assert "REDIACC_TEAM" in note
    assert not lab.path(spool_id).exists()
    (entry,) = lab.query("SELECT outcome FROM audit WHERE operation = 'history.record'")
    assert entry.outcome == "refused"


def test_the_team_that_a_person_names_comes_first(lab: PlayLab) -> None:
    spool_id = lab.leave(lab.whole(inventory=["/elsewhere/hosts"], team="prod"))
    assert _task(lab, lab.bring(spool_id).task_id).team == "prod"
    unknown = lab.bring(lab.leave(lab.whole(team="nobody's")))
    assert unknown.task_id is None


def test_a_task_of_the_queue_is_never_taken_for_a_play(lab: PlayLab) -> None:
    uid = str(uuid.uuid4())
    lab.submit("a", uid=uid)
    brought = lab.bring(lab.leave(lab.whole(), spool_id=uid))
    assert brought.task_id is None
    assert not lab.query("SELECT * FROM step")


def test_what_nobody_can_read_is_put_away(lab: PlayLab) -> None:
    spool_id = lab.leave([result()])
    with pytest.raises(InvalidInput):
        lab.bring(spool_id, is_strict=True)
    assert lab.path(spool_id).exists()
    assert lab.bring(spool_id).task_id is None
    assert lab.spool.waiting() == []


def test_only_plain_files_with_a_plays_name_are_looked_at(lab: PlayLab, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_text("{}\n")
    link, twin = str(uuid.uuid4()), str(uuid.uuid4())
    lab.path(link).symlink_to(outside)
    os.link(outside, lab.path(twin))
    for name in ("notes.jsonl", "..jsonl", f"{uuid.uuid4()}.jsonl.new"):
        (lab.path("x").parent / name).write_text("x")
    assert set(lab.spool.waiting()) == {link, twin}
    assert lab.bring(link) is None
    assert lab.bring(twin).task_id is None
    assert outside.read_text() == "{}\n"
