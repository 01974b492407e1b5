"""Click groups that are made from the registry and load a command's code only to run it."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING

import click

from rediacc.cli import registry
from rediacc.cli.registry import Entry

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

__all__ = ["NounGroup", "Root", "VerbGroup", "load"]


# What other programs call what rediacc says otherwise.
_MEANT = {
    "status": "'list queue', 'list tasks' or 'doctor'",
    "ps": "'list tasks --state running'",
    "exec": "'run --command'",
    "ping": "'run --all --module ansible.builtin.ping'",
    "add": "'create'",
    "new": "'create'",
    "remove": "'delete'",
    "stop": "'cancel'",
    "kill": "'cancel'",
    "abort": "'cancel'",
    "start": "'worker', or 'create task'",
    "hosts": "'list machines'",
    "host": "'list machines'",
    "inventory": "'list machines'",
    "playbook": "'run --playbook'",
    "log": "'logs'",
    "tail": "'logs -f'",
    "follow": "'logs -f'",
    "edit": "'update'",
    "change": "'update'",
}


def load(entry: Entry) -> click.Command:
    """Import and return the command of a registry entry."""
    module, _separator, attribute = entry.target.partition(":")
    command = getattr(import_module(f"rediacc.cli.commands.{module}"), attribute)
    assert isinstance(command, click.Command)
    return command


class _RegistryGroup(click.Group):
    """A group whose children are known by name and help before their code is loaded."""

    word = "command"

    def __init__(self, name: str, *, about: str, is_hidden: bool = False) -> None:
        super().__init__(
            name, help=about, hidden=is_hidden, subcommand_metavar=f"{self.word.upper()} ..."
        )

    def children(self) -> Mapping[str, str]:
        """Return the names shown, each with one line of help."""
        raise NotImplementedError

    def find(self, name: str) -> click.Command | None:
        """Return the command that `name`, or an alias of it, means."""
        raise NotImplementedError

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(self.children())

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        return self.find(cmd_name)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        command = self.get_command(ctx, args[0])
        if command is None and not ctx.resilient_parsing:
            raise self._unknown(ctx, args[0])
        return args[0] if command else None, command, args[1:]

    def _unknown(self, ctx: click.Context, name: str) -> click.UsageError:
        # The standard library's matcher costs as much as half a start: only when it is needed.
        from difflib import get_close_matches

        where = "" if isinstance(self, Root) else f" of '{ctx.command_path}'"
        close = get_close_matches(name, self.known(), n=2)
        meant = _MEANT.get(name, "") if isinstance(self, Root) else ""
        advice = (
            f"did you mean {meant}?"
            if meant
            else (
                f"did you mean {' or '.join(repr(word) for word in close)}?"
                if close
                else f"known: {', '.join(self.children())}"
            )
        )
        return click.UsageError(f"{name!r} is no {self.word}{where}; {advice}", ctx)

    def needs(self) -> str:
        """Return what has to come next, in words."""
        return f"a {self.word}"

    def known(self) -> list[str]:
        """Return every spelling that :meth:`find` accepts."""
        return list(self.children())

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        rows = list(self.children().items())
        if rows:
            with formatter.section(f"{self.word.capitalize()}s"):
                formatter.write_dl(rows)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        from click.shell_completion import CompletionItem

        found = [
            CompletionItem(name, help=text)
            for name, text in self.children().items()
            if name.startswith(incomplete)
        ]
        return [*found, *click.Command.shell_complete(self, ctx, incomplete)]

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not args and not ctx.resilient_parsing:
            names = ", ".join(self.children())
            meant = _MEANT.get(self.name or "")
            advice = f"; did you mean {meant}?" if meant else ""
            raise click.UsageError(
                f"'{ctx.command_path}' needs {self.needs()}: {names}{advice}", ctx
            )
        return super().parse_args(ctx, args)


class VerbGroup(_RegistryGroup):
    """``rediacc VERB NOUN``; a task's number may stand directly after a task's verb."""

    word = "noun"

    def __init__(self, verb: str) -> None:
        self._verb = verb
        self._entries = registry.entries_of_verb(verb)
        super().__init__(verb, about=registry.VERBS[verb])

    def needs(self) -> str:
        noun = registry.NUMBERED.get(self._verb)
        return "a noun" if noun is None else f"the {noun}'s number or a noun"

    def children(self) -> Mapping[str, str]:
        return {noun: entry.help for noun, (entry, _rest) in self._entries.items()}

    def find(self, name: str) -> click.Command | None:
        for noun, (entry, aliases) in self._entries.items():
            if name == noun or name in aliases:
                return load(entry)
        return None

    def known(self) -> list[str]:
        aliases = [alias for _rest, names in self._entries.values() for alias in names]
        return [*self._entries, *aliases]

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        noun = registry.NUMBERED.get(self._verb)
        if noun is not None and _looks_like_task(args[0]):
            return noun, self.find(noun), args
        return super().resolve_command(ctx, args)


class NounGroup(_RegistryGroup):
    """``rediacc NOUN VERB``: the same commands in the other order."""

    word = "verb"

    def __init__(self, noun: str, *, spelling: str) -> None:
        self._noun = noun
        self._entries = registry.entries_of_noun(noun, spelling=spelling)
        super().__init__(spelling, about=f"The verbs of {noun}.", is_hidden=True)

    def children(self) -> Mapping[str, str]:
        return {verb: entry.help for verb, (entry, _rest) in self._entries.items()}

    def find(self, name: str) -> click.Command | None:
        for verb, (entry, aliases) in self._entries.items():
            if name == verb or name in aliases:
                return load(entry)
        return None

    def known(self) -> list[str]:
        aliases = [alias for _rest, names in self._entries.values() for alias in names]
        return [*self._entries, *aliases]


class Root(_RegistryGroup):
    """``rediacc``: verbs first; nouns first are understood too."""

    def __init__(self, *, about: str) -> None:
        self._leaves = {entry.verb: entry for entry in registry.LEAVES}
        super().__init__("rediacc", about=about)

    def children(self) -> Mapping[str, str]:
        order = ("init", "create", "run", "list", "inspect", "logs", "wait", "cancel", "retry")
        lines = {**registry.VERBS, **{entry.verb: entry.help for entry in registry.LEAVES}}
        return {**{name: lines[name] for name in order}, **lines}

    def known(self) -> list[str]:
        nouns = [*registry.NOUN_ORDER, *registry.HIDDEN_NOUNS]
        return [*self.children(), *registry.VERB_ALIASES, *nouns]

    def find(self, name: str) -> click.Command | None:
        verb = name if name in registry.OWN_ALIASES else registry.VERB_ALIASES.get(name, name)
        if verb in self._leaves:
            return load(self._leaves[verb])
        if verb in registry.VERBS:
            return VerbGroup(verb)
        noun = registry.HIDDEN_NOUNS.get(name, name)
        if noun in registry.NOUN_ORDER:
            return NounGroup(noun, spelling=name)
        return None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        # `worker` is a verb of its own and a noun: `rediacc worker list`.
        if args[0] in registry.VERBS_AND_NOUNS and len(args) > 1:
            group = NounGroup(args[0], spelling=args[0])
            if args[1] in group.known():
                return args[0], group, args[1:]
        return super().resolve_command(ctx, args)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not args and not ctx.resilient_parsing:
            click.echo(ctx.get_help(), color=ctx.color)
            ctx.exit()
        return super().parse_args(ctx, args)


def _looks_like_task(word: str) -> bool:
    return word.isdigit() or (len(word) == 36 and word.count("-") == 4)
