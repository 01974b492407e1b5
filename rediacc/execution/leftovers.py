"""A run that ends what earlier runs of a task may have left on machines, prepared like its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from rediacc.errors import PreparationFailed, RediaccError
from rediacc.execution.plays import generate_stop_play
from rediacc.execution.prepare import RunSpec, prepare
from rediacc.execution.rundir import RunDirectory
from rediacc.execution.work import Work
from rediacc.settings import Settings
from rediacc.teams.inventory import read_inventory
from rediacc.values import AnsibleOptions, Kind, Reason

__all__ = ["prepare_stop"]

_DEADLINE_SECONDS = 60.0
_CONNECT_SECONDS = 10


def prepare_stop(
    work: Work,
    directory: RunDirectory,
    *,
    run_id: str,
    ages: Mapping[str, float],
    may_have_become: bool,
    settings: Settings,
    environment: Mapping[str, str],
) -> RunSpec:
    """Fill `directory` for a run that ends what earlier runs left.

    It reaches the machines as the task did. Machines that left the inventory are not asked.

    :param work: the task, with the machines to ask.
    :param ages: the ids of the runs that may have left something, and how many seconds ago each
        began.
    :param may_have_become: whether one of those runs may have become another user by itself.
    :raises PreparationFailed: the machines cannot be reached as the team's settings say.
    """
    try:
        inventory = read_inventory(settings, work.team, environment=environment)
    except RediaccError as exc:
        raise PreparationFailed(exc.message, reason=Reason.CONFIG, hint=exc.hint) from exc
    known = ("localhost", *inventory.hosts)
    machines = tuple(name for name in work.machines if name in known)
    if not machines:
        raise PreparationFailed(
            f"no longer in team {work.team}'s inventory", reason=Reason.TARGETS_CHANGED
        )
    given = work.options
    asking = Work(
        task_id=work.task_id,
        epoch=work.epoch,
        team=work.team,
        kind=Kind.MODULE,
        text="rediacc.core.stop",
        title="stop",
        machines=machines,
        shown_machines=machines,
        options=AnsibleOptions(
            forks=given.forks,
            remote_user=given.remote_user,
            become=given.become,
            become_method=given.become_method,
            become_user=given.become_user,
        ),
    )
    spec = prepare(asking, directory, run_id=run_id, settings=settings, environment=environment)
    grace = settings.stop_grace_seconds
    play = generate_stop_play(
        machines,
        ages=ages,
        become_used=given.become,
        may_have_become=may_have_become,
        grace_seconds=grace,
    )
    directory.write("play.yml", play)
    return replace(
        spec,
        machines=(),
        is_generated=False,
        deadline_seconds=_DEADLINE_SECONDS + grace * len(ages) * (1 + may_have_become),
        environment={**spec.environment, "ANSIBLE_TIMEOUT": str(_CONNECT_SECONDS)},
    )
