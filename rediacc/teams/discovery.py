"""Find the inventories of an Ansible repository by looking at names and first bytes.

Nothing is executed and nothing is parsed: what a file really holds, Ansible says later.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from rediacc.teams.inventory_sources import is_dynamic_file

__all__ = ["Candidate", "discover_inventories", "team_name"]

_HEAD_BYTES = 65536
_MOST_CANDIDATES = 200
_USUAL_NAMES = {
    "production": "prod",
    "prd": "prod",
    "live": "prod",
    "stage": "staging",
    "stg": "staging",
    "development": "dev",
    "devel": "dev",
    "testing": "test",
    "hosts": "default",
    "inventory": "default",
    "inventories": "default",
    "main": "default",
}
_DATA_SUFFIXES = ("", ".ini", ".yml", ".yaml", ".json", ".toml", ".cfg", ".inventory")
_PROGRAM_SUFFIXES = (".py", ".sh", ".rb", ".pl")
_NO_INVENTORY = {
    *("group_vars", "host_vars", "roles", "collections", "library", "module_utils", "templates"),
    *("files", "tasks", "handlers", "vars", "defaults", "meta", "playbooks", "plugins", "tests"),
    *("filter_plugins", "action_plugins", "callback_plugins", "lookup_plugins", "vars_plugins"),
    *("inventory_plugins", "connection_plugins", "cache_plugins", "molecule", "docs", "scripts"),
    *("named_tasks", "vaults", "node_modules", "__pycache__", "venv"),
}
_NO_INVENTORY_FILE = re.compile(
    r"readme|license|copying|changelog|makefile|requirements|galaxy\.|ansible\.cfg|\.(?:md|rst|txt"
    r"|orig|bak|retry|swp|pyc|example|sample|j2|tpl)$|~$",
    re.IGNORECASE,
)
_TOP_NAMES = re.compile(
    r"(?:hosts|inventory|prod|production|prd|live|stag(?:e|ing)|stg|dev\w*|test(?:ing)?|qa|uat"
    r"|local|vagrant|ci|lab)(?:[-_.](?:hosts|inventory))?(?:\.(?:ini|ya?ml|json|toml))?",
    re.IGNORECASE,
)
_HOSTS_FILE = re.compile(r"(?:hosts|inventory|main|nodes|machines)(?:\..*)?$", re.IGNORECASE)
_INI_HEADER = re.compile(rb"^\[[\w.:-]+\]\s*(?:[#;].*)?$", re.MULTILINE)
_YAML_LIST = re.compile(rb"^-(?:\s|$)", re.MULTILINE)
_YAML_GROUP = re.compile(rb"^\s+(?:hosts|children)\s*:", re.MULTILINE)
_JSON_GROUP = re.compile(rb'"(?:hosts|children|_meta)"\s*:')
_LISTS_HOSTS = re.compile(rb"--list|_meta|hostvars")
_BARE_HOST = re.compile(rb"^[A-Za-z0-9][\w.\[\]:-]*(?:\s+\w+=\S.*)?\s*$", re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """An inventory that was found.

    :param name: the team's name that it suggests.
    :param path: relative to the home where it lies inside.
    """

    name: str
    path: str


def discover_inventories(
    home: Path, configuration_inventory: Sequence[str]
) -> tuple[Candidate, ...]:
    """Return the inventories in `home`, those of its configuration first, without duplicates.

    :param configuration_inventory: what ``ansible.cfg`` names; absolute, or from the home.
    """
    found: dict[Path, None] = {}
    for named in configuration_inventory:
        if "," in named:
            continue
        path = Path(os.path.normpath(home / Path(named).expanduser()))
        # Ansible's own default outside the repository says nothing about the repository.
        if path != home and (path.is_relative_to(home) or path != Path("/etc/ansible/hosts")):
            found.update(dict.fromkeys(_configured(path)))
    for name in ("inventories", "inventory", "environments", "envs"):
        if (home / name).is_dir():
            found.update(dict.fromkeys(_inventories_at(home / name)))
    for path in _entries(home):
        is_inventory = _is_inventory_file if path.is_file() else _holds_hosts
        is_split = any(path in other.parents for other in found)
        if _TOP_NAMES.fullmatch(path.name) and not is_split and is_inventory(path):
            found[path] = None
    paths = [path for path in found if not any(other in path.parents for other in found)]
    return _named(home, paths[:_MOST_CANDIDATES])


def _configured(path: Path) -> Iterator[Path]:
    """Yield what Ansible is told to use: as it is, unless it is a directory of environments."""
    if not path.is_dir():
        if path.is_file():
            yield path
        return
    parts = list(_inventories_at(path))
    are_environments = all(part.is_dir() or _TOP_NAMES.fullmatch(part.name) for part in parts)
    yield from parts if parts and are_environments else [path]


def _inventories_at(path: Path) -> Iterator[Path]:
    """Yield the directory `path` when it is one inventory, else one for each environment in it."""
    environments = [entry for entry in _entries(path) if entry.is_dir() and _holds_hosts(entry)]
    files = [entry for entry in _entries(path) if entry.is_file() and _is_inventory_file(entry)]
    if not environments and files and all(_is_part(file) for file in files):
        yield path
        return
    yield from environments
    yield from files


def _is_part(file: Path) -> bool:
    """Return whether `file` is named as one of several that make one inventory."""
    return (
        re.match(r"\d", file.name) is not None
        or _HOSTS_FILE.match(file.name) is not None
        or is_dynamic_file(file, _head(file))
    )


def _holds_hosts(directory: Path) -> bool:
    """Return whether an inventory file lies in `directory` or in a directory of it."""
    entries = _entries(directory)
    nested = (file for entry in entries if entry.is_dir() for file in _entries(entry))
    return any(entry.is_file() and _is_inventory_file(entry) for entry in (*entries, *nested))


def _entries(directory: Path) -> list[Path]:
    try:
        entries = sorted(directory.iterdir())
    except OSError:
        return []
    return [
        entry
        for entry in entries
        if not entry.name.startswith(".")
        and entry.name not in _NO_INVENTORY
        and entry.name.isprintable()
        and "," not in entry.name
    ]


def _is_inventory_file(path: Path) -> bool:
    if _NO_INVENTORY_FILE.search(path.name):
        return False
    head = _head(path)
    if is_dynamic_file(path, head):
        # Reading it later means running it: only what answers like an inventory counts.
        is_plugin = path.suffix in (".yml", ".yaml")
        return is_plugin or (
            path.suffix in (*_DATA_SUFFIXES, *_PROGRAM_SUFFIXES)
            and os.access(path, os.X_OK)
            and _LISTS_HOSTS.search(head) is not None
        )
    if not head.strip() or path.suffix not in _DATA_SUFFIXES:
        return False
    if head.startswith(b"$ANSIBLE_VAULT"):
        return _HOSTS_FILE.match(path.name) is not None
    if path.suffix in (".yml", ".yaml"):
        return _YAML_LIST.search(head) is None and (
            _YAML_GROUP.search(head) is not None
            or re.match(rb"(?:---\s*)?all\s*:", head) is not None
        )
    if head.lstrip().startswith(b"{"):
        return _JSON_GROUP.search(head) is not None
    if _INI_HEADER.search(head) is not None or _YAML_GROUP.search(head) is not None:
        return True
    is_named_so = _HOSTS_FILE.match(path.name) or _TOP_NAMES.fullmatch(path.name)
    return is_named_so is not None and _BARE_HOST.search(head) is not None


def _head(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            return stream.read(_HEAD_BYTES)
    except OSError:
        return b""


def team_name(text: str) -> str:
    """Return the team name that the file or directory name `text` suggests."""
    bare = re.sub(r"\.(?:ini|ya?ml|json|toml|cfg|inventory|py|sh|rb|pl)$", "", text.lower())
    shortened = re.sub(r"[-_.](?:hosts|inventory)$|^(?:hosts|inventory)[-_.]", "", bare)
    usual = _USUAL_NAMES.get(shortened, shortened)
    sane = re.sub(r"[^a-z0-9_-]+", "-", usual).strip("-_")[:32]
    return sane or "default"


def _named(home: Path, paths: Iterable[Path]) -> tuple[Candidate, ...]:
    taken: set[str] = set()
    candidates = []
    for path in paths:
        name = team_name(path.name)
        if name == "default" and path.parent != home and path.is_file():
            # environments/prod/hosts: the directory names the environment.
            name = team_name(path.parent.name)
        unique, number = name, 2
        while unique in taken:
            unique, number = f"{name[:28]}-{number}", number + 1
        taken.add(unique)
        shown = path.relative_to(home) if path.is_relative_to(home) else path
        candidates.append(Candidate(name=unique, path=str(shown)))
    return tuple(candidates)
