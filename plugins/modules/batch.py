#!/usr/bin/python
# -*- coding: utf-8 -*-
# Copyright (c) 2026 the rediacc authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run commands one after another, each with a limited output and a result of its own."""

from __future__ import annotations

DOCUMENTATION = r"""
module: batch
short_description: Run commands on a machine, each with its own result
description:
  - Runs a list of commands one after another. Each has its own process group, its own time
    limit and its own result; one that fails or hangs does not keep the next from running.
  - Output is read while it is written and cut on the machine to its first and last bytes,
    so that a command may write any amount. How much it wrote and the SHA-256 of all of it
    are returned.
  - A command without I(shell) is split into words and started without any shell. Variables,
    wildcards and operators in it are plain text.
author:
  - the rediacc authors (@rediacc)
options:
  commands:
    description: What to run, in this order.
    type: list
    elements: dict
    required: true
    suboptions:
      id:
        description: The name under which the result is returned.
        type: str
        required: true
      text:
        description: The command.
        type: str
        required: true
      shell:
        description: Whether C(/bin/sh -c) runs the text. Otherwise no shell sees it.
        type: bool
        default: false
      chdir:
        description: The directory to run in.
        type: path
      timeout:
        description:
          - Seconds after which the command's process group is sent SIGTERM, and five seconds
            later SIGKILL. Without it there is no limit.
        type: float
  marker:
    description:
      - Set as the environment variable E(REDIACC_RUN) of the commands, so that
        M(rediacc.core.stop) finds everything that they started.
    type: str
  secrets:
    description:
      - Environment variables for the commands with values that are never shown. Other ways
        to set an environment put values into argument lists that every user can read.
      - They are also replaced in the results, but for values shorter than four characters and
        numbers of fewer than six digits.
    type: dict
    default: {}
  head_bytes:
    description: How many bytes of the beginning of an output are kept.
    type: int
    default: 65536
  tail_bytes:
    description: How many bytes of the end of an output are kept.
    type: int
    default: 65536
attributes:
  check_mode:
    description: Can run in C(check_mode) without changing anything.
    support: partial
    details:
      - What a command would change cannot be known; nothing runs and the task is skipped.
  diff_mode:
    description: There is no diff of what a command changes.
    support: none
  platform:
    description: POSIX systems with Python 3.8 or newer.
    support: full
    platforms: posix
seealso:
  - module: rediacc.core.stop
  - module: ansible.builtin.command
"""

EXAMPLES = r"""
- name: Run one command
  rediacc.core.batch:
    commands:
      - id: uptime
        text: uptime

- name: Run two commands, the second through the shell and for a minute at most
  rediacc.core.batch:
    commands:
      - id: disk
        text: df -h /
      - id: errors
        text: journalctl -p err | tail -n 20
        shell: true
        timeout: 60

- name: Hand a token to a command without showing it
  rediacc.core.batch:
    commands:
      - id: upload
        text: /usr/local/bin/upload
        chdir: /srv/app
    secrets:
      UPLOAD_TOKEN: "{{ upload_token }}"
"""

RETURN = r"""
results:
  description: One result for each command, in order.
  returned: when commands ran
  type: list
  elements: dict
  contains:
    id:
      description: The command's name.
      type: str
    rc:
      description:
        - The command's exit status; negative where a signal ended it, 127 where there is no
          such program, 126 where it may not be run.
      type: int
    stdout:
      description: The standard output, with a line that says so where it was cut.
      type: str
    stdout_b64:
      description: The standard output in base64, in place of C(stdout), where it is not UTF-8.
      type: str
    stderr:
      description: The standard error, like C(stdout).
      type: str
    stderr_b64:
      description: The standard error in base64, in place of C(stderr), where it is not UTF-8.
      type: str
    stdout_bytes:
      description: How much was written to the standard output in all.
      type: int
    stderr_bytes:
      description: How much was written to the standard error in all.
      type: int
    stdout_sha256:
      description: The SHA-256 of all standard output, cut or not.
      type: str
    truncated:
      description: Whether one of the outputs was cut.
      type: bool
    start:
      description: When the command began, UTC.
      type: str
    end:
      description: When the command ended, UTC.
      type: str
    timed_out:
      description: Whether the command was stopped at its time limit.
      type: bool
    message:
      description: Why the command could not run or was stopped; empty otherwise.
      type: str
msg:
  description: Which commands did not succeed, or why nothing ran.
  returned: on failure and in check mode
  type: str
"""

import base64
import contextlib
import datetime
import hashlib
import os
import selectors
import shlex
import signal
import threading
import time
from subprocess import DEVNULL, PIPE, Popen

from ansible.module_utils.basic import AnsibleModule

KILL_AFTER_SECONDS = 5.0
# A daemon may keep the pipe open for ever: once the command itself has ended, silence of the
# first length ends the reading, and the second ends it in any case.
DRAIN_SECONDS = 1.0
DRAIN_LIMIT_SECONDS = 5.0
CHUNK_BYTES = 65536


class Output:
    """Keep the first and the last bytes of a stream, its length and its digest."""

    def __init__(self, head_bytes, tail_bytes):
        self._head_bytes = head_bytes
        self._tail_bytes = tail_bytes
        self._head = bytearray()
        self._tail = bytearray()
        self._digest = hashlib.sha256()
        self.total = 0

    def add(self, chunk):
        self.total += len(chunk)
        self._digest.update(chunk)
        room = self._head_bytes - len(self._head)
        if room > 0:
            self._head += chunk[:room]
            chunk = chunk[room:]
        if chunk:
            self._tail += chunk
            excess = len(self._tail) - self._tail_bytes
            if excess > 0:
                del self._tail[:excess]

    @property
    def sha256(self):
        return self._digest.hexdigest()

    @property
    def truncated(self):
        return self.total > len(self._head) + len(self._tail)

    def fields(self, name):
        """Return the output as a result's fields: text, or base64 where it is not UTF-8."""
        if not self.truncated:
            joined = bytes(self._head + self._tail)
        else:
            head, tail = _whole_characters(bytes(self._head), bytes(self._tail))
            cut = self.total - len(head) - len(tail)
            joined = head + b"\n[... %d bytes cut by rediacc ...]\n" % cut + tail
        fields = {name + "_bytes": self.total}
        try:
            fields[name] = joined.decode("utf-8")
        except UnicodeDecodeError:
            fields[name + "_b64"] = base64.b64encode(joined).decode("ascii")
        return fields


def _whole_characters(head, tail):
    """Move the cut to where no character is split, so that text stays text."""
    for back in range(1, min(4, len(head)) + 1):
        lead = head[-back]
        if lead >= 0xC0:
            width = 2 if lead < 0xE0 else 3 if lead < 0xF0 else 4
            if width > back:
                head = head[:-back]
            break
        if lead < 0x80:
            break
    skip = 0
    while skip < min(3, len(tail)) and 0x80 <= tail[skip] < 0xC0:
        skip += 1
    return head, tail[skip:]


class _Group(Popen):
    """A group of processes; C(run_command) keeps all output in memory and knows no limit."""

    def __init__(self, argv, **options):
        pipes = {"stdin": DEVNULL, "stdout": PIPE, "stderr": PIPE}
        super().__init__(argv, start_new_session=True, **pipes, **options)

    def signal_all(self, number):
        """Send a signal to all of the group that are left."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, number)


class Child:
    """One started command whose output is collected until it ends."""

    def __init__(self, argv, environment, chdir, limits):
        self.stdout = Output(*limits)
        self.stderr = Output(*limits)
        self.timed_out = False
        self._ended_read, self._ended_write = os.pipe()
        try:
            self._process = _Group(argv, env=environment, cwd=chdir)
        except BaseException:
            os.close(self._ended_read)
            os.close(self._ended_write)
            raise
        # A thread waits, so that the end of the process wakes the reader at once.
        self._waiter = threading.Thread(target=self._wait, daemon=True)
        self._waiter.start()

    def _wait(self):
        self._process.wait()
        os.write(self._ended_write, b".")

    def run(self, timeout):
        """Read until the command has ended and return its exit status."""
        selector = selectors.DefaultSelector()
        pipes = ((self._process.stdout, self.stdout), (self._process.stderr, self.stderr))
        for pipe, output in pipes:
            os.set_blocking(pipe.fileno(), False)
            selector.register(pipe, selectors.EVENT_READ, output)
        selector.register(self._ended_read, selectors.EVENT_READ, None)
        try:
            self._read(selector, _Deadlines(timeout))
        finally:
            selector.close()
            for pipe, _output in pipes:
                pipe.close()
        self._waiter.join()
        os.close(self._ended_read)
        os.close(self._ended_write)
        return self._process.returncode

    def _read(self, selector, deadlines):
        has_ended = False
        while not has_ended or len(selector.get_map()) > 0:
            events = selector.select(deadlines.remaining())
            for key, _mask in events:
                if key.data is None:
                    selector.unregister(key.fileobj)
                    has_ended = True
                    if self.timed_out:
                        # What is left of the group ignored SIGTERM or had no time for it.
                        self._process.signal_all(signal.SIGKILL)
                    deadlines.command_ended()
                elif self._take(key):
                    deadlines.data_came()
                else:
                    selector.unregister(key.fileobj)
            if events or not deadlines.passed():
                continue
            if has_ended:
                return
            self._process.signal_all(signal.SIGKILL if self.timed_out else signal.SIGTERM)
            self.timed_out = True
            deadlines.term_sent()

    def _take(self, key):
        try:
            chunk = os.read(key.fileobj.fileno(), CHUNK_BYTES)
        except BlockingIOError:
            return True
        key.data.add(chunk)
        return bool(chunk)


class _Deadlines:
    """When the next thing must happen if nothing is read until then."""

    def __init__(self, timeout):
        self._at = None if timeout is None else time.monotonic() + timeout
        self._latest = None

    def remaining(self):
        return None if self._at is None else max(0.0, self._at - time.monotonic())

    def passed(self):
        return self._at is not None and time.monotonic() >= self._at

    def term_sent(self):
        self._at = time.monotonic() + KILL_AFTER_SECONDS

    def command_ended(self):
        now = time.monotonic()
        self._latest = now + DRAIN_LIMIT_SECONDS
        self._at = now + DRAIN_SECONDS

    def data_came(self):
        if self._latest is not None:
            self._at = min(self._latest, time.monotonic() + DRAIN_SECONDS)


def _now():
    return datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="microseconds")


def _words(command):
    """Return the argument list of a command; ValueError where it has none."""
    if command["shell"]:
        return ["/bin/sh", "-c", command["text"]]
    words = shlex.split(command["text"])
    if not words:
        raise ValueError("it is empty")
    return words


def _refusal(error, words):
    """Return exit status and message for a command that could not be started."""
    if isinstance(error, FileNotFoundError):
        return 127, "command not found: %s" % words[0]
    if isinstance(error, PermissionError):
        return 126, "permission denied: %s" % words[0]
    return 126, "cannot run %s: %s" % (words[0], error)


def run_command(command, environment, limits):
    """Run one command to its end and return its result."""
    start = _now()
    child, rc, message = None, 0, ""
    chdir = command["chdir"]
    try:
        words = _words(command)
        if chdir and not os.path.isdir(chdir):
            rc, message = 1, "cannot change to directory %s: no such directory" % chdir
        elif chdir and not os.access(chdir, os.X_OK):
            rc, message = 1, "cannot change to directory %s: permission denied" % chdir
        else:
            child = Child(words, environment, chdir or None, limits)
    except ValueError as exc:
        rc, message = 2, "cannot split the command into words: %s" % exc
    except OSError as exc:
        rc, message = _refusal(exc, words)
    if child is not None:
        rc = child.run(command["timeout"])
    stdout = child.stdout if child is not None else Output(0, 0)
    stderr = child.stderr if child is not None else Output(0, 0)
    timed_out = child is not None and child.timed_out
    if timed_out:
        message = "timed out after %g seconds" % command["timeout"]
    elif not message and rc < 0:
        message = "ended by signal %d" % -rc
    result = {
        "id": command["id"],
        "rc": rc,
        "stdout_sha256": stdout.sha256,
        "truncated": stdout.truncated or stderr.truncated,
        "start": start,
        "end": _now(),
        "timed_out": timed_out,
        "message": message,
    }
    result.update(stdout.fields("stdout"))
    result.update(stderr.fields("stderr"))
    return result


def summary(results):
    """Say in one line which of the results are failures; empty when none is."""
    failures = [result for result in results if result["rc"] != 0 or result["timed_out"]]
    if not failures:
        return ""
    if len(results) == 1:
        return failures[0]["message"] or "non-zero return code"
    return "; ".join(
        "%s: %s" % (each["id"], each["message"] or "non-zero return code %d" % each["rc"])
        for each in failures
    )


def _distinctive(value):
    """Whether replacing a secret in the results cannot destroy ids, counts and times."""
    return len(value) >= 4 and not (value.isdigit() and len(value) < 6)


def main():
    module = AnsibleModule(
        argument_spec={
            "commands": {
                "type": "list",
                "elements": "dict",
                "required": True,
                "options": {
                    "id": {"type": "str", "required": True},
                    "text": {"type": "str", "required": True},
                    "shell": {"type": "bool", "default": False},
                    "chdir": {"type": "path"},
                    "timeout": {"type": "float"},
                },
            },
            "marker": {"type": "str"},
            "secrets": {"type": "dict", "default": {}, "no_log": True},
            "head_bytes": {"type": "int", "default": 65536},
            "tail_bytes": {"type": "int", "default": 65536},
        },
        supports_check_mode=True,
    )
    parameters = module.params
    if module.check_mode:
        module.exit_json(
            changed=False, skipped=True, msg="Command would have run if not in check mode"
        )
    module.no_log_values = {value for value in module.no_log_values if _distinctive(str(value))}
    environment = dict(os.environ)
    if parameters["marker"]:
        environment["REDIACC_RUN"] = parameters["marker"]
    for name, value in parameters["secrets"].items():
        environment[name] = value if isinstance(value, str) else str(value)
    limits = (max(0, parameters["head_bytes"]), max(0, parameters["tail_bytes"]))
    results = [run_command(command, environment, limits) for command in parameters["commands"]]
    outcome = {"changed": bool(results), "results": results}
    problem = summary(results)
    if problem:
        outcome.update(failed=True, msg=problem)
    module.exit_json(**outcome)


if __name__ == "__main__":
    main()
