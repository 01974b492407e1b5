"""The summary in Markdown: golden files, its bounds, and texts that would be markup."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from pipeline_runs import HOSTILE, RUNS, hostile_run

from rediacc.cli.pipeline.markdown import summary_markdown
from rediacc.cli.pipeline.model import MachineEnd, RunReport, Step

GOLDEN = Path(__file__).parent / "golden"


@pytest.mark.parametrize("name", RUNS)
def test_run_is_written_as_the_golden_file_says(name: str) -> None:
    assert summary_markdown(RUNS[name]) == (GOLDEN / f"{name}.md").read_text()


def skeleton(text: str) -> str:
    """Return a summary without what stands in code and output: all that may be markup."""
    text = re.sub(r"<pre>[^<>]*</pre>", "<pre></pre>", text)
    assert not re.search(r"<code>[^<]*(www\.|://|@)", text, re.IGNORECASE)
    return re.sub(r"<code>[0-9A-Za-z ,./()'+=?%;&#-]*</code>", "<code></code>", text)


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_hostile_text_is_neither_markdown_nor_html(text: str) -> None:
    written = summary_markdown(hostile_run(text))
    harmless = skeleton(summary_markdown(hostile_run("x")))
    if not text.strip():
        assert "<script" not in written
        return
    assert skeleton(written) == harmless
    for block in re.findall(r"<pre>(.*?)</pre>", written, re.DOTALL):
        assert not set("<>\"'") & set(block)
    for character in "\x00\x1b\r\u202e\udc80":
        assert character not in written


def test_long_run_is_bounded_and_says_so() -> None:
    ends = tuple(
        MachineEnd(machine=f"web-{n}", outcome="failed", is_good=False, output="x" * 9000)
        for n in range(1000)
    )
    steps = tuple(
        Step(machine=f"web-{n}", play="Site", task="Break it", status="failed", message="m" * 2000)
        for n in range(1000)
    )
    report = replace(RUNS["failed"], machines=ends, steps=steps)
    written = summary_markdown(report)
    assert len(written) < 60_300
    assert "and 900 machines more" in written
    assert "More was left out here" in written


def test_machines_that_failed_come_first() -> None:
    report: RunReport = RUNS["failed"]
    ends = (MachineEnd(machine="aaa", outcome="ok", is_good=True), *report.machines)
    rows = summary_markdown(replace(report, machines=ends)).splitlines()
    table = [row for row in rows if row.startswith("| <code>")]
    assert "aaa" in table[-1]
