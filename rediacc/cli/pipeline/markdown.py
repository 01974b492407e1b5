"""A run as Markdown: for a job's summary page or a comment on a merge request.

Nothing of what machines and files say is Markdown here: names and messages are code whose every
special character is written as a number, output stands in ``<pre>``, where no Markdown is read.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Sequence

from rediacc.cli.neutral import neutral, one_line
from rediacc.cli.pipeline.model import NOT_QUEUED, MachineEnd, RunReport, Step
from rediacc.cli.render.words import duration
from rediacc.counting import count

__all__ = ["summary_markdown"]

_MOST_MACHINES = 100
_MOST_FAILURES = 20
_MOST_CHANGES = 50
_MOST_LINE = 300
_MOST_LINES = 20
_MOST_BLOCK = 4_000
# A comment on GitHub holds 65,536 characters, on GitLab a million, a step summary 1 MiB.
_MOST_CHARACTERS = 60_000
# All but what means nothing in Markdown, also in none of its extensions; `www.` begins a link.
_SPECIAL = re.compile(r"[^0-9A-Za-z ,./()'+=?%;-]|(?<=www)\.", re.IGNORECASE)


def summary_markdown(report: RunReport) -> str:
    """Return the run as Markdown, at most 60,000 characters of it."""
    lines: list[str] = []
    room = _MOST_CHARACTERS
    for block in _blocks(report):
        room -= len(block) + 2
        if room < 200:
            lines.append("More was left out here: this page would have become too long.")
            break
        lines.append(block)
    return "\n\n".join(lines) + "\n"


def _blocks(report: RunReport) -> Iterator[str]:
    yield f"### rediacc: {_code(report.title)} {_verdict(report)}"
    yield _about(report)
    if report.problem:
        yield f"**{_code(report.problem)}**" + (f"  \n{_code(report.hint)}" if report.hint else "")
    if report.machines:
        yield "\n".join(_table(report))
    yield from _failures(report)
    yield from _changes(report)
    if report.left_out:
        yield f"{count(report.left_out, 'step')} of this run were not kept."


def _verdict(report: RunReport) -> str:
    if report.is_drift:
        return "would change"
    if report.problem and report.state in ("pending", "running"):
        return f"is {report.state}"
    if report.headline == NOT_QUEUED:
        return "was not queued"
    return report.state or "has no known end"


def _about(report: RunReport) -> str:
    parts = [_code(report.headline)] if report.headline else []
    parts += [f"team {_code(report.team)}"] if report.team else []
    parts += [f"task {report.task_id}"] if report.task_id else []
    parts += [f"queued {duration(report.queue_seconds)}"] if report.queue_seconds else []
    parts += [count(report.attempts, "attempt")] if report.attempts > 1 else []
    parts += [f"revision {_code(report.revision[:12])}"] if report.revision else []
    return " · ".join([*parts, f"exit code {report.exit_code}"])


def _table(report: RunReport) -> Iterator[str]:
    # What went wrong comes first, and is the last to be left out.
    ordered = sorted(report.machines, key=lambda one: (one.is_good, one.machine))
    counted = tuple(dict.fromkeys(name for one in ordered for name, _number in one.counts))
    yield "| machine | outcome |" + "".join(f" {name} |" for name in counted) + " time |"
    yield "|---|---|" + "--:|" * len(counted) + "--:|"
    for one in ordered[:_MOST_MACHINES]:
        yield _row(one, counted)
    if len(ordered) > _MOST_MACHINES:
        rest = len(ordered) - _MOST_MACHINES
        yield f"| and {count(rest, 'machine')} more | |" + " |" * len(counted) + " |"


def _row(one: MachineEnd, counted: Sequence[str]) -> str:
    counts = dict(one.counts)
    outcome = one.outcome if one.is_good else f"**{one.outcome}**"
    if not one.is_good and one.rc:
        outcome += f" (rc {one.rc})"
    cells = "".join(f" {counts.get(name, 0)} |" for name in counted)
    return f"| {_code(one.machine)} | {outcome} |{cells} {duration(one.seconds)} |"


def _failures(report: RunReport) -> Iterator[str]:
    steps = [step for step in report.steps if step.is_bad]
    told = {step.machine for step in steps}
    silent = [one for one in report.machines if not one.is_good and one.machine not in told]
    if not steps and not any(one.message or one.output for one in silent):
        return
    yield "#### What went wrong"
    outputs = {one.machine: one.output for one in report.machines}
    ends = [
        *(_failed_step(step, outputs.get(step.machine, "")) for step in steps),
        *(_failed_machine(one) for one in silent),
    ]
    yield from ends[:_MOST_FAILURES]
    if len(ends) > _MOST_FAILURES:
        yield f"And {len(ends) - _MOST_FAILURES} more."


def _failed_step(step: Step, output: str) -> str:
    place = f" at {_code(step.place)}" if step.place else ""
    rc = f", rc {step.rc}" if step.rc is not None else ""
    head = f"{_code(step.machine)}: {_code(step.task)}{place}: **{step.status}**{rc}"
    return _with_text(head, step.message, output)


def _failed_machine(one: MachineEnd) -> str:
    return _with_text(f"{_code(one.machine)}: **{one.outcome}**", one.message, one.output)


def _with_text(head: str, message: str, output: str) -> str:
    text = "\n".join(part.rstrip("\n") for part in (message, output) if part.strip())
    return f"{head}\n\n{_pre(text)}" if text else head


def _changes(report: RunReport) -> Iterator[str]:
    changes = [step for step in report.steps if step.status == "changed"]
    if not changes or not (report.is_check or any(step.diff for step in changes)):
        return
    yield f"#### What {'would change' if report.is_check else 'changed'}"
    for step in changes[:_MOST_CHANGES]:
        place = f" at {_code(step.place)}" if step.place else ""
        head = f"{_code(step.machine)}: {_code(step.task)}{place}"
        if not step.diff:
            yield head
            continue
        yield f"<details><summary>{head}</summary>\n\n{_pre(step.diff)}\n\n</details>"
    if len(changes) > _MOST_CHANGES:
        yield f"And {len(changes) - _MOST_CHANGES} more."


def _code(text: str) -> str:
    """Return text as code on one line that no character can end or format."""
    line = one_line(text)
    line = line if len(line) <= _MOST_LINE else f"{line[:_MOST_LINE]} ..."
    return f"<code>{_SPECIAL.sub(_number, line)}</code>" if line else ""


def _number(match: re.Match[str]) -> str:
    return f"&#{ord(match.group())};"


def _pre(text: str) -> str:
    """Return the last lines of a text as it is, in a block where Markdown is not read."""
    lines = neutral(text).rstrip("\n").split("\n")
    cut = len(lines) > _MOST_LINES
    kept = "\n".join(lines[-_MOST_LINES:])
    if len(kept) > _MOST_BLOCK:
        kept, cut = kept[-_MOST_BLOCK:], True
    escaped = html.escape(f"[...]\n{kept}" if cut else kept, quote=True)
    return f"<pre>{escaped}</pre>"
