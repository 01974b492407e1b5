"""From signs to alerts: how long a thing must be wrong, and how long well, to be told. Pure.

The table of conditions remembers since when each sign is seen. `weigh` decides; nothing is written
here, so that a look which changes nothing costs no transaction.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from rediacc.alerts.finding import Detail, Finding, Subject
from rediacc.alerts.rules import Sign
from rediacc.times import seconds

__all__ = ["Known", "Verdict", "weigh"]


@dataclass(frozen=True, kw_only=True)
class Known:
    """A condition as the table has it."""

    since: int
    seen: int


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What one look at the signs means.

    :param findings: what is wrong, one for each group.
    :param over: groups whose alerts are over.
    :param kept: conditions to remember: name to since when they are seen.
    :param forgotten: conditions that are over.
    """

    findings: Sequence[Finding]
    over: Sequence[str]
    kept: Mapping[str, Known]
    forgotten: Sequence[str]


def weigh(
    signs: Iterable[Sign],
    known: Mapping[str, Known],
    *,
    open_groups: Mapping[str, Detail],
    clear_after: float,
    now: int,
) -> Verdict:
    """Decide what is wrong and what is over.

    :param known: the conditions of the rules that were looked at.
    :param open_groups: the open alerts of those rules.
    :param clear_after: seconds for which a sign must be gone.
    """
    kept: dict[str, Known] = {}
    active: dict[str, list[tuple[Sign, int]]] = {}
    for sign in signs:
        before = known.get(sign.condition)
        if before is None and not sign.is_over:
            continue  # between the marks, and it was well
        since = min(before.since if before else now, now if sign.since is None else sign.since)
        kept[sign.condition] = Known(since=since, seen=now)
        if now >= since + seconds(sign.for_seconds):
            active.setdefault(sign.group, []).append((sign, since))
    gone = {name: one for name, one in known.items() if name not in kept}
    fresh = {n: one for n, one in gone.items() if now < one.seen + seconds(clear_after)}
    over = [group for group in open_groups if group not in active and not _has(fresh, group)]
    return Verdict(
        findings=[
            _finding(group, members, now, _left(group, fresh, open_groups))
            for group, members in active.items()
        ],
        over=over,
        kept=kept | fresh,
        forgotten=[name for name in gone if name not in fresh],
    )


def _has(conditions: Mapping[str, Known], group: str) -> bool:
    return any(name.startswith(f"{group}/") for name in conditions)


def _left(
    group: str, fresh: Mapping[str, Known], open_groups: Mapping[str, Detail]
) -> Mapping[str, Subject]:
    """Subjects that are well, but not for long enough to leave the alert."""
    before = open_groups[group].subjects if group in open_groups else {}
    return {name: one for name, one in before.items() if f"{group}/{name}" in fresh}


def _finding(
    group: str,
    members: Sequence[tuple[Sign, int]],
    now: int,
    left: Mapping[str, Subject],
) -> Finding:
    first = members[0][0]
    subjects = {
        sign.subject: Subject(at=since, words=sign.words) for sign, since in members if sign.subject
    }
    return Finding(
        key=group,
        rule=first.rule,
        team=first.team,
        severity=min((sign.severity for sign, _rest in members), key=lambda one: one.rank),
        at=min(since for _rest, since in members) if members else now,
        number=sum(sign.counts for sign, _rest in members) + len(left),
        is_event=False,
        detail=Detail(
            what=first.what,
            subjects={**left, **subjects},
            tasks=first.tasks,
            why=tuple(line for sign, _rest in members[:3] for line in sign.why),
            who=tuple(dict.fromkeys(name for sign, _rest in members for name in sign.who))[:10],
            advice=first.advice,
        ),
    )
