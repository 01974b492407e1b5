"""What operations on secrets answer."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from rediacc.values import SecretScope

__all__ = ["SecretChange", "SecretValue", "SecretView"]


@dataclass(frozen=True, kw_only=True)
class SecretView:
    """A secret by its name: never its value.

    :param name: empty for a vault file that cannot be opened; `error` says why.
    :param path: its file, relative to the home where it lies there.
    :param set_at: when rediacc set it; ``None`` for what came with the repository.
    """

    name: str
    team: str
    scope: SecretScope
    path: str
    set_at: datetime | None = None
    set_by: str = ""
    error: str = ""


@dataclass(frozen=True, kw_only=True)
class SecretChange(SecretView):
    """A secret that was set or deleted, and whether that changed it or, in a dry run, would."""

    changed: bool
    is_dry_run: bool = False


@dataclass(frozen=True, kw_only=True)
class SecretValue:
    """A secret with its value: a text, or, for a variable of a repository's own, any data."""

    name: str
    team: str
    scope: SecretScope
    value: Any = field(repr=False)
