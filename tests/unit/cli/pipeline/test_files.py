"""Files for pipelines: whole or not there, and refused before anything is queued."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from rediacc.cli.pipeline.files import OutFile, append_text
from rediacc.cli.pipeline.signals import Signals
from rediacc.errors import InvalidInput


def test_file_is_replaced_whole_with_the_usual_mode(tmp_path: Path) -> None:
    (tmp_path / "out.xml").write_text("old")
    with (tmp_path / "out.xml").open() as reader:
        OutFile("--junit", "out.xml", directory=tmp_path).write(b"new")
        assert reader.read() == "old"
    assert (tmp_path / "out.xml").read_bytes() == b"new"
    umask = os.umask(0)
    os.umask(umask)
    assert stat.S_IMODE((tmp_path / "out.xml").stat().st_mode) == 0o666 & ~umask
    assert [path.name for path in tmp_path.iterdir()] == ["out.xml"]


def test_link_is_followed(tmp_path: Path) -> None:
    (tmp_path / "reports").mkdir()
    (tmp_path / "out.xml").symlink_to("reports/real.xml")
    OutFile("--junit", "out.xml", directory=tmp_path).write(b"new")
    assert (tmp_path / "reports" / "real.xml").read_bytes() == b"new"
    assert (tmp_path / "out.xml").is_symlink()


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("-", "standard output holds what the machines print"),
        ("missing/out.xml", "No such file or directory"),
        (".", "is a directory"),
        ("file/out.xml", "Not a directory"),
    ],
)
def test_what_cannot_be_written_is_refused_in_one_line(
    path: str, words: str, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InvalidInput) as error:
        OutFile("--summary", path, directory=tmp_path).write(b"x")
    assert error.value.message.startswith("--summary ")
    assert words in error.value.message
    assert [item.name for item in tmp_path.iterdir()] == ["file"]


def test_what_is_no_file_is_written_to_as_it_is(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    try:
        file = OutFile("--summary", "pipe", directory=tmp_path)
        assert not file.is_regular
        file.write(b"all of it")
        assert os.read(reader, 100) == b"all of it"
    finally:
        os.close(reader)


def test_runners_file_is_appended_to_and_a_missing_one_told(tmp_path: Path) -> None:
    (tmp_path / "outputs").write_text("a=1\n")
    assert append_text(str(tmp_path / "outputs"), "b=2\n") == ""
    assert (tmp_path / "outputs").read_text() == "a=1\nb=2\n"
    assert "cannot append" in append_text(str(tmp_path / "missing" / "outputs"), "b=2\n")


@pytest.fixture
def heard_hangup() -> Iterator[None]:
    """A hangup counts in the test, also where the tests run under ``nohup``, which ignores it."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.mark.usefixtures("heard_hangup")
def test_signals_are_noted_until_the_block_ends() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with Signals() as signals:
        assert not signals.is_waiting
        signals.listen()
        signals.listen()
        os.kill(os.getpid(), signal.SIGTERM)
        assert signals.is_waiting
        assert signals.answer() == "SIGTERM"
        assert not signals.is_waiting
        os.kill(os.getpid(), signal.SIGHUP)
        assert signals.is_waiting
    assert signal.getsignal(signal.SIGTERM) is before


def test_signal_that_was_ignored_before_stays_ignored() -> None:
    program = (
        "import os, signal\n"
        "from rediacc.cli.pipeline.signals import Signals\n"
        "signal.signal(signal.SIGHUP, signal.SIG_IGN)\n"
        "with Signals() as signals:\n"
        "    signals.listen()\n"
        "    os.kill(os.getpid(), signal.SIGHUP)\n"
        "    assert not signals.is_waiting\n"
    )
    done = subprocess.run([sys.executable, "-c", program], check=False, capture_output=True)
    assert done.returncode == 0, done.stderr
