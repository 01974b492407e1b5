"""How a secret's value comes in and goes out: by a question, a file, a pipe; never as argument."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import datetime

import click

from rediacc.cli.complaints import Complaint, complain
from rediacc.cli.render.document import document, envelope, to_json
from rediacc.cli.render.output import print_document
from rediacc.cli.render.table import Column
from rediacc.cli.render.words import age, clock
from rediacc.cli.session import Session, View
from rediacc.errors import ExitCode, InvalidInput
from rediacc.views import SecretValue, SecretView

__all__ = ["check_key", "complain_of", "print_value", "read_value", "secret_columns"]

_MOST_BYTES = 64 << 10
_NEVER = "a secret's value is never an argument: others on this host can read arguments"
_HOW = "leave it out to be asked for it, or give --file FILE, or --file - for a pipe"


def check_key(key: str, rest: Sequence[str]) -> None:
    """Pass when only a name was given.

    :raises InvalidInput: a value was given as well; the message does not repeat it.
    """
    if rest or "=" in key:
        raise InvalidInput(_NEVER, hint=_HOW)


def read_value(session: Session, key: str, file: str | None) -> str:
    """Return the value: asked for twice on a terminal, or read.

    :raises InvalidInput: there is no value, or no terminal to ask on.
    """
    if file == "-":
        text = session.read_stdin("--file", limit=_MOST_BYTES)
    elif file is not None:
        session.check_path("--file", file)
        text = _content(file)
    else:
        return _asked(session, key)
    line = text.removesuffix("\n").removesuffix("\r")
    # The line break that `echo` and editors put behind one line is no part of a password; in a
    # key or a certificate every line counts.
    return text if "\n" in line else line


def print_value(view: View, secret: SecretValue) -> None:
    """Print the value as it is kept, or as a document with its name."""
    if view.output in ("json", "yaml"):
        print_document(view, envelope("secret", item=document(secret)))
        return
    if view.output == "jsonl":
        click.echo(to_json(document(secret), is_line=True))
        return
    is_text = isinstance(secret.value, str)
    text = secret.value if is_text else to_json(document(secret.value), is_line=True)
    sys.stdout.flush()
    sys.stdout.buffer.write(text.encode("utf-8", "surrogateescape"))
    if sys.stdout.isatty() and not text.endswith("\n"):
        sys.stdout.buffer.write(b"\n")
    sys.stdout.buffer.flush()


def complain_of(secrets: Sequence[SecretView], *, as_json: bool) -> int:
    """Say which vault files could not be opened; return the exit code."""
    # One key that cannot be had is said once, not for each file that it would open.
    broken = dict.fromkeys(f"{one.team}: {one.error}" for one in secrets if one.error)
    for text in broken:
        complain(Complaint(text, code="vault", exit_code=int(ExitCode.GENERAL)), as_json=as_json)
    return int(ExitCode.GENERAL if broken else ExitCode.DONE)


def secret_columns(now: datetime) -> tuple[Column, ...]:
    """Return the columns of secrets, their ages as of `now`."""
    return (
        Column("name", lambda secret: secret.name),
        Column("team", lambda secret: secret.team),
        Column("scope", lambda secret: secret.scope.value),
        Column(
            "age",
            lambda secret: "" if secret.set_at is None else age(secret.set_at, now=now),
            key=lambda secret: None if secret.set_at is None else (now - secret.set_at),
        ),
        Column("set_by", lambda secret: secret.set_by),
        Column(
            "set_at",
            lambda secret: "" if secret.set_at is None else clock(secret.set_at),
            is_wide=True,
        ),
        Column("path", lambda secret: secret.path),
    )


def _asked(session: Session, key: str) -> str:
    if session.is_in_pipeline or not (sys.stdin and sys.stdin.isatty()):
        raise InvalidInput(
            f"nobody can be asked for the value of {key}: there is no terminal",
            hint="give --file FILE, or --file - for a pipe",
        )
    # By click, so that Ctrl-C and a closed terminal end it like any question.
    value: str = click.prompt(f"Value of {key}", hide_input=True, err=True)
    again: str = click.prompt("Once more", hide_input=True, err=True)
    if value != again:
        raise InvalidInput("the two values differ: nothing was written")
    return value


def _content(file: str) -> str:
    try:
        with open(file, "rb") as stream:
            content = stream.read(_MOST_BYTES + 1)
    except OSError as exc:
        raise InvalidInput(f"--file: cannot read {file}: {exc.strerror}") from exc
    if len(content) > _MOST_BYTES:
        raise InvalidInput(f"--file {file}: larger than {_MOST_BYTES >> 10} KiB")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as exc:
        raise InvalidInput(
            f"--file {file}: is no UTF-8 text", hint="encode it first, for example with base64"
        ) from exc
