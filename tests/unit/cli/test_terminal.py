"""What a terminal of 80 columns shows whole."""

from __future__ import annotations

import sys

import pytest

from rediacc.cli import trusting
from rediacc.cli.session import View
from rediacc.views import HostKey

FINGERPRINT = "SHA256:" + "x" * 43


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)


@pytest.mark.usefixtures("terminal")
def test_a_fingerprint_is_never_cut(capsys: pytest.CaptureFixture[str]) -> None:
    key = HostKey(
        machine="db1",
        team="prod",
        address="db1.example.org",
        port=22,
        key_type="ssh-ed25519",
        fingerprint=FINGERPRINT,
        status="unknown",
        line="",
    )
    trusting._print_keys(View(output="table"), [key])
    assert capsys.readouterr().out.splitlines()[1].endswith(FINGERPRINT)
