"""Plans for teams: made, changed, removed, in files that people read, edit and keep in git.

Everything here reads and plans; :func:`rediacc.teams.changes.apply_changes` writes.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rediacc.errors import Conflict, InvalidInput
from rediacc.requests import TeamCreate, TeamUpdate
from rediacc.settings import CONFIG_NAME, Settings, TeamSettings
from rediacc.settings.monitoring import check_sample_every
from rediacc.teams.changes import FileChange, read_file
from rediacc.teams.hosts_file import HOSTS_NAME, bytes_of, hosts_path, text_of
from rediacc.teams.names import check_team
from rediacc.teams.toml_tables import add_table, change_table, remove_table
from rediacc.teams.vaults.changing import plan_login_key, plan_vault

__all__ = ["TeamPlan", "plan_create_team", "plan_delete_team", "plan_update_team"]

_DIRECTORY = "inventories"
_HEAVIEST = 1000

_NEW_HOSTS = """\
# The machines of team {team}: an ordinary Ansible inventory, yours to edit.
# rediacc adds and removes machines here and leaves everything else as you write it.
#   rediacc create machine NAME --team {team} --host ADDRESS --group GROUP
all:
  hosts: {{}}
"""


@dataclass(frozen=True, kw_only=True)
class TeamPlan:
    """A team's change, and what ``rediacc.toml`` says of it before and after.

    Both hold ``inventory``, ``ssh``, ``sample_every_seconds`` and ``weight``.
    """

    changes: tuple[FileChange, ...]
    before: Mapping[str, Any]
    after: Mapping[str, Any]


def plan_create_team(settings: Settings, request: TeamCreate) -> tuple[FileChange, ...]:
    """Plan a team that rediacc keeps, or, with an inventory given, one over what exists.

    :raises InvalidInput: the name or the inventory cannot be meant.
    :raises Conflict: the team or its directory exists.
    """
    name = check_team(request.name)
    _check_ssh(request.ssh)
    if name in settings.teams:
        raise Conflict(f"team {name} exists", hint=f"rediacc inspect team {name}")
    numbers = _sampling(request.sample_every_seconds) | _weight(request.weight)
    if request.inventory is not None:
        inventory = _existing_inventory(settings, request.inventory)
        values = {"inventory": inventory, **numbers}
        if request.ssh != "vault":
            return (_toml_change(settings, name, values),)
        vault = plan_vault(settings, name, with_ssh_key=True)
        return (*vault, _toml_change(settings, name, values | {"ssh": "vault"}))
    inventory = f"{_DIRECTORY}/{name}"
    directory = settings.home / inventory
    if os.path.lexists(directory):
        raise Conflict(
            f"{directory} exists already",
            hint=f"to use it as it is: rediacc create team {name} --inventory {inventory}",
        )
    hosts = FileChange(
        path=directory / HOSTS_NAME,
        before=None,
        after=_NEW_HOSTS.format(team=name).encode(),
        summary=f"new inventory of team {name}: {inventory}/{HOSTS_NAME}",
    )
    ssh = request.ssh or "vault"
    vault = plan_vault(settings, name, with_ssh_key=ssh == "vault")
    table = {"inventory": inventory, "managed": True, "ssh": ssh, **numbers}
    return (hosts, *vault, _toml_change(settings, name, table))


def plan_update_team(
    settings: Settings, request: TeamUpdate, *, environment: Mapping[str, str]
) -> TeamPlan:
    """Plan other settings of a team; no change where all is so already.

    A team that is to log in with a key of its own gets one where it has none.

    :raises InvalidInput: a value cannot be meant.
    :raises NotFound: no such team.
    :raises Conflict: rediacc keeps its inventory, or ``rediacc.toml`` cannot be edited safely.
    :raises VaultError: the team's vault cannot be opened or written.
    """
    team = settings.team(request.name)
    before = _kept(team)
    wanted = _wanted(settings, team, request)
    after = {**before, **wanted}
    if after == before:
        return TeamPlan(changes=(), before=before, after=after)
    path = settings.home / CONFIG_NAME
    content = bytes_of(path)
    changed = {name: after[name] for name in after if after[name] != before[name]}
    what = ", ".join(changed)
    if "sample_every_seconds" in changed:
        changed["sample_every"] = changed.pop("sample_every_seconds")
    text = change_table(text_of(content, path), ("teams", team.name), changed, what=str(path))
    config = FileChange(
        path=path,
        before=content,
        after=text.encode(),
        summary=f"team {team.name} changed in {CONFIG_NAME}: {what}",
    )
    vault: tuple[FileChange, ...] = ()
    if changed.get("ssh") == "vault":
        vault = plan_login_key(settings, team.name, environment=environment)
    return TeamPlan(changes=(*vault, config), before=before, after=after)


def _kept(team: TeamSettings) -> dict[str, Any]:
    return {
        "inventory": team.inventory,
        "ssh": team.ssh,
        "sample_every_seconds": team.sample_every_seconds,
        "weight": team.weight,
    }


def _wanted(settings: Settings, team: TeamSettings, request: TeamUpdate) -> dict[str, Any]:
    """Return what the request names, as ``rediacc.toml`` shall say it."""
    _check_ssh(request.ssh)
    wanted: dict[str, Any] = _weight(request.weight)
    if request.inventory is not None:
        wanted["inventory"] = _existing_inventory(settings, request.inventory)
        if team.is_managed and wanted["inventory"] != team.inventory:
            raise Conflict(
                f"team {team.name} has its inventory in {team.inventory}, which rediacc keeps",
                hint="make another team over the other inventory",
            )
    if request.ssh is not None:
        wanted["ssh"] = request.ssh
    if request.sample_every_seconds is not None:
        every = request.sample_every_seconds
        wanted["sample_every_seconds"] = _sampling(every)["sample_every"] if every else None
    return wanted


def _check_ssh(ssh: str | None) -> None:
    if ssh not in (None, "user", "vault"):
        raise InvalidInput(f"--ssh {ssh!r}: must be user or vault")


def _sampling(every_seconds: float | None) -> dict[str, float]:
    if every_seconds is None:
        return {}
    check_sample_every(every_seconds, "sample_every")
    return {"sample_every": round(every_seconds) if every_seconds % 1 == 0 else every_seconds}


def _weight(weight: int | None) -> dict[str, int]:
    if weight is None:
        return {}
    if not 1 <= weight <= _HEAVIEST:
        raise InvalidInput(f"a team's weight must be from 1 to {_HEAVIEST}")
    return {"weight": weight}


def plan_delete_team(settings: Settings, name: str) -> tuple[FileChange, ...]:
    """Plan the removal of a team; files that rediacc did not make stay, and a summary says so.

    :raises NotFound: no such team.
    :raises Conflict: ``rediacc.toml`` cannot be edited safely.
    """
    team = settings.team(name)
    path = settings.home / CONFIG_NAME
    before = bytes_of(path)
    after = remove_table(text_of(before, path), ("teams", name), what=str(path))
    hosts = hosts_path(settings, team)
    content = read_file(hosts) if team.is_managed else None
    removes = content is not None and _holds_only(hosts)
    stays = "" if removes else f"; {team.inventory} stays as it is"
    if content is not None and not removes:
        stays += ", because it holds files that rediacc did not make"
    config = FileChange(
        path=path,
        before=before,
        after=after.encode(),
        summary=f"team {name} taken out of {CONFIG_NAME}{stays}",
    )
    if not removes:
        return (config,)
    return (
        config,
        FileChange(
            path=hosts,
            before=content,
            after=None,
            prunes=True,
            summary=f"inventory of team {name} removed: {team.inventory}/{HOSTS_NAME}",
        ),
    )


def _existing_inventory(settings: Settings, given: str) -> str:
    """Return an inventory as ``rediacc.toml`` shall name it: relative when it lies in the home."""
    if not given or not given.isprintable() or len(given) > 4096:
        raise InvalidInput(f"{given[:80]!r} is no path of an inventory")
    path = settings.home / Path(given).expanduser()
    if not path.exists():
        raise InvalidInput(f"there is no inventory {path}")
    plain = Path(os.path.normpath(path))
    if plain.is_relative_to(settings.home) and plain != settings.home:
        return str(plain.relative_to(settings.home))
    return str(plain)


def _toml_change(settings: Settings, name: str, values: Mapping[str, Any]) -> FileChange:
    path = settings.home / CONFIG_NAME
    before = bytes_of(path)
    after = add_table(text_of(before, path), ("teams", name), values, what=str(path))
    return FileChange(
        path=path,
        before=before,
        after=after.encode(),
        summary=f"team {name} over {values['inventory']} added to {CONFIG_NAME}",
    )


def _holds_only(hosts: Path) -> bool:
    # A link leads to files that others may use as well.
    if hosts.is_symlink() or hosts.parent.is_symlink():
        return False
    return [entry.name for entry in os.scandir(hosts.parent)] == [hosts.name]
