"""Names that may be given as an argument or as an option."""

from __future__ import annotations

from rediacc.errors import InvalidInput

__all__ = ["one_name"]


def one_name(argument: str | None, option: str | None, *, noun: str) -> str:
    """Return the name, given as an argument or as ``--name``.

    :raises InvalidInput: it is given neither way, or both ways with different values.
    """
    given = {name for name in (argument, option) if name is not None}
    if not given:
        raise InvalidInput(f"the {noun} needs a name")
    if len(given) > 1:
        raise InvalidInput(f"{argument!r} and --name {option!r} name two {noun}s: give one")
    return given.pop()
