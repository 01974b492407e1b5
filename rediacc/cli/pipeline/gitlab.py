"""GitLab CI: sections of the log.

After docs.gitlab.com, "Custom collapsible sections". Outcomes by machine reach a merge request as
the JUnit file that ``--junit`` writes.
"""

from __future__ import annotations

from collections.abc import Callable

from rediacc.cli.neutral import one_line

__all__ = ["GitLabMarks"]

_ESCAPE = "\x1b[0K"


class GitLabMarks:
    """Sections, with the times between which they lasted.

    :param clock: gives seconds since 1970.
    :param name: what the sections' names begin with: letters, digits, ``_``, ``.``, ``-``.
    """

    def __init__(self, clock: Callable[[], float], *, name: str = "rediacc") -> None:
        self._clock = clock
        self._name = name

    def begin(self, title: str, number: int, /) -> str:
        """Return what begins a section; nothing with an empty title."""
        if not title:
            return ""
        return f"{self._mark('start', number)}{one_line(title)}\n"

    def end(self, title: str, number: int, /) -> str:
        """Return what ends it."""
        return f"{self._mark('end', number)}\n" if title else ""

    def _mark(self, what: str, number: int) -> str:
        moment = int(self._clock())
        return f"{_ESCAPE}section_{what}:{moment}:{self._name}_{number}\r{_ESCAPE}"
