"""How panels share the screen: pure sums, so that they hold at every size."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

__all__ = ["Wish", "column_widths", "share_rows"]


class Wish(NamedTuple):
    """How many rows a panel could fill, and how many it must have."""

    wanted: int
    least: int = 1


def share_rows(available: int, wishes: Sequence[Wish], *, favourite: int | None) -> list[int]:
    """Return the height of each panel, in order; together never more than `available`.

    Each gets its least first, then `favourite` gets all that it wants of the rest but what keeps
    the others readable, then the rest goes round row by row.
    """
    heights = [0] * len(wishes)
    left = available
    order = list(range(len(wishes)))
    if favourite is not None:
        order.sort(key=lambda index: index != favourite)
    for index in order:
        heights[index] = min(wishes[index].least, left)
        left -= heights[index]
    readable = [min(wish.wanted, 3) for wish in wishes]
    left = _fill(heights, readable, left, order)
    if favourite is not None:
        more = min(left, max(0, wishes[favourite].wanted - heights[favourite]))
        heights[favourite] += more
        left -= more
    left = _fill(heights, [wish.wanted for wish in wishes], left, order)
    if wishes:
        # Nobody wants it: the last one grows below what it has to show.
        heights[-1] += left
    return heights


def _fill(heights: list[int], targets: Sequence[int], left: int, order: Sequence[int]) -> int:
    while left > 0:
        hungry = [index for index in order if heights[index] < targets[index]]
        if not hungry:
            break
        for index in hungry[:left]:
            heights[index] += 1
        left -= min(left, len(hungry))
    return left


def column_widths(
    natural: Sequence[int], *, flexible: Sequence[bool], available: int, gap: int
) -> list[int]:
    """Return the width of each column; 0 for those that have no room.

    Fixed columns keep their natural width; the flexible ones share the rest, and none takes more
    than it needs while another has too little. Columns at the end give way first.

    :param natural: the longest text of each column.
    :param gap: spaces between two columns.
    """
    widths = list(natural)
    shown = len(widths)
    least = [min(size, 8) if flexible[index] else size for index, size in enumerate(widths)]
    while shown > 1 and sum(least[:shown]) + gap * (shown - 1) > available:
        shown -= 1
    room = available - gap * (shown - 1)
    for index in range(shown, len(widths)):
        widths[index] = 0
    room -= sum(widths[index] for index in range(shown) if not flexible[index])
    elastic = [index for index in range(shown) if flexible[index]]
    # The smallest wish first: what it leaves over goes to the larger ones.
    for position, index in enumerate(sorted(elastic, key=lambda index: natural[index])):
        widths[index] = min(natural[index], max(0, room // (len(elastic) - position)))
        room -= widths[index]
    return widths
