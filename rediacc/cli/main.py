"""The program: reads the command line, runs one command, says what went wrong, exits."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

import click

from rediacc.cli import complaints
from rediacc.cli.groups import Root
from rediacc.cli.options import keep_home
from rediacc.cli.session import OUTPUTS, Session
from rediacc.errors import ExitCode

__all__ = ["build_root", "main", "run"]

_HELP = """The priority queue for Ansible.

\b
Begin:      rediacc init
            rediacc worker &
Queue:      rediacc create task --machine web-01 --priority 1 --command uptime
Run:        rediacc run --team prod --group web --shell 'df -h / | tail -1'
Look:       rediacc list queue; rediacc inspect task 42; rediacc logs -f 42

`rediacc task create` is understood as `rediacc create task`, and so on.
Exit codes: 0 done, 1 general, 2 usage, 5 not found, 6 conflict, 10 failed,
11 unreachable, 12 cancelled, 13 timed out, 14 held, 124 wait ran out.
"""


def build_root() -> click.Group:
    """Return the whole command tree; the commands' code is loaded when it is asked for."""
    root = Root(about=_HELP)
    root.context_settings = {"help_option_names": ["-h", "--help"], "max_content_width": 100}
    root.params = [
        click.Option(
            ["--home"],
            metavar="DIR",
            expose_value=False,
            callback=keep_home,
            help="The home; else REDIACC_HOME, else found upward from here.",
        ),
        click.Option(
            ["-o", "--output"],
            type=click.Choice(OUTPUTS),
            expose_value=False,
            callback=_keep_output,
            help="How to print answers; may also stand after the command.",
        ),
        click.Option(
            ["-V", "--version"],
            is_flag=True,
            is_eager=True,
            expose_value=False,
            callback=_print_version,
            help="Print the version.",
        ),
    ]
    return root


def main() -> NoReturn:
    """Run the program with this process's arguments and exit with its code."""
    _open_standard_streams()
    sys.exit(run(sys.argv[1:], environment=os.environ))


def run(arguments: Sequence[str], *, environment: Mapping[str, str]) -> int:
    """Run one command line and return its exit code; never raises but at exit by a signal."""
    if "SUDO_UID" in environment:
        environment = _account_environment(environment)
    for stream in (sys.stdout, sys.stderr):
        # Text that the terminal's encoding lacks must not end a command.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    try:
        code = _run(list(arguments), environment)
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader has gone (`| head`): nothing is left to say, and nobody to say it to.
        _forget_output()
        return int(ExitCode.GENERAL)
    except KeyboardInterrupt:
        return int(ExitCode.DETACHED)
    return code


def _account_environment(environment: Mapping[str, str]) -> Mapping[str, str]:
    """Return what this process may believe of the environment of who came through sudo."""
    from rediacc.access.binding import bounded_environment, is_bound

    if environment["SUDO_UID"] in ("0", str(os.getuid())) or not is_bound():
        return environment
    bounded = bounded_environment(environment)
    if environment is os.environ:
        # What this process starts must not get the rest either.
        os.environ.clear()
        os.environ.update(bounded)
    return bounded


def _run(arguments: list[str], environment: Mapping[str, str]) -> int:
    try:
        _check_text(arguments)
        if arguments[:1] == ["help"]:
            arguments = [*arguments[1:], "--help"]
        session = Session(environment)
        result = build_root().main(
            args=arguments,
            prog_name="rediacc",
            complete_var="_REDIACC_COMPLETE",
            standalone_mode=False,
            obj=session,
            color=_colour(environment),
        )
        session.tell_alerts()
        return int(result) if isinstance(result, int) else int(ExitCode.DONE)
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except BrokenPipeError:
        raise
    except Exception as error:
        # The last line of defence: whatever went wrong, a person sees one line.
        if isinstance(error.__cause__, KeyboardInterrupt) or (
            isinstance(error, click.Abort) and isinstance(error.__context__, KeyboardInterrupt)
        ):
            return int(ExitCode.DETACHED)
        complaints.debug(error)
        complaint = complaints.from_exception(error)
        complaints.complain(complaint, as_json=complaints.wants_json(arguments, environment))
        return complaint.exit_code


def _open_standard_streams() -> None:
    """Put nothing in the place of closed standard streams.

    Else the next file that is opened, such as the database, would be taken for one of them.
    """
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        try:
            os.fstat(number)
        except OSError:
            # The lowest free number is the closed one, for those below are open by now.
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
        if getattr(sys, name) is None:
            stream = open(number, mode, encoding="utf-8", closefd=False)  # noqa: SIM115
            setattr(sys, name, stream)


def _check_text(arguments: Sequence[str]) -> None:
    for argument in arguments:
        try:
            argument.encode("utf-8")
        except UnicodeEncodeError as exc:
            raise click.UsageError(f"the argument {argument!r} is not UTF-8 text") from exc


def _colour(environment: Mapping[str, str]) -> bool | None:
    """Return false where colours are unwanted, else ``None``: only on a terminal."""
    if environment.get("NO_COLOR") or environment.get("TERM") == "dumb":
        return False
    return None


def _forget_output() -> None:
    # Python flushes standard output once more at exit, which would complain again.
    devnull = os.open(os.devnull, os.O_WRONLY)
    os.dup2(devnull, sys.stdout.fileno())
    os.close(devnull)


def _keep_output(ctx: click.Context, _param: click.Parameter, value: str | None) -> None:
    session = ctx.find_object(Session)
    if session is not None and value is not None:
        session.output = value


def _print_version(ctx: click.Context, _param: click.Parameter, value: Any) -> None:
    if value and not ctx.resilient_parsing:
        from rediacc import __version__

        click.echo(f"rediacc {__version__}")
        ctx.exit()
