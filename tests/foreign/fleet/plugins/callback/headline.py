"""ACME's own callback: a headline for each play, with the machines that it is about to touch."""

from __future__ import annotations

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: headline
type: notification
short_description: Headlines
description: A line for each play.
options:
  mark:
    description: What stands before the line.
    type: str
    default: "##"
    env:
      - {name: HEADLINE_MARK}
    ini:
      - {section: callback_headline, key: mark}
requirements: [enabled in callbacks_enabled]
"""


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "headline"
    CALLBACK_NEEDS_ENABLED = True

    def v2_playbook_on_play_start(self, play) -> None:
        self._display.display(f"{self.get_option('mark')} {play.get_name().upper()}")
