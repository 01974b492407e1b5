"""The checks, one after the other readable: what each shows and on which versions."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from ansible_test import ansible_test
from environments import CORES
from places import copied_tree


@dataclass(frozen=True, kw_only=True)
class Step:
    """One check.

    ``check`` gets the log and what the caller selected, and returns one line with figures.
    """

    name: str
    check: Callable
    may_fail: bool = False
    select: tuple[str, ...] = field(default=())


def sanity(core):
    """ansible-test sanity over the whole repository, with every Python that it asks for."""

    def check(log, select):
        with copied_tree() as tree:
            output = ansible_test(CORES[core], tree, ["sanity", "--color", "no", *select], log)
        tests = set(re.findall(r'Running sanity test "([^"]+)"', output))
        pythons = set(re.findall(r"on Python (\d\.\d+)", output))
        numbers = sorted(pythons, key=lambda version: int(version.partition(".")[2]))
        return f"{len(tests)} tests, Python {' '.join(numbers)}"

    return Step(name=f"sanity-{core}", check=check, may_fail=CORES[core].may_fail)


STEPS = (
    sanity("2.21"),
    sanity("2.19"),
    sanity("2.20"),
    sanity("2.22"),
)
