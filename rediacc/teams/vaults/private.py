"""The secrets of a team that no playbook reads: ``vaults/<team>/secrets.yml``.

One encrypted document. Whose it is and what for stands inside, where it is authenticated: the
label in a vault file's header is not, and with one password for two teams their files could be
exchanged unseen.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rediacc.errors import NotFound, RediaccError, VaultError
from rediacc.settings import Settings
from rediacc.teams.changes import FileChange, read_file
from rediacc.teams.names import did_you_mean
from rediacc.teams.safe_yaml import load_strict
from rediacc.teams.vaults.identities import Identity, team_identities
from rediacc.teams.vaults.library import open_vault
from rediacc.teams.vaults.places import private_path

__all__ = [
    "PrivateVault",
    "changed_private",
    "new_private_document",
    "private_values",
    "read_private",
]

_FORMAT = 1
_PURPOSE = "private"


@dataclass(frozen=True, kw_only=True)
class PrivateVault:
    """What a team's private file holds.

    :param before: the file as it was read; ``None`` where there is none.
    """

    team: str
    path: Path
    before: bytes | None
    values: Mapping[str, str] = field(repr=False)


def read_private(settings: Settings, team: str, *, environment: Mapping[str, str]) -> PrivateVault:
    """Return a team's private secrets; none where it has no file.

    :raises VaultError: the file cannot be opened, or is not this team's.
    """
    path = private_path(settings, team)
    before = read_file(path)
    if before is None:
        return PrivateVault(team=team, path=path, before=None, values={})
    identities = team_identities(settings, team, environment=environment)
    text = open_vault(identities, writer=None, what=str(path)).load_raw(before)
    return PrivateVault(team=team, path=path, before=before, values=_values(text, team, path))


def private_values(
    settings: Settings, team: str, names: Iterable[str], *, environment: Mapping[str, str]
) -> dict[str, str]:
    """Return the values of some of a team's private secrets.

    :raises NotFound: the team has no such secret.
    :raises VaultError: the vault cannot be opened.
    """
    wanted = list(dict.fromkeys(names))
    if not wanted:
        return {}
    known = read_private(settings, team, environment=environment).values
    for name in wanted:
        if name not in known:
            raise NotFound(
                f"team {team} has no private secret {name!r}",
                hint=did_you_mean(name, known)
                or f"rediacc set secret {name} --team {team} --scope private",
            )
    return {name: known[name] for name in wanted}


def changed_private(
    settings: Settings,
    vault: PrivateVault,
    values: Mapping[str, str],
    *,
    writer: Identity | None,
    environment: Mapping[str, str],
    summary: str,
) -> FileChange:
    """Plan the private file with other values; an empty one goes.

    :param writer: what a new file is written with; one that is there, with what opened it.
    :raises VaultError: it cannot be encrypted.
    """
    if not values:
        return FileChange(
            path=vault.path, before=vault.before, after=None, prunes=True, summary=summary
        )
    if writer is not None:
        box = open_vault((writer,), writer=writer, what=str(vault.path))
    else:
        identities = team_identities(settings, vault.team, environment=environment)
        box = open_vault(identities, writer=None, what=str(vault.path))
        box.load_raw(vault.before or b"")  # the id that opens it is the one that writes it
    return FileChange(
        path=vault.path,
        before=vault.before,
        after=_encrypted(box, vault.team, values, vault.path),
        mode=0o600,
        summary=summary,
    )


def new_private_document(
    writer: Identity, team: str, values: Mapping[str, str], *, path: Path
) -> bytes:
    """Return the encrypted file of a team that has none yet.

    :raises VaultError: it cannot be encrypted.
    """
    return _encrypted(open_vault((writer,), writer=writer, what=str(path)), team, values, path)


def _encrypted(box: Any, team: str, values: Mapping[str, str], path: Path) -> bytes:
    document = {
        "rediacc": {"team": team, "purpose": _PURPOSE, "format": _FORMAT},
        "secrets": dict(values),
    }
    content = str(box.dump(document, sort_keys=False)).encode()
    if dict(_values(box.load_raw(content), team, path)) != dict(values):
        raise VaultError(f"{path}: a value would not come back as it was given")
    return content


def _values(text: bytes, team: str, path: Path) -> dict[str, str]:
    try:
        document = load_strict(text.decode(), str(path))
    except (UnicodeDecodeError, RediaccError) as exc:
        # What the parser quotes could be a secret.
        raise VaultError(f"{path} does not hold what rediacc writes there") from exc
    told = document.get("rediacc") if isinstance(document, dict) else None
    values = document.get("secrets") if isinstance(document, dict) else None
    if not isinstance(told, dict) or not isinstance(values, dict):
        raise VaultError(
            f"{path} does not hold what rediacc writes there", hint="move it away, then set again"
        )
    if told.get("team") != team or told.get("purpose") != _PURPOSE:
        raise VaultError(
            f"{path} was not written for team {team}: inside it says "
            f"team {str(told.get('team'))[:40]!r}, purpose {str(told.get('purpose'))[:40]!r}",
            hint="somebody exchanged vault files: put the right one back from git or backup",
        )
    if told.get("format") != _FORMAT:
        raise VaultError(f"{path} is of a newer rediacc: format {str(told.get('format'))[:40]!r}")
    if not all(isinstance(name, str) and isinstance(one, str) for name, one in values.items()):
        raise VaultError(f"{path} holds a secret that is no text")
    return values
