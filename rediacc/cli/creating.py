"""What ``create task`` does once its options are read."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from rediacc.cli.announce import announce, announce_plan, tell_about
from rediacc.cli.attend import Wish, attend
from rediacc.cli.parse_times import parse_duration
from rediacc.cli.requesting import task_request
from rediacc.cli.session import Session, View
from rediacc.errors import ExitCode, InvalidInput
from rediacc.views import Created

__all__ = ["create", "wish_from_options"]


def create(
    session: Session,
    view: View,
    options: dict[str, Any],
    *,
    is_dry_run: bool,
    wait: bool,
    wait_timeout: str | None,
    exit_code: bool,
    exit_status: str,
) -> int:
    """Queue a task, or show what would be queued; wait for its end where that is wished."""
    if not wait and (wait_timeout is not None or exit_code or exit_status != "task"):
        raise InvalidInput("--wait-timeout, --exit-code and --exit-status belong to --wait")
    if wait and is_dry_run:
        raise InvalidInput("--dry-run queues nothing, so there is nothing to --wait for")
    wish = wish_from_options(options, wait_timeout, exit_code, exit_status)
    now = datetime.now(UTC)
    request = task_request(session, options, now=now, is_dry_run=is_dry_run)
    with session.open_office() as office:
        created: Created = office.perform("task.create", request)
        now = datetime.now(UTC)
        if is_dry_run:
            announce_plan(view, created, now=now)
            return int(ExitCode.DONE)
        if not wait or view.is_for_people or view.output == "name":
            announce(session, view, created, now=now)
        else:
            tell_about(session, created)
        return attend(session, view, office, created, wish) if wait else int(ExitCode.DONE)


def wish_from_options(
    options: dict[str, Any], wait_timeout: str | None, exit_code: bool, exit_status: str
) -> Wish:
    """Return what the options say of the wait.

    :raises InvalidInput: they cannot be meant.
    """
    if exit_code and not options["check"] and options["named"] is None:
        raise InvalidInput("--exit-code belongs to --check")
    seconds = (
        None
        if wait_timeout is None
        else parse_duration(wait_timeout, option="--wait-timeout", allow_zero=True)
    )
    return Wish(
        wait_timeout_seconds=seconds,
        finds_changes=exit_code,
        wants_remote=exit_status == "remote",
    )
