"""``key=value`` text by Ansible's rules of quoting, without importing Ansible.

The rules are those of ``ansible.parsing.splitter.parse_kv``: words are split at spaces and
newlines, but not inside quotes or Jinja blocks; ``\\n`` and its kind are decoded; a value in
quotes loses them; ``\\=`` is an equals sign that separates nothing. A test holds both against
each other.
"""

from __future__ import annotations

import codecs
import re

from rediacc.errors import InvalidInput

__all__ = ["FREE_FORM_OPTIONS", "parse_key_values", "split_words"]

# Free-form modules read only these as options; every other word belongs to their text.
FREE_FORM_OPTIONS = frozenset(
    {
        "creates",
        "removes",
        "chdir",
        "executable",
        "warn",
        "stdin",
        "stdin_add_newline",
        "strip_empty_ends",
    }
)

_ESCAPE = re.compile(
    r"""(\\U[a-fA-F0-9]{8}|\\u[a-fA-F0-9]{4}|\\x[a-fA-F0-9]{2}|\\N\{[^}]+\}|\\[\\'"abfnrtv])"""
)
_BLOCKS = (("{{", "}}"), ("{%", "%}"), ("{#", "#}"))


def parse_key_values(
    text: str, *, option: str, free_form: bool = False
) -> tuple[dict[str, str], str]:
    """Return the pairs in `text` and what is left over as free-form text.

    :param free_form: only :data:`FREE_FORM_OPTIONS` count as pairs.
    :raises InvalidInput: quotes or Jinja blocks do not close, or an escape means no character.
    """
    pairs: dict[str, str] = {}
    left_over: list[str] = []
    for word in split_words(text, option=option):
        decoded = _decode(word, option=option)
        if "=" not in decoded:
            left_over.append(word)
            continue
        position = _separator(decoded)
        if position is None:
            left_over.append(decoded.replace("\\=", "="))
            continue
        key, value = decoded[:position], decoded[position + 1 :]
        if free_form and key not in FREE_FORM_OPTIONS:
            left_over.append(word)
        else:
            pairs[key.strip()] = _unquote(value.strip())
    return pairs, _join(left_over)


def split_words(text: str, *, option: str) -> list[str]:
    """Split `text` at spaces and newlines outside quotes and Jinja blocks.

    Quotes stay on the words, and so do the spaces and newlines that follow a word.

    :raises InvalidInput: a quote or a block does not close.
    """
    splitter = _Splitter()
    lines = text.split("\n") if text else []
    for number, line in enumerate(lines):
        continues = splitter.take_line(line)
        if number < len(lines) - 1 and not continues:
            splitter.glue("\n")
    if splitter.is_open:
        raise InvalidInput(f"{option}: a quote or a Jinja block is not closed")
    return splitter.words


class _Splitter:
    """Collects words; a word goes on while a quote or a block is open."""

    def __init__(self) -> None:
        self.words: list[str] = []
        self._quote = ""
        self._depths = [0, 0, 0]

    @property
    def is_open(self) -> bool:
        return bool(self._quote) or any(self._depths)

    def glue(self, text: str) -> None:
        if not self.words:
            self.words.append("")
        self.words[-1] += text

    def take_line(self, line: str) -> bool:
        """Take one line; say whether it ends in a continuation."""
        continues = False
        for index, token in enumerate(line.split(" ")):
            if not token and index:
                self.glue(" ")
            elif token == "\\" and not self._quote:
                continues = True
            else:
                self._take(token, is_first=index == 0)
        return continues

    def _take(self, token: str, *, is_first: bool) -> None:
        was_quoted, was_in_block = bool(self._quote), any(self._depths)
        self._quote = _quote_after(token, self._quote)
        placed = False
        if self._quote and not was_quoted and not was_in_block:
            self.words.append(token)
            placed = True
        elif was_in_block or self._quote or was_quoted:
            spacer = "" if is_first else " "
            self.glue(token if is_first and was_quoted else spacer + token)
            placed = True
        for index, (opening, closing) in enumerate(_BLOCKS):
            before = self._depths[index]
            change = token.count(opening) - token.count(closing)
            self._depths[index] = max(0, before + change)
            if self._depths[index] != before and not placed:
                self.words.append(token)
                placed = True
        if not self.is_open and not placed and token:
            self.words.append(token)


def _quote_after(token: str, quote: str) -> str:
    before = ""
    for char in token:
        if char in "'\"" and before != "\\":
            if not quote:
                quote = char
            elif char == quote:
                quote = ""
        before = char
    return quote


def _separator(word: str) -> int | None:
    """Return where the first ``=`` stands that is neither first nor escaped."""
    position = word.find("=", 1)
    while position > 0 and word[position - 1] == "\\":
        position = word.find("=", position + 1)
    return position if position > 0 else None


def _decode(word: str, *, option: str) -> str:
    try:
        return _ESCAPE.sub(lambda match: codecs.decode(match.group(), "unicode-escape"), word)
    except UnicodeDecodeError as exc:
        raise InvalidInput(f"{option}: {word!r} holds an escape that means no character") from exc


def _unquote(value: str) -> str:
    is_quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "'\""
    return value[1:-1] if is_quoted and value[-2] != "\\" else value


def _join(words: list[str]) -> str:
    joined = ""
    for word in words:
        joined += word if not joined or joined.endswith("\n") else " " + word
    return joined
