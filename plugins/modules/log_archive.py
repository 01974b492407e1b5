#!/usr/bin/python
# -*- coding: utf-8 -*-
# Copyright (c) 2026 the rediacc authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compress old log files, verify the archives, and only then remove the files."""

from __future__ import annotations

DOCUMENTATION = r"""
module: log_archive
short_description: Archive old log files, and keep a number of archives
description:
  - Compresses log files that nothing was written to for a while, reads each archive back, and
    removes the file only when the archive holds exactly what the file holds.
  - A file that a process has open, that changes meanwhile, or that has other names stays; it is
    told in RV(left).
  - An archive has the file's name, the time of its last change and C(.gz), and the file's owner,
    group, mode and time. After a crash the next run goes on where it was.
  - Links are followed nowhere below O(paths), so that nobody who can write there leads root away.
author:
  - the rediacc authors (@rediacc)
options:
  paths:
    description: Directories of logs. One that does not exist is an error.
    type: list
    elements: path
    required: true
  patterns:
    description: Which files there are old logs. Compressed files never are.
    type: list
    elements: str
    default: ["*.log.*", "*.log-*"]
  age:
    description:
      - How long nothing was written to a file, in seconds, or with C(s), C(m), C(h), C(d), C(w)
        after the number.
    type: str
    default: 1d
  recurse:
    description: Look into directories below O(paths) too.
    type: bool
    default: false
  destination:
    description:
      - Where archives go, each under the whole path of its log. Without it, beside the log.
      - It is made where it is missing, for the user that runs the module alone.
    type: path
  keep:
    description:
      - How many archives of each log stay, the newest. V(0) keeps all.
      - Files that differ only in a number or a date at their end, as C(app.log.1) and
        C(app.log.2), are the same log.
    type: int
    default: 0
  rotate_bytes:
    description:
      - Logs of that size or more are renamed, with the time at their end, and an empty file takes
        their place. Whoever writes them has to open them anew; until then the renamed file is not
        archived. V(0) renames nothing.
    type: int
    default: 0
  rotate_patterns:
    description: Which files O(rotate_bytes) is about.
    type: list
    elements: str
    default: ["*.log"]
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
  idempotent:
    support: full
  platform:
    description: Linux, because open files are found in C(/proc).
    support: full
    platforms: linux
extends_documentation_fragment:
  - rediacc.core.attributes
notes:
  - Without root only the open files of one's own processes are seen.
"""

EXAMPLES = r"""
- name: Archive what was rotated a day ago, and keep thirty archives of each log
  rediacc.core.log_archive:
    paths:
      - /var/log/webshop
    keep: 30

- name: Rename big logs and archive old ones elsewhere
  rediacc.core.log_archive:
    paths:
      - /var/log/webshop
    recurse: true
    destination: /srv/log-archive
    age: 7d
    rotate_bytes: 104857600
  register: logs

- name: Have the web shop open its logs anew
  ansible.builtin.service:
    name: webshop
    state: reloaded
  when: logs.rotated | length > 0
"""

RETURN = r"""
archived:
  description: The files that were archived and removed. In check mode those that would be.
  returned: always
  type: list
  elements: dict
  contains:
    path:
      description: The file.
      type: str
    archive:
      description: Its archive.
      type: str
    bytes:
      description: The size of the file.
      type: int
    archive_bytes:
      description: The size of the archive; 0 in check mode.
      type: int
    sha256:
      description: The digest of what both hold; empty in check mode.
      type: str
removed:
  description: Archives that were removed because newer ones are enough.
  returned: always
  type: list
  elements: str
rotated:
  description: Logs that were renamed.
  returned: always
  type: list
  elements: dict
  contains:
    path:
      description: The log.
      type: str
    renamed:
      description: What it is called now.
      type: str
left:
  description: Old logs that stay as they are, and why.
  returned: always
  type: list
  elements: dict
  contains:
    path:
      description: The file.
      type: str
    reason:
      description: Why it stays.
      type: str
bytes_before:
  description: The size of all files of RV(archived).
  returned: always
  type: int
bytes_after:
  description: The size of their archives.
  returned: always
  type: int
"""

import fnmatch
import os
import stat
import tempfile
import time

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.rediacc.core.plugins.module_utils._logs import (
    COMPRESSED,
    PARTIAL,
    Left,
    archived_digest,
    compress,
    free_name,
    identity,
    open_files,
    read_age,
    stamp,
    surplus,
)

# A file that is half-made this long belongs to no run.
STALE_SECONDS = 86400


class Archiver:
    """One run over all directories."""

    def __init__(self, module):
        self.params = module.params
        self.check = module.check_mode
        self.age = read_age(module.params["age"])
        self.now = time.time()
        self.open = None
        self.found = {"archived": [], "removed": [], "rotated": [], "left": []}
        self.failures = []

    def run(self):
        for path in self.params["paths"]:
            if not os.path.isdir(path):
                raise NotADirectoryError(20, "is not a directory", path)
        for path in self.params["paths"]:
            for place, folders, names, directory in os.fwalk(os.path.realpath(path)):
                self._directory(place, sorted(names), directory)
                if not self.params["recurse"]:
                    folders.clear()

    def _directory(self, place, names, directory):
        for name in names:
            try:
                status = os.stat(name, dir_fd=directory, follow_symlinks=False)
                if self._is_big(name, status):
                    self._rotate(place, name, status, directory)
                elif self._is_old(name, status):
                    self._archive_one(place, name, status, directory)
            except Left as exc:
                self.found["left"].append({"path": os.path.join(place, name), "reason": str(exc)})
            except FileNotFoundError:
                continue
            except OSError as exc:
                self.failures.append("%s: %s" % (os.path.join(place, name), exc.strerror))
        self._prune(place, directory)

    def _matches(self, name, status, patterns):
        return (
            stat.S_ISREG(status.st_mode)
            and not name.endswith(COMPRESSED)
            and not name.startswith(PARTIAL)
            and any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)
        )

    def _is_big(self, name, status):
        limit = self.params["rotate_bytes"]
        return 0 < limit <= status.st_size and self._matches(
            name, status, self.params["rotate_patterns"]
        )

    def _is_old(self, name, status):
        return self.now - status.st_mtime >= self.age and self._matches(
            name, status, self.params["patterns"]
        )

    def _rotate(self, place, name, status, directory):
        renamed = "%s.%s" % (name, stamp(self.now))
        if os.path.lexists(os.path.join(place, renamed)):
            raise Left("it was renamed in this very second")
        if not self.check:
            os.rename(name, renamed, src_dir_fd=directory, dst_dir_fd=directory)
            flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY
            try:
                descriptor = os.open(name, flags, 0o600, dir_fd=directory)
            except FileExistsError:
                descriptor = None  # who writes it was faster
            if descriptor is not None:
                self._like(descriptor, status)
                os.close(descriptor)
        path = os.path.join(place, name)
        self.found["rotated"].append({"path": path, "renamed": os.path.join(place, renamed)})

    def _like(self, descriptor, status):
        """Give a file the owner, if that may be, and the mode of another one."""
        if os.geteuid() == 0:
            os.fchown(descriptor, status.st_uid, status.st_gid)
        os.fchmod(descriptor, stat.S_IMODE(status.st_mode) & 0o777)

    def _require_quiet(self, status):
        if status.st_nlink != 1:
            raise Left("it has other names")
        if self.open is None:
            self.open = open_files()
        if (status.st_dev, status.st_ino) in self.open:
            raise Left("a process has it open")

    def _archive_one(self, place, name, status, directory):
        self._require_quiet(status)
        where = self._place_of(place)
        entry = {"path": os.path.join(place, name), "bytes": status.st_size}
        if self.check:
            archive = "%s.%s.gz" % (name, stamp(status.st_mtime))
            entry.update(archive=os.path.join(where, archive), archive_bytes=0, sha256="")
            self.found["archived"].append(entry)
            return
        target = directory
        if where != place:
            os.makedirs(where, mode=0o700, exist_ok=True)
            target = os.open(where, os.O_RDONLY | os.O_DIRECTORY)
        try:
            entry.update(self._store(name, status, directory, target, where))
        finally:
            if target != directory:
                os.close(target)
        self.found["archived"].append(entry)

    def _place_of(self, place):
        destination = self.params["destination"]
        return os.path.join(destination, place.lstrip("/")) if destination else place

    def _store(self, name, status, directory, target, where):
        """Make the archive of one file in the directory `target`, and remove the file."""
        descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=directory)
        with os.fdopen(descriptor, "rb") as source:
            if identity(os.fstat(source.fileno())) != identity(status):
                raise Left("it is being changed")
            # Through /proc, so that the file lies where `target` leads, whatever its path says now.
            descriptor, partial = tempfile.mkstemp(prefix=PARTIAL, dir="/proc/self/fd/%d" % target)
            partial = os.path.basename(partial)
            is_kept = False
            try:
                with os.fdopen(descriptor, "w+b") as packed:
                    held = compress(source, packed)
                    if held[1] != status.st_size or archived_digest(packed) != held:
                        raise Left("its archive does not hold what it holds")
                    archive, is_there = free_name(name, status.st_mtime, target, held)
                    self._like(packed.fileno(), status)
                    os.utime(packed.fileno(), ns=(status.st_atime_ns, status.st_mtime_ns))
                    size = os.fstat(packed.fileno()).st_size
                self._require_same(name, status, directory)
                if not is_there:
                    os.rename(partial, archive, src_dir_fd=target, dst_dir_fd=target)
                    is_kept = True
                    os.fsync(target)
            finally:
                if not is_kept:
                    os.unlink(partial, dir_fd=target)
        self._require_same(name, status, directory)
        os.unlink(name, dir_fd=directory)
        return {
            "archive": os.path.join(where, archive),
            "archive_bytes": size,
            "sha256": held[0],
        }

    def _require_same(self, name, status, directory):
        now = os.stat(name, dir_fd=directory, follow_symlinks=False)
        if identity(now) != identity(status):
            raise Left("it was changed meanwhile")

    def _prune(self, place, directory):
        where = self._place_of(place)
        if where != place:
            try:
                directory = os.open(where, os.O_RDONLY | os.O_DIRECTORY)
            except FileNotFoundError:
                return
        try:
            names = os.listdir(directory)
            if self.check:
                new = [os.path.split(one["archive"]) for one in self.found["archived"]]
                names += [name for folder, name in new if folder == where]
            else:
                self._sweep(names, directory)
            for name in surplus(names, self.params["keep"]):
                if not self.check:
                    os.unlink(name, dir_fd=directory)
                self.found["removed"].append(os.path.join(where, name))
        finally:
            if where != place:
                os.close(directory)

    def _sweep(self, names, directory):
        """Remove what a run that was killed left half-made."""
        for name in names:
            if name.startswith(PARTIAL):
                status = os.stat(name, dir_fd=directory, follow_symlinks=False)
                if self.now - status.st_ctime > STALE_SECONDS:
                    os.unlink(name, dir_fd=directory)


def main():
    module = AnsibleModule(
        argument_spec={
            "paths": {"type": "list", "elements": "path", "required": True},
            "patterns": {"type": "list", "elements": "str", "default": ["*.log.*", "*.log-*"]},
            "age": {"type": "str", "default": "1d"},
            "recurse": {"type": "bool", "default": False},
            "destination": {"type": "path"},
            "keep": {"type": "int", "default": 0},
            "rotate_bytes": {"type": "int", "default": 0},
            "rotate_patterns": {"type": "list", "elements": "str", "default": ["*.log"]},
        },
        supports_check_mode=True,
    )
    if read_age(module.params["age"]) is None:
        said = module.params["age"]
        module.fail_json(msg="age %r: must be a number, then s, m, h, d or w" % said)
    for name in ("keep", "rotate_bytes"):
        if module.params[name] < 0:
            module.fail_json(msg="%s %d: must not be below 0" % (name, module.params[name]))
    archiver = Archiver(module)
    try:
        archiver.run()
    except OSError as exc:
        archiver.failures.append("%s: %s" % (exc.filename or "archiving", exc.strerror))
    found = archiver.found
    result = dict(
        found,
        changed=any(found[name] for name in ("archived", "removed", "rotated")),
        bytes_before=sum(one["bytes"] for one in found["archived"]),
        bytes_after=sum(one["archive_bytes"] for one in found["archived"]),
    )
    if archiver.failures:
        module.fail_json(msg="could not archive: " + "; ".join(archiver.failures), **result)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
