"""What operations on secrets take."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from rediacc.values import SecretScope

__all__ = ["SecretFilter", "SecretRef", "SecretSet"]


@dataclass(frozen=True, kw_only=True)
class SecretRef:
    """One secret: ``secret.get``, ``secret.delete``.

    :param scope: ``None`` where its name is in one scope only.
    """

    name: str
    team: str | None = None
    scope: SecretScope | None = None


@dataclass(frozen=True, kw_only=True)
class SecretSet:
    """``secret.set``.

    :param scope: ``None`` keeps that of a secret that exists; a new one is for playbooks.
    :param previous: what the caller saw before, for an edit; ``None`` for anything.
    """

    name: str
    value: str = field(repr=False)
    team: str | None = None
    scope: SecretScope | None = None
    previous: Any = field(default=None, repr=False)


@dataclass(frozen=True, kw_only=True)
class SecretFilter:
    """``secret.list``; empty fields do not filter."""

    team: str | None = None
    scope: SecretScope | None = None
