# Copyright (c) 2026 the rediacc authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Learn every value that Ansible decrypts, by standing behind its one vault door."""

from __future__ import annotations

import functools
import os
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping

import yaml
from ansible.errors import AnsibleError
from ansible.parsing.vault import EncryptedString, VaultLib

_VAULT_HEADER = b"$ANSIBLE_VAULT;"
_PARSE_LIMIT = 1 << 20
_FILE_LIMIT = 10_000
_PLAIN_TAGS = ("tag:yaml.org,2002:bool", "tag:yaml.org,2002:null")

Learn = Callable[[str], None]


def watch_vault(learn: Learn) -> None:
    """Have `learn` called with every secret text that is decrypted from now on.

    :raises AttributeError: this Ansible's vault works differently; nothing would be learned.
    """
    decrypt, decrypt_and_name = VaultLib.decrypt, VaultLib.decrypt_and_get_vault_id

    # Files are handed over as bytes, values inside of files as text.
    @functools.wraps(decrypt)
    def watched_decrypt(self: VaultLib, vaulttext: object, *args: object, **options: object):
        plaintext = decrypt(self, vaulttext, *args, **options)
        learn_plaintext(plaintext, is_file=isinstance(vaulttext, bytes), learn=learn)
        return plaintext

    @functools.wraps(decrypt_and_name)
    def watched_with_name(self: VaultLib, vaulttext: object, *args: object, **options: object):
        answer = decrypt_and_name(self, vaulttext, *args, **options)
        learn_plaintext(answer[0], is_file=isinstance(vaulttext, bytes), learn=learn)
        return answer

    VaultLib.decrypt = watched_decrypt
    VaultLib.decrypt_and_get_vault_id = watched_with_name


def learn_plaintext(plaintext: bytes | str, *, is_file: bool, learn: Learn) -> None:
    """Call `learn` with the secrets in what was decrypted: a value, or each leaf of a document."""
    data = plaintext if isinstance(plaintext, bytes) else plaintext.encode("utf-8", "replace")
    text = bytes(data).decode("utf-8", "surrogateescape")
    leaves = _leaves(text)
    if leaves is None:
        learn(text)
        return
    if not is_file:
        learn(text)
    for leaf in leaves:
        learn(leaf)


def _leaves(text: str) -> list[str] | None:
    """Return the scalar values of a YAML or JSON document; None when it is no such document."""
    if len(text) > _PARSE_LIMIT:
        return None
    try:
        # Nodes, not objects: an alias stays one node, and no tag is acted upon.
        roots = list(yaml.compose_all(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)))
    except (yaml.YAMLError, RecursionError, ValueError):
        return None
    if not any(isinstance(root, yaml.CollectionNode) for root in roots):
        return None
    return list(_scalars(roots))


def _scalars(roots: Iterable[yaml.Node | None]) -> Iterator[str]:
    waiting, seen = [root for root in roots if root is not None], set()
    while waiting:
        node = waiting.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, yaml.MappingNode):
            waiting += [value for _key, value in node.value]
        elif isinstance(node, yaml.SequenceNode):
            waiting += node.value
        elif node.tag not in _PLAIN_TAGS and not node.value.startswith("$ANSIBLE_VAULT;"):
            yield node.value


def relearn_files(loader: object, paths: Iterable[str]) -> None:
    """Decrypt files once more that Ansible may have read before it was watched."""
    for path in paths:
        if _is_vaulted(path):
            try:
                loader.get_text_file_contents(path)
            except AnsibleError:
                # Ansible could not read it either, so that nothing of it can be shown.
                continue


def _is_vaulted(path: str) -> bool:
    """Whether a path is a vaulted regular file; a pipe is never opened, it gives its data once."""
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            return False
        with open(path, "rb") as handle:
            return handle.read(len(_VAULT_HEADER)) == _VAULT_HEADER
    except OSError:
        return False


def files_read_early(
    loader: object, cli_arguments: Mapping[str, object], basedir: str
) -> Iterator[str]:
    """Yield the files that Ansible may have read before callbacks were loaded."""
    for given in cli_arguments.get("extra_vars") or ():
        if str(given).startswith("@"):
            yield os.path.join(basedir, os.path.expanduser(str(given)[1:]))
    for source in cli_arguments.get("inventory") or ():
        if "," not in str(source):
            yield from _files_below(os.path.join(basedir, os.path.expanduser(str(source))))
    yield from list(getattr(loader, "_FILE_CACHE", ()))


def _files_below(path: str) -> Iterator[str]:
    if not os.path.isdir(path):
        yield path
        return
    count = 0
    for directory, _names, files in os.walk(path):
        for name in files:
            count += 1
            if count > _FILE_LIMIT:
                return
            yield os.path.join(directory, name)


def learn_decrypted_values(data: object, learn: Learn) -> None:
    """Learn the inline vaulted values in variables that were used, so decrypted, already."""
    waiting, seen = [data], set()
    while waiting:
        item = waiting.pop()
        if isinstance(item, EncryptedString):
            plaintext = getattr(item, "_plaintext", None)
            if plaintext is not None:
                learn_plaintext(str(plaintext), is_file=False, learn=learn)
        elif isinstance(item, (Mapping, list, tuple)) and id(item) not in seen:
            seen.add(id(item))
            waiting += item.values() if isinstance(item, Mapping) else item
