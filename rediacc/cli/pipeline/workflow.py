"""Text that a runner of pipelines cannot take for its commands.

GitHub's runner obeys lines of a job's output: one that begins, after any space, with ``::name``,
and the older ``##[name]`` anywhere in a line; it takes a carriage return for the end of a line.
GitLab's obeys ``section_start:…`` and ``section_end:…`` that a carriage return and an escape
sequence follow. :func:`rediacc.neutral.neutral` makes carriage returns and escapes visible; what is
left is done here.
"""

from __future__ import annotations

import re

from rediacc.cli.neutral import neutral

__all__ = ["Lines", "harmless"]

_OLD_COMMAND = "##["
_COMMAND = re.compile(r"^([^\S\n]*):(?=:)", re.MULTILINE)
# A line that does not end is printed at last in parts of this size.
_LONGEST_PART = 64 * 1024


def harmless(text: str) -> str:
    """Return whole lines that neither a terminal nor a runner can obey."""
    shown = neutral(text).replace(_OLD_COMMAND, "#\\x23[")
    return _COMMAND.sub(r"\1\\x3a", shown)


class Lines:
    """Puts pieces of output together to whole lines, for a command may come in two pieces."""

    def __init__(self) -> None:
        self._rest = ""

    def add(self, piece: str) -> str:
        """Take a piece; return the lines that are whole now, harmless, each with its end."""
        whole, found, rest = (self._rest + piece).rpartition("\n")
        self._rest = rest
        if len(rest) > _LONGEST_PART:
            return harmless(f"{whole}{found}") + self.end()
        return harmless(whole) + "\n" if found else ""

    def end(self) -> str:
        """Return what has not ended with a line break, as a line; empty where there is nothing."""
        rest, self._rest = self._rest, ""
        return f"{harmless(rest)}\n" if rest else ""
