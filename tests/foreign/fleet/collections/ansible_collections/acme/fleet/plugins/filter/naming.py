"""Names of machines."""

from __future__ import annotations


def short_name(name: str) -> str:
    """The first label and the environment: ``app1.prod``."""
    return ".".join(name.split(".")[:2])


class FilterModule:
    def filters(self):
        return {"short_name": short_name}
