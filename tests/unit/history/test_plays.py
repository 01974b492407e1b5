"""Records that somebody made up harm nothing: they become a bounded task, or none."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from play_lab import PlayLab, header, result, stats

from rediacc.errors import InvalidInput
from rediacc.history.plays import Play, read_play
from rediacc.queue import reading
from rediacc.values import AnsibleOptions

NOW = datetime(2026, 1, 2, tzinfo=UTC)
DEEP: Any = json.loads("[" * 900 + "]" * 900)
ODD: tuple[Any, ...] = (None, True, -1, 2**80, 1.5, "x" * 5000, "\0\udcff", [], {}, [[1]], DEEP)


def _read(*records: dict[str, Any]) -> Play:
    return read_play(records, home="/home", now=NOW)


@pytest.mark.parametrize("odd", ODD)
def test_no_value_in_any_field_of_a_record_breaks_anything(lab: PlayLab, odd: Any) -> None:
    """Each field of each kind of record in turn holds what it should not."""
    head, one, end = header(lab.home), result(), stats(web1={"ok": 1})
    variants = [
        [head | {name: odd}, one, end]
        for name in ("at", "playbooks", "options", "limit", "extra_variables", "host")
    ]
    variants += [[head, *(one | {name: odd} for name in one if name != "type"), end]]
    variants += [[head, one, end | {"hosts": odd}], [head, one, stats(web1=odd)]]
    variants += [[head, one, stats(web1={"ok": odd, "rescued": odd, "failures": odd})]]
    variants += [[head | {"options": {name: odd}}, one, end] for name in vars(AnsibleOptions())]
    for records in variants:
        brought = lab.bring(lab.leave(records))
        assert brought is not None
    with lab.database.read() as connection:
        for row in lab.query("SELECT id FROM task"):
            view = reading.view_task(connection, row.id)
            assert len(view.title) <= 255
            assert reading.results_of(connection, row.id) is not None
    assert lab.spool.waiting() == []


def test_playbooks_are_named_as_one_would_type_them_in_the_home() -> None:
    given = ["/home/site.yml", "/home/a b.yml", "/etc/x.yml", "some.collection.play"]
    play = _read(header("/home", playbooks=given), stats())
    assert play.text == "site.yml 'a b.yml' /etc/x.yml some.collection.play"


def test_times_are_never_in_the_future_nor_end_before_they_begin() -> None:
    late = (NOW + timedelta(days=9000)).isoformat()
    play = _read(header("/home", at=late), {**stats(), "at": "1999-01-01T00:00:00"})
    assert play.started_at <= play.ended_at <= NOW


def test_a_machine_that_claims_success_beside_failures_failed() -> None:
    play = _read(header("/home"), result(status="ok"), stats(web1={"ok": 1, "failures": 1}))
    assert [one.outcome for one in play.results] == ["failed"]


def test_records_without_a_beginning_are_of_no_play() -> None:
    with pytest.raises(InvalidInput):
        _read(result(), stats(web1={"ok": 1}))


def test_a_log_is_bounded_and_ends_with_how_it_ended() -> None:
    many = [result(seq=n + 2, status="failed", message="y" * 290) for n in range(8000)]
    log = _read(header("/home"), *many, stats(web1={"failures": 8000})).log
    assert len(log) < 1 << 21
    assert "the rest is in the steps" in log
    assert log.endswith("web1: failed=8000\n")
