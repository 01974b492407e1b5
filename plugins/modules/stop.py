#!/usr/bin/python
# -*- coding: utf-8 -*-
# Copyright (c) 2026 the rediacc authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Find and end every process of a run by the marker in its environment."""

from __future__ import annotations

DOCUMENTATION = r"""
module: stop
short_description: End what a run started on a machine
description:
  - Finds every process whose environment holds E(REDIACC_RUN) with the given value, sends it
    SIGTERM, and SIGKILL after the grace. This is repeated until none is found or the tries
    run out, because a process may start others while it is being stopped.
  - The module's own process and its ancestors are never touched.
  - A process that replaced its environment, or wrote over it as some servers do to change
    their title, cannot be found this way.
author:
  - the rediacc authors (@rediacc)
options:
  marker:
    description: The value of E(REDIACC_RUN) to look for.
    type: str
    required: true
  grace:
    description: Seconds between SIGTERM and SIGKILL.
    type: float
    default: 5
  tries:
    description: How many rounds of SIGTERM and SIGKILL to make at most.
    type: int
    default: 3
  age:
    description:
      - Seconds since the run began, as its controller measured them. A process that is older
        by more than two minutes was there before the run and cannot belong to it, even where
        it cannot be examined.
    type: float
  become_used:
    description:
      - Whether the run may have become another user on this machine. Processes of other
        users can be examined by root only, so that without root nothing is then confirmed.
    type: bool
    default: false
attributes:
  check_mode:
    description: In check mode processes are found and none is ended.
    support: full
  diff_mode:
    description: There is nothing to compare.
    support: none
  platform:
    description: Linux, because processes are found in C(/proc).
    support: full
    platforms: linux
seealso:
  - module: rediacc.core.batch
"""

EXAMPLES = r"""
- name: End what a run left behind
  rediacc.core.stop:
    marker: 0f3a9c1e5b7d4a6f8e2c1d0b9a8f7e6d
    grace: 10
"""

RETURN = r"""
found:
  description: The processes that belonged to the run.
  returned: always
  type: list
  elements: dict
  sample: [{"pid": 4711, "command": "sleep"}]
killed:
  description: The processes that were found and run no more.
  returned: always
  type: list
  elements: dict
remaining:
  description: The processes that still run.
  returned: always
  type: list
  elements: dict
unreadable:
  description: How many processes that could belong to the run could not be examined.
  returned: always
  type: int
unexamined:
  description: The processes that C(unreadable) counts.
  returned: always
  type: list
  elements: dict
confirmed:
  description:
    - Whether nothing of the run is left, as far as markers can tell. False without C(/proc),
      while a process remains, or while a process that could belong to the run could not be
      examined. Without root and without O(become_used=true) this speaks of processes of
      the module's own user.
  returned: always
  type: bool
"""

import os
import signal
import time

from ansible.module_utils.basic import AnsibleModule

POLL_SECONDS = 0.05
# A process that just ends or replaces its program cannot be examined for a moment.
PATIENCE_SECONDS = 2.0
# Between the moment when the run's age was measured and the moment when a process is looked at.
AGE_SLACK_SECONDS = 120.0
# These start logins and keep keys; they make themselves unreadable to their own user, and
# a run's environment never reaches them.
LOGIN_PROCESSES = ("sshd", "sshd-session", "sshd-auth", "(sd-pam)", "ssh-agent", "gpg-agent")


def _read(path):
    with open(path, "rb") as handle:
        return handle.read()


def _status(pid):
    """Return (name, state, parent, real uid) of a process, or None when it is gone."""
    try:
        lines = _read("/proc/%d/status" % pid).decode("utf-8", "replace").splitlines()
    except OSError:
        return None
    fields = dict(line.split(":", 1) for line in lines if ":" in line)
    try:
        return (
            fields["Name"].strip(),
            fields["State"].strip()[:1],
            int(fields["PPid"]),
            int(fields["Uid"].split()[0]),
        )
    except (KeyError, ValueError, IndexError):
        return None


def _own_line():
    """Return the pids of this process and its ancestors."""
    line, pid = set(), os.getpid()
    while pid > 0 and pid not in line:
        line.add(pid)
        status = _status(pid)
        pid = status[2] if status else 0
    return line


def _age(pid):
    """Return for how many seconds a process has run, or None when that cannot be told."""
    try:
        # The name in the second field may hold blanks and brackets.
        fields = _read("/proc/%d/stat" % pid).rpartition(b")")[2].split()
        started = int(fields[19]) / float(os.sysconf("SC_CLK_TCK"))
        return float(_read("/proc/uptime").split()[0]) - started
    except (OSError, ValueError, IndexError):
        return None


class Finder:
    """Looks through /proc for the processes of one run."""

    def __init__(self, marker, become_used, age=None):
        self._entry = ("REDIACC_RUN=" + marker).encode("utf-8", "surrogateescape")
        self._may_be_others = become_used
        self._spared = _own_line()
        self._oldest = None if age is None else age + AGE_SLACK_SECONDS
        self.unexamined = {}

    @property
    def is_complete(self):
        """Whether the last look could see everything that may belong to the run."""
        sees_others = os.geteuid() == 0 or not self._may_be_others
        return sees_others and not self.unexamined

    def look(self):
        """Return {pid: name} of the run's processes and note what could not be examined."""
        found = {}
        self.unexamined = {}
        for entry in os.listdir("/proc"):
            if entry.isdigit() and int(entry) not in self._spared:
                self._examine(int(entry), found)
        return found

    def _examine(self, pid, found):
        status = _status(pid)
        if status is None or status[1] in "ZX":
            return
        name, _state, _parent, uid = status
        try:
            if self.holds_marker(pid):
                found[pid] = name
        except PermissionError:
            is_suspect = self._may_be_others or uid == os.getuid()
            if is_suspect and name not in LOGIN_PROCESSES and not self._is_beside_the_run(pid):
                self.unexamined[pid] = name

    def _is_beside_the_run(self, pid):
        """Return whether a process that cannot be examined has ended or is older than the run."""
        status = _status(pid)
        if status is None or status[1] in "ZX":
            return True
        if self._oldest is None:
            return False
        age = _age(pid)
        return age is not None and age > self._oldest

    def look_patiently(self):
        """Look until something is found, or everything could be examined, or it takes too long."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        found = self.look()
        while not found and self.unexamined and time.monotonic() < deadline:
            time.sleep(POLL_SECONDS)
            found = self.look()
        return found

    def holds_marker(self, pid):
        """Return whether the process belongs to the run now.

        :raises PermissionError: its environment may not be read.
        """
        try:
            return self._entry in _read("/proc/%d/environ" % pid).split(b"\0")
        except PermissionError:
            raise
        except OSError:
            return False

    def send(self, found, number):
        """Signal the processes that are still the run's: a pid may have a new owner."""
        for pid in found:
            try:
                if self.holds_marker(pid):
                    os.kill(pid, number)
            except (PermissionError, ProcessLookupError):
                continue

    def wait(self, seconds):
        """Return what is left when all have ended or the time is over."""
        deadline = time.monotonic() + seconds
        left = self.look()
        while left and time.monotonic() < deadline:
            time.sleep(POLL_SECONDS)
            left = self.look()
        return left


def stop(finder, grace, tries):
    """End the run's processes; return all that were found and those that remain."""
    found = {}
    left = {}
    for _try in range(max(1, tries)):
        left = left or finder.look_patiently()
        found.update(left)
        if not left:
            return found, left
        finder.send(left, signal.SIGTERM)
        left = finder.wait(grace)
        found.update(left)
        if left:
            finder.send(left, signal.SIGKILL)
            left = finder.wait(1.0)
            found.update(left)
    if not left:
        left = finder.look_patiently()
        found.update(left)
    return found, left


def _listed(processes):
    return [{"pid": pid, "command": processes[pid]} for pid in sorted(processes)]


def main():
    module = AnsibleModule(
        argument_spec={
            "marker": {"type": "str", "required": True},
            "grace": {"type": "float", "default": 5.0},
            "tries": {"type": "int", "default": 3},
            "age": {"type": "float"},
            "become_used": {"type": "bool", "default": False},
        },
        supports_check_mode=True,
    )
    marker = module.params["marker"]
    if not marker:
        module.fail_json(msg="marker is empty: it would name no run")
    if not os.path.isdir("/proc/self"):
        module.exit_json(
            changed=False,
            found=[],
            killed=[],
            remaining=[],
            unreadable=0,
            unexamined=[],
            confirmed=False,
            msg="this machine has no /proc: processes of the run cannot be found",
        )
    finder = Finder(marker, module.params["become_used"], module.params["age"])
    if module.check_mode:
        found = finder.look_patiently()
        left = found
    else:
        found, left = stop(finder, module.params["grace"], module.params["tries"])
    killed = {pid: name for pid, name in found.items() if pid not in left}
    module.exit_json(
        changed=bool(found if module.check_mode else killed),
        found=_listed(found),
        killed=_listed(killed),
        remaining=_listed(left),
        unreadable=len(finder.unexamined),
        unexamined=_listed(finder.unexamined),
        confirmed=not left and finder.is_complete,
    )


if __name__ == "__main__":
    main()
