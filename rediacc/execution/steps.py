"""From records of a playbook to steps: what each Ansible task did on each machine. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rediacc.execution.harvest import rc_of, time_of
from rediacc.queue.diffs import DIFF_CUT, bounded_diff
from rediacc.values import Step, StepStatus

__all__ = ["rescued_steps", "steps_of_records"]

_MOST_MESSAGE = 1000
_MOST_NAME = 500
_MOST_NUMBER = 2**31 - 1
_STATUSES = {str(status): status for status in StepStatus if status is not StepStatus.RESCUED}


def steps_of_records(
    records: Iterable[Mapping[str, Any]], *, with_diffs: bool = False
) -> list[Step]:
    """Return the steps in these records, in their order; what is no result of one is passed over.

    A step that a rescue took over counts as failed here: see :func:`rescued_steps`.

    :param with_diffs: keep what modules tell of the differences that they make.
    """
    found = []
    for record in records:
        number, status = record.get("seq"), _STATUSES.get(str(record.get("status")))
        is_number = isinstance(number, int) and 0 < number <= _MOST_NUMBER
        if record.get("type") == "result" and is_number and status is not None:
            diff = _diff(record) if with_diffs and status is StepStatus.CHANGED else ""
            found.append(_step(record, status, diff))
    return found


def rescued_steps(records: Sequence[Mapping[str, Any]]) -> tuple[int, ...]:
    """Return the numbers of the failed steps that a rescue took over, as Ansible's end counts them.

    A machine whose failure nothing rescues takes no part any more: what was rescued came first.
    """
    hosts = next((r.get("hosts") for r in reversed(records) if r.get("type") == "stats"), None)
    left = {
        str(name): counts["rescued"]
        for name, counts in (hosts.items() if isinstance(hosts, Mapping) else ())
        if isinstance(counts, Mapping) and isinstance(counts.get("rescued"), int)
    }
    found = []
    for step in steps_of_records(records) if any(left.values()) else ():
        if step.status is StepStatus.FAILED and left.get(step.machine, 0) > 0:
            left[step.machine] -= 1
            found.append(step.number)
    return tuple(found)


def _step(record: Mapping[str, Any], status: StepStatus, diff: str) -> Step:
    message = _message(record, status)
    return Step(
        number=record["seq"],
        machine=_name(record.get("host")),
        status=status,
        play=_name(record.get("play")),
        task=_name(record.get("task")),
        action=_name(record.get("action")),
        path=_name(record.get("path")),
        started_at=time_of(record.get("started_at")),
        ended_at=time_of(record.get("ended_at")),
        rc=rc_of(record),
        message=message[:_MOST_MESSAGE],
        is_cut=len(message) > _MOST_MESSAGE,
        delegated_to=_delegated(record),
        diff=diff,
    )


def _diff(record: Mapping[str, Any]) -> str:
    """Return a module's differences, or those of all items of a loop."""
    result = record.get("result")
    if not isinstance(result, Mapping):
        return ""
    items = result.get("results")
    diffs = [result.get("diff")]
    if isinstance(items, list):
        diffs += [item.get("diff") for item in items if isinstance(item, Mapping)]
    parts = [part for diff in diffs for part in (diff if isinstance(diff, list) else [diff])]
    left_out = result.get("rediacc_left_out")
    is_left_out = isinstance(left_out, list) and bool({"diff", "results"} & {*map(str, left_out)})
    return bounded_diff(parts) or (DIFF_CUT if is_left_out else "")


def _message(record: Mapping[str, Any], status: StepStatus) -> str:
    """Return what a step says; of one that went wrong, the end of what it printed, too."""
    message = str(record.get("message") or "")
    if status in (StepStatus.FAILED, StepStatus.IGNORED):
        printed = str(record.get("stderr") or record.get("stdout") or "").strip()
        if printed and printed not in message:
            room = max(0, _MOST_MESSAGE - len(message) - 1)
            message = f"{message}\n{printed[-room:]}" if room else message
    return message


def _name(value: object) -> str:
    return str(value or "")[:_MOST_NAME]


def _delegated(record: Mapping[str, Any]) -> tuple[str, ...]:
    names = str(record.get("delegated_to") or "")[: 10 * _MOST_NAME]
    return tuple(name[:_MOST_NAME] for name in names.split(",") if name)
