"""The processes of a run: everything below its supervisor, wherever it was reparented to."""

from __future__ import annotations

import contextlib
import ctypes
import time
from collections.abc import Collection

import psutil

from rediacc.errors import RediaccError

__all__ = ["become_subreaper", "descendants", "end_descendants"]

_PR_SET_CHILD_SUBREAPER = 36


def become_subreaper() -> None:
    """Make this process the parent of its orphaned descendants (Linux, prctl(2)).

    :raises RediaccError: the kernel refuses.
    """
    if ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise RediaccError(f"prctl failed: errno {ctypes.get_errno()}")


def descendants(*, spared: Collection[int] = ()) -> list[psutil.Process]:
    """Return the processes below this one, but the masters of shared ssh connections.

    A master carries no command by itself and serves other runs too; it ends by its own timeout.

    :param spared: process ids that are left out as well.
    """
    return [
        process
        for process in psutil.Process().children(recursive=True)
        if process.pid not in spared and _is_alive(process) and not _is_connection_master(process)
    ]


def end_descendants(*, grace_seconds: float, spared: Collection[int] = ()) -> int:
    """End everything below this process: TERM, then KILL after `grace_seconds`.

    :return: how many could not be ended.
    """
    for step in ("terminate", "kill"):
        deadline = time.monotonic() + grace_seconds
        while left := descendants(spared=spared):
            for process in left:
                with contextlib.suppress(psutil.Error):
                    getattr(process, step)()
            psutil.wait_procs(left, timeout=0.2)
            if time.monotonic() > deadline:
                break
        if not left:
            return 0
    return len(descendants(spared=spared))


def _is_alive(process: psutil.Process) -> bool:
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False


def _is_connection_master(process: psutil.Process) -> bool:
    try:
        line = process.cmdline()
    except psutil.Error:
        return False
    return bool(line) and line[0].startswith("ssh: ") and line[0].endswith("[mux]")
