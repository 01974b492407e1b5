"""Finding what only a shell would act on in a text that no shell will see.

``--command`` reaches a machine as words. A pipe or a wildcard in it would be handed to the
program as a plain argument, which then often succeeds while doing something else than was meant.
So such a text is refused, with the hint to say ``--shell``. Quoted text is data and passes.
"""

from __future__ import annotations

import re

__all__ = ["check_command", "find_operator"]

_OPERATORS = "|&;<>()`$\n\r*?"
_ACTIVE_IN_DOUBLE_QUOTES = "$`"
# A home directory and a comment begin only where a word does.
_AT_START = "~#"
_NAMES = {"\n": "a line break", "\r": "a carriage return", "[]": "a pattern in brackets"}
_ASSIGNMENT = re.compile(r"\s*[A-Za-z_][A-Za-z0-9_]*=")


def check_command(text: str) -> None:
    """Promise that a shell and a plain word splitter would read `text` the same way.

    :raises InvalidInput: it holds shell syntax outside quotes, its quotes do not close, or it is
        empty.
    """
    from rediacc.errors import InvalidInput

    if not text.strip():
        raise InvalidInput("--command is empty: nothing would run")
    operator, problem = _scan(text)
    if problem:
        raise InvalidInput(f"--command cannot be split into words: {problem}")
    if operator:
        raise InvalidInput(
            f"--command holds {_NAMES.get(operator, operator)}, which only a shell acts on",
            hint="say --shell instead, or quote it inside the text: 'grep \"a|b\" file'",
        )
    if _ASSIGNMENT.match(text):
        raise InvalidInput(
            "--command begins with an assignment, which only a shell acts on",
            hint="say --shell instead",
        )


def find_operator(text: str) -> str | None:
    """Return the first character or word part in `text` that a shell would act on."""
    return _scan(text)[0]


def _scan(text: str) -> tuple[str | None, str]:
    """Return the first operator, and what is wrong with the quoting (empty for nothing)."""
    scanner = _Scanner(text)
    while scanner.position < len(text) and scanner.operator is None and not scanner.problem:
        scanner.step()
    if scanner.quote and scanner.operator is None and not scanner.problem:
        scanner.problem = f"a {scanner.quote} is not closed"
    return scanner.operator, scanner.problem


class _Scanner:
    """Reads a text one character, or one escape, at a time."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._starts_word = True
        self._has_bracket = False
        self.position = 0
        self.quote = ""
        self.operator: str | None = None
        self.problem = ""

    def step(self) -> None:
        char = self._text[self.position]
        self.position += 1
        if self.quote == "'":
            self.quote = "" if char == "'" else self.quote
        elif char == "\\":
            self._escape()
        elif self.quote:
            self._in_double_quotes(char)
        else:
            self._in_the_open(char)

    def _escape(self) -> None:
        if self.position == len(self._text):
            self.problem = "it ends with a backslash"
            return
        escaped = self._text[self.position]
        # A shell joins the lines, and takes the backslash off \$ in double quotes; a word
        # splitter does neither.
        if escaped in "\n\r" or (self.quote and escaped in _ACTIVE_IN_DOUBLE_QUOTES):
            self.operator = escaped
        self.position += 1
        self._starts_word = False

    def _in_double_quotes(self, char: str) -> None:
        if char in _ACTIVE_IN_DOUBLE_QUOTES:
            self.operator = char
        elif char == '"':
            self.quote = ""

    def _in_the_open(self, char: str) -> None:
        if char in "'\"":
            self.quote = char
            self._starts_word = False
        elif char in " \t":
            self._starts_word, self._has_bracket = True, False
        elif char in _OPERATORS or (self._starts_word and char in _AT_START):
            self.operator = char
        elif char == "]" and self._has_bracket:
            self.operator = "[]"
        else:
            # The command `[` is a word of its own, and begins no pattern.
            self._has_bracket = self._has_bracket or (char == "[" and not self._is_lone())
            self._starts_word = False

    def _is_lone(self) -> bool:
        after = self._text[self.position : self.position + 1]
        return self._starts_word and after in ("", " ", "\t")
