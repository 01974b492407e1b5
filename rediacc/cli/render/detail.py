"""One thing in words, line by line, for people."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from rediacc.cli.neutral import one_line
from rediacc.cli.render.columns import RESULT_COLUMNS
from rediacc.cli.render.fates import state_words
from rediacc.cli.render.measures import health_pairs, sampling_words
from rediacc.cli.render.table import table_lines
from rediacc.cli.render.words import age, clock, duration, labels
from rediacc.values import (
    LEVEL_NAMES,
    AnsibleOptions,
    Origin,
    PolicyView,
    PublicState,
    Reason,
    RetryPolicy,
)
from rediacc.views import (
    AttemptView,
    EventView,
    MachineChange,
    MachineView,
    ResultView,
    TaskDetail,
    TaskView,
    TeamChange,
    TeamView,
)

__all__ = [
    "created_team_lines",
    "deleted_team_lines",
    "machine_lines",
    "policy_lines",
    "result_lines",
    "task_lines",
    "team_lines",
    "updated_machine_line",
    "updated_team_lines",
]

_LONGEST_TEXT = 2000
# A machine's state behind "is".
_STATE_WORDS = {"online": "online", "maintenance": "in maintenance", "offline": "offline"}
_VAULT_KEYS = {
    "file": "its own, in .rediacc/keys/",
    "command": "its own, kept by key_command",
    "repository": "as the repository says",
}


def task_lines(detail: TaskDetail, *, now: datetime, is_wide: bool = False) -> Iterator[str]:
    """Yield everything about a task.

    :param is_wide: also those values of the retry policy that nobody gave.
    """
    task = detail.task
    yield from _fields(_about(detail, now=now))
    for reason in detail.waits:
        yield f"waits       {one_line(reason)}"
    if detail.message:
        yield f"message     {one_line(detail.message)}"
    if task.origin is Origin.QUEUE:
        yield ""
        yield "RETRY POLICY"
        yield from (f"  {line}" for line in policy_lines(detail.policy, is_wide=is_wide))
    if detail.attempts:
        yield ""
        yield "ATTEMPTS"
        yield from _attempts(detail.attempts)
    if detail.results:
        yield ""
        yield "RESULTS"
        yield from (f"  {line}" for line in result_lines(detail.results))
    if detail.timeline:
        yield ""
        yield "TIMELINE"
        yield from _timeline(detail.timeline)
    if task.state is not PublicState.PENDING and detail.results:
        yield ""
        yield f"output: rediacc logs {task.id}"


def _about(detail: TaskDetail, *, now: datetime) -> Iterator[tuple[str, str]]:
    task = detail.task
    yield "task", f"{task.id}  {task.uid}"
    yield "state", state_words(task)
    yield task.kind.value, _bounded(detail.text)
    yield "named", task.named or ""
    yield "origin", "started by hand" if task.origin is Origin.HAND else ""
    yield "team", task.team
    yield "machines", ", ".join(task.machines)
    if task.origin is Origin.QUEUE:
        yield "level", f"{task.priority} {LEVEL_NAMES.get(task.priority, '')}"
    yield "arguments", _pairs(detail.module_args)
    yield "secrets", _pairs(detail.secrets)
    yield "variables", _pairs(detail.variables)
    yield "options", _options(detail.options)
    yield "timeout", duration(detail.timeout_seconds)
    yield "exclusive", "yes" if detail.exclusive else ""
    yield "labels", labels(task.labels)
    yield "key", detail.idempotency_key or ""
    yield "revision", detail.revision or ""
    yield "created", f"{clock(task.created_at)} by {task.created_by} ({_ago(task, now)})"
    yield "not before", clock(task.eligible_at) if task.eligible_at > now else ""
    yield "expires", clock(detail.expires_at)
    yield "started", clock(task.started_at)
    yield "finished", clock(task.finished_at)
    yield "queued for", duration(task.queue_seconds)
    yield "ran for", duration(task.elapsed_seconds)
    yield "archived", "yes: it cannot change any more" if task.is_archived else ""
    yield "attempt", f"{task.attempt}, retries left: {task.retries_left}"


def policy_lines(view: PolicyView, *, is_wide: bool = True) -> Iterator[str]:
    """Yield a retry policy, each value with where it came from.

    :param is_wide: whether the values that nobody gave are shown too.
    """
    rows = [(name, text, view.origins.get(name, "default")) for name, text in _policy(view.policy)]
    given = [row for row in rows if is_wide or row[2] != "default"]
    yield from table_lines(given, ())
    if not given:
        yield "all default: no retry, then an alert (-o wide shows each value)"
    elif len(given) < len(rows):
        yield "all else default (-o wide shows it)"


def _policy(policy: RetryPolicy) -> Iterator[tuple[str, str]]:
    yield "retryCount", str(policy.retry_count)
    yield "retryDelay", duration(policy.retry_delay_seconds)
    yield "backoff", f"{policy.backoff:g}"
    yield "maxDelay", duration(policy.max_delay_seconds) or "none"
    yield "jitter", f"{policy.jitter:g}"
    yield "retryOn", ",".join(failure.value for failure in policy.retry_on) or "nothing"
    yield "failureAction", policy.failure_action
    yield "onLost", policy.on_lost.value


def result_lines(results: Sequence[ResultView]) -> list[str]:
    """Return a table of machines' results; counts of a playbook stand for a missing message."""
    several = len({one.attempt for one in results}) > 1
    rows = []
    for one in results:
        cells = [column.cell(one) for column in RESULT_COLUMNS]
        cells[-1] = cells[-1] or _pairs(one.result.counts)
        if one.result.delegated_to:
            cells[-1] += f" (delegated to {', '.join(one.result.delegated_to)})"
        rows.append([str(one.attempt), *cells] if several else cells)
    headers = [column.name.upper() for column in RESULT_COLUMNS]
    return table_lines(rows, ["ATTEMPT", *headers] if several else headers)


def created_team_lines(team: TeamView) -> Iterator[str]:
    """Yield what to know about a team that was just made."""
    yield f"team {team.name} created: inventory {team.inventory}"
    yield f"sampled: {sampling_words(team.sample_every_seconds)}"
    if team.public_key:
        yield "its machines let it in once this is in their authorized_keys:"
        yield team.public_key


def updated_team_lines(team: TeamChange) -> Iterator[str]:
    """Yield what changed of a team."""
    if not team.changed or team.before is None or team.after is None:
        yield f"team {team.name} is so already"
        return
    names = [name for name, value in team.after.items() if team.before[name] != value]
    words = ", ".join(name.removesuffix("_seconds").replace("_", " ") for name in names)
    yield f"team {team.name} changed: {words}"
    if "ssh" in names and team.public_key:
        yield "its machines let it in once this is in their authorized_keys:"
        yield team.public_key


def deleted_team_lines(team: TeamView) -> Iterator[str]:
    """Yield what to know about a team that is no more."""
    yield f"team {team.name} deleted"
    if team.vault == "file":
        # A key that is gone opens nothing any more: a person decides about that.
        yield f"its vault stays: vaults/{team.name} and its key .rediacc/keys/{team.name}"


def team_lines(team: TeamView) -> Iterator[str]:
    """Yield everything about a team."""
    yield from _fields(
        [
            ("team", team.name),
            ("inventory", team.inventory),
            ("kept by", "rediacc" if team.is_managed else "you"),
            ("ssh", team.ssh if team.ssh == "user" else "a key from its vault"),
            ("public key", team.public_key),
            ("vault key", _VAULT_KEYS.get(team.vault, team.vault)),
            ("machines", "" if team.error else str(team.machine_count)),
            ("groups", "" if team.error else str(team.group_count)),
            ("problem", team.error),
            ("weight", str(team.weight)),
            ("sampled", sampling_words(team.sample_every_seconds)),
        ]
    )


def machine_lines(machine: MachineView) -> Iterator[str]:
    """Yield everything about a machine."""
    yield from _fields(
        [
            ("machine", machine.name),
            ("team", machine.team),
            ("state", machine.state.value),
            ("address", machine.address),
            ("user", machine.user),
            ("port", "" if machine.port is None else str(machine.port)),
            ("groups", ", ".join(machine.groups)),
            ("running", ", ".join(f"task {number}" for number in machine.running)),
            ("pending", str(machine.pending_count)),
            *health_pairs(machine.health),
            ("variables", _pairs(_unvaulted(machine.variables))),
        ]
    )


def updated_machine_line(machine: MachineChange) -> str:
    """Return what changed of a machine, or the state that it is in where only that was wished."""
    before, after = machine.before or {}, machine.after or {}
    if set(after) == {"state"}:
        return f"machine {machine.name} is {_STATE_WORDS[machine.state]}"
    names = [name for name in after if before.get(name) != after[name]]
    if not names:
        return f"machine {machine.name} is so already"
    return f"machine {machine.name} changed: {', '.join(names)}"


def _unvaulted(value: Any) -> Any:
    """Return `value` with a word in the place of each text that only the vault's password opens."""
    if isinstance(value, Mapping):
        if "__ansible_vault" in value:
            return "(vaulted)"
        return {name: _unvaulted(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_unvaulted(item) for item in value]
    return value


def _attempts(attempts: Sequence[AttemptView]) -> Iterator[str]:
    rows = [
        (
            str(one.number),
            # Where it is tried again, the queue's two words for it are one.
            "tried again" if one.outcome == Reason.RETRY else one.outcome or "running",
            "" if one.reason == one.outcome else one.reason,
            clock(one.started_at or one.claimed_at),
            _between(one.started_at, one.ended_at),
            one.worker,
            one.message,
        )
        for one in attempts
    ]
    headers = ("ATTEMPT", "OUTCOME", "REASON", "STARTED", "TOOK", "WORKER", "MESSAGE")
    yield from (f"  {line}" for line in table_lines(rows, headers))


def _timeline(events: Sequence[EventView]) -> Iterator[str]:
    rows = [
        (clock(one.at), one.name, one.state, one.reason, one.actor, _pairs(_said(one.detail)))
        for one in events
    ]
    yield from (f"  {line}" for line in table_lines(rows, ()))


def _said(detail: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in detail.items() if value not in (None, "", [], {})}


def _fields(pairs: Iterable[tuple[str, str]]) -> Iterator[str]:
    for name, value in pairs:
        if value:
            yield f"{name:<10}  {one_line(value)}"


def _bounded(text: str) -> str:
    if len(text) <= _LONGEST_TEXT:
        return text
    return f"{text[:_LONGEST_TEXT]}... ({len(text)} characters; all of it: -o json)"


def _pairs(values: Mapping[str, Any]) -> str:
    return " ".join(f"{name}={value}" for name, value in values.items())


def _options(options: AnsibleOptions) -> str:
    words = []
    flags = {"become": "--become", "check": "--check", "diff": "--diff", "template": "--template"}
    words += [flag for name, flag in flags.items() if getattr(options, name)]
    named = {
        "become_user": "--become-user",
        "become_method": "--become-method",
        "remote_user": "--user",
        "forks": "--forks",
        "start_at_task": "--start-at-task",
        "chdir": "--chdir",
    }
    for name, flag in named.items():
        value = getattr(options, name)
        if value is not None:
            words.append(f"{flag} {value}")
    if options.tags:
        words.append(f"--tags {','.join(options.tags)}")
    if options.skip_tags:
        words.append(f"--skip-tags {','.join(options.skip_tags)}")
    for one in options.extra_vars:
        words.append(f"-e @{one.file}" if one.file else f"-e {','.join(one.values or {})}")
    if options.verbosity:
        words.append("-" + "v" * options.verbosity)
    return " ".join(words)


def _between(start: datetime | None, end: datetime | None) -> str:
    return "" if start is None or end is None else duration((end - start).total_seconds())


def _ago(task: TaskView, now: datetime) -> str:
    return f"{age(task.created_at, now=now)} ago"
