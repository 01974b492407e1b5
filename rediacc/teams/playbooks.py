"""Which machines a playbook targets, as Ansible itself says."""

from __future__ import annotations

import difflib
import hashlib
import json
import os
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rediacc.errors import InvalidInput, NotFound
from rediacc.settings import Settings
from rediacc.teams.ansible_command import (
    ask,
    cache_directory,
    locate_ansible,
    read_configuration,
)
from rediacc.teams.collection import collections_root
from rediacc.teams.files import checked_text, one_line, read_limited, write_private
from rediacc.teams.inventory import read_inventory
from rediacc.teams.patterns import split_patterns
from rediacc.teams.probes import error_line
from rediacc.teams.vaults.client import vault_arguments
from rediacc.values import AnsibleOptions, ExtraVariables

__all__ = ["PlaybookTargets", "playbook_fingerprint", "resolve_playbook"]

_LIST_TIMEOUT_SECONDS = 120.0
_LOCAL_NAMES = ("localhost", "127.0.0.1", "::1")
_COLLECTION_NAME = re.compile(r"[a-z_]\w*\.[a-z_]\w*(?:\.\w+)+", re.IGNORECASE)
_PLAY = re.compile(r"  play #(\d+) \((.*?)\): ")
_COUNT = re.compile(r"    hosts \((\d+)\):")


@dataclass(frozen=True, kw_only=True)
class PlaybookTargets:
    """The machines of all plays, in inventory order, and what the person should know."""

    machines: tuple[str, ...]
    notes: tuple[str, ...] = ()


def resolve_playbook(
    settings: Settings,
    team: str,
    *,
    playbook: str,
    options: AnsibleOptions,
    limit: str | None,
    extra_vars_files: Sequence[Path],
    environment: Mapping[str, str],
) -> PlaybookTargets:
    """Return what ``ansible-playbook --list-hosts`` says with the team's whole inventory.

    :param playbook: a path from the home, an absolute path, or a collection's playbook.
    :param extra_vars_files: further ``-e @file``, after those of `options`.
    :raises NotFound: no such playbook.
    :raises InvalidInput: Ansible refuses it, or no play matches a machine.
    """
    _check_playbook(settings, playbook)
    if limit is not None:
        split_patterns([limit])
    inventory = read_inventory(settings, team, environment=environment)
    installation = locate_ansible(settings, environment)
    with _variable_files(settings, options.extra_vars) as own_files:
        arguments = [
            *("-i", inventory.source, "--list-hosts", *vault_arguments(settings, team)),
            *(("--limit", limit) if limit is not None else ()),
            *(part for file in (*own_files, *extra_vars_files) for part in ("-e", f"@{file}")),
            *("--", playbook),
        ]
        answer = ask(
            settings,
            installation,
            "ansible-playbook",
            arguments,
            environment=environment,
            timeout_seconds=_LIST_TIMEOUT_SECONDS,
            # As when it runs: plays name modules, roles and playbooks of the collection.
            added={
                "ANSIBLE_COLLECTIONS_PATH": ":".join(
                    (
                        str(collections_root(cache_directory(settings))),
                        *read_configuration(settings, installation, environment).collections_paths,
                    )
                )
            },
        )
    if answer.returncode != 0:
        raise _refused(playbook, limit, error_line(answer.stderr))
    plays = list(_plays(answer.stdout.decode(errors="replace")))
    found = {machine for _name, _number, machines in plays for machine in machines}
    if not found.issubset((*inventory.hosts, *_LOCAL_NAMES)):
        # Ansible may know more than the cache of a dynamic inventory, never less than its answer.
        inventory = read_inventory(settings, team, environment=environment, refresh=True)
        found.intersection_update((*inventory.hosts, *_LOCAL_NAMES))
    if not found:
        raise InvalidInput(
            f"no play of {playbook} matches a machine of team {team}",
            hint="check 'hosts' of its plays; where they are set while it runs, give --limit",
        )
    ordered = [machine for machine in inventory.hosts if machine in found]
    return PlaybookTargets(
        machines=(*ordered, *sorted(found.difference(ordered))),
        notes=tuple(
            f"play {number} (hosts: {one_line(pattern)}) matches no machine"
            for number, pattern, machines in plays
            if not machines
        ),
    )


def playbook_fingerprint(
    settings: Settings, team: str, playbook: str, *, environment: Mapping[str, str]
) -> str:
    """Return a digest of a team's inventory and a playbook's file; empty for one of a collection.

    While it stays the same, the playbook's own plays mean the same machines. Playbooks that it
    imports are not looked at.
    """
    path = settings.home / playbook
    if not path.is_file():
        return ""
    inventory = read_inventory(settings, team, environment=environment)
    return hashlib.sha256(inventory.digest.encode() + read_limited(path)).hexdigest()


def _check_playbook(settings: Settings, playbook: str) -> None:
    checked_text(playbook, "playbook")
    path = Path(playbook)
    if not path.is_absolute():
        normal = Path(os.path.normpath(settings.home / path))
        if not normal.is_relative_to(settings.home):
            raise InvalidInput(
                f"the playbook {playbook} lies outside the home {settings.home}",
                hint="give its absolute path if you mean it",
            )
        path = normal
    if path.is_file():
        return
    if path.exists():
        raise InvalidInput(f"the playbook {playbook} is no file")
    if _COLLECTION_NAME.fullmatch(playbook) and path.suffix not in (".yml", ".yaml"):
        return
    names = _playbooks(settings.home)
    alike = [name for name in names if Path(name).name == path.name]
    alike = alike or difflib.get_close_matches(playbook, names, n=1)
    raise NotFound(
        f"there is no playbook {playbook} in {settings.home}",
        hint=f"did you mean {alike[0]}?"
        if alike
        else "give its path from the home, or a collection's playbook as namespace.name.playbook",
    )


def _playbooks(home: Path) -> list[str]:
    """Return the files that may be playbooks where people mostly keep them."""
    folders = (home, home / "playbooks")
    return [
        str(path.relative_to(home))
        for folder in folders
        for path in sorted(folder.glob("*.y*ml"))
        if path.is_file()
    ]


def _refused(playbook: str, limit: str | None, line: str) -> InvalidInput | NotFound:
    if "could not be found" in line and playbook in line:
        return NotFound(
            f"Ansible finds no playbook {playbook}: {line}",
            hint="is its collection on the collections path of your Ansible?",
        )
    if "leaves us with no hosts" in line:
        return InvalidInput(
            f"--limit {limit} leaves {playbook} without a machine",
            hint="check the names: rediacc list machines",
        )
    return InvalidInput(
        f"Ansible refuses the playbook {playbook}: {line}",
        hint="try it by hand: ansible-playbook --syntax-check, or give missing variables with -e",
    )


@contextmanager
def _variable_files(settings: Settings, given: Sequence[ExtraVariables]) -> Iterator[list[Path]]:
    """Lay values down for one call in private files: an argument list is for all to read."""
    with tempfile.TemporaryDirectory(dir=cache_directory(settings), prefix="vars.") as name:
        files = []
        for number, variables in enumerate(given):
            if variables.file is not None:
                checked_text(variables.file, "file of extra variables")
                files.append(settings.home / variables.file)
            if variables.values is not None:
                file = Path(name, f"{number}.json")
                write_private(file, json.dumps(dict(variables.values)))
                files.append(file)
        yield files


def _plays(listing: str) -> Iterator[tuple[int, str, list[str]]]:
    """Yield number, pattern and machines of each play in what ``--list-hosts`` printed."""
    lines = iter(listing.split("\n"))
    number, pattern, previous = 0, "", ""
    for line in lines:
        play = _PLAY.match(line)
        if play is not None:
            number, pattern = int(play[1]), play[2]
        count = _COUNT.fullmatch(line)
        # A play's name may hold any lines; the count stands below the pattern only.
        if count is not None and previous.startswith("    pattern: "):
            machines = [next(lines, "").strip() for _turn in range(int(count[1]))]
            yield number, pattern, [machine for machine in machines if machine]
        previous = line
