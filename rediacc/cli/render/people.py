"""Members, permissions, the caller and the audit as people see them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from rediacc.cli.render.table import Column
from rediacc.cli.render.words import age, clock
from rediacc.views import AuditEntryView, CallerView, MemberView

__all__ = [
    "PERMISSION_COLUMNS",
    "audit_columns",
    "caller_lines",
    "member_columns",
    "role_words",
]

_LONGEST = 200


def role_words(member: MemberView | CallerView) -> str:
    """Return roles as ``owner``, ``prod=operator, staging=viewer`` or both."""
    words = [member.home_role] if member.home_role else []
    words += [f"{team}={role}" for team, role in sorted(member.teams.items())]
    return ", ".join(words) or "no role"


def member_columns(now: datetime) -> tuple[Column, ...]:
    """Return the columns of members, their ages as of `now`."""
    return (
        Column("name", lambda member: member.name),
        Column("kind", lambda member: member.kind),
        Column("roles", role_words),
        Column("expires", lambda member: "expired" if member.is_expired else _day(member)),
        Column("used", lambda member: age(member.used_at, now=now) or "never"),
        Column("created_by", lambda member: member.created_by, is_wide=True),
        Column("created_at", lambda member: clock(member.created_at), is_wide=True),
        Column("expires_at", lambda member: clock(member.expires_at), is_wide=True),
        Column("used_at", lambda member: clock(member.used_at), is_wide=True),
    )


PERMISSION_COLUMNS = (
    Column("operation", lambda one: one.operation),
    Column("scope", lambda one: one.scope),
    Column("permission", lambda one: one.permission),
    Column("roles", lambda one: ",".join(one.roles)),
)


def audit_columns() -> tuple[Column, ...]:
    """Return the columns of the audit's entries."""
    return (
        Column("seq", lambda entry: str(entry.seq), key=lambda entry: entry.seq),
        Column("at", lambda entry: clock(entry.at), key=lambda entry: entry.at_micros),
        Column("actor", lambda entry: entry.actor),
        Column("operation", lambda entry: entry.operation),
        Column("object", lambda entry: entry.object),
        Column("outcome", lambda entry: entry.outcome),
        Column("change", _change),
        Column("channel", lambda entry: entry.channel, is_wide=True),
        Column("before", lambda entry: _short(entry.before), is_wide=True),
        Column("after", lambda entry: _short(entry.after), is_wide=True),
        Column("detail", lambda entry: _short(entry.detail), is_wide=True),
        Column("hash", lambda entry: entry.hash, is_wide=True),
    )


def caller_lines(caller: CallerView) -> Iterator[str]:
    """Yield who the caller is, and how that is known."""
    yield f"you are   {caller.name}"
    yield f"roles     {role_words(caller)}"
    yield f"member    {caller.member or 'no: you act as the account that owns the home, or root'}"
    is_through_sudo = caller.proof == "account" and caller.name != caller.account
    through = ", reached through sudo" if is_through_sudo else ""
    yield f"known by  {_PROOFS[caller.proof]}{through}"
    yield f"account   {caller.account}"
    yield f"home      {caller.home}"
    if caller.is_bounded:
        yield "boundary  yes: you reach the account through rediacc only, as far as sudo is set so"
    elif caller.home_role != "owner":
        yield "boundary  no: whoever has this account can do without rediacc what the role denies"


_PROOFS = {
    "account": "the account of this process",
    "sudo": "sudo, which says who called it",
    "token": "the token in REDIACC_TOKEN",
}


def _change(entry: AuditEntryView) -> str:
    """Return what changed: only the fields that differ; of files, what their entry says."""
    before, after = entry.before, entry.after
    if not isinstance(before, dict) or not isinstance(after, dict):
        summary = entry.detail.get("summary")
        return _cut("; ".join(map(str, summary))) if isinstance(summary, list) else ""
    parts = [
        f"{name}: {_word(before.get(name))} -> {_word(after.get(name))}"
        for name in after
        if before.get(name) != after.get(name)
    ]
    return _cut("; ".join(parts))


def _word(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, default=str, ensure_ascii=False)


def _short(value: Any) -> str:
    return "" if value is None else _cut(_word(value))


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _day(member: MemberView) -> str:
    return "" if member.expires_at is None else clock(member.expires_at)[:10]
