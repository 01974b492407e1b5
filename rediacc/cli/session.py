"""What the commands of one process share: where the home is, how to answer, the open office."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

import click

from rediacc.errors import AccessDenied, InvalidInput, RediaccError

if TYPE_CHECKING:
    # Help and completion name these types and use neither.
    from pathlib import Path
    from types import TracebackType

__all__ = ["OUTPUTS", "Office", "Session", "View", "working_directory"]

OUTPUTS = ("table", "wide", "json", "jsonl", "yaml", "name")


class Office(Protocol):
    """The one door to all operations."""

    def perform(self, operation: str, request: Any) -> Any:
        """Perform the operation and return its answer."""
        raise NotImplementedError

    def __enter__(self) -> Office:
        raise NotImplementedError

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool | None:
        raise NotImplementedError


class View:
    """How a command's answer is to be shown.

    :param columns: names of columns or fields; empty for the usual ones.
    :param sort: a column to sort by; a leading ``-`` for the other direction.
    """

    def __init__(
        self,
        *,
        output: str = "table",
        columns: tuple[str, ...] = (),
        sort: str | None = None,
        is_quiet: bool = False,
        has_headers: bool = True,
    ) -> None:
        self.output = output
        self.columns = columns
        self.sort = sort
        self.is_quiet = is_quiet
        self.has_headers = has_headers

    @property
    def is_for_people(self) -> bool:
        return self.output in ("table", "wide")


class Session:
    """One process's context, made by the program and handed to each command."""

    def __init__(self, environment: Mapping[str, str], *, output: str | None = None) -> None:
        self.environment = environment
        self.output = output or environment.get("REDIACC_OUTPUT") or "table"
        self.home_option: str | None = None
        self.teller: Callable[[str], None] | None = None
        self._read_from: str | None = None
        self._is_watched = False
        self._open_alerts = 0

    def view(
        self,
        *,
        output: str | None = None,
        columns: str | None = None,
        sort: str | None = None,
        quiet: bool = False,
        no_headers: bool = False,
    ) -> View:
        """Return how to show an answer, from the display options of a command.

        :raises InvalidInput: ``REDIACC_OUTPUT`` names no output.
        """
        self.output = output or self.output
        if self.output not in OUTPUTS:
            raise InvalidInput(
                f"REDIACC_OUTPUT: {self.output!r} is no output", hint=", ".join(OUTPUTS)
            )
        names = tuple(name.strip() for name in (columns or "").split(",") if name.strip())
        self._is_watched = self.output in ("table", "wide") and not quiet and _is_terminal()
        return View(
            output=self.output,
            columns=tuple(name.lower().replace("-", "_") for name in names),
            sort=sort,
            is_quiet=quiet,
            has_headers=not no_headers,
        )

    def home(self) -> Path:
        """Return the home that holds here.

        :raises NotFound: there is none.
        :raises AccessDenied: through sudo, and it is no home of the account.
        """
        from rediacc.settings import find_home

        home = find_home(working_directory(), environment=self.environment, option=self.home_option)
        if self.is_through_sudo:
            from rediacc.access.binding import check_own_home

            check_own_home(home)
        return home

    def open_office(self) -> Office:
        """Open the home's operations, to be closed as a context manager."""
        home = self.home()
        # SQLModel costs thirty times a bare start, so it comes only when it is needed.
        from rediacc.operations.office import open_office

        office: Office = open_office(home, environment=self.environment, channel="cli")
        return _Attended(office, self) if self._is_watched else office

    def note_alerts(self, office: Any) -> None:
        """Look how many alerts are open, to tell of them when the command has ended."""
        from rediacc.operations.alerts import glance

        # The command is done; nothing that goes wrong here may make a failure of it.
        with contextlib.suppress(RediaccError):
            self._open_alerts = glance(office)

    def tell_alerts(self) -> None:
        """Say on the terminal that alerts are open, where a person reads along."""
        if self._open_alerts:
            noun = "alert is" if self._open_alerts == 1 else "alerts are"
            self.tell(f"{self._open_alerts} {noun} open: rediacc list alerts")
            self._open_alerts = 0

    def perform(self, operation: str, request: Any) -> Any:
        """Perform one operation and return its answer."""
        with self.open_office() as office:
            return office.perform(operation, request)

    def read_stdin(self, option: str, *, limit: int = 1 << 20) -> str:
        """Return standard input as text, for the one option that may read it.

        :raises InvalidInput: two options want it, nothing is piped in, or it is too large or no
            text.
        """
        if self._read_from is not None:
            raise InvalidInput(
                f"{self._read_from} - and {option} - cannot both read standard input"
            )
        self._read_from = option
        if sys.stdin is None or sys.stdin.isatty():
            raise InvalidInput(f"{option} - reads standard input, and nothing is piped into it")
        content = sys.stdin.buffer.read(limit + 1)
        if len(content) > limit:
            raise InvalidInput(f"{option} -: larger than {limit >> 10} KiB")
        if b"\x00" in content:
            raise InvalidInput(f"{option} -: holds a NUL byte")
        try:
            return content.decode("utf-8")
        except UnicodeDecodeError as exc:
            raise InvalidInput(f"{option} -: is not UTF-8 text") from exc

    @property
    def is_through_sudo(self) -> bool:
        """Whether the person is bound to a role and this process has another account's rights."""
        from rediacc.access.identity import caller_of_process
        from rediacc.values import Proof

        return caller_of_process("cli", self.environment).proof is Proof.SUDO

    def check_path(self, option: str, path: str) -> None:
        """Pass when this process may open a file that the person names.

        Through sudo it has another account's rights: it would read or write what only that
        account may.

        :raises AccessDenied: it may not.
        """
        if self.is_through_sudo:
            raise AccessDenied(
                f"{option} {path}: through sudo no file is opened with the account's rights",
                hint="where the option takes -, use that and a pipe or a redirection",
            )

    def check_program(self, what: str, *, hint: str) -> None:
        """Pass when this process may start a program that the person works in, such as an editor.

        Through sudo it would be theirs with another account's rights.

        :raises AccessDenied: it may not.
        """
        if self.is_through_sudo:
            raise AccessDenied(
                f"{what} is not started through sudo: it would have the account's rights", hint=hint
            )

    def tell(self, text: str) -> None:
        """Say `text` to the person on standard error; it is no part of the answer.

        In a pipeline's log it is said where the machines' output is: see :attr:`teller`.
        """
        from rediacc.cli.neutral import neutral

        if self.teller is not None:
            self.teller(text)
            return
        click.echo(neutral(text), err=True)

    @property
    def has_terminal(self) -> bool:
        """Whether there is somebody who can be asked: not in a pipeline, whatever it is given."""
        if self.is_in_pipeline:
            return False
        return bool(sys.stdin and sys.stdin.isatty() and sys.stderr.isatty())

    @property
    def is_in_pipeline(self) -> bool:
        """Whether a runner of pipelines started this process, as all of them say with ``CI``."""
        return self.environment.get("CI", "").lower() not in ("", "0", "false", "no")

    def confirm(self, question: str, *, is_agreed: bool) -> None:
        """Return when the person agrees; without a terminal only ``--yes`` agrees.

        :raises InvalidInput: there is nobody to ask.
        :raises click.Abort: the person does not agree.
        """
        from rediacc.cli.neutral import one_line

        if is_agreed:
            return
        if not self.has_terminal:
            raise InvalidInput(
                f"{one_line(question)} Without a terminal nobody can say", hint="pass --yes"
            )
        click.confirm(one_line(question), abort=True, err=True)


class _Attended:
    """An office that a person on a terminal works with: at its end it looks for open alerts."""

    def __init__(self, office: Any, session: Session) -> None:
        self._office = office
        self._session = session
        self._is_about_alerts = False

    def perform(self, operation: str, request: Any) -> Any:
        """Perform the operation and return its answer."""
        if operation.partition(".")[0] in ("alert", "delivery", "silence"):
            self._is_about_alerts = True  # who looks at them need not be told
        return self._office.perform(operation, request)

    def __enter__(self) -> Office:
        self._office.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool | None:
        if kind is None and not self._is_about_alerts:
            self._session.note_alerts(self._office)
        done: bool | None = self._office.__exit__(kind, error, trace)
        return done


def _is_terminal() -> bool:
    return sys.stderr is not None and sys.stderr.isatty()


def working_directory() -> Path:
    """Return the directory where the command was typed.

    :raises InvalidInput: it was removed.
    """
    from pathlib import Path

    try:
        return Path.cwd()
    except OSError as exc:
        raise InvalidInput("the working directory does not exist any more") from exc
