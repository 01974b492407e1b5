"""Every error that rediacc raises on purpose, each with its exit code.

The codes are a contract: ``docs/cli.md`` lists them, and no output mode changes them.
"""

from __future__ import annotations

from enum import IntEnum

__all__ = [
    "AccessDenied",
    "ArchiveDamaged",
    "Conflict",
    "DatabaseUnavailable",
    "ExitCode",
    "InvalidInput",
    "NotAuthenticated",
    "NotFound",
    "PreparationFailed",
    "RediaccError",
    "StaleClaim",
    "VaultError",
]


class ExitCode(IntEnum):
    """What a rediacc process says with its exit status."""

    DONE = 0
    GENERAL = 1
    USAGE = 2
    NOT_AUTHENTICATED = 3
    NOT_ALLOWED = 4
    NOT_FOUND = 5
    CONFLICT = 6
    TASK_FAILED = 10
    TASK_UNREACHABLE = 11
    TASK_CANCELLED = 12
    TASK_TIMED_OUT = 13
    TASK_HELD = 14
    CHANGES_FOUND = 20
    TRY_AGAIN = 75
    WAIT_RAN_OUT = 124
    DETACHED = 130


class RediaccError(Exception):
    """Something could not be done; the message says what, on what, and what to do next.

    :param message: one line without secrets.
    :param hint: what to do about it, one line; empty where the message says it all.
    """

    exit_code = ExitCode.GENERAL
    code = "error"

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class InvalidInput(RediaccError):
    """The caller asked for what cannot be meant: missing, wrong, oversized, conflicting."""

    exit_code = ExitCode.USAGE
    code = "invalid_input"


class NotAuthenticated(RediaccError):
    """Nobody knows who the caller is."""

    exit_code = ExitCode.NOT_AUTHENTICATED
    code = "not_authenticated"


class AccessDenied(RediaccError):
    """The caller may not do this."""

    exit_code = ExitCode.NOT_ALLOWED
    code = "not_allowed"


class NotFound(RediaccError):
    """What was named does not exist."""

    exit_code = ExitCode.NOT_FOUND
    code = "not_found"


class Conflict(RediaccError):
    """What was asked for contradicts the present state."""

    exit_code = ExitCode.CONFLICT
    code = "conflict"


class DatabaseUnavailable(RediaccError):
    """The database cannot be reached or written at the moment; trying again later may work."""

    exit_code = ExitCode.TRY_AGAIN
    code = "database_unavailable"


class ArchiveDamaged(RediaccError):
    """A file of the archive is missing, or holds something else than was put into it."""

    code = "archive_damaged"


class PreparationFailed(RediaccError):
    """A claimed task could not be turned into an Ansible run; nothing touched a machine.

    :param reason: the :class:`rediacc.values.Reason` value that the task fails with.
    """

    code = "preparation_failed"

    def __init__(self, message: str, *, reason: str, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.reason = reason


class StaleClaim(RediaccError):
    """A write named an epoch that is no longer the task's: somebody else owns it now."""

    code = "stale_claim"


class VaultError(RediaccError):
    """A vault cannot be opened or written: no key, a wrong one, or a file that is none."""

    code = "vault"
