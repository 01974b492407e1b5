"""A module's differences read as Ansible prints them."""

from __future__ import annotations

from typing import Any

import pytest

from rediacc.queue.diffs import diff_text


@pytest.mark.parametrize(
    ("diff", "text"),
    [
        (
            {
                "before": "a\nb\n",
                "after": "a\nc\n",
                "before_header": "/etc/motd",
                "after_header": "new",
            },
            "--- /etc/motd\n+++ new\n@@ -1,2 +1,2 @@\n a\n-b\n+c",
        ),
        (
            [{"before": {"mode": "0600"}, "after": {"mode": "0644"}}],
            "--- before\n+++ after\n@@ -1,3 +1,3 @@\n"
            ' {\n-    "mode": "0600"\n+    "mode": "0644"\n }',
        ),
        ({"before": "", "after": "new\n"}, "--- before\n+++ after\n@@ -0,0 +1 @@\n+new"),
        ({"before": None, "after": "new\n"}, "--- before\n+++ after\n@@ -0,0 +1 @@\n+new"),
        ([{"prepared": "-old\n+new\n"}, {"before": "x", "after": "x"}], "-old\n+new"),
        ({}, ""),
        (None, ""),
        ("text", ""),
        ([1, {"before": 1}], "--- before\n+++ after\n@@ -1 +0,0 @@\n-1"),
    ],
)
def test_differences_are_lines_with_minus_and_plus(diff: Any, text: str) -> None:
    assert diff_text(diff) == text
