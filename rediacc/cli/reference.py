"""The command line's reference, made from the commands: ``python -m rediacc.cli.reference``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import click

from rediacc.cli.exit_codes import EXIT_CODES
from rediacc.cli.groups import load
from rediacc.cli.outcome import WORST_FIRST
from rediacc.cli.registry import ENTRIES, LEAVES, NOUN_ALIASES, VERB_ALIASES, Entry

__all__ = ["reference"]

_INTRODUCTION = """# Command line

This page is made from the program: `python -m rediacc.cli.reference > docs/cli.md`.

A command is a verb and a noun: `rediacc create task`. The other order is understood too:
`rediacc task create`. A home is found upward from the working directory, or named by `--home` or
`REDIACC_HOME`.

## Output

`-o table` (the default) prints borderless tables, one row a line; `wide` adds columns; `json`,
`jsonl` and `yaml` print documents; `name` prints only names or numbers. `REDIACC_OUTPUT` sets the
default. `--columns` and `--sort` choose columns, in documents too.

A JSON document is `{"version": 1, "kind": "tasks", "items": [...]}` for lists and
`{"version": 1, "kind": "task", "item": {...}}` for one thing. Times are ISO 8601 in UTC, durations
numbers of seconds. `jsonl` prints one item a line. Within a version fields are only added. The
kinds are `tasks`, `task`, `created`, `plan` (`--dry-run`), `outcome` (`run`, `--wait`), `changes`
(`update`, `cancel`, `retry`, `release`), `log`, `teams`, `team`, `machines`, `machine`,
`host-keys`, `secrets`, `secret`, `vault-client`, `depth`, `named-tasks`, `workers`, `members`,
`member`, `permissions`, `caller`, `audit`, `audit-verdict`, `checks`, `home` and `version`.

The answer goes to standard output; progress, hints and errors go to standard error. An error is
one line, `rediacc: error: ...`; with `-o json` it is one object,
`{"error": {"code": ..., "message": ..., "hint": ..., "exit_code": ...}}`. Colours appear on a
terminal only, and never with `NO_COLOR`. Nothing asks a question without a terminal: pass `--yes`.

`run` and `logs` print on standard output what machines printed, and nothing else; with several
machines each line begins with its machine's name. Control characters are shown as escapes
(`logs --raw` leaves them).

## Commands and shells

`--command` starts a program with words; no shell sees it. A text with shell syntax outside quotes
(`|`, `;`, `$`, `>`, `*`, `~` and the like) is refused: say `--shell`, or quote it.
"""


def reference() -> str:
    """Return the whole page in Markdown."""
    return "\n".join([_INTRODUCTION, *_exit_codes(), *_aliases(), *_commands()]).rstrip() + "\n"


def _exit_codes() -> Iterator[str]:
    yield "## Exit codes"
    yield ""
    yield "The same in every output mode."
    yield ""
    yield from _table(("code", "meaning"), ((str(int(code)), text) for code, text in EXIT_CODES))
    order = ", ".join(str(int(code)) for code in WORST_FIRST)
    yield ""
    yield f"`wait` for several tasks exits with the first of these that any of them has: {order}."
    yield "`--exit-status remote` gives the command's own code where there is one."
    yield ""


def _aliases() -> Iterator[str]:
    yield "## Other spellings"
    yield ""
    verbs: dict[str, list[str]] = {}
    for alias, verb in VERB_ALIASES.items():
        verbs.setdefault(verb, []).append(alias)
    rows = [(f"`{verb}`", _code(aliases)) for verb, aliases in verbs.items()]
    rows += [(f"`{noun}`", _code(names[1:])) for noun, names in NOUN_ALIASES.items() if names[1:]]
    yield from _table(("word", "also"), rows)
    yield ""
    yield "`queue` means tasks after `inspect` and `cancel`. A task's number may follow its verb"
    yield "directly: `rediacc cancel 42`."
    yield ""


def _commands() -> Iterator[str]:
    yield "## Commands"
    yield ""
    for entry in (*LEAVES, *ENTRIES):
        yield from _command(entry)


def _command(entry: Entry) -> Iterator[str]:
    command = load(entry)
    path = f"rediacc {entry.verb} {entry.noun}".rstrip()
    context = click.Context(command, info_name=path)
    usage = " ".join(command.collect_usage_pieces(context))
    yield f"### {path}"
    yield ""
    yield f"`{path} {usage}`"
    yield ""
    yield _plain(command.help or "")
    yield ""
    rows = []
    for parameter in command.params:
        record = parameter.get_help_record(context)
        if record is not None and record[1]:
            rows.append((f"`{record[0]}`", record[1]))
    if rows:
        yield from _table(("option", "meaning"), rows)
        yield ""
    examples = [line.strip() for line in (command.epilog or "").split("\n")[1:]]
    yield "```console"
    yield from (f"$ {line}" for line in examples if line.startswith(("rediacc", "eval")))
    yield "```"
    yield ""


def _plain(text: str) -> str:
    paragraphs = (" ".join(part.split()) for part in text.replace("\b", "").split("\n\n"))
    return "\n\n".join(part for part in paragraphs if part)


def _table(headers: tuple[str, str], rows: Iterable[tuple[str, str]]) -> Iterator[str]:
    yield f"| {headers[0]} | {headers[1]} |"
    yield "| --- | --- |"
    for left, right in rows:
        yield f"| {_cell(left)} | {_cell(right)} |"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _code(words: Iterable[str]) -> str:
    return ", ".join(f"`{word}`" for word in words)


if __name__ == "__main__":
    click.echo(reference(), nl=False)
