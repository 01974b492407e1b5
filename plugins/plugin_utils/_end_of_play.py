# Copyright (c) 2026 the rediacc authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the callbacks share that act when a playbook that somebody started by hand has ended.

They must neither break nor slow the play: until its end they only take notes, and what they do
then has a time limit and may fail; it is said once, and the callback switches itself off.
"""

from __future__ import annotations

import functools
import threading
import uuid
from pathlib import Path

from ansible import context
from ansible.plugins.callback import CallbackBase
from ansible_collections.rediacc.core.plugins.plugin_utils._origin import is_of_rediacc


def harmless(method):
    """Keep an error of a callback out of the play: say it once, then be silent."""

    @functools.wraps(method)
    def guarded(self, *args, **options):
        if self.disabled:
            return
        try:
            method(self, *args, **options)
        except Exception as exc:
            self.disabled = True
            self._display.warning(f"{self.CALLBACK_NAME} switched itself off: {exc}")

    return guarded


class PlaybookEnd:
    """How a playbook ended.

    :param key: names this one run of it.
    :param playbook: as it was named on the command line.
    :param failed: machines that failed and were not rescued, sorted.
    :param unreachable: machines that could not be reached, sorted.
    :param fine: the others that did something.
    """

    def __init__(self, *, key, playbook, failed, unreachable, fine):
        self.key = key
        self.playbook = playbook
        self.failed = failed
        self.unreachable = unreachable
        self.fine = fine

    def name_in(self, home):
        """Return the playbook as it is named in a home: relative to it where it lies in it."""
        path = Path(self.playbook).expanduser()
        if not path.exists():
            return self.playbook  # a collection's
        path, home = path.resolve(), Path(home).resolve()
        return str(path.relative_to(home)) if path.is_relative_to(home) else str(path)


class EndOfPlay(CallbackBase):
    """A callback that acts at the end of each playbook, but not in runs of rediacc.

    A class below it says what it does in :meth:`act`.
    """

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self._playbooks = []
        self._key = ""
        self._counted = {}
        if is_of_rediacc():
            self.disabled = True

    @harmless
    def v2_playbook_on_start(self, playbook):
        """Take a note of which playbook it is."""
        given = context.CLIARGS.get("args") or ()
        number = len(self._playbooks)
        # Public nowhere else; the command line names them in the order in which they start.
        self._playbooks.append(str(given[number]) if number < len(given) else "playbook")
        self._key = str(uuid.uuid4())
        self.begin(playbook)

    @harmless
    def v2_playbook_on_stats(self, stats):
        """Act, where rediacc did not start this Ansible."""
        if not self._playbooks or is_of_rediacc():
            return
        failed, unreachable = self._fresh(stats.failures), self._fresh(stats.dark)
        wrong = {*failed, *unreachable}
        end = PlaybookEnd(
            key=self._key,
            playbook=self._playbooks[-1],
            failed=failed,
            unreachable=[name for name in unreachable if name not in failed],
            fine=sorted(name for name in stats.processed if name not in wrong),
        )
        self.act(end)

    def _fresh(self, counts):
        """Return the machines of which there is more than after the playbook before."""
        before = self._counted.get(id(counts), {})
        self._counted[id(counts)] = dict(counts)
        return sorted(name for name, count in counts.items() if count > before.get(name, 0))

    def begin(self, playbook):
        """Take notes of a playbook that starts."""

    def act(self, end):
        """Do what there is to do after a playbook.

        :raises Exception: it cannot be done; it is said, and nothing more happens.
        """
        raise NotImplementedError

    def in_home(self, work):
        """Return what `work` does with the open home; in a thread, so that nothing hangs.

        :param work: gets what performs operations.
        :raises TimeoutError: it took too long; it may still be done.
        """
        options = {
            name: self.get_option(name)
            for name in ("rediacc_home", "rediacc_token", "rediacc_program")
        }
        answers, failures = [], []

        def perform():
            try:
                # Loaded here: a play that nobody needs to be told of does not pay for it.
                from ansible_collections.rediacc.core.plugins.plugin_utils._rediacc import (
                    open_rediacc,
                )

                with open_rediacc(options) as office:
                    answers.append(work(office))
            except Exception as exc:
                failures.append(exc)

        thread = threading.Thread(target=perform, name=self.CALLBACK_NAME, daemon=True)
        thread.start()
        seconds = self.get_option("timeout")
        thread.join(seconds)
        if failures:
            raise failures[0]
        if not answers:
            raise TimeoutError(f"rediacc did not answer in {seconds:g} s")
        return answers[0]


def is_partial():
    """Whether the command line lets a playbook do only a part of its work, or none."""
    arguments = context.CLIARGS
    tags = [tag for tag in arguments.get("tags") or () if tag != "all"]
    return bool(
        arguments.get("check")
        or tags
        or arguments.get("skip_tags")
        or arguments.get("start_at_task")
    )
