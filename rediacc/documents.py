"""Requests and answers as plain JSON values, so that they can leave the process.

Fields carry the names of :mod:`rediacc.values`; times are ISO 8601 in UTC, durations are numbers
of seconds in fields that end in ``_seconds``. A field is added, never renamed, within a version.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from enum import Enum
from typing import Any, TypeVar

from rediacc.errors import InvalidInput

__all__ = ["VERSION", "document", "envelope", "read_request"]

VERSION = 1
_Request = TypeVar("_Request")


def document(value: Any, only: Sequence[str] = ()) -> Any:
    """Return `value` as plain JSON values, with the fields in `only` if any are named."""
    if is_dataclass(value) and not isinstance(value, type):
        names = only or [field.name for field in fields(value)]
        return {name: document(getattr(value, name)) for name in names}
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Mapping):
        return {str(key): document(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [document(item) for item in value]
    if value is None or isinstance(value, str | int | float | bool):
        return value
    return str(value)


def envelope(kind: str, **content: Any) -> dict[str, Any]:
    """Return the document of an answer: its version, its kind, and ``item`` or ``items``."""
    return {"version": VERSION, "kind": kind, **content}


def read_request(kind: type[_Request], values: Any) -> _Request:
    """Return the request of type `kind` that plain JSON values hold; nothing is converted.

    :param kind: a dataclass of :mod:`rediacc.requests`.
    :raises InvalidInput: a field is unknown, missing or of another type.
    """
    # Imported here: help and completion need documents and no requests that came from outside.
    from pydantic import TypeAdapter, ValidationError

    if not isinstance(values, Mapping):
        raise InvalidInput("a request is a JSON object")
    try:
        request = TypeAdapter(kind).validate_json(json.dumps(values), strict=True)
    except ValidationError as exc:
        # Never the value: it may be a secret.
        first = exc.errors(include_url=False, include_context=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"])) or "the request"
        raise InvalidInput(f"{where}: {first['msg']}") from None
    except (TypeError, ValueError, RecursionError) as exc:
        raise InvalidInput(f"a request holds only JSON values: {exc}") from None
    unknown = _first_unknown(values, request)
    if unknown:
        raise InvalidInput(f"{kind.__name__} has no field {unknown!r}")
    return request


def _first_unknown(values: Mapping[str, Any], request: Any) -> str:
    """Return the first name in `values` that no field of the request has; empty for none."""
    names = {field.name for field in fields(request)}
    for name, value in values.items():
        if name not in names:
            return str(name)
        part = getattr(request, name)
        if is_dataclass(part) and isinstance(value, Mapping):
            found = _first_unknown(value, part)
            if found:
                return f"{name}.{found}"
    return ""
