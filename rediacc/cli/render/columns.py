"""The columns of each kind of list."""

from __future__ import annotations

from datetime import datetime

from rediacc.cli.render.fates import reason_word
from rediacc.cli.render.table import Column
from rediacc.cli.render.words import age, clock, duration, labels, names

__all__ = [
    "CHANGE_COLUMNS",
    "CHECK_COLUMNS",
    "HOST_KEY_COLUMNS",
    "MACHINE_COLUMNS",
    "NAMED_TASK_COLUMNS",
    "RESULT_COLUMNS",
    "STEP_COLUMNS",
    "TEAM_COLUMNS",
    "task_columns",
    "worker_columns",
]


def task_columns(now: datetime) -> tuple[Column, ...]:
    """Return the columns of tasks, their ages as of `now`."""
    return (
        Column("id", lambda task: str(task.id), key=lambda task: task.id),
        Column("priority", lambda task: str(task.priority), key=lambda task: task.priority),
        Column("state", lambda task: task.state.value),
        Column("reason", reason_word),
        Column("team", lambda task: task.team),
        Column("machines", lambda task: names(task.machines)),
        Column(
            "attempt", lambda task: str(task.attempt), is_wide=True, key=lambda task: task.attempt
        ),
        Column("age", lambda task: age(task.created_at, now=now), key=lambda task: _ago(task, now)),
        Column(
            "elapsed",
            lambda task: duration(task.elapsed_seconds),
            is_wide=True,
            key=lambda task: task.elapsed_seconds,
        ),
        Column("rc", lambda task: _number(task.rc), is_wide=True, key=lambda task: task.rc),
        Column("kind", lambda task: task.kind.value, is_wide=True),
        Column("origin", lambda task: task.origin.value, is_wide=True),
        Column("named", lambda task: task.named or "", is_wide=True),
        Column("created_by", lambda task: task.created_by, is_wide=True),
        Column("created_at", lambda task: clock(task.created_at), is_wide=True),
        Column("eligible_at", lambda task: clock(task.eligible_at), is_wide=True),
        Column("started_at", lambda task: clock(task.started_at), is_wide=True),
        Column("finished_at", lambda task: clock(task.finished_at), is_wide=True),
        Column(
            "queue_seconds",
            lambda task: duration(task.queue_seconds),
            is_wide=True,
            key=lambda task: task.queue_seconds,
        ),
        Column("retries_left", lambda task: str(task.retries_left), is_wide=True),
        Column("labels", lambda task: labels(task.labels), is_wide=True),
        Column("uid", lambda task: task.uid, is_wide=True),
        Column("title", lambda task: task.title),
    )


TEAM_COLUMNS = (
    Column("name", lambda team: team.name),
    Column(
        "machine_count",
        lambda team: "" if team.error else str(team.machine_count),
        key=lambda team: None if team.error else team.machine_count,
    ),
    Column(
        "group_count",
        lambda team: "" if team.error else str(team.group_count),
        key=lambda team: None if team.error else team.group_count,
    ),
    Column("ssh", lambda team: team.ssh),
    Column("is_managed", lambda team: "yes" if team.is_managed else "no", is_wide=True),
    Column("weight", lambda team: str(team.weight), is_wide=True, key=lambda team: team.weight),
    Column("inventory", lambda team: team.inventory),
)

MACHINE_COLUMNS = (
    Column("name", lambda machine: machine.name),
    Column("team", lambda machine: machine.team),
    Column("state", lambda machine: machine.state.value),
    Column("address", lambda machine: machine.address),
    Column("user", lambda machine: machine.user),
    Column("port", lambda machine: _number(machine.port), key=lambda machine: machine.port),
    Column("running", lambda machine: ",".join(str(task) for task in machine.running)),
    Column(
        "pending_count",
        lambda machine: str(machine.pending_count),
        key=lambda machine: machine.pending_count,
    ),
    Column("groups", lambda machine: ",".join(machine.groups)),
)


def worker_columns(now: datetime) -> tuple[Column, ...]:
    """Return the columns of workers, their ages as of `now`."""
    return (
        Column("id", lambda worker: worker.id),
        Column("host", lambda worker: worker.host),
        Column("pid", lambda worker: str(worker.pid), key=lambda worker: worker.pid),
        Column("state", lambda worker: worker.state if worker.is_alive else "gone"),
        Column("slots", lambda worker: str(worker.slots), key=lambda worker: worker.slots),
        Column("urgent_slots", lambda worker: str(worker.urgent_slots)),
        Column("age", lambda worker: age(worker.started_at, now=now)),
        Column("beat", lambda worker: age(worker.beat_at, now=now)),
        Column("version", lambda worker: worker.version, is_wide=True),
        Column("started_at", lambda worker: clock(worker.started_at), is_wide=True),
        Column("beat_at", lambda worker: clock(worker.beat_at), is_wide=True),
        Column("tasks", lambda worker: ",".join(str(task) for task in worker.tasks)),
    )


def _variable(name: str, rules: object) -> str:
    needed = isinstance(rules, dict) and rules.get("is_required")
    return f"{name}*" if needed else name


NAMED_TASK_COLUMNS = (
    Column("name", lambda task: task.name),
    Column("kind", lambda task: task.kind),
    Column("target", lambda task: task.target),
    Column("priority", lambda task: _number(task.priority), key=lambda task: task.priority),
    Column("variables", lambda task: ",".join(_variable(*item) for item in task.variables.items())),
    Column("description", lambda task: task.error or task.description),
    Column("error", lambda task: task.error, is_wide=True),
)

CHECK_COLUMNS = (
    Column("status", lambda check: check.status),
    Column("name", lambda check: check.name),
    Column("message", lambda check: check.message),
    Column("fix", lambda check: check.fix),
)

HOST_KEY_COLUMNS = (
    Column("machine", lambda key: key.machine),
    Column("team", lambda key: key.team),
    Column("address", lambda key: key.address),
    Column("port", lambda key: str(key.port), key=lambda key: key.port),
    Column("status", lambda key: key.status),
    Column("key_type", lambda key: key.key_type),
    Column("fingerprint", lambda key: key.fingerprint),
)

CHANGE_COLUMNS = (
    Column("id", lambda change: change.id),
    Column("changed", lambda change: "yes" if change.changed else "no"),
    Column("message", lambda change: change.message),
)

# Of machines' results: what they hold is a ResultView.
RESULT_COLUMNS = (
    Column("machine", lambda one: one.result.machine),
    Column("outcome", lambda one: one.result.outcome.value.replace(" ", "-")),
    Column("rc", lambda one: _number(one.result.rc)),
    Column("message", lambda one: one.result.message),
)

STEP_COLUMNS = (
    Column("attempt", lambda step: str(step.attempt), is_wide=True, key=lambda step: step.attempt),
    Column("machine", lambda step: step.machine),
    Column("status", lambda step: step.status.value),
    Column(
        "elapsed_seconds",
        lambda step: duration(step.elapsed_seconds),
        key=lambda step: step.elapsed_seconds,
    ),
    Column("rc", lambda step: _number(step.rc), is_wide=True, key=lambda step: step.rc),
    Column("play", lambda step: step.play, is_wide=True),
    Column("task", lambda step: step.task),
    Column("action", lambda step: step.action, is_wide=True),
    Column("path", lambda step: step.path, is_wide=True),
    Column("started_at", lambda step: clock(step.started_at), is_wide=True),
    Column("ended_at", lambda step: clock(step.ended_at), is_wide=True),
    Column("message", lambda step: step.message + (" ..." if step.is_cut else "")),
)


def _number(value: int | None) -> str:
    return "" if value is None else str(value)


def _ago(task: object, now: datetime) -> float:
    created: datetime = getattr(task, "created_at")  # noqa: B009 - columns take any item
    return (now - created).total_seconds()
