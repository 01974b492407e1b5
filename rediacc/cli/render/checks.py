"""What ``doctor`` found, for people: what needs them first, each with how to mend it below."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rediacc.cli.neutral import one_line
from rediacc.cli.render.words import count
from rediacc.views import Check

__all__ = ["check_lines"]


def check_lines(checks: Sequence[Check], *, shows_all: bool) -> Iterator[str]:
    """Yield warnings and failures, and how many checks passed.

    :param shows_all: whether what passed is shown too.
    """
    shown = [check for check in checks if shows_all or check.status != "pass"]
    width = max((len(check.name) for check in shown), default=0)
    for check in shown:
        yield f"{check.status:<4}  {one_line(check.name):<{width}}  {one_line(check.message)}"
        if check.fix and check.status != "pass":
            yield f"{'':<4}  {'':<{width}}  mend: {one_line(check.fix)}"
    passed = sum(check.status == "pass" for check in checks)
    hint = "" if shows_all or not passed else " (-o wide shows them)"
    yield f"{count(passed, 'check')} passed{hint}"
