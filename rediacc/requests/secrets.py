"""What operations on secrets take."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from rediacc.values import SecretScope

__all__ = ["SecretDelete", "SecretFilter", "SecretRef", "SecretSet"]


@dataclass(frozen=True, kw_only=True)
class SecretRef:
    """One secret: ``secret.get``.

    :param scope: ``None`` where its name is in one scope only.
    """

    name: str
    team: str | None = None
    scope: SecretScope | None = None


@dataclass(frozen=True, kw_only=True)
class SecretDelete(SecretRef):
    """``secret.delete``.

    :param missing_ok: that the team has no such secret is no error.
    :param dry_run: say what would change, and change nothing.
    """

    missing_ok: bool = False
    dry_run: bool = False


@dataclass(frozen=True, kw_only=True)
class SecretSet:
    """``secret.set``.

    :param scope: ``None`` keeps that of a secret that exists; a new one is for playbooks.
    :param previous: what the caller saw before, for an edit; ``None`` for anything. It takes the
        right to read the secret.
    :param if_different: write nothing where the secret has this value already. Who may not read
        the secret is not told: for them it is written in any case.
    :param dry_run: say what would change, and change nothing.
    """

    name: str
    value: str = field(repr=False)
    team: str | None = None
    scope: SecretScope | None = None
    previous: Any = field(default=None, repr=False)
    if_different: bool = False
    dry_run: bool = False


@dataclass(frozen=True, kw_only=True)
class SecretFilter:
    """``secret.list``; empty fields do not filter."""

    team: str | None = None
    scope: SecretScope | None = None
