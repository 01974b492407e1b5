# Copyright (c) 2026 the rediacc authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Report a run's results to rediacc over a private channel, masked."""

from __future__ import annotations

DOCUMENTATION = r"""
name: results
type: notification
short_description: Report results to rediacc, of its own runs and of plays started by hand
description:
  - In runs that rediacc starts, results reach it over a private channel.
  - A playbook that somebody starts with C(ansible-playbook) is recorded in the history of
    rediacc's home as a task that is over, with its machines, their results, and each Ansible task
    on each machine. So is what C(ansible) runs, where C(bin_ansible_callbacks) is set.
  - That neither breaks nor slows the play. Nothing of rediacc is loaded in its process; it appends
    to a private file, and when it has ended, a process of its own brings that into the history.
    Where the database is away, the file stays, and the next play, a worker, or
    C(rediacc doctor) brings it in, once.
  - Recorded is who ran it, when and how long; playbooks, inventory, limit, tags, and check mode; of
    extra variables only the names; of modules their messages, and the output of those that
    failed. Of ad-hoc commands the module and its result are recorded, and no arguments.
  - The team is O(team), else the one whose inventory the play used, else the one that has all its
    machines. A play of no team is not recorded; the next one warns of it in one line.
  - Appends one JSON object for each play, task, and result of a task on a host to a private
    file, so that what machines print can never be taken for a result.
  - Values that Ansible decrypts from vaults are replaced by C(********) in these records and
    in everything that the Ansible process prints. Values shorter than four characters,
    booleans, and numbers of fewer than six digits are not replaced.
  - Sets E(REDIACC_RUN) in the environment of tasks on machines, so that
    M(rediacc.core.stop) can find what they started. Tasks of M(ansible.builtin.raw) and of
    network and Windows connections are left as they are.
  - Tells once when a task may run as another user than the one who logs in, before it starts,
    so that whoever stops the run looks for that user's processes too.
  - Fails tasks that delegate to a host of O(deny).
  - Records a play started by hand in a home that it finds, and that nobody named, only where the
    home belongs to this account.
  - Sets no variable, refuses no delegation, and does not change what is printed unless
    E(REDIACC_RECORDS) is set, which rediacc does for its own runs.
author:
  - the rediacc authors (@rediacc)
extends_documentation_fragment:
  - rediacc.core.home.callback
requirements:
  - to be enabled in C(callbacks_enabled)
  - Linux on the controller
options:
  team:
    description: The team that plays started by hand are recorded under.
    type: str
    env:
      - name: REDIACC_TEAM
    ini:
      - section: callback_rediacc
        key: team
  wait:
    description:
      - Whether Ansible waits at its end until a play that was started by hand is recorded, and
        warns at once where it is not.
    type: bool
    default: false
    env:
      - name: REDIACC_RESULTS_WAIT
    ini:
      - section: callback_rediacc_results
        key: wait
  records:
    description: The file to which records are appended.
    type: path
    env:
      - name: REDIACC_RECORDS
  nonce:
    description: A value that each record carries, known to the reader.
    type: str
    default: ""
    env:
      - name: REDIACC_NONCE
  run:
    description: The marker of the run, set as E(REDIACC_RUN) for what tasks start.
    type: str
    env:
      - name: REDIACC_RUN
  deny:
    description: A JSON file with a list of host names and addresses that no task may
      delegate to.
    type: path
    env:
      - name: REDIACC_DENY
  learn:
    description: A vaulted file with values that no play reads and no output may show.
    type: path
    env:
      - name: REDIACC_LEARN
notes:
  - The options of rediacc's own runs are read from the environment before Ansible resolves
    options, because masking begins when the plugin is made. They are then removed from it, so that
    neither tasks on the controller nor an Ansible that they start sees them.
"""

EXAMPLES = r"""
# In ansible.cfg, so that plays started by hand appear in the history:
#
# [defaults]
# callbacks_enabled = rediacc.core.results
#
# [callback_rediacc]
# team = prod
"""

import contextlib
import functools
import os

from ansible.playbook.handler import Handler
from ansible.plugins.callback import CallbackBase
from ansible_collections.rediacc.core.plugins.plugin_utils import _results as results
from ansible_collections.rediacc.core.plugins.plugin_utils._becoming import BecomeWatch
from ansible_collections.rediacc.core.plugins.plugin_utils._by_hand import begin_by_hand, slim
from ansible_collections.rediacc.core.plugins.plugin_utils._delegation_guard import (
    guard_delegation,
    read_denied,
)
from ansible_collections.rediacc.core.plugins.plugin_utils._masking import Masker
from ansible_collections.rediacc.core.plugins.plugin_utils._origin import (
    is_of_rediacc,
    note_origin,
)
from ansible_collections.rediacc.core.plugins.plugin_utils._process_secrets import (
    learn_what_was_read,
    process_secrets,
)
from ansible_collections.rediacc.core.plugins.plugin_utils._records import RecordFile, utc_now
from ansible_collections.rediacc.core.plugins.plugin_utils._run_marker import RunMarker
from ansible_collections.rediacc.core.plugins.plugin_utils._streams import (
    mask_log,
    mask_standard_streams,
)

# What may hold what machines and people wrote. The other fields are names, numbers and times
# that the reader looks up, compares or parses; they would lose their use, and hold no secret.
_FREE_TEXT = frozenset(
    (
        "name",
        "hosts_pattern",
        "path",
        "play",
        "task",
        "delegated_to",
        "delegate_to",
        "message",
        "stdout",
        "stderr",
        "result",
    )
)
# What Ansible leaves of a result that it hides.
_LEFT_WHERE_HIDDEN = frozenset(
    (
        "attempts",
        "censored",
        "changed",
        "deprecations",
        "exception",
        "failed",
        "results",
        "retries",
        "skipped",
        "unreachable",
        "warnings",
    )
)
# Of plays that were started by hand; one more than a step keeps, so that it is known to be cut.
_MOST_STEP_MESSAGE = 1001
_WITHHELD = "withheld: secrets cannot be masked with this version of ansible-core"


def _harmless(method):
    """Keep an error of this plugin out of the play: say it once, then be silent.

    The reader of the records notices, because the final record is missing.
    """

    @functools.wraps(method)
    def guarded(self, *args, **options):
        if self.disabled:
            return
        try:
            method(self, *args, **options)
        except Exception as exc:
            self.disabled = True
            self._tell_blindness()
            self._display.warning(
                f"rediacc.core.results switched itself off in {method.__name__}: "
                f"{type(exc).__name__}: {exc}"
            )

    return guarded


class CallbackModule(CallbackBase):
    """Writes the records of one run."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "rediacc.core.results"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        note_origin()
        environment = {
            name: os.environ.pop("REDIACC_" + name, "")
            for name in ("RECORDS", "NONCE", "RUN", "DENY", "LEARN")
        }
        self._play = ""
        self._starts = {}
        self._items = {}
        self._become = BecomeWatch()
        self._has_told_become = False
        self._refusal = None
        self._secrets = None
        self._records = None
        self._marker = None
        self._learned = environment["LEARN"]
        self._is_by_hand = not environment["RECORDS"]
        if self._is_by_hand and is_of_rediacc():
            self.disabled = True
            return
        self._start_masking()
        if self._is_by_hand:
            return
        self._start_guard(environment["DENY"])
        self._start_records(environment)

    @_harmless
    def _start_records(self, environment):
        self._records = RecordFile(environment["RECORDS"], environment["NONCE"])
        self._marker = RunMarker(environment["RUN"]) if environment["RUN"] else None

    def _start_masking(self):
        try:
            secrets = process_secrets()
            if not self._is_by_hand:
                # What people see when they run a play themselves stays as it is.
                mask_standard_streams(secrets.masker)
                mask_log(secrets.masker)
        except Exception as exc:
            self._display.warning(f"rediacc.core.results cannot mask secrets: {exc}")
        else:
            self._secrets = secrets

    def _start_guard(self, path):
        try:
            denied = read_denied(path)
            if denied:
                guard_delegation(denied, self._report_refusal)
        except (AttributeError, OSError, ValueError) as exc:
            self._refusal = f"rediacc: delegation to other teams' machines cannot be refused: {exc}"

    def _report_refusal(self, host, name, message):
        if self._records is not None:
            self._write("refused", {"host": host, "delegate_to": name, "message": message})

    # -- plays and tasks

    def v2_playbook_on_start(self, playbook):
        if self._refusal is not None:
            self._display.error(self._refusal)
            raise SystemExit(1)
        self._relearn(playbook.get_plays())
        if self._is_by_hand and self._records is None:
            self._begin_by_hand(playbook.get_plays())

    @_harmless
    def _begin_by_hand(self, plays):
        masker = self._secrets.masker() if self._secrets is not None else Masker()
        options = {name: self.get_option(name) for name in ("rediacc_home", "team")}
        spool = begin_by_hand(plays, options, masker)
        if spool is None:
            self.disabled = True
            self._display.vv("rediacc.core.results: no home of rediacc here, nothing is recorded")
            return
        for note in spool.take_notes():
            self._warn_of_history(note)
        is_waiting = self.get_option("wait")
        spool.hand_over_at_exit(
            self.get_option("rediacc_program"), self._warn_of_history if is_waiting else None
        )
        self._records = spool

    def _warn_of_history(self, text):
        self._display.warning(f"rediacc.core.results: {text}")

    @_harmless
    def _relearn(self, plays):
        if self._secrets is not None:
            learn_what_was_read(plays, [self._learned])

    @_harmless
    def v2_playbook_on_play_start(self, play):
        self._play = str(play.get_name())
        pattern = play.hosts if isinstance(play.hosts, str) else ",".join(map(str, play.hosts))
        self._write("play", {"name": self._play, "hosts_pattern": pattern})
        if not self._is_by_hand:
            self._become.begin_play(play)

    @_harmless
    def v2_playbook_on_no_hosts_matched(self):
        self._write("event", {"name": "no_hosts_matched", "play": self._play})

    @_harmless
    def v2_playbook_on_no_hosts_remaining(self):
        self._write("event", {"name": "no_hosts_remaining", "play": self._play})

    @_harmless
    def v2_playbook_on_task_start(self, task, is_conditional):
        self._begin(task)

    @_harmless
    def v2_playbook_on_handler_task_start(self, task):
        self._begin(task)

    def _begin(self, task):
        if self._marker is not None:
            self._marker.mark(task)
        if not self._is_by_hand:
            self._become.look_at_task(task)
            self._tell_become()
        self._write("task", {**self._task_fields(task), "uuid": task._uuid})

    def _task_fields(self, task):
        return {
            "name": str(task.get_name()),
            "action": _action_of(task),
            "path": task.get_path() or "",
        }

    @_harmless
    def v2_runner_on_start(self, host, task):
        self._starts[host.get_name(), task._uuid] = utc_now()
        if not self._is_by_hand:
            self._become.look_at_host(host)
            self._tell_become()

    def _tell_become(self):
        """Tell once, before anything of it starts, that the run may become another user."""
        if self._become.is_found and not self._has_told_become:
            self._has_told_become = True
            self._records.write("become", {})

    def _tell_blindness(self):
        """Tell that from now on nobody looks who the run becomes, as well as that still goes."""
        if self._records is not None and not self._has_told_become and not self._is_by_hand:
            with contextlib.suppress(Exception):
                self._records.write("become", {})

    # -- results

    @_harmless
    def v2_runner_on_ok(self, result):
        self._finish(result, "changed" if result.is_changed() else "ok")

    @_harmless
    def v2_runner_on_failed(self, result, ignore_errors=False):
        self._finish(result, "ignored" if ignore_errors else "failed")

    @_harmless
    def v2_runner_on_skipped(self, result):
        self._finish(result, "skipped")

    @_harmless
    def v2_runner_on_unreachable(self, result):
        is_ignored = result.task.ignore_unreachable is True
        self._finish(result, "ignored" if is_ignored else "unreachable")

    @_harmless
    def v2_runner_item_on_ok(self, result):
        self._note_item(result, is_failed=False)

    @_harmless
    def v2_runner_item_on_skipped(self, result):
        self._note_item(result, is_failed=False)

    @_harmless
    def v2_runner_item_on_failed(self, result):
        self._note_item(result, is_failed=True)

    @_harmless
    def v2_playbook_on_stats(self, stats):
        hosts = {}
        for host in sorted(stats.processed):
            counts = stats.summarize(host)
            names = ("ok", "changed", "failures", "unreachable", "skipped", "rescued", "ignored")
            hosts[host] = {name: counts.get(name, 0) for name in names}
        self._write("stats", {"hosts": hosts})

    def _note_item(self, result, *, is_failed):
        try:
            self._keep_item(result, is_failed=is_failed)
        except (LookupError, RecursionError, TypeError, ValueError):
            # Its result cannot be read; the one of the whole task tells so.
            return

    def _keep_item(self, result, *, is_failed):
        key = (result.host.get_name(), result.task._uuid)
        messages, delegated = self._items.setdefault(key, ([], []))
        name = _delegated_to(result)
        if name and name not in delegated:
            delegated.append(name)
        if is_failed and not _is_censored(result):
            label = result.result.get("_ansible_item_label", result.result.get("item"))
            messages.append(f"item {label}: {result.result.get('msg', 'failed')}")

    def _finish(self, result, status):
        """Tell a result; one that cannot be told must not cost other machines theirs."""
        host, task = result.host.get_name(), result.task
        if not self._is_by_hand:
            self._become.look_at_end(task)
        key = (host, task._uuid)
        messages, delegated = self._items.pop(key, ([], []))
        if not delegated and _delegated_to(result):
            delegated = [_delegated_to(result)]
        ended = utc_now()
        task_fields = self._task_fields(task)
        record = {
            "host": host,
            "task_uuid": task._uuid,
            "action": task_fields["action"],
            "status": status,
            "play": self._play,
            "task": task_fields["name"],
            "path": task_fields["path"],
            "delegated_to": ",".join(delegated) or None,
            "started_at": self._starts.pop(key, ended),
            "ended_at": ended,
            "handler": isinstance(task, Handler),
        }
        try:
            record |= self._outcome(result, record["action"], status, messages)
            if self._is_by_hand:
                slim(record)
            self._write("result", record)
        except (ArithmeticError, LookupError, RecursionError, TypeError, ValueError) as exc:
            self._write("result", {**record, **results.untellable(status, type(exc).__name__)})

    def _outcome(self, result, action, status, messages):
        if _is_censored(result):
            data, messages = {"msg": str(result.result["censored"])}, []
        elif self._secrets is None:
            data, messages = {"msg": _WITHHELD}, []
        else:
            data = result.result
        message = results.unreachable_message(results.message_of(data, action, messages))
        fields = results.output_fields(data, action)
        failure = results.failure_class(status, message, timed_out=fields["timed_out"])
        kept = results.kept_result(data, action)
        return {
            **fields,
            "attempts": results.whole_number(data.get("attempts")),
            "no_log": _is_censored(result),
            "message": message,
            "failure": failure,
            "result": kept,
        }

    def _write(self, kind, fields):
        masker = self._secrets.masker() if self._secrets is not None else Masker()
        record = {
            name: masker.mask_data(value) if name in _FREE_TEXT else value
            for name, value in fields.items()
        }
        for name in ("stdout_b64", "stderr_b64"):
            if name in record:
                record[name] = results.mask_base64(record[name], masker.mask_bytes)
        if kind == "result":
            # Cut only what is masked: a cut before could leave a part of a secret.
            results.cut_record(record)
            if self._is_by_hand:
                record["message"] = record["message"][:_MOST_STEP_MESSAGE]
        self._records.write(kind, record)


def _action_of(task):
    """Return the action's full name; a templated one is only known where it runs."""
    if "{{" in str(task.action):
        return str(task.action)
    return str(task.resolved_action or task.action)


def _is_censored(result):
    """Say whether Ansible hides the result; a module that claims so hides nothing.

    What Ansible hides holds no key but those that it leaves (ansible.executor.task_result).
    """
    keys = {key for key in result.result if not key.startswith("_ansible_")}
    return "censored" in keys and keys <= _LEFT_WHERE_HIDDEN


def _delegated_to(result):
    name = result.task.delegate_to
    return str(name) if name and str(name) != result.host.get_name() else None
