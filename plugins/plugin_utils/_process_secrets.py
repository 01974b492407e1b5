# Copyright (c) 2026 the rediacc authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The secrets that this Ansible knows, once for all of its plugins."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping

from ansible import context

from ._shared_secrets import SharedSecrets
from ._vault_learning import (
    files_read_early,
    learn_decrypted_values,
    relearn_files,
    watch_vault,
)

_open = []


def process_secrets() -> SharedSecrets:
    """Return the one masker of this Ansible; from the first call on it learns what is decrypted.

    :raises Exception: this Ansible's vault works differently; nothing would be learned.
    """
    if not _open:
        secrets = SharedSecrets()
        watch_vault(secrets.learn)
        _open.append(secrets)
    return _open[0]


def learn_value(value: object) -> None:
    """Have every text in a value masked from now on, where anything masks in this Ansible."""
    if not _open:
        return
    if isinstance(value, Mapping):
        for item in value.values():
            learn_value(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            learn_value(item)
    elif value is not None and not isinstance(value, bool):
        _open[0].learn(str(value))


def learn_what_was_read(plays: list, more_files: Iterable[str] = ()) -> None:
    """Learn what Ansible decrypted before callbacks were made."""
    if not _open or not plays:
        return
    secrets = _open[0]
    loader, manager = plays[0].get_loader(), plays[0].get_variable_manager()
    files = [*files_read_early(loader, context.CLIARGS, os.getcwd()), *more_files]
    relearn_files(loader, dict.fromkeys(files))
    learn_decrypted_values(manager.extra_vars, secrets.learn)
    inventory = getattr(manager, "_inventory", None)
    if inventory is not None:
        holders = (*inventory.groups.values(), *inventory.hosts.values())
        learn_decrypted_values([holder.vars for holder in holders], secrets.learn)
