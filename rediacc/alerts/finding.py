"""What a rule finds, and what an alert keeps of it: values that rules and the database share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from rediacc.alert_words import AlertRule, Severity

__all__ = ["Detail", "Finding", "Subject", "merge", "without"]

# An alert's row is read and written with each event: it must stay small.
_MOST_SUBJECTS = 2000
_MOST_TASKS = 50
_MOST_PEOPLE = 10


@dataclass(frozen=True, kw_only=True)
class Subject:
    """A machine, secret or task that an alert is about.

    :param at: when it was last seen wrong, in microseconds.
    :param words: what is wrong with it, in a few words.
    """

    at: int
    words: str = ""


@dataclass(frozen=True, kw_only=True)
class Detail:
    """What an alert holds beside its row.

    :param what: what the alert is about, in the words of the person who asked for it.
    :param subjects: machines (or secrets) that are wrong now, by name.
    :param tasks: the newest tasks of the cause, oldest first.
    :param why: the last lines of what machines said, masked as they were stored.
    :param who: people whose tasks they are.
    :param advice: the command that helps.
    """

    what: str = ""
    subjects: Mapping[str, Subject] = field(default_factory=dict)
    tasks: Sequence[int] = ()
    why: Sequence[str] = ()
    who: Sequence[str] = ()
    advice: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return the detail as the database keeps it."""
        return {
            "what": self.what,
            "subjects": {name: [one.at, one.words] for name, one in self.subjects.items()},
            "tasks": list(self.tasks),
            "why": list(self.why),
            "who": list(self.who),
            "advice": self.advice,
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Detail:
        """Return the detail that :meth:`to_json` wrote."""
        subjects = stored.get("subjects", {})
        return cls(
            what=stored.get("what", ""),
            subjects={name: Subject(at=one[0], words=one[1]) for name, one in subjects.items()},
            tasks=tuple(stored.get("tasks", ())),
            why=tuple(stored.get("why", ())),
            who=tuple(stored.get("who", ())),
            advice=stored.get("advice", ""),
        )


@dataclass(frozen=True, kw_only=True)
class Finding:
    """Something that is wrong.

    :param key: names the cause: findings with one key are one alert.
    :param team: empty for the whole home.
    :param number: how many things went wrong (events), or are wrong now (conditions).
    :param is_event: whether `number` adds to what the alert counted before.
    :param at: when, in microseconds.
    """

    key: str
    rule: AlertRule
    team: str
    severity: Severity
    at: int
    number: int = 1
    is_event: bool = True
    detail: Detail = field(default_factory=Detail)


def merge(before: Detail, after: Detail) -> Detail:
    """Return what an alert holds after one more event: all that is wrong, the newest words."""
    subjects = {**before.subjects, **after.subjects}
    newest = sorted(subjects.items(), key=lambda item: item[1].at)[-_MOST_SUBJECTS:]
    return Detail(
        what=after.what or before.what,
        subjects=dict(newest),
        tasks=tuple(dict.fromkeys([*before.tasks, *after.tasks]))[-_MOST_TASKS:],
        why=after.why or before.why,
        who=tuple(dict.fromkeys([*before.who, *after.who]))[-_MOST_PEOPLE:],
        advice=after.advice or before.advice,
    )


def without(detail: Detail, well: Mapping[str, int]) -> Detail:
    """Return `detail` without the subjects that are well since they were last seen wrong.

    :param well: since when each is well, in microseconds.
    """
    left = {
        name: subject
        for name, subject in detail.subjects.items()
        if name not in well or subject.at >= well[name]
    }
    return replace(detail, subjects=left)
