"""A task's output in a pipeline's log: whole lines, sections, and nothing that is obeyed."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pipeline_runs import HOSTILE
from runners import KNOWN, GitHubLog, gitlab_sections

from rediacc.cli.pipeline.github import GitHubMarks
from rediacc.cli.pipeline.gitlab import GitLabMarks
from rediacc.cli.pipeline.log import PipelineLog
from rediacc.cli.pipeline.workflow import Lines, harmless
from rediacc.cli.render.document import to_json, to_yaml
from rediacc.values import Kind, PublicState
from rediacc.views import LogEntry, LogPage, TaskView

NOW = datetime(2030, 1, 1, tzinfo=UTC)
GOLDEN = Path(__file__).parent / "golden"
# What could begin, hide or end a command.
PARTS = st.sampled_from((
    "::", ":", "##", "#", "[", "]", "error", "group", "::error::", "##[error]", "\r", "\n", " ",
    "\t", "\u3000", "\x85", "\u2028", "\x1b[0K", "section_start:1:x", "stop-commands", "x",
))  # fmt: skip


def a_page(kind: Kind, machines: tuple[str, ...], title: str = "site.yml") -> LogPage:
    task = TaskView(
        id=42,
        uid="550e8400-e29b-41d4-a716-446655440000",
        team="staging",
        priority=3,
        state=PublicState.RUNNING,
        reason="running",
        kind=kind,
        title=title,
        named=None,
        machines=machines,
        labels={},
        attempt=1,
        retries_left=0,
        created_by="ci",
        created_at=NOW,
        eligible_at=NOW,
        started_at=NOW,
        finished_at=None,
        rc=None,
        queue_seconds=None,
        elapsed_seconds=None,
    )
    return LogPage(task=task, entries=(), cursor=0, is_final=False)


def an_entry(text: str, stream: str = "stdout", machine: str = "", attempt: int = 1) -> LogEntry:
    return LogEntry(cursor=1, attempt=attempt, at=NOW, machine=machine, stream=stream, text=text)


def a_playbooks_log(written: list[str], marks: GitHubMarks | GitLabMarks) -> None:
    log = PipelineLog(marks, written.append)
    page = a_page(Kind.PLAYBOOK, ("web-01", "web-02"))
    log.say("task 42 created: level 3, starts now")
    for piece in ("PLAY [Si", "te] ****\n\nTASK [Say", "] ****\nok: [web-01]"):
        log(page, [an_entry(piece, "ansible")])
    log.say("task 42 waits: machine web-02 is busy")
    log(page, [an_entry("PLAY [Site] ****\n", "ansible", attempt=2)])
    log.end()
    log.say("task 42 succeeded")


def a_commands_log(written: list[str], marks: GitHubMarks | GitLabMarks) -> None:
    log = PipelineLog(marks, written.append)
    page = a_page(Kind.SHELL, ("web-01", "web-02"), "df -h / | tail -1")
    for machine in ("web-01", "web-02"):
        log(
            page,
            [
                an_entry("/dev/sda1 1%", "stdout", machine),
                an_entry("odd\n", "stderr", machine),
                an_entry("changed, rc 0", "status", machine),
            ],
        )
    log.end()


@pytest.mark.parametrize("runner", ["github", "gitlab"])
@pytest.mark.parametrize("of", [a_playbooks_log, a_commands_log], ids=["playbook", "command"])
def test_log_is_what_the_golden_file_says(runner: str, of: object) -> None:
    written: list[str] = []
    marks = GitHubMarks("TOKEN") if runner == "github" else GitLabMarks(lambda: 1893456000.9)
    of(written, marks)  # type: ignore[operator]
    name = "playbook" if of is a_playbooks_log else "command"
    golden = (GOLDEN / f"{name}.{runner}.log").read_text(encoding="utf-8")
    assert "".join(written).replace("\r", "\\r") == golden


@pytest.mark.parametrize("stream", ["ansible", "stdout", "stderr", "status"])
@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_no_output_is_obeyed(text: str, stream: str) -> None:
    kind = Kind.PLAYBOOK if stream == "ansible" else Kind.SHELL
    written: list[str] = []
    log = PipelineLog(GitHubMarks("TOKEN"), written.append)
    page = a_page(kind, (text, "web-02"), text or "x")
    for piece in (text, text[: len(text) // 2], text[len(text) // 2 :], f"{text}\n"):
        log(page, [an_entry(piece, stream, text)])
    log.say(text)
    log.command("::notice::ours")
    github = GitHubLog("".join(written))
    assert {command.name for command in github.obeyed} <= {"group", "endgroup", "notice"}
    assert [command.data for command in github.named("notice")] == ["ours"]
    assert github.is_listening

    written.clear()
    log = PipelineLog(GitLabMarks(lambda: 5.0), written.append)
    log(page, [an_entry(text, stream, text), an_entry(f"{text}\n", stream, text)])
    log.end()
    for _what, moment, name in gitlab_sections("".join(written)):
        assert (moment, name) == (5, "rediacc_1")


def test_output_is_harmless_also_where_nothing_was_stopped() -> None:
    for text in HOSTILE.values():
        assert not GitHubLog(harmless(text)).obeyed
        assert not gitlab_sections(harmless(text))


@given(st.lists(st.lists(PARTS, max_size=6).map("".join), max_size=6))
def test_no_way_of_cutting_output_into_pieces_makes_a_command(pieces: list[str]) -> None:
    lines = Lines()
    written = "".join(lines.add(piece) for piece in pieces) + lines.end()
    assert not GitHubLog(written).obeyed
    assert not gitlab_sections(written)
    assert written in ("", harmless("".join(pieces)), harmless("".join(pieces)) + "\n")


def test_endless_line_is_printed_in_parts() -> None:
    lines = Lines()
    assert lines.add("x" * 70_000).endswith("x\n")
    assert lines.add("::error::y" + "z" * 70_000).startswith("\\x3a:error")
    assert lines.end() == ""


@given(st.lists(PARTS, max_size=8).map("".join))
def test_documents_hold_no_commands_and_the_same_values(text: str) -> None:
    value = {"text": text, f"k{text}": [text, 1, None], "words": f"{text} ::error:: {text}"}
    for written, read in ((to_json(value), json.loads), (to_json(value, is_line=True), json.loads),
                          (to_yaml(value), yaml.safe_load)):  # fmt: skip
        assert not GitHubLog(written).obeyed
        assert read(written) == value


def test_simulated_runner_obeys_what_the_real_one_does() -> None:
    text = "\n".join([
        "::error file=a.yml,line=3,title=a%2Cb%3A::one%0Atwo %2525",
        "   ::warning::w",
        "text ::error::no",
        "old ##[error]old style",
        "::unknown::x",
        "::group::g", "inside", "::endgroup::",
        "::stop-commands::tok", "::error::no", "::TOK::", "::notice::yes",
    ])  # fmt: skip
    log = GitHubLog(text)
    assert [command.name for command in log.obeyed] == [
        "error", "warning", "error", "group", "endgroup", "notice",
    ]  # fmt: skip
    assert log.obeyed[0].data == "one\ntwo %25"
    assert log.obeyed[0].properties == {"file": "a.yml", "line": "3", "title": "a,b:"}
    assert log.in_groups == {"g": ["inside"]}
    assert "stop-commands" in KNOWN
