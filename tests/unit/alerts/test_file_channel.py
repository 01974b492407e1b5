"""The channel that appends to a file: a whole line, or none and another try."""

from __future__ import annotations

import io
import json
import resource
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rediacc.alerts import child


@pytest.fixture
def little_room() -> Iterator[None]:
    """Files of this process may become 150 bytes long: what a full disk does to a write."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (150, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def _send(path: Path, payload: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    order = {
        "kind": "file",
        "target": str(path),
        "messages": [{"key": "k", "payload": payload}],
    }
    told = io.StringIO()
    monkeypatch.setattr(sys, "stdin", io.StringIO(json.dumps(order)))
    monkeypatch.setattr(sys, "stdout", told)
    assert child.main() == 0
    monkeypatch.undo()
    answer: dict[str, Any] = json.loads(told.getvalue())
    return answer


@pytest.mark.usefixtures("little_room")
def test_line_that_has_no_room_is_not_written_and_not_called_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "alerts.jsonl"
    assert _send(path, {"id": "first"}, monkeypatch)["ok"] is True
    answer = _send(path, {"id": "x" * 300}, monkeypatch)
    assert answer["ok"] is False
    assert "File too large" in answer["answer"]
    assert _send(path, {"id": "last"}, monkeypatch)["ok"] is True
    assert [json.loads(line)["id"] for line in path.read_text().splitlines()] == ["first", "last"]
