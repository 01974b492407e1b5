"""``rediacc report``: the database's numbers, what is not known, and nothing that could harm."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from busy_home import add_alert, open_lab, write_home
from live_homes import Done, Typed
from past_home import HOUR, live_through
from queue_lab import Lab, result

from rediacc.times import micros, moment, utc_now
from rediacc.values import MachineOutcome

ROOT = Path(__file__).resolve().parents[2]
_WORDS = "</td><script>alert(1)</script><img src=//evil.example/x onerror=alert(2)>\"'&"
HOSTILE = f"{_WORDS}\x1b[2J\u202e"
HARMLESS = f"{_WORDS}\\x1b[2J\\u202e"
VOID = {"meta", "rect", "path", "circle", "br"}


class Page(HTMLParser):
    """A page taken to pieces; what is not closed, or closed twice, fails."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.text = text
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.tables: dict[str, list[list[str]]] = {}
        self.by_id: dict[str, str] = {}
        self.notes = ""
        self._open: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)
        self.close()
        assert not self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag == "tr" and self._table is not None:
            self.tables.setdefault(self._table, []).append([])
        if tag in ("td", "th") and self._table is not None:
            self.tables[self._table][-1].append("")
        if tag not in VOID:
            self._open.append((tag, dict(attrs)))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self._open, f"</{tag}> closes nothing"
            assert self._open.pop()[0] == tag

    def handle_data(self, data: str) -> None:
        names = [tag for tag, _rest in self._open]
        for _rest, attributes in self._open:
            if attributes.get("id"):
                name = str(attributes["id"])
                self.by_id[name] = self.by_id.get(name, "") + data
            if attributes.get("class") == "notes":
                self.notes += data
        if "svg" not in names and self._table is not None and {"td", "th"} & {*names}:
            self.tables[self._table][-1][-1] += data

    @property
    def _table(self) -> str | None:
        found = [attributes.get("id") for tag, attributes in self._open if tag == "table"]
        return found[-1] if found else None

    def rows(self, table: str) -> list[list[str]]:
        """Return the cells of a table's body."""
        return [[cell.strip() for cell in row] for row in self.tables[table][1:]]


class Told:
    """A home with three days behind it, of which six hours nobody watched."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.lab: Lab = open_lab(home, now=micros(utc_now()))
        # Minutes without a worker are made up for from events, but only those of a day.
        live_through(self.lab, hours=60, silent=range(12, 42), tasks_an_hour=2)
        self._add_hostile()

    def _add_hostile(self) -> None:
        self.lab.now -= HOUR
        task = self.lab.submit("web-01", title=HOSTILE)
        self.lab.claim()
        self.lab.start(task)
        self.lab.pass_time(3000)
        self.lab.settle(task, result("web-01", MachineOutcome.TIMED_OUT, message=HOSTILE))
        self.lab.now = micros(utc_now())
        add_alert(self.lab, HOSTILE)

    def run(self, *words: str) -> Done:
        return Typed(words, self.home, {**os.environ, "PYTHONPATH": str(ROOT)}).wait()

    def page(self, *words: str) -> Page:
        done = self.run("report", "--out", "report.html", *words)
        assert done.rc == 0, done.stderr
        return Page((self.home / "report.html").read_text(encoding="utf-8"))

    def one(self, sql: str) -> Any:
        return self.lab.query(sql)[0][0]


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    told = Told(write_home(tmp_path_factory.mktemp("home")))
    yield told
    told.lab.database.close()


@pytest.fixture(scope="module")
def page(told: Told) -> Page:
    """The report of all that was, before anything is archived."""
    return told.page("--since", "3d")


def test_numbers_are_those_of_the_database(told: Told, page: Page) -> None:
    done, failed = (
        told.one("SELECT COUNT(*) FROM task WHERE state = 20"),
        told.one("SELECT COUNT(*) FROM task WHERE state = 21"),
    )
    assert done > 50
    assert failed > 3
    assert page.by_id["total"] == str(done + failed)
    assert page.by_id["failed"] == str(failed)
    assert page.by_id["success"] == f"{100 * done / (done + failed):.1f} %"
    for level, row in enumerate(page.rows("ended-table"), start=1):
        counts = [
            told.one(f"SELECT COUNT(*) FROM task WHERE state = {state} AND level = {level}")
            for state in (20, 21, 22)
        ]
        assert [int(cell) for cell in row[1:4]] == counts
    assert {(row[1], *row[2:6]) for row in page.rows("failure-table")} == {
        (row.machine, str(row.failed), str(row.away), str(row.late), str(row.total))
        for row in told.lab.query(
            "SELECT machine, SUM(outcome = 'failed') failed, SUM(outcome = 'unreachable') away, "
            "SUM(outcome = 'timed out') late, COUNT(*) total FROM result "
            "WHERE outcome IN ('failed', 'unreachable', 'timed out') GROUP BY machine"
        )
    }
    slowest = told.lab.query(
        "SELECT id FROM task WHERE finished_at IS NOT NULL "
        "ORDER BY finished_at - started_at DESC, id LIMIT 20"
    )
    assert [row[0] for row in page.rows("slow-table")] == [str(row.id) for row in slowest]
    assert {(row[1], row[4]) for row in page.rows("busy-table")} == {
        (row.machine, str(row.tasks))
        for row in told.lab.query(
            "SELECT machine, COUNT(*) tasks FROM task_machine GROUP BY machine"
        )
    }
    assert page.by_id["alert-count"] == str(told.one("SELECT COUNT(*) FROM alert"))
    starts = "SELECT SUM(starts) FROM queue_sample WHERE resolution = 3600 AND level = {}"
    for level, row in enumerate(page.rows("wait-table"), start=1):
        assert int(row[1]) == (told.one(starts.format(level)) or 0)
    looks = "SELECT COUNT(*) FROM sample WHERE machine = '{}'"
    recent = told.page("--since", "90m")
    for row in recent.rows("health-table"):
        # Single looks are kept for two hours; these are all in whole roll-ups.
        assert int(row[-2]) <= told.one(looks.format(row[1]))


def test_page_needs_nothing_from_anywhere_and_can_be_heard_and_printed(page: Page) -> None:
    used = {tag for tag, _rest in page.tags}
    assert not used & {
        "script",
        "link",
        "img",
        "iframe",
        "object",
        "embed",
        "form",
        "base",
        "image",
    }
    for tag, attributes in page.tags:
        for name, value in attributes.items():
            assert not name.startswith("on"), (tag, name)
            assert name not in ("src", "srcset", "data", "action", "xlink:href"), (tag, name)
            if name == "href":
                assert str(value).startswith("#")
            if name == "fill":
                assert value == "url(#gap)"
    style = page.text[page.text.index("<style>") : page.text.index("</style>")]
    assert "url(" not in style
    assert "@import" not in style
    assert "prefers-color-scheme: dark" in style
    assert "@media print" in style
    policy = next(a for tag, a in page.tags if a.get("http-equiv") == "Content-Security-Policy")
    assert str(policy["content"]).startswith("default-src 'none'")
    assert ("html", {"lang": "en"}) in page.tags
    for tag, attributes in page.tags:
        if tag == "svg":
            assert attributes.get("aria-label") or attributes.get("aria-hidden") == "true"
        if tag == "th":
            assert attributes.get("scope") in ("col", "row")
    targets = {attributes.get("id") for _rest, attributes in page.tags}
    links = {str(a["href"])[1:] for tag, a in page.tags if tag == "a"}
    assert links <= targets


def test_hostile_words_are_only_words(page: Page) -> None:
    titles = [row[3] for row in page.rows("slow-table")]
    assert HARMLESS in titles
    assert HARMLESS in [row[2] for row in page.rows("alert-table")]
    assert "<script" not in page.text
    assert "\x1b" not in page.text
    assert "\u202e" not in page.text


def test_what_nobody_recorded_is_said_and_hatched(told: Told, page: Page) -> None:
    # Of three days the first half was before the home, and 6 hours nobody can make up for.
    assert re.search(r"no worker recorded the queue for 1\d\.\d h", page.notes), page.notes
    assert page.text.count("<title>not recorded</title>") == 3
    assert "Machines of" not in page.notes
    # Before all that: nothing is known, and nothing is made up.
    empty = told.page("--since", "200d", "--until", "100d")
    assert "No worker recorded the queue in this period" in empty.text
    assert "kept for 90 days" in empty.notes
    assert empty.by_id["total"] == "0"
    assert empty.by_id["success"] == "-"


def test_one_teams_report_tells_that_team_alone(told: Told) -> None:
    page = told.page("--since", "3d", "--team", "staging")
    assert page.by_id["total"] == str(
        told.one("SELECT COUNT(*) FROM task WHERE team = 'staging' AND state >= 20")
    )
    assert {row[0] for row in page.rows("busy-table")} <= {"stage-01", "stage-02"}
    assert "web-01" not in page.text
    assert page.by_id["alert-count"] == "0"


def test_archived_tasks_still_count_and_a_damaged_archive_is_said(told: Told, page: Page) -> None:
    in_all = int(page.by_id["total"])
    done = told.run("archive", "tasks", "--older-than", "12h")
    assert done.rc == 0, done.stderr
    left = told.one("SELECT COUNT(*) FROM task WHERE state >= 20")
    assert 0 < left < in_all
    begin = f"{moment(told.one('SELECT MIN(first_at) FROM archive') - HOUR):%Y-%m-%dT%H:%M:%SZ}"
    after = told.page("--since", begin)
    assert after.by_id["total"] == str(in_all)
    for table in ("ended-table", "failure-table", "slow-table", "busy-table"):
        assert after.rows(table) == page.rows(table), table
    assert f"{in_all - left} tasks of the archives" in after.text
    # A period that no archive touches leaves them alone.
    assert "of the archives" not in told.page("--since", "2h").text
    archive = told.home / ".rediacc" / told.one("SELECT path FROM archive LIMIT 1")
    if not archive.exists():
        archive = next((told.home / ".rediacc").rglob(archive.name))
    content = archive.read_bytes()
    archive.write_bytes(content[: len(content) // 2])
    hurt = told.page("--since", begin)
    assert "tasks are missing here" in hurt.notes
    assert int(hurt.by_id["total"]) < in_all
    archive.write_bytes(content)


def test_file_is_written_whole_for_its_writer_alone_over_nothing_but_a_report(told: Told) -> None:
    target = told.home / "report.html"
    told.page("--since", "1h")
    before = target.stat().st_ino
    told.page("--since", "1h")
    assert target.stat().st_ino != before
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert not list(told.home.glob(".report.html*"))
    other, link = told.home / "notes.txt", told.home / "link.html"
    other.write_text("mine")
    link.symlink_to(target)
    for out, code in (("notes.txt", 6), ("link.html", 2), (".", 2), ("no/where.html", 2)):
        done = told.run("report", "--out", out)
        assert done.rc == code, done.stderr
        assert done.stderr.count("\n") == 1
    assert other.read_text() == "mine"
    assert link.is_symlink()


@pytest.mark.parametrize(
    "words",
    [
        ("--since", "yesterday"),
        ("--since", "1h", "--until", "2h"),
        ("--since", "2100-01-01"),
        ("--team", "nowhere"),
    ],
)
def test_period_that_cannot_be_meant_is_refused_in_one_line(
    told: Told, words: tuple[str, ...]
) -> None:
    done = told.run("report", "--out", "never.html", *words)
    assert done.rc in (2, 5)
    assert done.stderr.count("\n") == 1
    assert not (told.home / "never.html").exists()
