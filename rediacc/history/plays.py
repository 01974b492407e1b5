"""From the records of a play that was started by hand to a task that is over. Pure.

What is read here was written by whoever ran the play: every field is checked for its type and cut
to its size before anything else looks at it.
"""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from rediacc.errors import InvalidInput
from rediacc.execution.harvest import ad_hoc_result, harvest_playbook, time_of
from rediacc.execution.steps import rescued_steps, steps_of_records
from rediacc.history.log import log_of
from rediacc.values import (
    AnsibleOptions,
    Kind,
    MachineOutcome,
    MachineResult,
    Step,
    StepStatus,
)

__all__ = ["Play", "read_play"]

_MOST_NAME = 255
_MOST_TEXT = 4000
_MOST_OUTPUT = 256 << 10
_MOST_RESULT = 128 << 10
_MOST_NAMES = 100
_MOST_MACHINES = 10_000
_COUNTS = ("ok", "changed", "failures", "unreachable", "skipped", "rescued", "ignored")
_NAMES = ("host", "status", "play", "task", "action", "path", "delegated_to", "failure", "name")
_TEXTS = ("message", "stdout", "stderr")


@dataclass(frozen=True, kw_only=True)
class Play:
    """A play as its records tell it.

    :param inventory: the sources of its inventory, absolute where they are files.
    :param team: the team that the person named, if any.
    :param text: the playbooks as people name them, or the module.
    :param detail: what else is kept of how it was started.
    :param is_whole: whether Ansible came to its end and said so.
    :param has_ended: whether its process ended by itself; else nobody knows how it ended.
    """

    kind: Kind
    title: str
    text: str
    team: str | None
    inventory: tuple[str, ...]
    options: AnsibleOptions
    detail: Mapping[str, Any]
    results: tuple[MachineResult, ...]
    steps: tuple[Step, ...]
    log: str
    started_at: datetime
    ended_at: datetime
    is_whole: bool
    has_ended: bool

    @property
    def machines(self) -> tuple[str, ...]:
        """The machines that it spoke of."""
        return tuple(result.machine for result in self.results)


def read_play(records: Sequence[Mapping[str, Any]], *, home: str, now: datetime) -> Play:
    """Return what the records tell.

    :param home: the home's directory; playbooks below it are named as they lie in it.
    :raises InvalidInput: they cannot be the records of a play.
    """
    header = next((r for r in records if r.get("type") == "spool"), None)
    if header is None:
        raise InvalidInput("the records do not say which play they are of")
    clean = [one for one in map(_clean, records) if one is not None]
    is_ad_hoc = header.get("module") is not None
    kind = Kind.MODULE if is_ad_hoc else Kind.PLAYBOOK
    is_whole = any(one["type"] == "stats" for one in clean)
    try:
        results = _ad_hoc(clean) if is_ad_hoc else _of_playbook(clean)
    except (KeyError, TypeError, ValueError, AttributeError) as exc:
        raise InvalidInput("the records of the play cannot be read") from exc
    options = _options(header.get("options"))
    text = _text(header.get("module")) if is_ad_hoc else _playbooks(header, home)
    times = [time for one in records if (time := time_of(one.get("at"))) is not None]
    started = min([*times, now])
    return Play(
        kind=kind,
        title=text[:_MOST_NAME] or "a play",
        text=text,
        team=_text(header.get("team"))[:_MOST_NAME] or None,
        inventory=_texts(header.get("inventory")),
        options=options,
        detail=_detail(header),
        results=results[:_MOST_MACHINES],
        steps=() if is_ad_hoc else _steps(clean, with_diffs=options.diff),
        log="" if is_ad_hoc else log_of(clean),
        started_at=started,
        ended_at=max(started, min(max(times, default=now), now)),
        is_whole=is_whole,
        has_ended=any(one.get("type") == "exit" for one in records),
    )


def _of_playbook(records: Sequence[Mapping[str, Any]]) -> tuple[MachineResult, ...]:
    ends = (record["hosts"] for record in reversed(records) if record["type"] == "stats")
    return harvest_playbook(records, next(ends, ()), without_end=MachineOutcome.LOST).results


def _ad_hoc(records: Sequence[Mapping[str, Any]]) -> tuple[MachineResult, ...]:
    """Return the first result of each machine."""
    first: dict[str, Mapping[str, Any]] = {}
    for record in records:
        if record["type"] == "result":
            first.setdefault(record["host"], record)
    return tuple(ad_hoc_result(record, kind=Kind.MODULE) for record in first.values())


def _steps(records: Sequence[Mapping[str, Any]], *, with_diffs: bool) -> tuple[Step, ...]:
    rescued = set(rescued_steps(records))
    return tuple(
        Step(**{**vars(step), "status": StepStatus.RESCUED}) if step.number in rescued else step
        for step in steps_of_records(records, with_diffs=with_diffs)
    )


def _clean(record: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the fields of a record that are what they should be; ``None`` where it is of none."""
    kind = record.get("type")
    if kind == "stats":
        return {"type": kind, "hosts": _counts(record.get("hosts"))}
    if kind not in ("play", "task", "result"):
        return None
    clean: dict[str, Any] = {"type": kind, "seq": record.get("seq")}
    clean |= {name: _text(record.get(name))[:_MOST_NAME] for name in _NAMES}
    clean |= {name: _text(record.get(name), _MOST_OUTPUT) for name in _TEXTS}
    for name in ("started_at", "ended_at"):
        clean[name] = _text(record.get(name))[:64]
    for name in ("rc", "stdout_bytes", "stderr_bytes"):
        clean[name] = record.get(name) if isinstance(record.get(name), int) else None
    for name in ("timed_out", "truncated"):
        clean[name] = record.get(name) is True
    clean["result"] = _result(record.get("result"))
    if kind == "result" and not clean["host"]:
        return None
    return clean


def _result(value: object) -> Mapping[str, Any]:
    """Return a module's result, when it is no larger than the callback leaves it."""
    try:
        is_small = len(json.dumps(value)) <= _MOST_RESULT
    except (RecursionError, ValueError):
        return {}
    return value if isinstance(value, Mapping) and is_small else {}


def _counts(hosts: object) -> dict[str, dict[str, int]]:
    if not isinstance(hosts, Mapping):
        return {}
    return {
        str(name)[:_MOST_NAME]: {
            word: counts[word]
            for word in _COUNTS
            if isinstance(counts.get(word), int) and 0 <= counts[word] < 2**31
        }
        for name, counts in list(hosts.items())[:_MOST_MACHINES]
        if isinstance(counts, Mapping)
    }


def _playbooks(header: Mapping[str, Any], home: str) -> str:
    """Return the playbooks as one would type them in the home."""
    names = []
    for name in _texts(header.get("playbooks")):
        inside = os.path.relpath(name, home) if os.path.isabs(name) else name
        names.append(name if inside.startswith("..") else inside)
    return " ".join(map(shlex.quote, names))[:_MOST_TEXT]


def _options(given: object) -> AnsibleOptions:
    fields = given if isinstance(given, Mapping) else {}
    forks, verbosity = fields.get("forks"), fields.get("verbosity")
    return AnsibleOptions(
        forks=forks if isinstance(forks, int) and 0 < forks < 2**31 else None,
        become=fields.get("become") is True,
        become_user=_text(fields.get("become_user"))[:_MOST_NAME] or None,
        become_method=_text(fields.get("become_method"))[:_MOST_NAME] or None,
        check=fields.get("check") is True,
        diff=fields.get("diff") is True,
        tags=_texts(fields.get("tags")),
        skip_tags=_texts(fields.get("skip_tags")),
        start_at_task=_text(fields.get("start_at_task"))[:_MOST_NAME] or None,
        verbosity=verbosity if isinstance(verbosity, int) and 0 <= verbosity < 10 else 0,
        remote_user=_text(fields.get("remote_user"))[:_MOST_NAME] or None,
    )


def _detail(header: Mapping[str, Any]) -> dict[str, Any]:
    """Return what else is kept; of extra variables only their names are there to be kept."""
    words = {name: _text(header.get(name))[:_MOST_NAME] for name in ("limit", "pattern")}
    words |= {name: _text(header.get(name))[:_MOST_TEXT] for name in ("host", "directory")}
    words["ansible"] = _text(header.get("ansible"))[:_MOST_NAME]
    lists = {name: _texts(header.get(name)) for name in ("inventory", "extra_variables")}
    kept: dict[str, Any] = {name: word for name, word in words.items() if word}
    return kept | {name: ", ".join(some) for name, some in lists.items() if some}


def _texts(value: object) -> tuple[str, ...]:
    if not isinstance(value, list):
        return ()
    return tuple(_text(item)[:1000] for item in value[:_MOST_NAMES] if isinstance(item, str))


def _text(value: object, most: int = _MOST_TEXT) -> str:
    return value[:most] if isinstance(value, str) else ""
