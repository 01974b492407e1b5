"""Secrets that playbooks read as variables: a vaulted file of the inventory's ``group_vars``.

Such a file belongs to people as much as to rediacc. One entry is put in, replaced or taken out;
the other entries and the comments stay as they are.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rediacc.errors import Conflict, InvalidInput, VaultError
from rediacc.settings import Settings
from rediacc.teams.changes import FileChange, read_file
from rediacc.teams.safe_yaml import Tagged, construct
from rediacc.teams.vaults.identities import Identity, team_identities
from rediacc.teams.vaults.library import is_vaulted, open_vault
from rediacc.teams.yaml_splice import insert_entry, remove_entry, replace_value

__all__ = ["VariablesFile", "changed_variables", "own_variables_path", "read_variables"]

_NAME = "vault.yml"
_ENDINGS = ("", ".yml", ".yaml", ".json")
_HEADING = "# Secret variables of team {team}, for its playbooks. Kept by 'rediacc set secret'.\n"
# What Ansible would evaluate when a playbook reads the variable.
_TEMPLATE = re.compile(r"\{[{%#]")


@dataclass(frozen=True, kw_only=True)
class VariablesFile:
    """A vaulted file of variables as it was read.

    :param before: the file as it was read; ``None`` where there is none.
    :param text: what is in it, decrypted.
    """

    path: Path
    before: bytes | None
    text: str = field(repr=False)
    values: Mapping[str, Any] = field(repr=False)


def own_variables_path(settings: Settings, team: str) -> Path:
    """Return the vaulted file for the variables of all machines of a team.

    :raises Conflict: the directory beside the inventory is another team's as well, or a file
        stands where Ansible would no longer read it.
    """
    directory = _variables_directory(settings, team)
    own = _all(directory)
    for other in settings.teams:
        theirs = _directory_or_none(settings, other)
        if other != team and theirs is not None and _all(theirs) == own:
            raise Conflict(
                f"{directory}/group_vars is read by team {other} as well as by team {team}",
                hint="give each inventory a directory of its own, "
                "or keep the secret from playbooks: --scope private",
            )
    place = directory / "group_vars" / "all"
    if place.is_dir():
        return place / _NAME
    for ending in _ENDINGS:
        file = place.with_name(f"all{ending}")
        if not os.path.lexists(file):
            continue
        content = read_file(file)
        if content is not None and is_vaulted(content):
            return file
        # Ansible takes a directory `all` before a file `all.yml` and never both
        # (ansible.parsing.dataloader, find_vars_files).
        raise Conflict(
            f"beside a directory group_vars/all Ansible would ignore {file}",
            hint=f"move it first: git mv {file.name} all/vars.yml in {place.parent}",
        )
    return place / _NAME


def read_variables(
    settings: Settings, team: str, path: Path, *, environment: Mapping[str, str]
) -> VariablesFile:
    """Return a vaulted file's variables; none where there is no such file.

    :raises VaultError: it cannot be opened, or holds no variables.
    :raises Conflict: it is there, but not encrypted.
    """
    before = read_file(path)
    if before is None:
        return VariablesFile(path=path, before=None, text="", values={})
    if not is_vaulted(before):
        raise Conflict(
            f"{path} is not encrypted: a secret put there would be for all to read",
            hint=f"rename it, or encrypt it: ansible-vault encrypt {path}",
        )
    identities = team_identities(settings, team, environment=environment)
    opened = open_vault(identities, writer=None, what=str(path)).load_raw(before)
    try:
        text = opened.decode()
    except UnicodeDecodeError as exc:
        raise VaultError(f"{path} holds no UTF-8 text") from exc
    return VariablesFile(path=path, before=before, text=text, values=_values(text, path))


def changed_variables(
    settings: Settings,
    team: str,
    file: VariablesFile,
    name: str,
    value: str | None,
    *,
    writer: Identity | None = None,
    environment: Mapping[str, str],
    summary: str,
) -> FileChange:
    """Plan a file with another value for `name`; ``None`` takes it out.

    :param writer: what a new file is written with; one that is there, with what opened it.
    :raises NotFound: what is to be taken out is not there.
    :raises Conflict: the text is of a form that cannot be edited safely.
    :raises VaultError: it cannot be encrypted.
    """
    text = _edited(file, name, value, team)
    if text.strip() in ("", _HEADING.format(team=team).strip()):
        # Nothing is left of it but what rediacc wrote itself.
        return FileChange(
            path=file.path, before=file.before, after=None, prunes=True, summary=summary
        )
    if writer is not None:
        box = open_vault((writer,), writer=writer, what=str(file.path))
    else:
        identities = team_identities(settings, team, environment=environment)
        box = open_vault(identities, writer=None, what=str(file.path))
        box.load_raw(file.before or b"")  # the id that opens it is the one that writes it
    after = str(box.dump_raw(text)).encode()
    return FileChange(path=file.path, before=file.before, after=after, summary=summary)


def _edited(file: VariablesFile, name: str, value: str | None, team: str) -> str:
    what = str(file.path)
    try:
        if value is None:
            return remove_entry(file.text, (name,), what=what)
        stored = Tagged(("unsafe", value)) if _TEMPLATE.search(value) else value
        if name in file.values:
            return replace_value(file.text, (name,), stored, what=what)
        text = file.text if file.before is not None else _HEADING.format(team=team)
        return insert_entry(text, (name,), stored, what=what)
    except InvalidInput as exc:
        raise _broken(file.path, exc) from exc


def _values(text: str, path: Path) -> dict[str, Any]:
    try:
        values = construct(text, str(path))
    except InvalidInput as exc:
        raise _broken(path, exc) from exc
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise VaultError(f"{path} holds no variables: it is no mapping")
    return {str(name): value for name, value in values.items()}


def _broken(path: Path, error: InvalidInput) -> VaultError:
    """Say where a decrypted text is broken, but nothing of what stands there."""
    line = re.search(r"line (\d+)", error.message)
    where = f" (line {line[1]})" if line else ""
    return VaultError(
        f"what {path} holds, decrypted, is not valid YAML{where}",
        hint=f"mend it: ansible-vault edit {path}",
    )


def _variables_directory(settings: Settings, team: str) -> Path:
    found = _directory_or_none(settings, team)
    if found is None:
        raise InvalidInput(
            f"the inventory of team {team} is no file: it has no group_vars of its own",
            hint="keep the secret from playbooks: --scope private",
        )
    return found


def _all(directory: Path) -> Path:
    """Return where the variables of all machines really lie: links may lead to a common place."""
    return (directory / "group_vars" / "all").resolve()


def _directory_or_none(settings: Settings, team: str) -> Path | None:
    """Return the directory beside whose inventory Ansible reads ``group_vars``."""
    inventory = settings.teams[team].inventory
    path = Path(os.path.normpath(settings.home / Path(inventory).expanduser()))
    if path.is_dir():
        return path.resolve()
    return path.parent.resolve() if path.exists() else None
