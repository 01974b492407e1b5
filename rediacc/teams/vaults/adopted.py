"""The vaulted variables that a team's playbooks read, wherever the repository keeps them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rediacc.errors import Conflict, InvalidInput, NotFound, RediaccError
from rediacc.settings import Settings
from rediacc.teams.changes import read_file
from rediacc.teams.inventory_sources import watch
from rediacc.teams.safe_yaml import Tagged, construct
from rediacc.teams.vaults.identities import team_identities
from rediacc.teams.vaults.library import is_vaulted, open_vault
from rediacc.teams.vaults.variables import VariablesFile, own_variables_path, read_variables

__all__ = ["Variable", "file_for", "list_variables", "plain_value", "variable_value"]

_INLINE = b"!vault"


@dataclass(frozen=True, kw_only=True)
class Variable:
    """A vaulted variable's place.

    :param name: its name; empty for a file that cannot be opened.
    :param is_inline: whether its value alone is encrypted, in a file that is not.
    :param error: why the file cannot be opened.
    """

    name: str
    path: Path
    is_inline: bool = False
    error: str = ""


def list_variables(
    settings: Settings, team: str, *, environment: Mapping[str, str]
) -> tuple[Variable, ...]:
    """Return the names of all vaulted variables in a team's ``group_vars`` and ``host_vars``.

    :raises NotFound: the team or its inventory does not exist.
    """
    watched = watch(settings.home, settings.team(team).inventory)
    found: list[Variable] = []
    for path in watched.variable_files:
        found += _of_file(settings, team, path, environment)
    return tuple(found)


def file_for(
    settings: Settings, team: str, name: str, *, environment: Mapping[str, str], is_new: bool
) -> VariablesFile:
    """Return the vaulted file that a variable stands in, or, for a new one, belongs in.

    :raises NotFound: there is no such variable, and it is not to be made.
    :raises Conflict: it stands in several places, or alone encrypted in a plain file.
    """
    place = _place(settings, team, name, environment)
    if place is None and not is_new:
        raise NotFound(
            f"team {team} has no secret variable {name!r}",
            hint=f"rediacc list secrets --team {team}",
        )
    if place is not None and place.is_inline:
        raise Conflict(
            f"{name} stands encrypted by itself in {place.path}",
            hint=f"put another text there: ansible-vault encrypt_string --name {name}",
        )
    path = own_variables_path(settings, team) if place is None else place.path
    return read_variables(settings, team, path, environment=environment)


def variable_value(
    settings: Settings, team: str, name: str, *, environment: Mapping[str, str]
) -> Any:
    """Return the value of a vaulted variable.

    :raises NotFound: there is no such variable.
    :raises Conflict: it stands in several places.
    :raises VaultError: it cannot be opened.
    """
    place = _place(settings, team, name, environment)
    if place is None or not place.is_inline:
        file = file_for(settings, team, name, environment=environment, is_new=False)
        return plain_value(file.values[name])
    content = read_file(place.path) or b""
    tagged = _mapping(content.decode(), place.path)[name]
    if not isinstance(tagged, Tagged):
        raise Conflict(
            f"{name} in {place.path} holds several encrypted values",
            hint="read them with ansible-vault",
        )
    identities = team_identities(settings, team, environment=environment)
    box = open_vault(identities, writer=None, what=f"{name} in {place.path}")
    opened: bytes = box.load_raw(str(tagged[1]).strip().encode() + b"\n")
    return opened.decode(errors="replace")


def plain_value(value: Any) -> Any:
    """Return `value` without the tags that say how Ansible is to take it."""
    if isinstance(value, Tagged):
        return plain_value(value[1])
    if isinstance(value, dict):
        return {str(key): plain_value(item) for key, item in value.items()}
    return [plain_value(item) for item in value] if isinstance(value, list) else value


def _place(
    settings: Settings, team: str, name: str, environment: Mapping[str, str]
) -> Variable | None:
    found = list_variables(settings, team, environment=environment)
    places = [one for one in found if one.name == name]
    if len(places) > 1:
        raise Conflict(
            f"{name} stands in {len(places)} places: "
            + ", ".join(str(place.path) for place in places[:5]),
            hint="say which one counts there: ansible-vault edit FILE",
        )
    return places[0] if places else None


def _of_file(
    settings: Settings, team: str, path: Path, environment: Mapping[str, str]
) -> Iterator[Variable]:
    try:
        content = read_file(path)
        if content is None:
            return
        if is_vaulted(content):
            opened = read_variables(settings, team, path, environment=environment)
            yield from (Variable(name=name, path=path) for name in opened.values)
        elif _INLINE in content:
            values = _mapping(content.decode(), path)
            names = [name for name, value in values.items() if _holds_vaulted(value)]
            yield from (Variable(name=name, path=path, is_inline=True) for name in names)
    except (RediaccError, UnicodeDecodeError) as exc:
        error = exc.message if isinstance(exc, RediaccError) else "it is no UTF-8 text"
        yield Variable(name="", path=path, error=error)


def _mapping(text: str, path: Path) -> dict[str, Any]:
    values = construct(text, str(path))
    if not isinstance(values, dict):
        raise InvalidInput(f"{path} holds no variables: it is no mapping")
    return {str(name): value for name, value in values.items()}


def _holds_vaulted(value: Any) -> bool:
    if isinstance(value, Tagged):
        return value[0] in ("vault", "vault-encrypted")
    if isinstance(value, dict):
        return any(map(_holds_vaulted, value.values()))
    return isinstance(value, list) and any(map(_holds_vaulted, value))
