"""The rules over what is so now. Pure: facts in, signs out.

A sign says that something is over its limit, or between the limit and the mark below which it is
well again (hysteresis). How long it must be so before people are told is the sign's own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from rediacc.alert_words import AlertRule, Severity
from rediacc.alerts.facts import Depth, LateTask, MachineSample, OldSecret, Waiting
from rediacc.settings.alerts import AlertSettings
from rediacc.times import seconds

__all__ = [
    "Sign",
    "audit_signs",
    "depth_signs",
    "late_signs",
    "machine_signs",
    "no_worker_signs",
    "old_queue_signs",
    "secret_signs",
]

# Well again is a little below the limit, so that what stands at it does not come and go.
_LOW_MARK = 0.8
_LOW_PERCENT = 5.0
_NAMED_TASKS = 10


@dataclass(frozen=True, kw_only=True)
class Sign:
    """Something that is wrong, or not yet well again.

    :param group: the alert that it belongs to.
    :param subject: what is wrong, by name; with the group it names the condition.
    :param since: since when, where that is known; else from when it is first seen.
    :param for_seconds: how long it must be so.
    :param is_over: false between the low mark and the limit: it stays as it was.
    :param counts: how many the alert counts for it.
    """

    rule: AlertRule
    team: str
    severity: Severity
    group: str
    subject: str = ""
    words: str = ""
    what: str = ""
    since: int | None = None
    for_seconds: float = 0.0
    is_over: bool = True
    counts: int = 1
    tasks: tuple[int, ...] = ()
    who: tuple[str, ...] = ()
    advice: str = ""
    why: tuple[str, ...] = ()
    named: Mapping[str, str] = field(default_factory=dict)

    @property
    def condition(self) -> str:
        """The condition's name."""
        return f"{self.group}/{self.subject}"


def late_signs(
    tasks: Iterable[LateTask], settings: AlertSettings, level_limits: Mapping[int, float], now: int
) -> Iterator[Sign]:
    """Level 1 after ten seconds, level 2 after its limit: one alert for a team and level."""
    found: dict[tuple[str, int], list[LateTask]] = {}
    for task in tasks:
        late = settings.limits_of(task.team).late if task.level == 1 else level_limits.get(2, 0)
        if late and task.since + seconds(late) <= now:
            found.setdefault((task.team, task.level), []).append(task)
    for (team, level), late_ones in found.items():
        first = late_ones[0]
        ids = tuple(task.id for task in late_ones[:_NAMED_TASKS])
        yield Sign(
            rule=AlertRule.TASK_LATE,
            team=team,
            severity=Severity.CRITICAL if level == 1 else Severity.ERROR,
            group=f"{AlertRule.TASK_LATE}/{team}/{level}",
            what=f"level {level}: {first.title}",
            since=first.since,
            counts=len(late_ones),
            tasks=ids,
            who=tuple(dict.fromkeys(task.created_by for task in late_ones))[:_NAMED_TASKS],
            why=tuple(f"task {task.id} waits: {task.reason}" for task in late_ones[:3]),
            advice=f"rediacc inspect task {' '.join(map(str, ids))}",
        )


def no_worker_signs(waiting: Waiting | None, settings: AlertSettings) -> Iterator[Sign]:
    """Tasks wait and nobody works on the queue."""
    if waiting is None:
        return
    yield Sign(
        rule=AlertRule.NO_WORKER,
        team="",
        severity=Severity.CRITICAL,
        group=str(AlertRule.NO_WORKER),
        since=waiting.since,
        for_seconds=settings.limits.no_worker,
        counts=waiting.number,
        advice="rediacc worker",
    )


def depth_signs(depths: Iterable[Depth], settings: AlertSettings) -> Iterator[Sign]:
    """A team's queue is deeper than its limit, until it is a fifth below it."""
    for depth in depths:
        limit = settings.limits_of(depth.team).depth
        if depth.number < limit * _LOW_MARK:
            continue
        yield Sign(
            rule=AlertRule.QUEUE_DEEP,
            team=depth.team,
            severity=Severity.WARNING,
            group=f"{AlertRule.QUEUE_DEEP}/{depth.team}",
            what=f"{depth.number} tasks wait, the limit is {limit}",
            is_over=depth.number >= limit,
            counts=depth.number,
            advice=f"rediacc list queue --team {depth.team}",
        )


def old_queue_signs(oldest: Iterable[Depth], settings: AlertSettings, now: int) -> Iterator[Sign]:
    """A team's oldest runnable task waits for longer than the limit."""
    for one in oldest:
        limit = settings.limits_of(one.team).oldest
        age = (now - one.since) / 1e6
        if age < limit * _LOW_MARK:
            continue
        yield Sign(
            rule=AlertRule.QUEUE_OLD,
            team=one.team,
            severity=Severity.WARNING,
            group=f"{AlertRule.QUEUE_OLD}/{one.team}",
            what=f"{_span(age)}, the limit is {_span(limit)}",
            is_over=age >= limit,
            advice=f"rediacc list queue --team {one.team}",
        )


def machine_signs(samples: Iterable[MachineSample], settings: AlertSettings) -> Iterator[Sign]:
    """Machines over their limits, and machines that do not answer when they are looked at."""
    for sample in samples:
        limits = settings.limits_of(sample.team)
        if not sample.is_reachable:
            yield _machine_sign(
                sample,
                AlertRule.MACHINE_UNREACHABLE,
                Severity.ERROR,
                words="unreachable",
                for_seconds=limits.unreachable_for,
                why=(f"{sample.machine}: {sample.message}",) if sample.message else (),
            )
            continue
        for rule, severity, value, limit, wait in (
            (AlertRule.MACHINE_CPU, Severity.WARNING, sample.cpu, limits.cpu, limits.busy_for),
            (
                AlertRule.MACHINE_MEMORY,
                Severity.WARNING,
                sample.memory,
                limits.memory,
                limits.busy_for,
            ),
            (AlertRule.MACHINE_DISK, Severity.ERROR, sample.disk, limits.disk, 0.0),
        ):
            if value is None or value < limit - _LOW_PERCENT:
                continue
            place = f" of {sample.disk_path}" if rule is AlertRule.MACHINE_DISK else ""
            yield _machine_sign(
                sample,
                rule,
                severity,
                words=f"{value:.0f} %{place if sample.disk_path else ''}",
                for_seconds=wait,
                is_over=value >= limit,
            )


def _machine_sign(
    sample: MachineSample,
    rule: AlertRule,
    severity: Severity,
    *,
    words: str,
    for_seconds: float,
    is_over: bool = True,
    why: tuple[str, ...] = (),
) -> Sign:
    return Sign(
        rule=rule,
        team=sample.team,
        severity=severity,
        group=f"{rule}/{sample.team}",
        subject=sample.machine,
        words=words,
        since=sample.at,
        for_seconds=for_seconds,
        is_over=is_over,
        why=why,
        advice=f"rediacc inspect machine {sample.machine}",
    )


def secret_signs(secrets: Iterable[OldSecret], settings: AlertSettings, now: int) -> Iterator[Sign]:
    """Secrets and SSH keys that nobody has changed for too long."""
    for secret in secrets:
        days = settings.limits_of(secret.team).secret_days
        age = (now - secret.set_at) / 86400e6
        if not days or age < days:
            continue
        yield Sign(
            rule=AlertRule.SECRET_OLD,
            team=secret.team,
            severity=Severity.WARNING,
            group=f"{AlertRule.SECRET_OLD}/{secret.team}",
            subject=secret.name,
            words=f"{age:.0f} days",
            who=(secret.set_by,),
            advice=f"rediacc list secrets --team {secret.team}",
        )


def audit_signs(problem: str) -> Iterator[Sign]:
    """The audit's chain does not fit: entries were changed or removed."""
    if not problem:
        return
    yield Sign(
        rule=AlertRule.AUDIT_BROKEN,
        team="",
        severity=Severity.CRITICAL,
        group=str(AlertRule.AUDIT_BROKEN),
        what=problem,
        advice="rediacc verify audit",
    )


def _span(amount: float) -> str:
    if amount >= 7200:
        return f"{amount / 3600:.0f} h"
    return f"{amount / 60:.0f} min" if amount >= 120 else f"{amount:.0f} s"
