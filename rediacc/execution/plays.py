"""Generated plays for commands, shell lines and modules.

User text is data: it goes into the play tagged ``!unsafe``, so that Ansible never templates it
(ansible-core documents the tag under "Advanced playbook syntax"). Only ``--template`` leaves it
a template.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from rediacc.execution.work import Work
from rediacc.values import Kind

__all__ = [
    "BATCH",
    "SECRETS_VARIABLE",
    "STOP_TASK",
    "generate_play",
    "generate_sampling_play",
    "generate_stop_play",
]

BATCH = "rediacc.core.batch"
SECRETS_VARIABLE = "rediacc_secrets"
STOP_TASK = "stop "
"""How the names of the tasks begin whose answers tell whether nothing is left."""
_STOP = "rediacc.core.stop"
_HEALTH = "rediacc.core.machine_health"


class _Unsafe:
    """A mapping or list whose texts Ansible must not template.

    The tag goes on the collection: on a scalar, Ansible resolves the type anew and without
    regard to quotes, and would make a boolean of the command ``false``
    (ansible-core, ``_internal/_yaml/_constructor.py``).
    """

    __slots__ = ("value",)

    def __init__(self, value: Mapping[str, Any] | Sequence[Any]) -> None:
        self.value = value


class _Dumper(yaml.SafeDumper):
    """Writes every text in double quotes, and knows no aliases."""

    def ignore_aliases(self, data: Any) -> bool:
        del data
        return True


def _represent_unsafe(dumper: yaml.SafeDumper, data: _Unsafe) -> yaml.Node:
    if isinstance(data.value, Mapping):
        return dumper.represent_mapping("!unsafe", data.value)
    return dumper.represent_sequence("!unsafe", data.value)


def _represent_text(dumper: yaml.SafeDumper, data: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", data, style='"')


_Dumper.add_representer(_Unsafe, _represent_unsafe)
_Dumper.add_representer(str, _represent_text)


def generate_play(
    work: Work, *, marker: str, head_bytes: int, tail_bytes: int, secrets: Path | None = None
) -> str:
    """Return the YAML of a play with one task for `work`, a command, shell line or module.

    :param secrets: a vaulted file with the values of the command's secrets.
    """
    if work.kind is Kind.MODULE:
        action, arguments = work.text, _data(_plain(work.module_args), work)
    else:
        action = BATCH
        command = {
            "id": str(work.task_id),
            "text": work.text,
            "shell": work.kind is Kind.SHELL,
            "chdir": work.options.chdir,
            "timeout": work.timeout_seconds,
        }
        given = {name: value for name, value in command.items() if value is not None}
        arguments = {
            "commands": _data([given], work),
            "marker": marker,
            "head_bytes": head_bytes,
            "tail_bytes": tail_bytes,
        }
        if secrets is not None:
            arguments["secrets"] = "{{ " + SECRETS_VARIABLE + " }}"
    task = {"name": f"task {work.task_id}", action: arguments}
    play = _play(f"rediacc task {work.task_id}", work.machines, task)
    if secrets is not None:
        play["vars_files"] = _Unsafe([str(secrets)])
    return _dump(play)


def generate_stop_play(
    machines: tuple[str, ...],
    *,
    ages: Mapping[str, float],
    become_used: bool,
    may_have_become: bool = False,
    grace_seconds: float,
) -> str:
    """Return the YAML of a play that ends what runs left on machines: tasks for each.

    :param ages: the runs' markers, and how many seconds ago each began.
    :param become_used: whether the play is run as the runs were, with ``--become``.
    :param may_have_become: whether the runs may have become another user by themselves. Then what
        belongs to the login's own user is ended first, because becoming another may fail; only
        the answer of the user that is become then counts.
    """
    becomes = may_have_become and not become_used
    asked = [{"marker": marker, "grace": grace_seconds, "age": age} for marker, age in ages.items()]
    tasks: list[dict[str, Any]] = [
        {
            "name": f"{STOP_TASK}{one['marker']}",
            _STOP: {**one, "become_used": become_used or becomes},
            # The variable, because one in the inventory would win over the keyword.
            **({"become": True, "vars": {"ansible_become": True}} if becomes else {}),
        }
        for one in asked
    ]
    if becomes:
        own = [{"name": f"end own {one['marker']}", _STOP: one} for one in asked]
        tasks = [{**task, "ignore_errors": True} for task in (*own, *tasks)]
    return _dump(_play("rediacc stop", machines, *tasks))


def generate_sampling_play(machines: tuple[str, ...], *, timeout_seconds: float) -> str:
    """Return the YAML of a play that asks `machines` for their health.

    None of them gets more than `timeout_seconds`. It becomes no other user, whatever the inventory
    says: it needs no rights, and would fill the machines' logs.
    """
    task = {
        "name": "sample",
        _HEALTH: {},
        "timeout": max(1, math.ceil(timeout_seconds)),
        "vars": {"ansible_become": False},
    }
    return _dump(_play("rediacc sampling", machines, task))


def _play(name: str, machines: tuple[str, ...], *tasks: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "name": name,
        "hosts": _Unsafe(list(machines)),
        "gather_facts": False,
        "tasks": [dict(task) for task in tasks],
    }


def _data(value: Any, work: Work) -> Any:
    """Mark a mapping or list as data, unless the task asked for templates."""
    return value if work.options.template or not value else _Unsafe(value)


def _plain(value: Any) -> Any:
    """Return `value` with plain collections, which the dumper knows."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value


def _dump(play: Mapping[str, Any]) -> str:
    return yaml.dump(
        [dict(play)], Dumper=_Dumper, sort_keys=False, allow_unicode=False, width=1 << 20
    )
