"""Generated plays for commands, shell lines and modules.

User text is data: it goes into the play tagged ``!unsafe``, so that Ansible never templates it
(ansible-core documents the tag under "Advanced playbook syntax"). Only ``--template`` leaves it
a template.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

from rediacc.execution.work import Work
from rediacc.values import Kind

__all__ = ["BATCH", "generate_play", "generate_stop_play"]

BATCH = "rediacc.core.batch"
_STOP = "rediacc.core.stop"


class _Unsafe(str):
    """Text that Ansible must not template."""

    __slots__ = ()


class _Dumper(yaml.SafeDumper):
    """Writes unsafe text with its tag, double-quoted, and knows no aliases."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - the base class's signature
        return True


def _represent_unsafe(dumper: yaml.SafeDumper, data: _Unsafe) -> yaml.ScalarNode:
    return dumper.represent_scalar("!unsafe", str(data), style='"')


_Dumper.add_representer(_Unsafe, _represent_unsafe)


def generate_play(work: Work, *, marker: str, head_bytes: int, tail_bytes: int) -> str:
    """Return the YAML of a play with one task for `work`, a command, shell line or module."""
    if work.kind is Kind.MODULE:
        action, arguments = work.text, _data(dict(work.module_args), work)
    else:
        action = BATCH
        command = {
            "id": str(work.task_id),
            "text": _data(work.text, work),
            "shell": work.kind is Kind.SHELL,
            "chdir": None if work.options.chdir is None else _data(work.options.chdir, work),
            "timeout": work.timeout_seconds,
        }
        arguments = {
            "commands": [{k: v for k, v in command.items() if v is not None}],
            "marker": marker,
            "head_bytes": head_bytes,
            "tail_bytes": tail_bytes,
        }
    task = {"name": f"task {work.task_id}", action: arguments}
    return _dump(_play(f"rediacc task {work.task_id}", work.machines, task))


def generate_stop_play(
    machines: tuple[str, ...], *, marker: str, become_used: bool, grace_seconds: float
) -> str:
    """Return the YAML of a play that ends what carries `marker` on `machines`."""
    arguments = {"marker": marker, "become_used": become_used, "grace": grace_seconds}
    return _dump(_play("rediacc stop", machines, {"name": "stop", _STOP: arguments}))


def _play(name: str, machines: tuple[str, ...], task: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "name": name,
        "hosts": [_Unsafe(machine) for machine in machines],
        "gather_facts": False,
        "tasks": [dict(task)],
    }


def _data(value: Any, work: Work) -> Any:
    """Tag every text in `value`, keys included in mappings only as they are."""
    if work.options.template:
        return value
    if isinstance(value, str):
        return _Unsafe(value)
    if isinstance(value, Mapping):
        return {str(key): _data(item, work) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_data(item, work) for item in value]
    return value


def _dump(play: Mapping[str, Any]) -> str:
    return yaml.dump(
        [dict(play)], Dumper=_Dumper, sort_keys=False, allow_unicode=False, width=1 << 20
    )
