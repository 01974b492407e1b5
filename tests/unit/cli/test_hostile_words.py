"""Whatever is typed, the program answers with a known exit code and at most one line of error."""

from __future__ import annotations

import io
import os
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from unittest.mock import patch

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from rediacc.cli import main
from rediacc.cli.registry import ENTRIES, LEAVES, NOUN_ALIASES, VERB_ALIASES

# Without a home nothing can be done, so every line ends in an error or in help. `init` would make
# a home, and `version` and `completion` answer without one.
WORDS = sorted(
    {entry.verb for entry in (*ENTRIES, *LEAVES)} - {"init", "version", "completion"}
    | {noun for names in NOUN_ALIASES.values() for noun in names}
    | set(VERB_ALIASES)
)
OPTIONS = (
    "--machine", "--command", "--shell", "--module", "--args", "--playbook", "--named", "-e",
    "--priority", "--timeout", "--not-before", "--label", "--retry", "--retry-delay", "--wait",
    "--wait-timeout", "--state", "--columns", "--sort", "-o", "--yes", "--limit", "-", "--", "-q",
    "--dry-run", "--check", "--exit-code", "--port", "--name", "--team", "-vvvv", "--home",
)  # fmt: skip
VALUES = ("42", "1", "json", "x=y", "true", "{", "[", "{}", "@", "@x", "+1h", "5m", "web-01", "a|b")
EXIT_CODES = {0, 2, 5}


@settings(
    max_examples=400,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    words=st.lists(st.sampled_from(WORDS), max_size=2),
    rest=st.lists(
        st.sampled_from(OPTIONS) | st.sampled_from(VALUES) | st.text(max_size=8), max_size=5
    ),
)
@example(words=["create", "task"], rest=["--machine", "a", "--shell", "\udcff"])
@example(words=["create", "task"], rest=["--machine", "a", "--shell", "x", "-e", "{a: !x y}"])
@example(words=["create", "task"], rest=["--command", "-", "--retry", "-"])
@example(words=["inspect"], rest=["\x1b]0;x\x07"])
def test_no_line_breaks_the_program(words: list[str], rest: list[str], tmp_path: Path) -> None:
    if "init" in rest or "version" in rest or "completion" in rest or "--version" in rest:
        return
    out, error = io.StringIO(), io.StringIO()
    environment = {"REDIACC_HOME": str(tmp_path / "nowhere")}
    with (
        open(os.devnull) as nothing,
        patch.object(sys, "stdin", nothing),
        redirect_stdout(out),
        redirect_stderr(error),
    ):
        code = main.run([*words, *rest], environment=environment)
    text = error.getvalue()
    assert code in EXIT_CODES, text
    assert "internal error" not in text
    assert text.count("\n") == (0 if code == 0 else 1)
    assert all(char == "\n" or char >= " " for char in text)
    assert list(tmp_path.iterdir()) == []
