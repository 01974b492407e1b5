"""From what operations answer about a task to the one run that pipelines are told of."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rediacc.cli.pipeline.model import NOT_QUEUED, MachineEnd, RunReport, Step
from rediacc.cli.render.fates import last_results
from rediacc.errors import ExitCode
from rediacc.values import Kind, MachineOutcome, MachineResult, PublicState, Reason
from rediacc.views import ResultView, StepList, StepView, TaskDetail

__all__ = ["refusal_report", "report_of"]

_MOST_OUTPUT_LINES = 20
_MOST_OUTPUT = 4_000
# Failures that machines and their steps tell of; any other is the run's own.
_TOLD_BY_MACHINES = (
    Reason.RC,
    Reason.UNREACHABLE,
    Reason.TIMED_OUT,
    Reason.TIMED_OUT_UNCONFIRMED,
    Reason.AUTH,
    Reason.LOST,
)
_FINAL = (PublicState.SUCCEEDED, PublicState.FAILED, PublicState.CANCELLED)


def report_of(
    detail: TaskDetail,
    steps: StepList,
    *,
    headline: str,
    exit_code: int,
    home: Path,
    hint: str = "",
) -> RunReport:
    """Return the run, as far as it is known.

    :param headline: one line on how it ended or stands.
    :param exit_code: what the process exits with.
    :param home: files below it are named from there.
    """
    task = detail.task
    is_final = task.state in _FINAL
    results = last_results(detail.results)
    ends = [_machine_end(one, task.kind) for one in results]
    problem = _problem(detail, ends, headline, is_final=is_final)
    missing = [name for name in task.machines if name not in {one.machine for one in ends}]
    if task.state is not PublicState.SUCCEEDED:
        ends += [
            _without_result(name, is_final=is_final, is_told=bool(problem)) for name in missing
        ]
    return RunReport(
        title=task.title,
        kind=str(task.kind),
        headline=headline,
        exit_code=exit_code,
        task_id=task.id,
        uid=task.uid,
        team=task.team,
        state=str(task.state),
        reason=task.reason,
        problem=problem,
        hint=hint if problem else "",
        is_final=is_final,
        is_check=detail.options.check,
        is_drift=exit_code == ExitCode.CHANGES_FOUND and task.state is PublicState.SUCCEEDED,
        begun_at=task.started_at or task.created_at,
        seconds=task.elapsed_seconds,
        queue_seconds=task.queue_seconds,
        attempts=len(detail.attempts),
        revision=detail.revision or "",
        machines=tuple(ends),
        steps=tuple(_last_steps(steps.steps, detail.results, home)),
        left_out=steps.left_out,
    )


def refusal_report(
    title: str,
    kind: str,
    *,
    message: str,
    hint: str,
    exit_code: int,
    task_id: int = 0,
    headline: str = NOT_QUEUED,
) -> RunReport:
    """Return the run that did not come about, or whose end could not be learnt.

    :param headline: what is said where there is no task.
    """
    return RunReport(
        title=title,
        kind=kind,
        headline="" if task_id else headline,
        exit_code=exit_code,
        task_id=task_id,
        problem=message,
        hint=hint,
        is_final=False,
    )


def _problem(
    detail: TaskDetail, ends: Sequence[MachineEnd], headline: str, *, is_final: bool
) -> str:
    """Return what is wrong with the run as a whole; empty where machines tell all."""
    task = detail.task
    if task.state is PublicState.SUCCEEDED:
        return ""
    is_told = task.reason in _TOLD_BY_MACHINES and any(not one.is_good for one in ends)
    if task.state is PublicState.FAILED and is_told:
        return ""
    if not is_final or task.state is PublicState.CANCELLED:
        return headline
    return detail.message or headline


def _seconds(result: MachineResult) -> float | None:
    """Return how long the machine took, where both ends are known."""
    if result.started_at is None or result.finished_at is None:
        return None
    return (result.finished_at - result.started_at).total_seconds()


def _machine_end(one: ResultView, kind: Kind) -> MachineEnd:
    result = one.result
    counts = result.counts if kind is Kind.PLAYBOOK else {}
    changed = result.outcome is MachineOutcome.CHANGED or result.counts.get("changed", 0) > 0
    outcome = str(result.outcome)
    return MachineEnd(
        machine=result.machine,
        # A playbook that changed something is as good as `ok` to Ansible's own counts.
        outcome="changed" if changed and result.outcome is MachineOutcome.OK else outcome,
        is_good=result.outcome.is_success,
        is_changed=changed,
        rc=result.rc,
        seconds=_seconds(result),
        message=result.message,
        output="" if result.outcome.is_success else _last_lines(result),
        counts=tuple((name, int(value)) for name, value in counts.items()),
    )


def _without_result(name: str, *, is_final: bool, is_told: bool) -> MachineEnd:
    return MachineEnd(machine=name, outcome="no result" if is_final else "not yet", is_good=is_told)


def _last_lines(result: MachineResult) -> str:
    lines = [line for text in (result.stdout, result.stderr) for line in text.splitlines()]
    return "\n".join(lines[-_MOST_OUTPUT_LINES:])[-_MOST_OUTPUT:]


def _last_steps(steps: Sequence[StepView], results: Sequence[ResultView], home: Path) -> list[Step]:
    """Return each machine's steps of its last attempt: earlier ones were made good or repeated."""
    last: dict[str, int] = {}
    for machine, attempt in (
        *((one.machine, one.attempt) for one in steps),
        *((one.result.machine, one.attempt) for one in results),
    ):
        last[machine] = max(attempt, last.get(machine, 0))
    return [_step(one, home) for one in steps if one.attempt == last[one.machine]]


def _step(one: StepView, home: Path) -> Step:
    file, _colon, line = one.path.rpartition(":")
    is_numbered = bool(file) and line.isdecimal() and line.isascii() and len(line) < 10
    name = file if is_numbered else one.path
    return Step(
        machine=one.machine,
        play=one.play,
        task=one.task or one.action,
        status=str(one.status),
        file=_from_home(name, home),
        line=int(line) if is_numbered else 0,
        seconds=one.elapsed_seconds or 0.0,
        started_at=one.started_at,
        rc=one.rc,
        message=one.message + (" ..." if one.is_cut else ""),
        diff=one.diff,
    )


def _from_home(name: str, home: Path) -> str:
    if not name:
        return ""
    path = Path(name)
    return str(path.relative_to(home)) if path.is_relative_to(home) else name
