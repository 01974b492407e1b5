"""What all tests share: the helpers in ``tests/support`` are importable by their plain names."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

_SUPPORT = str(Path(__file__).parent / "support")
if _SUPPORT not in sys.path:
    sys.path.insert(0, _SUPPORT)

# A shell starts what runs in the background with Ctrl-C ignored, and so would every process of the
# tests be, also those to which a test sends it.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# What started the tests says something about itself, not about those that a test plays: a runner of
# pipelines (``CI=true``) would take away their terminal, a person's settings change their output.
_OF_THE_CALLER = ("CI_", "GITHUB_", "GITLAB_", "REDIACC_", "RUNNER_", "SUDO_")
for name in list(os.environ):
    if name in {"CI", "NO_COLOR"} or (
        name.startswith(_OF_THE_CALLER) and not name.startswith("REDIACC_TEST_")
    ):
        del os.environ[name]
os.environ["TERM"] = "xterm"
