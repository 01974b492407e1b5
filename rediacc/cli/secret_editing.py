"""A secret in an editor: in a private file in memory that never outlives the editor.

A small process of its own waits for this one to end, however it ends, and then removes what is
left; so not even ``kill -9`` leaves a value behind.
"""

from __future__ import annotations

import contextlib
import os
import resource
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import FrameType
from typing import NoReturn

from rediacc.errors import InvalidInput, RediaccError
from rediacc.views import SecretValue

__all__ = ["edit_value"]

_PLACES = ("XDG_RUNTIME_DIR",)
_SHARED_MEMORY = "/dev/shm"
_IN_MEMORY = {"tmpfs", "ramfs"}
_MOST_BYTES = 64 << 10
_ENDING = (signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
# What would leave copies elsewhere, in the editors that are known to.
_CAREFUL = {
    name: ["-c", "set noswapfile nobackup nowritebackup noundofile", "-i", "NONE"]
    for name in ("vim", "nvim", "vim.basic", "vim.tiny", "gvim")
}


def edit_value(secret: SecretValue, *, environment: Mapping[str, str]) -> str | None:
    """Return what the person made of the value; ``None`` when it is as it was.

    :raises InvalidInput: it is no text, or there is no editor or no memory to hold it.
    :raises RediaccError: the editor failed; nothing is changed then.
    """
    if not isinstance(secret.value, str):
        raise InvalidInput(f"{secret.name} is no text: ansible-vault edit {secret.team}'s file")
    editor = _editor(environment)
    # A signal ends what follows by this exception, so that all of it is cleaned up.
    with _signals_as_exits(), _private_directory(environment) as directory:
        path = directory / secret.name
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as stream:
            stream.write(secret.value)
        _run(editor, path, environment)
        text = _content(path, secret.name)
    if text == secret.value or (text == f"{secret.value}\n" and "\n" not in secret.value):
        return None  # editors end the last line
    is_one_line = "\n" not in secret.value and text.count("\n") == 1
    return text.removesuffix("\n") if is_one_line else text


def _editor(environment: Mapping[str, str]) -> list[str]:
    named = environment.get("VISUAL") or environment.get("EDITOR")
    if not named:
        named = next((name for name in ("sensible-editor", "vi") if shutil.which(name)), None)
    if not named:
        raise InvalidInput("there is no editor", hint="set EDITOR, or use set secret --file -")
    try:
        words = shlex.split(named)
    except ValueError as exc:
        raise InvalidInput(f"EDITOR is not well quoted: {exc}") from exc
    if not words:
        raise InvalidInput("EDITOR is empty", hint="set it to your editor")
    return [*words, *_CAREFUL.get(os.path.basename(words[0]), [])]


def _run(editor: list[str], path: Path, environment: Mapping[str, str]) -> None:
    # Ctrl-C on the terminal is the editor's. Other signals wait until the editor is known, so
    # that it can be ended.
    with _ignored(signal.SIGINT), _blocked() as mask:
        process = _started(editor, path, environment, mask)
        try:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
            status = process.wait()
        except BaseException:
            process.kill()
            process.wait()
            raise
    if status != 0:
        raise RediaccError(f"the editor {editor[0]} ended with {status}: nothing was changed")


def _started(
    editor: list[str], path: Path, environment: Mapping[str, str], mask: set[int]
) -> subprocess.Popen[bytes]:
    def prepare() -> None:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)

    try:
        return subprocess.Popen(
            [*editor, str(path)], env=dict(environment), cwd=path.parent, preexec_fn=prepare
        )
    except OSError as exc:
        raise InvalidInput(
            f"cannot start the editor {editor[0]}: {exc.strerror}", hint="set EDITOR"
        ) from exc


def _content(path: Path, name: str) -> str:
    try:
        with path.open("rb") as stream:
            content = stream.read(_MOST_BYTES + 1)
    except OSError as exc:
        raise RediaccError(f"the editor left no file: {name} was not changed") from exc
    if len(content) > _MOST_BYTES:
        raise InvalidInput(f"the value of {name} is larger than {_MOST_BYTES >> 10} KiB")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as exc:
        raise InvalidInput(f"the value of {name} is no UTF-8 text") from exc


@contextlib.contextmanager
def _private_directory(environment: Mapping[str, str]) -> Iterator[Path]:
    directory = Path(tempfile.mkdtemp(prefix="rediacc-edit-", dir=_memory(environment)))
    try:
        with _watched(directory):
            yield directory
    finally:
        _wipe(directory)


def _memory(environment: Mapping[str, str]) -> str:
    """Return a directory in memory: what was on a disk once can be found there again."""
    candidates = [environment.get(name) for name in _PLACES]
    for place in (*candidates, _SHARED_MEMORY):
        if place and os.access(place, os.W_OK | os.X_OK) and _file_system(place) in _IN_MEMORY:
            return place
    raise InvalidInput(
        "there is no file system in memory here to hold a secret while it is edited",
        hint="change it without an editor: rediacc set secret KEY --file -",
    )


def _file_system(place: str) -> str:
    """Return the type of file system that a path lies on (proc_pid_mountinfo(5))."""
    path, best, kind = os.path.realpath(place), "", ""
    try:
        lines = Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return ""
    for line in lines:
        before, _separator, after = line.partition(" - ")
        mount = before.split()[4].replace("\\040", " ")
        inside = path == mount or path.startswith(mount.rstrip("/") + "/")
        if inside and len(mount) >= len(best):
            best, kind = mount, after.split()[0]
    return kind


@contextlib.contextmanager
def _watched(directory: Path) -> Iterator[None]:
    """Have a process remove the directory when this one ends without having done it."""
    read_end, write_end = os.pipe()
    pid = os.fork()
    if pid == 0:
        _watch(directory, read_end, write_end)
    os.close(read_end)
    try:
        yield
    finally:
        _wipe(directory)
        os.close(write_end)
        os.waitpid(pid, 0)


def _watch(directory: Path, read_end: int, write_end: int) -> NoReturn:
    try:
        os.setsid()
        os.close(write_end)
        for number in (0, 1, 2):
            with contextlib.suppress(OSError):
                os.close(number)
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)
        os.read(read_end, 1)
        _wipe(directory)
    finally:
        os._exit(0)


def _wipe(directory: Path) -> None:
    """Overwrite and remove all files; the memory is given back without the value in it."""
    for path in directory.rglob("*") if directory.exists() else ():
        with contextlib.suppress(OSError):
            if path.is_file() and not path.is_symlink():
                with path.open("r+b") as stream:
                    stream.write(bytes(path.stat().st_size))
    shutil.rmtree(directory, ignore_errors=True)


@contextlib.contextmanager
def _signals_as_exits() -> Iterator[None]:
    def leave(number: int, _frame: FrameType | None) -> NoReturn:
        sys.exit(128 + number)

    before = {number: signal.signal(number, leave) for number in _ENDING}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def _blocked() -> Iterator[set[int]]:
    """Have ending signals wait; yield what was blocked before."""
    before = {int(number) for number in signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING)}
    try:
        yield before
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextlib.contextmanager
def _ignored(number: signal.Signals) -> Iterator[None]:
    before = signal.signal(number, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(number, before)
