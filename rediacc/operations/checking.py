"""Bounds of what a request may hold, whoever sends it."""

from __future__ import annotations

import math
import re
import uuid
from typing import Any

from rediacc.errors import InvalidInput
from rediacc.requests import TaskRequest
from rediacc.values import Kind

__all__ = ["check_priority", "check_request", "check_timeout", "checked_uid"]

MOST_TEXT_BYTES = 128 << 10
MOST_ARGUMENT_BYTES = 1 << 20
_MOST_KEY = 200
_MOST_LABELS = 50
_MOST_PLACED = 1000
_MOST_SECONDS = 30 * 86400
_MOST_SECRETS = 50
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")
_SECRET = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,254}")
_LONGEST_WAIT_SECONDS = 366 * 86400
_LABEL_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,62}")
_MODULE = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*", re.ASCII)
_ACCOUNT = re.compile(r"[A-Za-z_][A-Za-z0-9_.@$\\-]{0,63}")


def check_request(request: TaskRequest) -> None:
    """Pass when every field of `request` is within its bounds.

    :raises InvalidInput: one is not; the message names it.
    """
    _check_text(request)
    check_priority(request.priority)
    check_timeout(request.timeout_seconds)
    _check_expiry(request.expires_in_seconds)
    _check_labels(request)
    key = request.idempotency_key
    if key is not None and (not 0 < len(key) <= _MOST_KEY or not key.isprintable()):
        raise InvalidInput(f"the idempotency key must be 1 to {_MOST_KEY} printable characters")
    if request.any_count is not None and not 1 <= request.any_count <= _MOST_PLACED:
        raise InvalidInput(f"--any {request.any_count}: must be from 1 to {_MOST_PLACED}")
    options = request.options
    if options.forks is not None and not 1 <= options.forks <= 1000:
        raise InvalidInput(f"--forks {options.forks}: must be from 1 to 1000")
    for what, account in (
        ("--user", options.remote_user),
        ("--become-user", options.become_user),
        ("--become-method", options.become_method),
    ):
        if account is not None and not _ACCOUNT.fullmatch(account):
            raise InvalidInput(f"{what} {account[:64]!r} is no account's or method's name")
    for what, values in (("--tags", options.tags), ("--skip-tags", options.skip_tags)):
        if any(not value.isprintable() or not value for value in values):
            raise InvalidInput(f"{what}: a tag is empty or holds control characters")
    _check_playbook_only(request)
    _check_secrets(request)


def _check_text(request: TaskRequest) -> None:
    text = request.text
    if text is None or request.kind is None:
        return
    what = f"--{request.kind}"
    if not text.strip():
        raise InvalidInput(f"{what} is empty")
    if "\0" in text:
        raise InvalidInput(f"{what} holds a NUL byte, which no command can carry")
    if len(text.encode("utf-8", "surrogateescape")) > MOST_TEXT_BYTES:
        raise InvalidInput(
            f"{what} is longer than {MOST_TEXT_BYTES >> 10} KiB",
            hint="put it in a script and send that with --module ansible.builtin.script",
        )
    if request.kind is Kind.MODULE and not _MODULE.fullmatch(text):
        raise InvalidInput(f"--module {text[:80]!r} is no module's name")
    if len(str(dict(request.module_args))) > MOST_ARGUMENT_BYTES:
        raise InvalidInput("--args is longer than 1 MiB")


def _check_playbook_only(request: TaskRequest) -> None:
    if request.kind is Kind.PLAYBOOK:
        if request.options.chdir is not None or request.options.template:
            raise InvalidInput("--chdir and --template are for commands and modules")
        return
    options = request.options
    if options.tags or options.skip_tags or options.start_at_task is not None:
        raise InvalidInput("--tags, --skip-tags and --start-at-task are for playbooks")
    if request.kind is Kind.MODULE and options.chdir is not None:
        raise InvalidInput("--chdir is for --command and --shell: give the module its own argument")


def _check_secrets(request: TaskRequest) -> None:
    if not request.secrets:
        return
    if request.kind not in (Kind.COMMAND, Kind.SHELL):
        raise InvalidInput(
            "--secret is for --command and --shell",
            hint="a playbook reads the team's secret variables by their names",
        )
    if len(request.secrets) > _MOST_SECRETS:
        raise InvalidInput(f"more than {_MOST_SECRETS} secrets for one command")
    for variable, name in request.secrets.items():
        if not _VARIABLE.fullmatch(variable) or variable.startswith("REDIACC_"):
            raise InvalidInput(f"--secret {variable[:80]!r}: is no environment variable's name")
        if not _SECRET.fullmatch(name):
            raise InvalidInput(f"--secret {variable}={name[:80]!r}: is no secret's name")


def _check_labels(request: TaskRequest) -> None:
    if len(request.labels) > _MOST_LABELS:
        raise InvalidInput(f"more than {_MOST_LABELS} labels")
    for name, value in request.labels.items():
        if not _LABEL_NAME.fullmatch(name):
            raise InvalidInput(f"label {name[:80]!r} is no label's name: letters, digits, . _ / -")
        if len(value) > _MOST_KEY or not value.isprintable():
            raise InvalidInput(f"label {name}: at most {_MOST_KEY} printable characters")


def check_priority(priority: int | None) -> None:
    """Pass when `priority` is a level.

    :raises InvalidInput: it is not from 1 to 5.
    """
    if priority is not None and not 1 <= priority <= 5:
        raise InvalidInput(f"priority {priority}: must be from 1 (highest) to 5 (lowest)")


def check_timeout(timeout_seconds: float | None) -> None:
    """Pass when a timeout can be meant.

    :raises InvalidInput: it is not positive, or longer than 30 days.
    """
    if timeout_seconds is None:
        return
    if not math.isfinite(timeout_seconds) or not 0 < timeout_seconds <= _MOST_SECONDS:
        raise InvalidInput(f"timeout {timeout_seconds:g} s: must be above 0, at most 30 days")


def _check_expiry(expires_in_seconds: float | None) -> None:
    if expires_in_seconds is None:
        return
    if not math.isfinite(expires_in_seconds) or not 0 < expires_in_seconds <= _LONGEST_WAIT_SECONDS:
        raise InvalidInput(
            f"--expires-in {expires_in_seconds:g} s: must be above 0, at most a year"
        )


def checked_uid(value: Any) -> str | None:
    """Return a ``taskId`` in canonical form; ``None`` where none was given.

    :raises InvalidInput: it is no UUID.
    """
    if value is None:
        return None
    try:
        return str(uuid.UUID(str(value)))
    except ValueError:
        raise InvalidInput(f"taskId {str(value)[:80]!r} is no UUID") from None
