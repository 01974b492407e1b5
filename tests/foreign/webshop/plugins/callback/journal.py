"""Harbour's own callback: counts what a playbook changed, and says so at the end."""

from __future__ import annotations

from collections import Counter

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: journal
type: notification
short_description: Count changes
description: Counts the changes of each machine and prints them at the end.
requirements: [enabled in callbacks_enabled]
"""


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "journal"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self) -> None:
        super().__init__()
        self._changes: Counter[str] = Counter()

    def v2_playbook_on_stats(self, stats) -> None:
        for host in sorted(stats.processed):
            summary = stats.summarize(host)
            self._changes[host] = summary["changed"]
        told = ", ".join(f"{host} {count}" for host, count in self._changes.items())
        self._display.display(f"journal: changes by machine: {told}")
