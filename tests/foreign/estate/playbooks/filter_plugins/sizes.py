"""Sizes for people."""

from __future__ import annotations


class FilterModule:
    def filters(self):
        return {"count_of": lambda number, noun: f"{number} {noun}{'' if number == 1 else 's'}"}
