"""The page about operations for programs, made from them: ``python -m rediacc.cli.programs``."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from datetime import datetime
from enum import Enum
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

import click

from rediacc.operations.catalogue import OPERATIONS
from rediacc.operations.registry import Deferred, Operation
from rediacc.values import Scope

__all__ = ["page"]

_INTRODUCTION = """# For programs

This page is made from the program: `python -m rediacc.cli.programs > docs/programs.md`.

Everything that rediacc does is an operation: `task.create`, `machine.inspect`, `secret.set`. A
command of the command line, a module of the Ansible collection and a program that you write perform
the same ones, with the same checks, and each leaves the same entry in the audit.

## From any language

`rediacc perform OPERATION` reads a request, a JSON object, from standard input and prints the
answer, a JSON document, on standard output:

```console
$ echo '{"name": "prod"}' | rediacc perform team.inspect
$ rediacc perform task.create <<< '{"kind": "command", "text": "uptime", "machines": ["prod-01"]}'
$ rediacc perform task.list < filter.json
```

where `filter.json` is

```json
{"team": "prod", "states": ["pending"]}
```

The answer is `{"version": 1, "kind": "answer", "item": ...}`; the item is what this page says. With
`-o json`, an error is one line of JSON on standard error,
`{"error": {"code": ..., "message": ..., "hint": ..., "exit_code": ...}}`, and the exit code is the
[command line's](cli.md#exit-codes): 5 where something is not there, 6 for a conflict, 4 for what
the caller may not do.

```console
$ echo '{"name": "nowhere"}' | rediacc -o json perform team.inspect || echo "exit code $?"
```

A request names only what it wants to say; what it leaves out has the default that this page shows.
Nothing is converted: `"port": "22"` is refused. A field that an operation does not know is refused
too. Within a version fields are only added.

A program acts as the account that runs it, or with a token as the member of that name:

```console
$ install -m 600 /dev/null robot.token
$ rediacc create member robot --token --role viewer --team prod > robot.token
$ REDIACC_TOKEN=$(cat robot.token) rediacc perform caller.show <<< '{}'
```

`--home` or `REDIACC_HOME` names the home; else it is found upward from the working directory.

## From Python

```python
import os
from pathlib import Path

from rediacc.errors import NotFound
from rediacc.operations.plain import open_plain_office

with open_plain_office(Path.cwd(), environment=os.environ) as office:
    for team in office.perform("team.list", {}):
        print(team["name"], team["machine_count"])
    try:
        office.perform("machine.inspect", {"name": "nowhere"})
    except NotFound as error:
        print(error.message)
```

Values go in and come out as they do through the program. Errors are those of `rediacc.errors`; all
are `RediaccError`, with `message`, `hint`, `code` and `exit_code`. An office holds connections to
the database: open it where it is used, and not before a fork.

## Dry runs

Requests with `dry_run` are checked like any other, refused for the same reasons, and noted in the
audit; nothing else is written. The answer says what would change: `changed`, `before`, `after`.

## Kinds of values

*Text*, *integer*, *number*, *boolean*, *list* and *object* are JSON's. A *time* is an ISO 8601 text
with a time zone; answers give UTC. A *number* in a field that ends in `_seconds` is a duration. One
of several words is shown as `a` / `b`.
"""
_PARAM = re.compile(r"^\s*:param (\w+): (.*?)(?=^\s*:(?:param|raises|returns?)\b|\Z)", re.M | re.S)
_NO_MORE = re.compile(r"^\s*:(?:param|raises|returns?)\b", re.M)
_PLAIN: Mapping[Any, str] = {
    str: "text",
    int: "integer",
    float: "number",
    bool: "boolean",
    datetime: "time",
    Any: "any",
    NoneType: "null",
}


def page() -> str:
    """Return the whole page in Markdown."""
    return "\n".join([_INTRODUCTION, *_operations(), *_types()]).rstrip() + "\n"


def _operations() -> Iterator[str]:
    yield "## Operations"
    yield ""
    yield "`permission` and `role` are those of [Members and roles](access.md)."
    yield ""
    for operation in sorted(OPERATIONS.values(), key=lambda one: one.name):
        yield from _operation(operation)


def _operation(operation: Operation) -> Iterator[str]:
    where = "in the team" if operation.scope is Scope.TEAM else "in the home"
    yield f"### {operation.name}"
    yield ""
    yield _first(_function_of(operation))
    yield ""
    yield (
        f"Takes the permission `{operation.permission}` {where}. "
        f"Answers {_type(_answer_of(operation))}."
    )
    yield ""
    more = _more(operation)
    if more:
        yield more
        yield ""
    yield from _table(operation.request_type, is_request=True)


def _types() -> Iterator[str]:
    yield "## Objects"
    yield ""
    for kind in sorted(_named(), key=lambda one: one.__name__):
        yield f"### {kind.__name__}"
        yield ""
        yield _clean(_text_of(kind))
        yield ""
        yield from _table(kind, is_request=False)


def _named() -> set[type]:
    """Return the objects that requests hold and answers are made of."""
    waiting: list[Any] = []
    for operation in OPERATIONS.values():
        waiting.append(_answer_of(operation))
        waiting += get_type_hints(operation.request_type).values()
    found: set[type] = set()
    while waiting:
        kind = waiting.pop()
        if isinstance(kind, type) and is_dataclass(kind) and kind not in found:
            found.add(kind)
            waiting += get_type_hints(kind).values()
        waiting += get_args(kind)
    return found


def _table(kind: Any, *, is_request: bool) -> Iterator[str]:
    hints, meanings = get_type_hints(kind), _meanings(kind)
    shown = fields(kind)
    if not shown:
        yield "The request is `{}`."
        yield ""
        return
    yield "| field | value | default | meaning |" if is_request else "| field | value | meaning |"
    yield "| --- | --- | --- | --- |" if is_request else "| --- | --- | --- |"
    for field in shown:
        cells = [f"`{field.name}`", _type(hints[field.name])]
        if is_request:
            cells.append(_default(field))
        cells.append(meanings.get(field.name, ""))
        yield f"| {' | '.join(cells)} |"
    yield ""


def _default(field: Field[Any]) -> str:
    if field.default_factory is not MISSING:
        return "empty"
    if field.default is MISSING:
        return "required"
    if isinstance(field.default, Enum):
        return f"`{field.default.value}`"
    words = {None: "null", True: "true", False: "false", (): "empty"}
    is_word = field.default is None or isinstance(field.default, bool | tuple)
    return words[field.default] if is_word else f"`{field.default}`"


def _type(kind: Any) -> str:
    """Return what a value is, in words of JSON."""
    origin = get_origin(kind)
    if kind in _PLAIN:
        return _PLAIN[kind]
    if origin in (UnionType, Union):
        return " or ".join(_type(part) for part in get_args(kind))
    if origin in (tuple, list):
        return f"list of {_type(get_args(kind)[0])}"
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return f"object of {_type(get_args(kind)[1])}"
    if issubclass(kind, Enum):
        return " / ".join(f"`{member.value}`" for member in kind)
    return f"[{kind.__name__}](#{kind.__name__.lower()})"


def _function_of(operation: Operation) -> Any:
    function = operation.function
    return function.function() if isinstance(function, Deferred) else function


def _answer_of(operation: Operation) -> Any:
    return get_type_hints(_function_of(operation))["return"]


def _first(function: Any) -> str:
    """Return what a function promises, without its own name before it."""
    text = _clean(_text_of(function))
    _start, colon, rest = text.partition("`: ")
    said = rest if colon else text
    return said[:1].upper() + said[1:]


def _more(operation: Operation) -> str:
    """Return what the request's own text says of this operation, where it says something else."""
    text = _clean(_text_of(operation.request_type))
    name, colon, rest = text.partition(f"`{operation.name}`: ")
    if name or not colon or rest.split()[:3] == _first(_function_of(operation)).lower().split()[:3]:
        return ""
    return rest[:1].upper() + rest[1:]


def _meanings(kind: type) -> dict[str, str]:
    found: dict[str, str] = {}
    for one in reversed(kind.__mro__):
        for name, text in _PARAM.findall(inspect.cleandoc(one.__doc__ or "") + "\n"):
            found[name] = _clean(text).replace("|", "\\|")
    return found


def _text_of(thing: Any) -> str:
    return _NO_MORE.split(inspect.cleandoc(thing.__doc__ or ""))[0]


def _clean(text: str) -> str:
    return " ".join(text.replace("``", "`").replace("`None`", "null").split())


if __name__ == "__main__":
    click.echo(page(), nl=False)
