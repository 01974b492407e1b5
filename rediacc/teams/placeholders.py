"""Placeholders ``{{ name }}`` in the text of named tasks: each becomes exactly one word.

Nothing is evaluated. A value is put between single quotes, which both shells and ``shlex`` take
literally, and only where such quoting holds: outside quotes, comments, here-documents and
arithmetic. Everywhere else a placeholder is refused when the file is read, because a value could
break out there.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from rediacc.errors import InvalidInput
from rediacc.teams.names import did_you_mean

__all__ = ["Placeholder", "fill_data", "fill_words", "find_names", "find_words"]

_PLACEHOLDER = re.compile(r"\{\{[ \t]*([A-Za-z_][A-Za-z0-9_]*)[ \t]*\}\}")
_BEGINNING = re.compile(r"\{\{[-+]?\s*([A-Za-z_][A-Za-z0-9_]*)")
_BOUNDARIES = " \t\n\r;&|()<>"

# What surrounds a place in a shell's text; a placeholder stands only within _OPEN ones.
_OPEN = {"text", "("}


@dataclass(frozen=True, kw_only=True)
class Placeholder:
    """One placeholder in a command or shell text.

    :param starts_word: whether its value can be the beginning of a word, so an option.
    :param stands_alone: whether it is a word by itself, so that several words fit.
    """

    name: str
    start: int
    end: int
    starts_word: bool
    stands_alone: bool


def find_names(text: str, known: Collection[str]) -> tuple[str, ...]:
    """Return the names of the placeholders in `text`.

    :raises InvalidInput: one is unknown, or is an expression, which nothing here evaluates.
    """
    names = tuple(found[1] for found in _PLACEHOLDER.finditer(text))
    for name in names:
        if name not in known:
            raise InvalidInput(
                f"{{{{ {name} }}}} names no variable of this task", hint=did_you_mean(name, known)
            )
    for found in _BEGINNING.finditer(text):
        if found[1] in known and _PLACEHOLDER.match(text, found.start()) is None:
            raise InvalidInput(
                f"an expression over {found[1]} is not evaluated here: "
                f"write {{{{ {found[1]} }}}}, without filters"
            )
    return names


def find_words(text: str, known: Collection[str], *, is_shell: bool) -> tuple[Placeholder, ...]:
    """Return the placeholders in a command (`is_shell` false) or shell text.

    :raises InvalidInput: one is unknown or stands where its value could not be kept one word.
    """
    if not find_names(text, known):
        return ()
    found: list[Placeholder] = []
    for match in _Scanner(text, is_shell=is_shell).placeholders():
        start, end = match.span()
        before, after = text[start - 1 : start], text[end : end + 1]
        is_adjacent = bool(found) and found[-1].end == start
        found.append(
            Placeholder(
                name=match[1],
                start=start,
                end=end,
                starts_word=not before or before in _BOUNDARIES + "'\"`" or is_adjacent,
                stands_alone=(not before or before in _BOUNDARIES)
                and (not after or after in _BOUNDARIES),
            )
        )
    return tuple(found)


def fill_words(
    text: str, placeholders: tuple[Placeholder, ...], words: Callable[[Placeholder], list[str]]
) -> str:
    """Return `text` with each placeholder as its words, each between quotes of its own.

    :param words: gives a placeholder's words; more than one only where it stands alone.
    """
    parts, place = [], 0
    for placeholder in placeholders:
        parts.append(text[place : placeholder.start])
        parts.append(" ".join(_quoted(word) for word in words(placeholder)))
        place = placeholder.end
    return "".join((*parts, text[place:]))


def fill_data(value: Any, variables: Mapping[str, Any], render: Callable[[Any], str]) -> Any:
    """Return a module's argument with its placeholders filled in as data.

    A text that is one placeholder and nothing else becomes the variable's value with its type.
    """
    if isinstance(value, Mapping):
        return {key: fill_data(item, variables, render) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [fill_data(item, variables, render) for item in value]
    if not isinstance(value, str):
        return value
    whole = _PLACEHOLDER.fullmatch(value)
    if whole is not None:
        return variables[whole[1]]
    return _PLACEHOLDER.sub(lambda found: render(variables[found[1]]), value)


def _quoted(word: str) -> str:
    # Always in quotes, unlike shlex.quote: a bare word could be an assignment or a keyword.
    return "'" + word.replace("'", "'\"'\"'") + "'"


class _Scanner:
    """Follows a shell's quoting, or shlex's for commands, as far as placeholders need it."""

    def __init__(self, text: str, *, is_shell: bool) -> None:
        self._text = text
        self._is_shell = is_shell
        self._stack = ["text"]
        self._found: list[re.Match[str]] = []
        self._place = 0

    def placeholders(self) -> list[re.Match[str]]:
        while self._place < len(self._text):
            match = _PLACEHOLDER.match(self._text, self._place)
            if match is None and self._text[self._place] in "$\\":
                escaped = _PLACEHOLDER.match(self._text, self._place + 1)
                if escaped is not None:
                    self._check(escaped)
            if match is not None:
                self._check(match)
                self._found.append(match)
                self._place = match.end()
            else:
                self._place += self._step()
        return self._found

    def _check(self, match: re.Match[str]) -> None:
        before = self._text[match.start() - 1 : match.start()]
        inner = next((context for context in self._stack if context not in _OPEN), "")
        if not inner and before not in ("$", "\\"):
            return
        names = {
            "'": "within quotes",
            "$'": "within quotes",
            '"': "within quotes",
            "`": "within backticks",
            "#": "in a comment",
            "<<": "after a here-document",
            "((": "in arithmetic",
            "{": "within ${}",
        }
        raise InvalidInput(
            f"{match[0]} stands {names.get(inner, f'after {before}')}, where a value could "
            "break out",
            hint=f"write it by itself: {match[0]} becomes one quoted word",
        )

    def _step(self) -> int:
        """Take in what is at the present place; return how many characters it has."""
        context = self._stack[-1]
        here = self._text[self._place :][:3]
        if context in ("'", "$'", "#", "<<"):
            return self._step_literal(context, here)
        if here[0] == "\\":
            return 2
        if here[0] == '"':
            self._toggle('"')
            return 1
        if context == '"' and not self._is_shell:
            return 1
        if not self._is_shell:
            if here[0] == "'":
                self._stack.append("'")
            return 1
        return self._step_shell(context, here)

    def _step_literal(self, context: str, here: str) -> int:
        if context == "$'" and here[0] == "\\":
            return 2
        if (context in ("'", "$'") and here[0] == "'") or (context == "#" and here[0] == "\n"):
            self._stack.pop()
        return 1

    def _step_shell(self, context: str, here: str) -> int:
        if here[0] == "`":
            self._toggle("`")
            return 1
        for opening, inner in (("$((", "(("), ("$(", "("), ("${", "{")):
            if here.startswith(opening):
                self._stack.append(inner)
                return len(opening)
        closing = {"((": "))", "(": ")", "{": "}"}.get(context)
        if closing is not None and here.startswith(closing):
            self._stack.pop()
            return len(closing)
        if context == '"':
            return 1
        return self._step_unquoted(context, here)

    def _step_unquoted(self, context: str, here: str) -> int:
        if here.startswith("$'"):
            self._stack.append("$'")
            return 2
        if here[0] == "'":
            self._stack.append("'")
        elif here.startswith("<<<"):
            return 3
        elif here.startswith("<<") and context in _OPEN:
            # Where it ends depends on more than we follow: the rest of the text is closed.
            self._stack.append("<<")
            return 2
        elif here.startswith("(("):
            self._stack.append("((")
            return 2
        elif here[0] == "(":
            self._stack.append("(")
        elif here[0] == "#" and context in _OPEN and self._starts_word():
            self._stack.append("#")
        return 1

    def _starts_word(self) -> bool:
        return self._place == 0 or self._text[self._place - 1] in _BOUNDARIES

    def _toggle(self, quote: str) -> None:
        if self._stack[-1] == quote:
            self._stack.pop()
        else:
            self._stack.append(quote)
