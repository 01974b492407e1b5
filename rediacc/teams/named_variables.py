"""Typed variables of named tasks: declared in the file, checked and converted when given."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rediacc.errors import InvalidInput
from rediacc.teams.names import check_value, check_variable, did_you_mean

__all__ = ["TYPES", "Variable", "check_variables", "parse_variable", "rendered"]

TYPES = ("string", "integer", "number", "boolean", "choice", "path", "list")
# What Ansible's argument specs call them.
_ANSIBLE_TYPES = {"str": "string", "int": "integer", "float": "number", "bool": "boolean"}

_KEYS = {
    "type",
    "required",
    "default",
    "description",
    "choices",
    "pattern",
    "minimum",
    "maximum",
    "max_length",
}
_INTEGER = re.compile(r"[+-]?\d{1,18}", re.ASCII)
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?", re.ASCII)
_BOOLEANS = {"true": True, "yes": True, "on": True, "1": True}
_BOOLEANS |= {"false": False, "no": False, "off": False, "0": False}
_TEXT_LIMIT = 65536
# Regular expressions can take exponential time: those who give values shall not choose it.
_MATCHED_LIMIT = 4096
_ITEMS_LIMIT = 10_000
_DASH = re.compile(r"\^?(?:\((?:\?:)?)?(?:\\?-|\[\\?-\])")


@dataclass(frozen=True, kw_only=True)
class Variable:
    """One variable that a named task takes.

    :param is_required: it has to be given.
    :param default: its value where it is not given; ``None``: then it has none.
    :param pattern: a regular expression for the whole value, or for each item of a list.
    """

    name: str
    type: str = "string"
    is_required: bool = True
    default: Any = None
    description: str = ""
    choices: tuple[str, ...] = ()
    pattern: str | None = None
    minimum: float | None = None
    maximum: float | None = None
    max_length: int = _TEXT_LIMIT

    @property
    def allows_dash(self) -> bool:
        """Whether its author wants values that look like options.

        Listed choices are wanted; else the pattern has to begin with the dash itself, and a
        number's minimum has to be negative.
        """
        if self.type == "choice" or self.choices:
            return True
        if self.type in ("integer", "number"):
            return self.minimum is not None and self.minimum < 0
        return self.pattern is not None and _DASH.match(self.pattern) is not None

    def described(self) -> dict[str, Any]:
        """Return what a list of named tasks shows of it."""
        shown = {
            "type": self.type,
            "required": self.is_required,
            "default": self.default,
            "description": self.description,
            "choices": list(self.choices) or None,
            "pattern": self.pattern,
            "minimum": self.minimum,
            "maximum": self.maximum,
        }
        return {key: value for key, value in shown.items() if value is not None}


def parse_variable(name: str, declared: Any) -> Variable:
    """Return the variable that a file declares.

    :raises InvalidInput: the declaration cannot be meant.
    """
    check_variable(name)
    where = f"variable {name}"
    declared = {} if declared is None else declared
    if not isinstance(declared, dict):
        raise InvalidInput(f"{where} must be a mapping such as {{type: string}}")
    if declared.get("secret") or declared.get("type") == "secret":
        raise InvalidInput(
            f"{where}: secret variables are not supported yet",
            hint="keep secrets in the vaulted variables of the inventory",
        )
    for key in declared:
        if key not in _KEYS:
            raise InvalidInput(f"{where}: {key!r} is unknown", hint=did_you_mean(str(key), _KEYS))
    kind = declared.get("type", "choice" if "choices" in declared else "string")
    kind = _ANSIBLE_TYPES.get(kind, kind) if isinstance(kind, str) else kind
    if kind not in TYPES:
        raise InvalidInput(f"{where}: type must be one of {', '.join(TYPES)}")
    variable = Variable(
        name=name,
        type=kind,
        is_required=_flag(declared, "required", where, default=declared.get("default") is None),
        description=_text(declared, "description", where) or "",
        choices=_choices(declared, where),
        pattern=_pattern(declared, where, kind),
        minimum=_limit(declared, "minimum", where, kind),
        maximum=_limit(declared, "maximum", where, kind),
        max_length=_max_length(declared, where, kind),
    )
    _check_declaration(variable, declared)
    return _with_default(variable, declared)


def _check_declaration(variable: Variable, declared: Mapping[str, Any]) -> None:
    where = f"variable {variable.name}"
    if variable.type == "choice" and not variable.choices:
        raise InvalidInput(f"{where}: a choice needs choices")
    if variable.choices and variable.type not in ("choice", "list"):
        raise InvalidInput(f"{where}: choices go with the types choice and list")
    if variable.is_required and declared.get("default") is not None:
        raise InvalidInput(f"{where}: it is required and has a default: one of the two")
    low, high = variable.minimum, variable.maximum
    if low is not None and high is not None and low > high:
        raise InvalidInput(f"{where}: minimum is above maximum")


def _with_default(variable: Variable, declared: Mapping[str, Any]) -> Variable:
    if declared.get("default") is None:
        return variable
    try:
        default = _checked(variable, declared["default"])
    except InvalidInput as exc:
        raise InvalidInput(f"default of {exc.message}", hint=exc.hint) from exc
    return Variable(**{**vars(variable), "default": default})


def check_variables(
    declared: Mapping[str, Variable], given: Mapping[str, Any], *, where: str
) -> dict[str, Any]:
    """Return every variable's value, converted to its type; those without one are left out.

    :param where: the named task and its file, for complaints.
    :raises InvalidInput: a variable is unknown, missing or not what it is declared to be.
    """
    for name in given:
        if name not in declared:
            raise InvalidInput(
                f"{where} has no variable {str(name)[:80]!r}",
                hint=did_you_mean(str(name), declared) if declared else "it takes no variables",
            )
    values = {}
    for name, variable in declared.items():
        if name in given:
            try:
                values[name] = _checked(variable, given[name])
            except InvalidInput as exc:
                raise InvalidInput(f"{where}: {exc.message}", hint=exc.hint) from exc
        elif variable.is_required:
            text = f": {variable.description}" if variable.description else ""
            raise InvalidInput(
                f"{where} needs the variable {name} ({variable.type}){text}",
                hint=f"-e {name}={variable.choices[0] if variable.choices else 'VALUE'}",
            )
        elif variable.default is not None:
            values[name] = variable.default
    return values


def rendered(value: Any) -> str:
    """Return a checked value as text: booleans as ``true`` and ``false``.

    :raises InvalidInput: it is a list, which is no one text.
    """
    if isinstance(value, list):
        raise InvalidInput("a list does not fit within a text: let its placeholder stand alone")
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _checked(variable: Variable, value: Any) -> Any:
    where = f"variable {variable.name}"
    if variable.type == "integer":
        return _in_range(variable, _integer(value, where))
    if variable.type == "number":
        return _in_range(variable, _number(value, where))
    if variable.type == "boolean":
        return _boolean(value, where)
    if variable.type == "list":
        return _list(variable, value, where)
    if variable.type == "choice":
        return _choice(variable, value, where)
    return _one_text(variable, value, where)


def _integer(value: Any, where: str) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**18:
        return value
    if isinstance(value, str) and _INTEGER.fullmatch(value):
        return int(value)
    raise InvalidInput(f"{where} must be a whole number, not {_shown(value)}")


def _number(value: Any, where: str) -> int | float:
    if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e300:
        return value
    if isinstance(value, str) and len(value) <= 40 and _NUMBER.fullmatch(value):
        number = float(value)
        if math.isfinite(number):
            return int(value) if _INTEGER.fullmatch(value) else number
    raise InvalidInput(f"{where} must be a number, not {_shown(value)}")


def _in_range(variable: Variable, value: int | float) -> int | float:
    low, high = variable.minimum, variable.maximum
    if (low is not None and value < low) or (high is not None and value > high):
        allowed = (
            f"from {low:g} to {high:g}"
            if low is not None and high is not None
            else f"at least {low:g}"
            if low is not None
            else f"at most {high:g}"
        )
        raise InvalidInput(f"variable {variable.name} must be {allowed}, not {value}")
    return value


def _boolean(value: Any, where: str) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in _BOOLEANS:
        return _BOOLEANS[value.lower()]
    raise InvalidInput(f"{where} must be true or false, not {_shown(value)}")


def _choice(variable: Variable, value: Any, where: str) -> str:
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    if text not in variable.choices:
        raise InvalidInput(
            f"{where} must be one of {', '.join(variable.choices)}, not {_shown(value)}"
        )
    return str(text)


def _list(variable: Variable, value: Any, where: str) -> list[str]:
    items = [item.strip() for item in value.split(",")] if isinstance(value, str) else value
    if isinstance(value, str) and not value.strip():
        items = []
    if not isinstance(items, list | tuple) or len(items) > _ITEMS_LIMIT:
        raise InvalidInput(f"{where} must be a list of texts, not {_shown(value)}")
    if variable.choices:
        return [_choice(variable, item, f"each item of {where}") for item in items]
    return [_one_text(variable, item, f"each item of {where}") for item in items]


def _one_text(variable: Variable, value: Any, where: str) -> str:
    if not isinstance(value, str):
        raise InvalidInput(
            f"{where} must be a text, not {_shown(value)}", hint="write it between quotes"
        )
    check_value(value, where)
    if len(value) > variable.max_length:
        raise InvalidInput(f"{where} must have at most {variable.max_length} characters")
    if any(not char.isprintable() and char not in "\n\t" for char in value):
        raise InvalidInput(f"{where} holds control characters")
    if variable.type == "path":
        _check_path(value, where)
    if variable.pattern is not None:
        if len(value) > _MATCHED_LIMIT:
            raise InvalidInput(f"{where} must have at most {_MATCHED_LIMIT} characters")
        if not re.fullmatch(variable.pattern, value):
            raise InvalidInput(f"{where} must match {variable.pattern}, not {_shown(value)}")
    return value


def _check_path(value: str, where: str) -> None:
    if not value or "\n" in value or "\t" in value or len(value) > 4096:
        raise InvalidInput(f"{where} must be a path, not {_shown(value)}")
    if ".." in value.split("/"):
        raise InvalidInput(f"{where} must be a path without '..', not {_shown(value)}")


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _text(declared: Mapping[str, Any], key: str, where: str) -> str | None:
    value = declared.get(key)
    if value is not None and not isinstance(value, str):
        raise InvalidInput(f"{where}: {key} must be a text")
    return value


def _flag(declared: Mapping[str, Any], key: str, where: str, *, default: bool) -> bool:
    value = declared.get(key, default)
    if not isinstance(value, bool):
        raise InvalidInput(f"{where}: {key} must be true or false")
    return value


def _choices(declared: Mapping[str, Any], where: str) -> tuple[str, ...]:
    given = declared.get("choices", [])
    if not isinstance(given, list) or ("choices" in declared and not given):
        raise InvalidInput(f"{where}: choices must be a list")
    for choice in given:
        # `yes` and `1.10` without quotes are not the texts that people mean.
        if isinstance(choice, bool) or not isinstance(choice, str | int):
            raise InvalidInput(f"{where}: the choice {_shown(choice)} needs quotes")
    return tuple(str(choice) for choice in given)


def _pattern(declared: Mapping[str, Any], where: str, kind: str) -> str | None:
    pattern = _text(declared, "pattern", where)
    if pattern is None:
        return None
    if kind not in ("string", "path", "list"):
        raise InvalidInput(f"{where}: a pattern goes with the types string, path and list")
    try:
        re.compile(pattern)
    except (re.error, RecursionError, OverflowError) as exc:
        raise InvalidInput(f"{where}: pattern is no regular expression: {exc}") from exc
    return pattern


def _limit(declared: Mapping[str, Any], key: str, where: str, kind: str) -> float | None:
    value = declared.get(key)
    if value is None:
        return None
    if kind not in ("integer", "number"):
        raise InvalidInput(f"{where}: {key} goes with the types integer and number")
    return _number(value, f"{where}: {key}")


def _max_length(declared: Mapping[str, Any], where: str, kind: str) -> int:
    value = declared.get("max_length")
    if value is None:
        return _TEXT_LIMIT
    if kind not in ("string", "path", "list"):
        raise InvalidInput(f"{where}: max_length goes with the types string, path and list")
    number = _integer(value, f"{where}: max_length")
    if not 1 <= number <= _TEXT_LIMIT:
        raise InvalidInput(f"{where}: max_length must be from 1 to {_TEXT_LIMIT}")
    return number
