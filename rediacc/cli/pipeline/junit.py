"""A run as JUnit XML: a suite for each play, a case for each machine and Ansible task.

There is no one schema. What is written here is valid against the two that are used: the one of
Ant's reports (github.com/windyroad/JUnit-Schema) and the one of Jenkins' xUnit plugin (junit-10).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from xml.etree import ElementTree

from rediacc.cli.neutral import neutral, one_line
from rediacc.cli.pipeline.model import MachineEnd, RunReport, Step

__all__ = ["junit_xml"]

# Beside what :func:`neutral` shows as escapes, XML 1.0 knows no such characters.
_NO_XML = re.compile("[\ufffe\uffff]")
_MOST_MESSAGE = 300
_MOST_TEXT = 16_000
_WHOLE = "rediacc"
_KINDS = {"failed": "failure", "changed": "failure", "skipped": "skipped"}


class _Case:
    """One case of a suite.

    :param kind: ``failure``, ``error`` or ``skipped``; empty where all was well.
    """

    def __init__(
        self,
        *,
        name: str,
        classname: str,
        seconds: float = 0.0,
        kind: str = "",
        what: str = "",
        message: str = "",
        text: str = "",
    ) -> None:
        self.name, self.classname, self.seconds = name, classname, seconds
        self.kind, self.what, self.message, self.text = kind, what, message, text


def junit_xml(report: RunReport) -> bytes:
    """Return the run as a JUnit document in UTF-8.

    Whenever something is wrong with the run, at least one case is a failure or an error.
    """
    root = ElementTree.Element("testsuites")
    suites = [(play or report.title, steps) for play, steps in _by_play(report.steps).items()]
    for name, steps in suites:
        cases = [_step_case(step, report) for step in steps]
        _add_suite(root, report, name, cases, machines={step.machine for step in steps})
    rest = [*_machine_cases(report), *_whole_case(report, has_suites=bool(suites))]
    if rest:
        _add_suite(root, report, _WHOLE, rest, machines={one.machine for one in report.machines})
    ElementTree.indent(root)
    text: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return text + b"\n"


def _by_play(steps: Iterable[Step]) -> dict[str, list[Step]]:
    plays: dict[str, list[Step]] = {}
    for step in steps:
        plays.setdefault(step.play, []).append(step)
    return plays


def _step_case(step: Step, report: RunReport) -> _Case:
    is_drift = report.is_drift and step.status == "changed"
    if not (step.is_bad or is_drift or step.status == "skipped"):
        return _Case(name=step.task, classname=step.machine, seconds=step.seconds)
    words = "would change" if is_drift else step.message or step.status
    about = [f"machine {step.machine}", f"task    {step.task}"]
    about += [f"at      {step.place}"] if step.place else []
    about += [f"rc      {step.rc}"] if step.rc is not None else []
    output = _output_of(report, step.machine) if step.is_bad else ""
    parts = ["\n".join(about), step.message, output, step.diff]
    return _Case(
        name=step.task,
        classname=step.machine,
        seconds=step.seconds,
        kind=_KINDS.get(step.status, "error"),
        what=step.status,
        message=f"{step.place}: {words}" if step.place and step.status != "skipped" else words,
        text="" if step.status == "skipped" else "\n\n".join(part for part in parts if part),
    )


def _output_of(report: RunReport, machine: str) -> str:
    return next((one.output for one in report.machines if one.machine == machine), "")


def _machine_cases(report: RunReport) -> list[_Case]:
    """Return cases for machines whose end no step tells: lost, timed out, never begun."""
    told = {step.machine for step in report.steps if step.is_bad}
    return [
        _Case(
            name=f"{report.title} on {one.machine}",
            classname=one.machine,
            seconds=one.seconds or 0.0,
            kind="failure" if one.outcome == "failed" else "error",
            what=one.outcome,
            message=one.message or one.outcome,
            text=_machine_text(one),
        )
        for one in report.machines
        if not one.is_good and one.machine not in told
    ]


def _machine_text(one: MachineEnd) -> str:
    about = f"machine {one.machine}\noutcome {one.outcome}"
    return "\n\n".join(part for part in (about, one.message, one.output) if part)


def _whole_case(report: RunReport, *, has_suites: bool) -> list[_Case]:
    """Return the case of the run as a whole, where nothing else would tell how it stands."""
    name = f"task {report.task_id}: {report.title}" if report.task_id else report.title
    seconds = report.seconds or 0.0
    if report.problem:
        lines = dict.fromkeys((report.headline, report.problem, report.hint))
        text = "\n".join(line for line in lines if line)
        return [
            _Case(
                name=name,
                classname=_WHOLE,
                seconds=seconds,
                kind="error",
                what=f"exit-{report.exit_code}",
                message=report.problem,
                text=text,
            )
        ]
    if has_suites or report.broken_machines:
        return []
    if report.is_drift:
        changed = ", ".join(one.machine for one in report.machines if one.is_changed)
        words = f"would change: {changed}"
        return [
            _Case(
                name=name,
                classname=_WHOLE,
                seconds=seconds,
                kind="failure",
                what="changed",
                message=words,
            )
        ]
    return [_Case(name=name, classname=_WHOLE, seconds=seconds)]


def _add_suite(
    root: ElementTree.Element,
    report: RunReport,
    name: str,
    cases: Sequence[_Case],
    *,
    machines: set[str],
) -> None:
    begun = min(
        (step.started_at for step in report.steps if step.play == name and step.started_at),
        default=report.begun_at or datetime.now(UTC),
    )
    suite = ElementTree.SubElement(
        root,
        "testsuite",
        {
            "id": str(len(root)),
            "package": _token(f"rediacc.{report.team}" if report.team else _WHOLE),
            "name": _token(name),
            "timestamp": begun.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S"),
            "hostname": _token(next(iter(machines))) if len(machines) == 1 else "localhost",
            "tests": str(len(cases)),
            "failures": str(sum(case.kind == "failure" for case in cases)),
            "errors": str(sum(case.kind == "error" for case in cases)),
            "skipped": str(sum(case.kind == "skipped" for case in cases)),
            "time": _seconds(sum(case.seconds for case in cases)),
        },
    )
    properties = ElementTree.SubElement(suite, "properties")
    for key, value in _properties(report):
        ElementTree.SubElement(properties, "property", {"name": key, "value": value})
    for case in cases:
        _add_case(suite, case)
    ElementTree.SubElement(suite, "system-out").text = _bounded(_clean(report.headline), _MOST_TEXT)
    ElementTree.SubElement(suite, "system-err").text = ""


def _properties(report: RunReport) -> list[tuple[str, str]]:
    pairs = [
        ("rediacc.task", str(report.task_id) if report.task_id else ""),
        ("rediacc.uuid", report.uid),
        ("rediacc.team", report.team),
        ("rediacc.state", report.state),
        ("rediacc.reason", report.reason),
        ("rediacc.exit_code", str(report.exit_code)),
        ("rediacc.attempts", str(report.attempts)),
        ("rediacc.revision", report.revision),
        ("rediacc.steps_left_out", str(report.left_out) if report.left_out else ""),
    ]
    return [(key, _bounded(_clean(value), _MOST_MESSAGE)) for key, value in pairs if value]


def _add_case(suite: ElementTree.Element, case: _Case) -> None:
    element = ElementTree.SubElement(
        suite,
        "testcase",
        {
            "name": _token(case.name),
            "classname": _token(case.classname),
            "time": _seconds(case.seconds),
        },
    )
    if not case.kind:
        return
    message = _bounded(one_line(_clean(case.message)), _MOST_MESSAGE)
    attributes = {"message": message}
    if case.kind != "skipped":
        # Ant's schema knows no type of what was skipped.
        attributes["type"] = _token(case.what)
    ElementTree.SubElement(element, case.kind, attributes).text = _bounded(
        _clean(case.text), _MOST_TEXT
    )


def _token(text: str) -> str:
    """Return text as a name: on one line, without space at its ends, never empty."""
    return " ".join(_bounded(one_line(_clean(text)), _MOST_MESSAGE).split()) or "-"


def _clean(text: str) -> str:
    """Return text with what XML forbids, and what a terminal could obey, as visible escapes."""
    return _NO_XML.sub(lambda found: f"\\u{ord(found.group()):04x}", neutral(text))


def _bounded(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 4]} ..."


def _seconds(seconds: float) -> str:
    return f"{max(seconds, 0.0):.3f}"
