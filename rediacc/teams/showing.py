"""What the files say of a machine, fit to be shown: no secret, whoever wrote it there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rediacc.teams.names import looks_secret
from rediacc.teams.safe_yaml import Tagged, is_same

__all__ = ["shown_change", "shown_variables"]

_VAULTED = "(vaulted)"
_HIDDEN = "(hidden)"
_OTHER = "another value"

_Kept = Mapping[str, Any] | None
_Shown = dict[str, Any] | None


def shown_change(before: _Kept, after: _Kept) -> tuple[_Shown, _Shown]:
    """Return both with a word in the place of what is vaulted or named like a secret.

    Where such a value changes, `after` says so.
    """
    old, new = _shown(before), _shown(after)
    if before is None or after is None or old is None or new is None:
        return old, new
    was, then = before.get("variables", {}), after.get("variables", {})
    for name in was.keys() & then.keys():
        told_same = old["variables"][name] == new["variables"][name]
        if told_same and not is_same(was[name], then[name]):
            new["variables"][name] = f"{new['variables'][name]} {_OTHER}"
    return old, new


def shown_variables(variables: Mapping[str, Any]) -> dict[str, Any]:
    """Return variables with a word in the place of what is vaulted or named like a secret."""
    return {name: _safe(name, value) for name, value in variables.items()}


def _shown(kept: _Kept) -> _Shown:
    return None if kept is None else shown_variables(kept)


def _safe(name: str, value: Any) -> Any:
    if isinstance(value, Tagged):
        return _VAULTED if "vault" in value[0] else _safe(name, value[1])
    if isinstance(value, Mapping):
        return {str(key): _safe(str(key), item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_safe(name, item) for item in value]
    is_hidden = isinstance(value, str) and value and looks_secret(name) and "{{" not in value
    return _HIDDEN if is_hidden else value
