"""Asking many machines for their health in one run, prepared like a task's own run."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import replace

from rediacc.execution.plays import generate_sampling_play
from rediacc.execution.prepare import RunSpec, prepare
from rediacc.execution.rundir import RunDirectory
from rediacc.execution.work import Work
from rediacc.settings import Settings
from rediacc.teams.inventory import Inventory, read_inventory
from rediacc.teams.patterns import resolve_patterns
from rediacc.values import AnsibleOptions, Kind

__all__ = ["machines_to_sample", "prepare_sampling", "round_deadline"]

_START_SECONDS = 20.0


def machines_to_sample(
    settings: Settings, team: str, *, environment: Mapping[str, str]
) -> tuple[str, ...]:
    """Return the machines of `team`, but those whose name is a pattern that means others.

    :raises RediaccError: the inventory cannot be read.
    """
    inventory = read_inventory(settings, team, environment=environment)
    return tuple(name for name in inventory.hosts if _is_itself(inventory, name))


def round_deadline(machines: int, *, settings: Settings, every_seconds: float) -> float:
    """Return after how many seconds a round over so many machines is ended.

    Enough for each fork to wait in vain for all its machines, but no longer than until the next
    round is due.
    """
    limits = settings.monitoring
    turns = math.ceil(machines / limits.forks)
    needed = _START_SECONDS + turns * (limits.timeout_seconds + 1)
    return min(needed, max(every_seconds, _START_SECONDS + limits.timeout_seconds))


def prepare_sampling(
    directory: RunDirectory,
    *,
    run_id: str,
    team: str,
    machines: tuple[str, ...],
    deadline_seconds: float,
    settings: Settings,
    environment: Mapping[str, str],
    key: str | None,
) -> RunSpec:
    """Fill `directory` for one round and return the run's specification.

    It logs in as the team's tasks do. The callbacks and the log file of the user's own Ansible
    are left out: they are for work, not for a look each minute. Nothing that it starts on a
    machine needs ending, so ending it early asks no machine.

    :param key: the private key that the run logs in with, where the team's lies in its vault.
    :raises PreparationFailed: the team's machines cannot be reached as its settings say.
    """
    limits = settings.monitoring
    work = Work(
        task_id=0,
        epoch=0,
        team=team,
        kind=Kind.MODULE,
        text="rediacc.core.machine_health",
        title="sampling",
        machines=machines,
        shown_machines=machines,
        options=AnsibleOptions(forks=min(limits.forks, max(1, len(machines)))),
    )
    spec = prepare(
        work, directory, run_id=run_id, settings=settings, environment=environment, key=key
    )
    play = generate_sampling_play(machines, timeout_seconds=limits.timeout_seconds)
    directory.write("play.yml", play)
    added = {
        "ANSIBLE_CALLBACKS_ENABLED": "rediacc.core.results",
        "ANSIBLE_LOG_PATH": os.devnull,
        "ANSIBLE_TIMEOUT": str(math.ceil(limits.timeout_seconds)),
    }
    return replace(
        spec,
        machines=(),
        is_generated=False,
        deadline_seconds=deadline_seconds,
        environment={**spec.environment, **added},
    )


def _is_itself(inventory: Inventory, name: str) -> bool:
    return resolve_patterns(inventory, [name]) == (name,)
