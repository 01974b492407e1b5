#!/usr/bin/python
# -*- coding: utf-8 -*-
# Copyright (c) 2026 the rediacc authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Say which keys log in as an account."""

from __future__ import annotations

DOCUMENTATION = r"""
module: authorized_key
short_description: Say which SSH keys log in as an account
description:
  - Adds keys to the file C(authorized_keys) of an account, gives them other options, or removes
    them. A key is the same key whatever its comment and its options are.
  - Lines that it was not told about stay as they are, comments and order included.
  - The file is replaced in one step, so that a login at that moment sees the old or the new one.
  - Files in an account's home directory are read and written with that account's rights, so that a
    link that lies there leads root nowhere.
author:
  - the rediacc authors (@rediacc)
options:
  user:
    description: The account that is logged in to.
    type: str
    required: true
  keys:
    description:
      - Public keys, as they stand in files that end in C(.pub).
      - Options before a key belong to it, and count as O(options) for that key.
      - It may be empty only with O(exclusive).
    type: list
    elements: str
    required: true
    aliases: [key]
  state:
    description: Whether the keys log in.
    type: str
    choices: [present, absent]
    default: present
  options:
    description:
      - What the keys may do, as in sshd(8), for example C(from="10.0.0.0/8",no-pty).
      - An empty string takes options away. Without this, a key that is there keeps its own.
    type: str
  exclusive:
    description: Remove all other keys. Comments stay.
    type: bool
    default: false
  path:
    description:
      - The file, where it is not C(.ssh/authorized_keys) in the account's home directory.
      - A file elsewhere is made so that all can read it, because the SSH server reads it as the
        account, and only who runs the module can write it.
    type: path
  manage_directory:
    description: Make the directory of the file where it is missing, for the account alone.
    type: bool
    default: true
attributes:
  check_mode:
    support: full
    details: For an account that does not exist, all is predicted to change.
  diff_mode:
    support: full
  idempotent:
    support: full
  platform:
    description: Machines with OpenSSH.
    support: full
    platforms: posix
extends_documentation_fragment:
  - rediacc.core.attributes
seealso:
  - name: sshd(8), AUTHORIZED_KEYS FILE FORMAT
    description: What the lines of the file mean.
    link: https://man.openbsd.org/sshd.8#AUTHORIZED_KEYS_FILE_FORMAT
"""

EXAMPLES = r"""
- name: Let a key log in
  rediacc.core.authorized_key:
    user: deploy
    keys:
      - "{{ lookup('ansible.builtin.file', 'deploy.pub') }}"

- name: Let two keys log in from one network, and no other key
  rediacc.core.authorized_key:
    user: deploy
    keys:
      - ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ9LtFPOKvfpMwpZ7FqTOaKkwIT0SYFIPDLfOAW0yL8v ops
      - ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILPPPPT9bdPnPDAbaTFyqnVP1rKpCzr0H9b1BYUMAmOp ci
    options: from="10.0.0.0/8",no-agent-forwarding
    exclusive: true

- name: Take a key away
  rediacc.core.authorized_key:
    user: deploy
    keys:
      - ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ9LtFPOKvfpMwpZ7FqTOaKkwIT0SYFIPDLfOAW0yL8v
    state: absent
"""

RETURN = r"""
path:
  description: The file. Empty in check mode for an account that is not there.
  returned: always
  type: str
  sample: /home/deploy/.ssh/authorized_keys
added:
  description: How many keys were added.
  returned: always
  type: int
  sample: 1
updated:
  description: How many keys got other options.
  returned: always
  type: int
  sample: 0
removed:
  description: How many lines were removed.
  returned: always
  type: int
  sample: 0
"""

import contextlib
import os
import pwd
import stat
import tempfile

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.rediacc.core.plugins.module_utils._authorized_keys import (
    Line,
    Refused,
    check_options,
    decide,
    read_key,
)


@contextlib.contextmanager
def rights_of(account):
    """Do with `account`'s rights what is done inside; None for one's own."""
    if account is None or account.pw_uid == os.geteuid():
        yield
        return
    groups = os.getgroups()
    uid, gid = os.geteuid(), os.getegid()
    try:
        os.initgroups(account.pw_name, account.pw_gid)
        os.setegid(account.pw_gid)
        os.seteuid(account.pw_uid)
        yield
    finally:
        os.seteuid(uid)
        os.setegid(gid)
        os.setgroups(groups)


def read_lines(path):
    """Return the text of a file, and its mode; nothing and None where there is none."""
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as handle:
            return handle.read(), stat.S_IMODE(os.fstat(handle.fileno()).st_mode)
    except FileNotFoundError:
        return "", None


def replace(path, text, mode):
    """Put a file with `text` in the place of `path` in one step."""
    descriptor, temporary = tempfile.mkstemp(prefix=".authorized_keys.", dir=os.path.dirname(path))
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", errors="surrogateescape") as handle:
            handle.write(text)
            handle.flush()
            os.fchmod(handle.fileno(), mode)
            os.fsync(handle.fileno())
        os.rename(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def lies_in(path, home):
    """Say whether a path is below a home directory; C(/) is nobody's home."""
    return home.strip("/") != "" and os.path.commonpath([path, home]) == home


def is_roots(directory):
    """Say whether nobody but root can change what a directory's name leads to."""
    for start in (os.path.abspath(directory), os.path.realpath(directory)):
        while True:
            try:
                status = os.lstat(start)
            except FileNotFoundError:
                status = None
            if status is not None:
                is_link = stat.S_ISLNK(status.st_mode)
                is_open = status.st_mode & (stat.S_IWGRP | stat.S_IWOTH) and not is_link
                if status.st_uid != 0 or is_open:
                    return False
            if os.path.dirname(start) == start:
                break
            start = os.path.dirname(start)
    return True


def find_account(name):
    try:
        return pwd.getpwnam(name)
    except KeyError:
        return None


def change(module, account):
    """Do what was asked, and return the result.

    :raises Refused: it cannot be done.
    """
    options = module.params["options"]
    check_options(options)
    wanted = [read_key(text) for text in module.params["keys"]]
    if not wanted and not module.params["exclusive"]:
        raise Refused("no key was given: only 'exclusive' takes an empty list")
    if account is None:
        return {"changed": True, "path": "", "added": len(wanted), "updated": 0, "removed": 0}
    if not os.path.isabs(account.pw_dir):
        raise Refused("the account has no home directory")
    home = os.path.normpath(account.pw_dir)
    path = os.path.normpath(module.params["path"] or os.path.join(home, ".ssh", "authorized_keys"))
    is_inside = lies_in(path, home) or lies_in(os.path.realpath(path), os.path.realpath(home))
    if is_inside and os.geteuid() not in (0, account.pw_uid):
        raise Refused("its keys are written by that account or by root: use become")
    # Root follows no link that somebody else could have put there.
    needs_rights = is_inside or (os.geteuid() == 0 and not is_roots(os.path.dirname(path)))
    with rights_of(account if needs_rights else None):
        # A link stays a link: what it leads to is replaced.
        path = os.path.realpath(path)
        text, mode = read_lines(path)
        before = [Line(one) for one in text.splitlines()]
        after, counts = decide(
            before, wanted, options, module.params["state"], module.params["exclusive"]
        )
        changed = any(counts.values())
        new = "".join("%s\n" % line.text for line in after)
        if changed and not module.check_mode:
            if module.params["manage_directory"]:
                os.makedirs(
                    os.path.dirname(path), mode=0o700 if is_inside else 0o755, exist_ok=True
                )
            replace(path, new, mode if mode is not None else 0o600 if is_inside else 0o644)
    result = dict(counts, changed=changed, path=path)
    if module._diff:
        result["diff"] = {
            "before_header": path,
            "after_header": path,
            "before": text,
            "after": new if changed else text,
        }
    return result


def main():
    module = AnsibleModule(
        argument_spec={
            "user": {"type": "str", "required": True},
            # Public keys are no secrets.
            "keys": {
                "type": "list",
                "elements": "str",
                "required": True,
                "no_log": False,
                "aliases": ["key"],
            },
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "options": {"type": "str"},
            "exclusive": {"type": "bool", "default": False},
            "path": {"type": "path"},
            "manage_directory": {"type": "bool", "default": True},
        },
        supports_check_mode=True,
    )
    user = module.params["user"]
    account = find_account(user)
    if module.params["exclusive"] and module.params["state"] == "absent":
        module.fail_json(msg="exclusive goes with state=present only")
    if account is None and not module.check_mode:
        module.fail_json(msg="there is no account %s on this machine" % user)
    try:
        result = change(module, account)
    except Refused as exc:
        module.fail_json(msg="authorized keys of %s: %s" % (user, exc))
    except OSError as exc:
        module.fail_json(
            msg="authorized keys of %s: %s: %s" % (user, exc.filename or "the file", exc.strerror)
        )
    module.exit_json(**result)


if __name__ == "__main__":
    main()
