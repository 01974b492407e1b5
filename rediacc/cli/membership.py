"""What the commands on members share."""

from __future__ import annotations

import click

from rediacc.cli.parse_times import parse_duration
from rediacc.cli.render.output import print_item
from rediacc.cli.render.people import role_words
from rediacc.cli.session import Session, View
from rediacc.views import MemberView

__all__ = ["expiry", "print_member"]


def expiry(text: str | None) -> float | None:
    """Return the seconds that ``--expires-in`` means."""
    return None if text is None else parse_duration(text, option="--expires-in")


def print_member(session: Session, view: View, member: MemberView, what: str) -> None:
    """Print what became of a member; a new token alone on standard output."""
    for note in member.notes:
        session.tell(f"note: {note}")
    line = f"member {member.name} {what}: {role_words(member)}"
    if member.token is not None and view.is_for_people and not view.is_quiet:
        session.tell(f"{line}\nThe token is shown this once; REDIACC_TOKEN makes a process use it.")
        click.echo(member.token)
        return
    if member.token is not None and (view.is_quiet or view.output == "name"):
        click.echo(member.token)
        return
    print_item(view, member, kind="member", name=member.name, lines=lambda: [line])
