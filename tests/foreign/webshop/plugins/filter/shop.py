"""Harbour's own filters."""

from __future__ import annotations


def shop_hosts(names: list[str], domain: str) -> str:
    """Full names, comma separated."""
    return ",".join(f"{name}.{domain}" for name in sorted(names)) or "-"


class FilterModule:
    def filters(self):
        return {"shop_hosts": shop_hosts}
