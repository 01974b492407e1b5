"""Errors as the person or the program that called sees them: one line, or one JSON object."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import click

from rediacc.cli.neutral import one_line
from rediacc.cli.pipeline.workflow import harmless
from rediacc.errors import ExitCode, RediaccError

__all__ = ["Complaint", "complain", "from_exception", "wants_json"]


_LONGEST = 900

# Options of Ansible that people type here, with what there is instead.
_INSTEAD = {
    "--vault-password-file": "name it as vault_password_file in ansible.cfg",
    "--vault-id": "name them as vault_identity_list in ansible.cfg",
    "--private-key": "name it as ansible_ssh_private_key_file in the inventory",
    "-i": "a team is an inventory: say --team; rediacc list teams shows them",
    "--inventory": "a team is an inventory: say --team; rediacc list teams shows them",
}


class Complaint:
    """What went wrong, ready to be shown."""

    def __init__(self, message: str, *, code: str, exit_code: int, hint: str = "") -> None:
        self.message = _short(message).rstrip(".")
        self.hint = _short(hint)
        self.code = code
        self.exit_code = exit_code

    def line(self) -> str:
        """Return it as one line."""
        return f"rediacc: error: {self.message}" + (f" ({self.hint})" if self.hint else "")

    def document(self) -> dict[str, Any]:
        """Return it as the document that ``-o json`` prints."""
        return {
            "error": {
                "code": self.code,
                "message": self.message,
                "hint": self.hint,
                "exit_code": self.exit_code,
            }
        }


def _short(text: str) -> str:
    """Return text on one line of bearable length: it may quote what somebody typed."""
    # In a pipeline's log it must be nobody's command either.
    line = harmless(one_line(" ".join(text[: 2 * _LONGEST].split())))
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]}..."


def from_exception(error: BaseException) -> Complaint:
    """Return what to say about any error that ended a command."""
    if isinstance(error, RediaccError):
        return Complaint(
            error.message, code=error.code, exit_code=int(error.exit_code), hint=error.hint
        )
    if isinstance(error, click.UsageError):
        return _usage(error)
    if isinstance(error, click.ClickException):
        return Complaint(error.format_message(), code="error", exit_code=int(ExitCode.GENERAL))
    if isinstance(error, click.Abort):
        return Complaint("not confirmed: nothing was done", code="aborted", exit_code=1)
    if isinstance(error, OSError) and error.strerror:
        name = f": {error.filename}" if error.filename else ""
        return Complaint(f"{error.strerror}{name}", code="system", exit_code=1)
    return Complaint(
        f"internal error: {type(error).__name__}: {error}",
        code="internal",
        exit_code=int(ExitCode.GENERAL),
        hint="set REDIACC_DEBUG=1 to see where",
    )


def complain(complaint: Complaint, *, as_json: bool) -> None:
    """Print the complaint on standard error."""
    if as_json:
        from rediacc.cli.render.document import to_json

        text = to_json(complaint.document(), is_line=True)
    else:
        text = complaint.line()
    click.echo(text, err=True)


def wants_json(arguments: Sequence[str], environment: Mapping[str, str]) -> bool:
    """Say whether errors are to be JSON, from what was typed, however broken the rest is."""
    chosen = environment.get("REDIACC_OUTPUT", "")
    previous = ""
    for argument in arguments:
        if argument == "--":
            break
        if previous in ("-o", "--output"):
            chosen = argument
        elif argument.startswith("--output="):
            chosen = argument.partition("=")[2]
        elif argument.startswith("-o") and len(argument) > 2:
            chosen = argument[2:]
        previous = argument
    return chosen in ("json", "jsonl")


def debug(error: BaseException) -> None:
    """Print where the error came from, when the person asked for it."""
    if os.environ.get("REDIACC_DEBUG") == "1":
        import traceback

        traceback.print_exception(error, file=sys.stderr)


_SUDO = "put ansible_become_password into a vaulted file of group_vars"
_LOGIN = "use a key, or put ansible_password into a vaulted file of group_vars"
_VAULT = "name vault_password_file in ansible.cfg"
# Ansible's options that ask a person, and what takes their place.
_INSTEAD_OF_ASKING = {
    "-K": _SUDO,
    "--ask-become-pass": _SUDO,
    "-k": _LOGIN,
    "--ask-pass": _LOGIN,
    "-J": _VAULT,
    "--ask-vault-pass": _VAULT,
    "--ask-vault-password": _VAULT,
}


def _usage(error: click.UsageError) -> Complaint:
    if isinstance(error, click.NoSuchOption):
        instead = _INSTEAD_OF_ASKING.get(error.option_name)
        if instead is not None:
            message = (
                f"there is no option {error.option_name}: a task runs when nobody can be asked"
            )
            return Complaint(message, code="usage", exit_code=int(ExitCode.USAGE), hint=instead)
        message = f"there is no option {error.option_name}{_similar(error)}"
        if error.option_name in _INSTEAD:
            message = f"there is no option {error.option_name}: {_INSTEAD[error.option_name]}"
    else:
        message = error.format_message().strip()
        # Click begins with a capital; rediacc's lines do not.
        message = message[:1].lower() + message[1:]
    hint = f"see {error.ctx.command_path} --help" if error.ctx is not None else ""
    if "unexpected extra argument" in message and _takes_a_command(error.ctx):
        hint = "what to run goes into --command 'TEXT' or --shell 'TEXT'"
    return Complaint(message, code="usage", exit_code=int(ExitCode.USAGE), hint=hint)


def _takes_a_command(ctx: click.Context | None) -> bool:
    return ctx is not None and any(param.name == "shell" for param in ctx.command.params)


def _similar(error: click.NoSuchOption) -> str:
    from difflib import get_close_matches

    close = get_close_matches(error.option_name, error.possibilities or [], n=2, cutoff=0.7)
    return f"; did you mean {' or '.join(close)}?" if close else ""
