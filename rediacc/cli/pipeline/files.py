"""Files for pipelines, replaced whole: whoever reads one never sees half of it."""

from __future__ import annotations

import contextlib
import os
import stat
from pathlib import Path

from rediacc.errors import InvalidInput

__all__ = ["OutFile", "append_text"]


class OutFile:
    """A file that an option names; it is written more than once, each time as a whole.

    :param option: the option, for messages.
    :param path: where; a symbolic link is followed. What exists and is no regular file, such as
        ``/dev/stdout``, is written to as it is, and only once.
    :raises InvalidInput: it cannot be written, which is found out before anything is queued.
    """

    def __init__(self, option: str, path: str, *, directory: Path) -> None:
        self._option = option
        if path == "-":
            raise InvalidInput(
                f"{option} -: standard output holds what the machines print",
                hint="name a file, or /dev/stderr",
            )
        self.path = Path(os.path.realpath(directory / path))
        try:
            mode = self.path.stat().st_mode
        except FileNotFoundError:
            mode = stat.S_IFREG
        except OSError as exc:
            raise self._refusal(exc) from exc
        if stat.S_ISDIR(mode):
            raise InvalidInput(f"{option} {path}: is a directory")
        self.is_regular = stat.S_ISREG(mode)

    def write(self, content: bytes) -> None:
        """Put `content` in the file's place.

        :raises InvalidInput: the directory is missing, or may not be written to.
        """
        try:
            if self.is_regular:
                self._replace(content)
            else:
                with self.path.open("wb") as stream:
                    stream.write(content)
        except OSError as exc:
            raise self._refusal(exc) from exc

    def _replace(self, content: bytes) -> None:
        draft = self.path.with_name(f".{self.path.name}.{os.getpid()}")
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        with contextlib.suppress(FileNotFoundError):
            draft.unlink()
        try:
            with open(os.open(draft, flags, 0o666), "wb") as stream:
                stream.write(content)
                stream.flush()
                os.fsync(stream.fileno())
            draft.replace(self.path)
        except BaseException:
            with contextlib.suppress(OSError):
                draft.unlink()
            raise

    def _refusal(self, error: OSError) -> InvalidInput:
        return InvalidInput(f"{self._option} {self.path}: cannot write: {error.strerror}")


def append_text(path: str, text: str) -> str:
    """Append text to a file that the runner reads; return what went wrong, else nothing."""
    try:
        with open(path, "a", encoding="utf-8", newline="\n") as stream:
            stream.write(text)
    except OSError as exc:
        return f"{path}: cannot append: {exc.strerror}"
    return ""
