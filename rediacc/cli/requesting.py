"""From the options of ``create task`` and ``run`` to the request that the operation takes."""

from __future__ import annotations

import os
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

from rediacc.cli.parse_retry import parse_retry, retry_file, retry_from_options
from rediacc.cli.parse_times import parse_duration, parse_not_before
from rediacc.cli.parse_variables import merged_values, parse_variables
from rediacc.cli.parse_words import parse_level, parse_pairs
from rediacc.cli.session import Session, working_directory
from rediacc.errors import InvalidInput
from rediacc.operations.shell_words import check_command
from rediacc.requests import TaskRequest
from rediacc.values import AnsibleOptions, Kind, OnLost

__all__ = ["task_request"]

_KINDS = (Kind.COMMAND, Kind.SHELL, Kind.MODULE, Kind.PLAYBOOK)


def task_request(
    session: Session, options: dict[str, Any], *, now: datetime, is_dry_run: bool
) -> TaskRequest:
    """Return the request that the options mean.

    :param options: the values of the creation options by their names, with ``named``.
    :raises InvalidInput: they contradict each other, or one of them means nothing.
    """
    kind, text = _payload(session, options)
    for variable in options["extra_vars"]:
        if variable.lstrip().startswith("@"):
            session.check_path("-e", variable.strip())
    variables = parse_variables(options["extra_vars"], directory=working_directory())
    named = options["named"]
    timeout, not_before = options["timeout"], options["not_before"]
    expires_in = options["expires_in"]
    return TaskRequest(
        team=options["team"],
        machines=_names("--machine", options["machines"]),
        groups=_names("--group", options["groups"]),
        all_machines=options["all_machines"],
        limit=options["limit"],
        any_count=options["any_count"],
        kind=kind,
        text=text,
        module_args=_module_arguments(options, kind, text),
        named=named,
        variables=merged_values(variables) if named is not None else {},
        options=_ansible(options, () if named is not None else variables),
        priority=None if options["priority"] is None else parse_level(options["priority"]),
        timeout_seconds=None if timeout is None else parse_duration(timeout, option="--timeout"),
        not_before=None if not_before is None else parse_not_before(not_before, now=now),
        expires_in_seconds=None
        if expires_in is None
        else parse_duration(expires_in, option="--expires-in"),
        labels=parse_pairs(options["labels"], option="--label"),
        idempotency_key=options["idempotency_key"],
        retry=_retry(session, options),
        exclusive=options["exclusive"],
        on_lost=None if options["on_lost"] is None else OnLost(options["on_lost"]),
        dry_run=is_dry_run,
        secrets=_secrets(options["secrets"]),
    )


def _payload(session: Session, options: dict[str, Any]) -> tuple[Kind | None, str | None]:
    """Return what to run; both are ``None`` for a named task."""
    given = [kind for kind in _KINDS if options[kind.value] is not None]
    named = options["named"]
    choices = [f"--{kind.value}" for kind in given] + (["a named task"] if named else [])
    if len(choices) > 1:
        raise InvalidInput(f"{' and '.join(choices)} exclude each other: give one")
    if options["args"] is not None and Kind.MODULE not in given:
        raise InvalidInput("--args belongs to --module")
    if named is not None:
        if not named.strip():
            raise InvalidInput("the named task's name is empty")
        return None, None
    if not given:
        raise InvalidInput(
            "nothing to run", hint="give --command, --shell, --module, --playbook or a named task"
        )
    kind = given[0]
    text = str(options[kind.value])
    if text == "-" and kind in (Kind.COMMAND, Kind.SHELL):
        text = session.read_stdin(f"--{kind.value}")
        # A line that `echo` wrote ends in a line break which is no part of the command.
        text = text.removesuffix("\n") if kind is Kind.COMMAND else text
    if not text.strip():
        raise InvalidInput(f"--{kind.value} is empty: nothing would run")
    if kind is Kind.COMMAND and not options["template"]:
        check_command(text)
    if kind is Kind.PLAYBOOK:
        text = _playbook(session, text)
    return kind, text


def _playbook(session: Session, text: str) -> str:
    """Return a playbook's path from the home, for a file that lies where the person is.

    Anything else is left as it was typed: a path from the home, or a collection's playbook.

    :raises InvalidInput: it is a file outside the home, named by a path that is not absolute.
    """
    here = working_directory() / text
    if Path(text).is_absolute() or not here.is_file():
        return text
    home, path = session.home().resolve(), Path(os.path.normpath(here))
    if path.is_relative_to(home):
        return str(path.relative_to(home))
    if (home / text).is_file():
        return text
    raise InvalidInput(
        f"the playbook {path} lies outside the home {home}",
        hint=f"give its absolute path if you mean it: --playbook {path}",
    )


def _module_arguments(
    options: dict[str, Any], kind: Kind | None, text: str | None
) -> dict[str, Any]:
    if kind is not Kind.MODULE or text is None or options["args"] is None:
        return {}
    from rediacc.cli.parse_arguments import parse_arguments

    return parse_arguments(options["args"], module=text)


def _retry(session: Session, options: dict[str, Any]) -> dict[str, Any]:
    given: dict[str, Any] = {}
    if options["retry"] is not None:
        name = retry_file(options["retry"])
        if name is not None:
            session.check_path("--retry", name)
        given = parse_retry(options["retry"], read_stdin=lambda: session.read_stdin("--retry"))
    return retry_from_options(options, given)


def _ansible(options: dict[str, Any], variables: tuple[Any, ...]) -> AnsibleOptions:
    return AnsibleOptions(
        forks=options["forks"],
        become=options["become"],
        become_user=options["become_user"],
        become_method=options["become_method"],
        check=options["check"],
        diff=options["diff"],
        tags=_words(options["tags"]),
        skip_tags=_words(options["skip_tags"]),
        start_at_task=options["start_at_task"],
        verbosity=options["verbose"],
        remote_user=options["user"],
        chdir=options["chdir"],
        template=options["template"],
        extra_vars=variables,
    )


def _secrets(texts: Iterable[str]) -> dict[str, str]:
    """Return environment variable → secret's name."""
    found: dict[str, str] = {}
    for text in texts:
        variable, _separator, name = text.partition("=")
        if not variable or not name:
            raise InvalidInput(
                "--secret needs a variable and the name of a secret, never a value: ENV=KEY"
            )
        if variable in found:
            raise InvalidInput(f"--secret {variable}: is given twice")
        found[variable] = name
    return found


def _names(option: str, texts: Iterable[str]) -> tuple[str, ...]:
    """Return the texts without repeats; what a pattern in one of them means is Ansible's to say."""
    for text in texts:
        if not text.strip():
            raise InvalidInput(f"{option}: {text!r} names nothing")
    return tuple(dict.fromkeys(texts))


def _words(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(word.strip() for text in texts for word in text.split(",") if word.strip())
