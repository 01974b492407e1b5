"""Text from machines, made harmless for a terminal and for messages.

Control characters can move the cursor, rewrite what was printed, or change the window's title;
bidirectional overrides can make a line read as another. They are shown as visible escapes.
Values in the database stay as they were.
"""

from __future__ import annotations

import re

__all__ = ["neutral", "one_line"]

# C0 but tab and newline, DEL, C1, bidirectional marks and overrides, line and paragraph
# separators, the byte order mark, tags, and surrogates (bytes that were not UTF-8).
_HARMFUL = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff"
    "\ud800-\udfff\U000e0000-\U000e007f]"
)


def neutral(text: str) -> str:
    """Return `text` with everything that a terminal could obey as visible escapes."""
    return _HARMFUL.sub(_escape, text)


def one_line(text: str) -> str:
    """Return `text` neutralised on one line: newlines and tabs are escapes too."""
    return neutral(text).replace("\n", "\\n").replace("\t", "\\t")


def _escape(match: re.Match[str]) -> str:
    number = ord(match.group())
    if number <= 0xFF:
        return f"\\x{number:02x}"
    # A byte that was not UTF-8 shows as the byte that it was.
    if 0xDC80 <= number <= 0xDCFF:
        return f"\\x{number - 0xDC00:02x}"
    return f"\\u{number:04x}" if number <= 0xFFFF else f"\\U{number:08x}"
