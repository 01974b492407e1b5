"""A secret in an editor: however that ends, its file is gone."""

from __future__ import annotations

import os
import shutil
import signal
import stat
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rediacc.cli.secret_editing import edit_value
from rediacc.errors import RediaccError
from rediacc.values import SecretScope
from rediacc.views import SecretValue


@pytest.fixture
def memory() -> Iterator[Path]:
    """A directory in memory of this test's own."""
    if not os.access("/dev/shm", os.W_OK):
        pytest.skip("there is no /dev/shm here")
    path = Path(tempfile.mkdtemp(prefix="rd-test-", dir="/dev/shm"))
    yield path
    shutil.rmtree(path, ignore_errors=True)


def _secret(value: str = "open sesame") -> SecretValue:
    return SecretValue(name="word", team="prod", scope=SecretScope.PRIVATE, value=value)


def _environment(memory: Path, script: str) -> dict[str, str]:
    editor = memory.parent / f"{memory.name}.sh"
    editor.write_text(f"#!/bin/sh\n{script}\n")
    editor.chmod(0o700)
    return {
        "PATH": os.environ["PATH"],
        "EDITOR": str(editor),
        "XDG_RUNTIME_DIR": str(memory),
        "MEMORY": str(memory),
    }


@pytest.fixture
def edit(memory: Path) -> Iterator[Callable[..., str | None]]:
    def call(script: str, value: str = "open sesame") -> str | None:
        return edit_value(_secret(value), environment=_environment(memory, script))

    yield call
    (memory.parent / f"{memory.name}.sh").unlink(missing_ok=True)


@pytest.mark.parametrize(
    ("before", "script", "after"),
    [
        ("one", "printf two > $1", "two"),
        ("one", "echo two > $1", "two"),  # editors end the last line
        ("one", "true", None),
        ("one", "echo one > $1", None),
        ("a\nb\n", "printf 'a\\nc\\n' > $1", "a\nc\n"),
        ("one", "printf 'a\\nb\\n' > $1", "a\nb\n"),
        ("one", "rm $1; echo new > $1", "new"),
    ],
)
def test_what_the_editor_leaves_is_the_value(
    edit: Callable[..., str | None], memory: Path, before: str, script: str, after: str | None
) -> None:
    assert edit(script, before) == after
    assert list(memory.iterdir()) == []


@pytest.mark.parametrize(
    "script",
    ["exit 3", "kill -9 $$", "rm $1", "printf '\\377' > $1", "head -c 70000 /dev/zero > $1"],
)
def test_editor_that_fails_changes_nothing_and_leaves_nothing(
    edit: Callable[..., str | None], memory: Path, script: str
) -> None:
    with pytest.raises(RediaccError) as caught:
        edit(script)
    assert "sesame" not in str(caught.value)
    assert list(memory.iterdir()) == []


def test_file_and_directory_are_private(edit: Callable[..., str | None], memory: Path) -> None:
    modes = memory.parent / f"{memory.name}.modes"
    try:
        edit(f'stat -c %a "$1" "$(dirname "$1")" > {modes}; cp "$1" "$1~"')
        assert modes.read_text().split() == ["600", "700"]
    finally:
        modes.unlink(missing_ok=True)
    assert list(memory.iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_signal_leaves_no_file_and_no_editor(memory: Path, number: signal.Signals) -> None:
    environment = _environment(memory, 'echo "$$" > "$MEMORY/started"; exec sleep 600')
    child = os.fork()
    if child == 0:
        try:
            edit_value(_secret(), environment=environment)
        finally:
            os._exit(0)
    started = memory / "started"
    _until(lambda: started.exists() and bool(started.read_text().strip()))
    editor = int(started.read_text())
    (directory,) = [path for path in memory.iterdir() if path.is_dir()]
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    os.kill(child, number)
    os.waitpid(child, 0)
    _until(lambda: not directory.exists())
    if number is signal.SIGKILL:
        os.kill(editor, signal.SIGKILL)  # nobody was left to end it; its file is gone
    else:
        _until(lambda: not Path(f"/proc/{editor}/cmdline").exists())
    (memory.parent / f"{memory.name}.sh").unlink()


def test_without_memory_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rediacc.cli.secret_editing._SHARED_MEMORY", str(tmp_path))
    with pytest.raises(RediaccError, match="no file system in memory"):
        edit_value(
            _secret(), environment={"EDITOR": "true", "XDG_RUNTIME_DIR": str(tmp_path), "PATH": ""}
        )
    assert list(tmp_path.iterdir()) == []


def _until(state: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not state():
        assert time.monotonic() < deadline, "the state did not come"
        time.sleep(0.02)
