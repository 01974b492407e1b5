"""Which files make an inventory, whether they changed, and whether they hide secrets.

Nothing is parsed or executed here: files are listed, compared and searched for marks.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rediacc.errors import InvalidInput, NotFound
from rediacc.teams.ansible_command import Configuration
from rediacc.teams.files import PARSE_LIMIT_BYTES

__all__ = ["Marks", "Watched", "is_dynamic_file", "is_program", "look_for_marks", "watch"]

_MOST_FILES = 200_000
_SMALL_FILES, _SMALL_BYTES = 200, 65536
_VAULT_HEADER = b"$ANSIBLE_VAULT"
_PLUGIN_KEY = re.compile(rb"^[\"']?plugin[\"']?\s*:\s*[\"']?([\w.]+)", re.MULTILINE)
# Plugins that only rearrange what static files say, unless their expressions look elsewhere.
_STATIC_PLUGINS = {"constructed", "generator"}
_LOOKS_ELSEWHERE = re.compile(rb"\b(?:lookup|query|q)\s*\(|now\s*\(")
_CONNECTION = re.compile(
    rb"\bansible_(host|port|user|ssh_host|ssh_port|ssh_user)\b[\"']?\s*[=:]\s*"
    rb"[\"']?([^\s\"',}#]+)"
)


@dataclass(frozen=True, kw_only=True)
class Watched:
    """The files that an inventory may be made of.

    :param inventory_files: files that Ansible may read as inventory.
    :param variable_files: files under ``group_vars`` and ``host_vars`` in reach.
    :param stamp: changes when any of them changes.
    :param size_bytes: how much they are together.
    """

    source: str
    inventory_files: tuple[Path, ...]
    variable_files: tuple[Path, ...]
    stamp: str
    size_bytes: int


@dataclass(frozen=True, kw_only=True)
class Marks:
    """What the files say about themselves.

    :param is_dynamic: the answer may change although no file does.
    :param has_plugin: an inventory plugin's configuration is among them.
    :param has_program: a program that lists machines is among them.
    :param may_hide: decrypted values may stand among the variables.
    :param plain: connection variables that stand in files that are not encrypted.
    """

    is_dynamic: bool
    has_plugin: bool
    has_program: bool
    may_hide: bool
    plain: frozenset[tuple[str, str]]


def watch(home: Path, inventory: str) -> Watched:
    """List the files of `inventory`, the way a team's settings name it, and their stamp.

    :raises NotFound: it does not exist.
    """
    if "," in inventory and not (home / inventory).exists():
        return _watched(inventory, (), _variables((home,)))
    path = Path(os.path.normpath(home / Path(inventory).expanduser()))
    if not path.exists():
        raise NotFound(
            f"the inventory {path} does not exist",
            hint="correct 'inventory' of the team in rediacc.toml",
        )
    if not path.is_dir():
        return _watched(str(path), (path,), _variables((path.parent, home)))
    tree = tuple(_tree(path))
    inventory_files = tuple(file for file in tree if not _holds_variables(file, path))
    variables = {file for file in tree if _holds_variables(file, path)}
    return _watched(str(path), inventory_files, variables | _variables((home,)))


def _watched(source: str, inventory_files: tuple[Path, ...], variables: set[Path]) -> Watched:
    variable_files = tuple(sorted(variables))
    stamp, size_bytes = _stamp((*inventory_files, *variable_files))
    return Watched(
        source=source,
        inventory_files=inventory_files,
        variable_files=variable_files,
        stamp=stamp,
        size_bytes=size_bytes,
    )


def _variables(roots: tuple[Path, ...]) -> set[Path]:
    """Return the variable files beside an inventory and in the home."""
    names = ("group_vars", "host_vars")
    return {file for root in set(roots) for name in names for file in _tree(root / name)}


def _holds_variables(file: Path, root: Path) -> bool:
    return bool({"group_vars", "host_vars"} & set(file.relative_to(root).parts[:-1]))


def _tree(root: Path) -> Iterator[Path]:
    """Yield the files under `root` in a fixed order, following links, without hidden ones."""
    if not root.is_dir():
        return
    seen: set[tuple[int, int]] = set()
    count = 0
    for directory, names, files in os.walk(root, followlinks=True):
        stat = os.stat(directory)
        if (stat.st_dev, stat.st_ino) in seen:
            names.clear()
            continue
        seen.add((stat.st_dev, stat.st_ino))
        names[:] = sorted(name for name in names if not name.startswith((".", "__pycache__")))
        for name in sorted(files):
            if not name.startswith("."):
                count += 1
                yield Path(directory, name)
        if count > _MOST_FILES:
            raise InvalidInput(
                f"{root} holds more than {_MOST_FILES} files",
                hint="point the team's inventory to the directory that holds only inventories",
            )


def _stamp(files: tuple[Path, ...]) -> tuple[str, int]:
    """Digest names and states; of few small files the contents too, for changes within a tick."""
    digest, size_bytes = hashlib.sha256(), 0
    reads_contents = len(files) <= _SMALL_FILES
    for file in files:
        digest.update(b"\0" + os.fsencode(file))
        try:
            stat = file.stat()
            size_bytes += stat.st_size
            digest.update(
                f"\0{stat.st_size}:{stat.st_mtime_ns}:{stat.st_ctime_ns}:{stat.st_ino}:"
                f"{stat.st_mode}".encode()
            )
            if reads_contents and stat.st_size <= _SMALL_BYTES and file.is_file():
                digest.update(hashlib.sha256(file.read_bytes()).digest())
        except OSError as exc:
            digest.update(f"\0{exc.errno}".encode())
    return digest.hexdigest(), size_bytes


def is_program(file: Path, head: bytes) -> bool:
    """Return whether Ansible would run `file` to get machines."""
    # The system starts a script by its first line, and binaries; not a text that is executable.
    return head.startswith(b"#!") or (os.access(file, os.X_OK) and b"\0" in head[:1024])


def is_dynamic_file(file: Path, head: bytes) -> bool:
    """Return whether Ansible would run `file`, or a plugin for it, to get machines."""
    return is_program(file, head) or (
        file.suffix in (".yml", ".yaml") and _PLUGIN_KEY.search(head) is not None
    )


def look_for_marks(watched: Watched, home: Path, configuration: Configuration) -> Marks:
    """Search the files for signs of plugins and of encryption."""
    is_dynamic = has_plugin = bool(configuration.inventory_plugins)
    has_program = False
    encrypted = inline = False
    plain: set[tuple[str, str]] = set()
    for file in watched.inventory_files:
        content = _content(file)
        if is_program(file, content):
            has_program = is_dynamic = True
        elif is_dynamic_file(file, content):
            has_plugin = True
            is_dynamic = is_dynamic or not _is_static_plugin(content)
        encrypted = encrypted or content.startswith(_VAULT_HEADER)
        inline = inline or b"!vault" in content
        plain |= _plain_connection(content)
    for file in watched.variable_files:
        content = _content(file)
        encrypted = encrypted or content.startswith(_VAULT_HEADER)
        inline = inline or b"!vault" in content
        plain |= _plain_connection(content)
    return Marks(
        is_dynamic=is_dynamic,
        has_plugin=has_plugin,
        has_program=has_program,
        # A plugin may template an inline encrypted value into a plain one.
        may_hide=encrypted
        or (inline and has_plugin)
        or bool(configuration.vars_plugins)
        or _has_vars_plugins(home, configuration),
        plain=frozenset(plain),
    )


def _content(file: Path) -> bytes:
    try:
        if not file.is_file():
            return b""
        with file.open("rb") as stream:
            return stream.read(PARSE_LIMIT_BYTES)
    except OSError:
        # Ansible will say what it thinks of a file that cannot be read.
        return b""


def _is_static_plugin(content: bytes) -> bool:
    named = _PLUGIN_KEY.search(content)
    return (
        named is not None
        and named[1].decode().removeprefix("ansible.builtin.") in _STATIC_PLUGINS
        and _LOOKS_ELSEWHERE.search(content) is None
    )


def _plain_connection(content: bytes) -> set[tuple[str, str]]:
    if content.startswith(_VAULT_HEADER):
        return set()
    return {
        (f"ansible_{name.decode()}", value.decode(errors="replace"))
        for name, value in _CONNECTION.findall(content)
    }


def _has_vars_plugins(home: Path, configuration: Configuration) -> bool:
    directories = [home / "vars_plugins", *map(Path, configuration.vars_plugin_paths)]
    return any(
        file.name != "__init__.py" for directory in directories for file in directory.glob("*.py")
    )
