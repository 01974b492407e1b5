# Copyright (c) 2026 the rediacc authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Replace known secret values in text, also in the encodings in which they commonly appear.

What is masked: the value itself, JSON, Python and shell escapes of it, its base64 (at any
alignment), hexadecimal, URL and HTML encodings in either case; of a value with several lines each
line of at least eight characters too (the first thousand). What is not: values shorter than four
characters, booleans and nulls, numbers of fewer than six digits (masking those would blacken
ordinary output), and any other transformation (a digest, a reversed or split value).

Known limit: this is a second line of defence behind not printing secrets at all.
"""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Iterable, Mapping
from urllib.parse import quote, quote_plus

MASK = "********"
MINIMUM_LENGTH = 4
MINIMUM_LINE = 8
MINIMUM_DIGITS = 6
MINIMUM_BASE64 = 6
# Beyond these a value is no password or key but a document; masking must stay quick.
MAXIMUM_LINES = 1000
MAXIMUM_ENCODED = 1 << 16

_WORDS = frozenset(("true", "false", "yes", "no", "on", "off", "null", "none"))
_NUMBER = re.compile(r"[-+]?[0-9]*\.?[0-9]+(?:[eE][-+]?[0-9]+)?")
_PERCENT = re.compile("%[0-9A-F]{2}")
_UNICODE = re.compile(r"\\u([0-9a-f]{4})")
_BREAK = r"(?:\n|\\{1,4}n)?"
_CUT = re.compile(_BREAK + r"\[\.\.\. \d+ bytes cut by rediacc \.\.\.\]" + _BREAK)


def is_maskable(value: str) -> bool:
    """Whether a value is distinctive enough to be replaced wherever it appears."""
    if len(value) < MINIMUM_LENGTH or value.lower() in _WORDS:
        return False
    if _NUMBER.fullmatch(value):
        return sum(character.isdigit() for character in value) >= MINIMUM_DIGITS
    return True


def values_of(text: str) -> list[str]:
    """Return what of a secret text is masked: the whole, and its lines where it has several."""
    whole = text.strip()
    found = [whole] if is_maskable(whole) else []
    if "\n" in whole:
        lines = (line.strip() for line in whole.split("\n", MAXIMUM_LINES)[:MAXIMUM_LINES])
        found += [line for line in lines if len(line) >= MINIMUM_LINE and is_maskable(line)]
    return found


def encodings_of(value: str) -> set[str]:
    """Return the value and the other spellings under which it is masked."""
    raw = value.encode("utf-8", "surrogateescape")
    if len(value) > MAXIMUM_ENCODED:
        return {value, json.dumps(value)[1:-1]}
    spellings = {
        value,
        repr(value)[1:-1],
        repr(raw)[2:-1],
        *_shell_quoted(value),
        value.replace("'", "'\\''"),
        value.replace("'", "''"),
    }
    # Results are JSON in output, and often hold JSON or quoted commands themselves.
    for _depth in range(2):
        spellings |= {json.dumps(each)[1:-1] for each in spellings}
    # At -vvv Ansible shows a module's answer as Python bytes; with both quotes in it, Python
    # escapes the single ones.
    spellings |= {repr('"' + each)[2:-1] for each in spellings}
    spellings.add(repr(b'"' + raw)[3:-1])
    spellings |= {
        json.dumps(value, ensure_ascii=False)[1:-1],
        raw.hex(),
        raw.hex().upper(),
        html.escape(value),
        html.escape(value, quote=False),
    }
    for quoted in (quote(raw, safe=""), quote(raw), quote_plus(raw)):
        spellings |= {quoted, _PERCENT.sub(lambda found: found[0].lower(), quoted)}
    escaped = json.dumps(value)[1:-1]
    spellings |= {
        escaped.replace("/", "\\/"),
        _UNICODE.sub(lambda found: "\\u" + found[1].upper(), escaped),
    }
    for encoded in _base64_cores(raw):
        spellings |= {encoded, encoded.replace("+", "-").replace("/", "_")}
    return {each for each in spellings if len(each) >= MINIMUM_LENGTH}


def _shell_quoted(value: str) -> Iterable[str]:
    """Yield the value as it stands in a command that is quoted for a shell once or more.

    At -vvv Ansible shows a task's environment in a command for a shell in a command for ssh.
    """
    for _depth in range(3):
        value = value.replace("'", "'\"'\"'")
        yield value


def _base64_cores(raw: bytes) -> Iterable[str]:
    """Yield the base64 of the value, and its unchanging part at each of three alignments."""
    yield base64.b64encode(raw).decode("ascii")
    for offset, skip in ((0, 0), (1, 2), (2, 3)):
        encoded = base64.b64encode(b"\0" * offset + raw).decode("ascii")
        unsure = {0: 0, 1: 3, 2: 2}[(offset + len(raw)) % 3]
        core = encoded[skip : len(encoded) - unsure]
        if len(core) >= MINIMUM_BASE64:
            yield core


class Masker:
    """Knows secret values and replaces them in text and data."""

    def __init__(self) -> None:
        self._values: set[str] = set()
        self._spellings: set[str] = set()
        self._longest = 0

    def learn(self, text: str) -> list[str]:
        """Learn a secret text; return the values in it that were not known before."""
        fresh = [value for value in values_of(text) if value not in self._values]
        if fresh:
            # New sets, because another thread may be going through the old ones.
            self._spellings = self._spellings.union(*(encodings_of(value) for value in fresh))
            self._values = self._values.union(fresh)
            self._longest = max(len(spelling) for spelling in self._spellings)
        return fresh

    def knows(self, text: str) -> bool:
        """Whether everything maskable in the text is known already."""
        return all(value in self._values for value in values_of(text))

    def mask(self, text: str) -> str:
        """Return the text with each known value replaced, also where a cut left part of one."""
        if not self._spellings or not text:
            return text
        spans = self._whole_spans(text)
        if "bytes cut by rediacc" in text:
            for mark in _CUT.finditer(text):
                spans += self._edge_spans(text, mark.start(), mark.end())
        return _replace(text, spans)

    def mask_bytes(self, data: bytes) -> bytes:
        """Return the bytes, masked as text; what is not UTF-8 passes unchanged."""
        return self.mask(data.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape")

    def mask_data(self, data: object) -> object:
        """Return plain data with each text in it masked, keys and long numbers included."""
        if isinstance(data, str):
            return self.mask(data)
        if isinstance(data, bytes):
            return self.mask_bytes(data)
        if isinstance(data, Mapping):
            return {self.mask_data(key): self.mask_data(value) for key, value in data.items()}
        if isinstance(data, (list, tuple, set, frozenset)):
            return [self.mask_data(item) for item in data]
        if isinstance(data, (int, float)) and not isinstance(data, bool):
            return MASK if str(data) in self._values else data
        return data

    def held_back(self, text: str) -> int:
        """Return how many characters at the end of the text may begin a known value."""
        return self._open_end(text, minimum=1)

    def _whole_spans(self, text: str) -> list[tuple[int, int]]:
        spans = []
        for spelling in self._spellings:
            at = text.find(spelling)
            while at >= 0:
                spans.append((at, at + len(spelling)))
                at = text.find(spelling, at + 1)
        return spans

    def _edge_spans(self, text: str, start: int, end: int) -> list[tuple[int, int]]:
        before = self._open_end(text[max(0, start - self._longest) : start], MINIMUM_LENGTH)
        after = self._open_start(text[end : end + self._longest], MINIMUM_LENGTH)
        return [span for span in ((start - before, start), (end, end + after)) if span[0] < span[1]]

    def _open_end(self, text: str, minimum: int) -> int:
        """Return the length of the longest end of the text that is a spelling's beginning."""
        longest = 0
        for spelling in self._spellings:
            anchor = spelling[:minimum]
            at = text.find(anchor, max(0, len(text) - len(spelling) + 1))
            while at >= 0 and not spelling.startswith(text[at:]):
                at = text.find(anchor, at + 1)
            if at >= 0:
                longest = max(longest, len(text) - at)
        return longest

    def _open_start(self, text: str, minimum: int) -> int:
        """Return the length of the longest beginning of the text that is a spelling's end."""
        longest = 0
        for spelling in self._spellings:
            anchor = spelling[-minimum:]
            at = text.rfind(anchor, 0, len(spelling) - 1)
            while at >= 0 and not spelling.endswith(text[: at + minimum]):
                at = text.rfind(anchor, 0, at + minimum - 1)
            if at >= 0:
                longest = max(longest, at + minimum)
        return longest


def _replace(text: str, spans: list[tuple[int, int]]) -> str:
    """Replace the spans; those that touch or overlap become one mask."""
    if not spans:
        return text
    parts, done, reach = [], 0, -1
    for start, end in sorted(spans):
        if start > reach:
            parts += [text[done:start], MASK]
        reach = max(reach, end)
        done = reach
    parts.append(text[done:])
    return "".join(parts)
