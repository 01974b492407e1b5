"""What a task asks for, as the database keeps it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from rediacc.values import AnsibleOptions, ExtraVariables

__all__ = ["options_from_json", "options_to_json"]

_TUPLES = ("tags", "skip_tags")


def options_to_json(options: AnsibleOptions) -> dict[str, Any]:
    """Return `options` as a JSON object."""
    return asdict(options)


def options_from_json(document: Mapping[str, Any]) -> AnsibleOptions:
    """Return the options in a stored object."""
    fields = dict(document)
    for name in _TUPLES:
        fields[name] = tuple(fields[name])
    fields["extra_vars"] = tuple(ExtraVariables(**item) for item in fields["extra_vars"])
    return AnsibleOptions(**fields)
