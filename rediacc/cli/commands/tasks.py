"""``list tasks|queue``, ``inspect task`` and what changes tasks that exist."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import click

from rediacc.cli.completing import (
    complete_levels,
    complete_machines,
    complete_named_tasks,
    complete_states,
    complete_tasks,
)
from rediacc.cli.options import (
    answer_options,
    display_options,
    retry_options,
    schedule_options,
    team_option,
    yes_option,
)
from rediacc.cli.session import Session
from rediacc.errors import InvalidInput

__all__ = [
    "cancel_task",
    "inspect_task",
    "list_queue",
    "list_steps",
    "list_tasks",
    "release_task",
    "retry_task",
    "update_task",
]

STATES = ("pending", "running", "succeeded", "failed", "cancelled")


def _filter_options(function: Any) -> Any:
    for decorate in reversed(
        (
            team_option,
            click.option(
                "-p", "--priority", metavar="LEVEL", shell_complete=complete_levels,
                help="Only this level.",
            ),
            click.option(
                "-m", "--machine", metavar="NAME", shell_complete=complete_machines,
                help="Only tasks of this machine.",
            ),
            click.option("--label", "labels", multiple=True, metavar="K=V", help="Only so marked."),
            click.option("--by", "created_by", metavar="NAME", help="Only this person's."),
            click.option(
                "--named", metavar="NAME", shell_complete=complete_named_tasks,
                help="Only of this named task.",
            ),
            click.option(
                "-n", "--limit", type=click.IntRange(1, 100_000), default=50, metavar="N",
                show_default=True, help="At most so many, counted after the filters.",
            ),
        )
    ):  # fmt: skip
        function = decorate(function)
    return function


_state_option = click.option(
    "--state",
    "--status",
    "states",
    multiple=True,
    metavar="STATE",
    shell_complete=complete_states,
    help="pending, running, succeeded, failed, cancelled; may be repeated.",
)


@click.command(
    "tasks",
    epilog="\b\nExamples:\n  rediacc list tasks --failed\n"
    "  rediacc list tasks --team prod --state running -o json",
)
@_state_option
@click.option("--failed", is_flag=True, help="Short for --state failed.")
@click.option("--archived", is_flag=True, help="Those that were moved to the archive.")
@click.option(
    "--origin",
    type=click.Choice(("queue", "hand")),
    help="Only queued ones, or only plays that were started by hand.",
)
@_filter_options
@display_options
@click.pass_obj
def list_tasks(
    session: Session, /, *, failed: bool, archived: bool, origin: str | None, **options: Any
) -> None:
    """List tasks, newest first."""
    from rediacc.cli.listing import print_tasks

    if failed:
        options["states"] = (*options["states"], "failed")
    print_tasks(session, options, is_queue=False, is_archived=archived, origin=origin)


@click.command("queue", epilog="\b\nExample:\n  rediacc list queue --team prod")
@_state_option
@_filter_options
@display_options
@click.pass_obj
def list_queue(session: Session, /, **options: Any) -> None:
    """List pending tasks in the order in which they start."""
    from rediacc.cli.listing import print_tasks

    print_tasks(session, options, is_queue=True)


@click.command(
    "steps",
    epilog="\b\nExamples:\n  rediacc list steps 42\n  rediacc list steps 42 --failed -o json",
)
@click.argument("task_id", metavar="ID", shell_complete=complete_tasks)
@click.option(
    "-m",
    "--machine",
    metavar="NAME",
    shell_complete=complete_machines,
    help="Only on this machine.",
)
@click.option("--attempt", type=click.IntRange(1), metavar="N", help="Only of this attempt.")
@click.option(
    "--status",
    "statuses",
    multiple=True,
    metavar="STATUS",
    help="ok, changed, failed, unreachable, skipped, ignored, rescued; may be repeated.",
)
@click.option("--failed", is_flag=True, help="Short for --status failed,unreachable.")
@display_options
@click.pass_obj
def list_steps(
    session: Session,
    /,
    *,
    task_id: str,
    machine: str | None,
    attempt: int | None,
    statuses: tuple[str, ...],
    failed: bool,
    **display: Any,
) -> None:
    """List what each Ansible task of a playbook did on each machine."""
    from rediacc.cli.listing import print_steps, step_statuses
    from rediacc.requests import StepFilter

    request = StepFilter(
        id=task_id,
        attempt=attempt,
        machine=machine,
        statuses=step_statuses(statuses, is_failed=failed),
    )
    print_steps(session, session.view(**display), request)


@click.command("task", epilog="\b\nExample:\n  rediacc inspect task 42")
@click.argument("ids", nargs=-1, required=True, metavar="ID...", shell_complete=complete_tasks)
@answer_options
@click.pass_obj
def inspect_task(
    session: Session, /, *, ids: tuple[str, ...], output: str | None, quiet: bool
) -> None:
    """Show all about tasks: policy and its origin, attempts, results, timeline, why they wait."""
    from rediacc.cli.listing import print_details
    from rediacc.cli.waiting import task_ids

    print_details(session, session.view(output=output, quiet=quiet), task_ids(ids))


@click.command(
    "task",
    epilog="\b\nExamples:\n  rediacc update task 42 --priority high\n"
    "  rediacc update task 42 --retry-count 3 --retry-delay 30s",
)
@click.argument("ids", nargs=-1, metavar="[ID...]", shell_complete=complete_tasks)
@schedule_options
@retry_options
@answer_options
@click.pass_obj
def update_task(
    session: Session,
    /,
    *,
    ids: tuple[str, ...],
    priority: str | None,
    timeout: str | None,
    not_before: str | None,
    output: str | None,
    quiet: bool,
    **retry: Any,
) -> int:
    """Change the level, the times or the retry policy of pending tasks.

    The taskId in the JSON of --retry selects the task when no ID is given.
    """
    from rediacc.cli.changing import change_tasks, update_request

    request = update_request(
        session,
        ids,
        priority=priority,
        timeout=timeout,
        not_before=not_before,
        retry_options=retry,
        now=datetime.now(UTC),
    )
    view = session.view(output=output, quiet=quiet)
    return change_tasks(session, view, "task.update", request)


@click.command("task", epilog="\b\nExample:\n  rediacc cancel task 41 42")
@click.argument("ids", nargs=-1, required=True, metavar="ID...", shell_complete=complete_tasks)
@yes_option
@answer_options
@click.pass_obj
def cancel_task(
    session: Session, /, *, ids: tuple[str, ...], yes: bool, output: str | None, quiet: bool
) -> int:
    """Cancel tasks. What runs of them is stopped before they count as cancelled."""
    from rediacc.cli.changing import change_tasks, ids_request

    # Naming the tasks is the consent; the flag is accepted because other tools want it.
    del yes
    view = session.view(output=output, quiet=quiet)
    return change_tasks(session, view, "task.cancel", ids_request(ids))


@click.command("task", epilog="\b\nExample:\n  rediacc retry task 42")
@click.argument("ids", nargs=-1, required=True, metavar="ID...", shell_complete=complete_tasks)
@answer_options
@click.pass_obj
def retry_task(
    session: Session, /, *, ids: tuple[str, ...], output: str | None, quiet: bool
) -> int:
    """Queue failed or cancelled tasks again, for the machines that did not succeed."""
    from rediacc.cli.changing import change_tasks, ids_request

    view = session.view(output=output, quiet=quiet)
    return change_tasks(session, view, "task.retry", ids_request(ids))


@click.command("task", epilog="\b\nExample:\n  rediacc release task 42 --retry")
@click.argument("ids", nargs=-1, required=True, metavar="ID...", shell_complete=complete_tasks)
@click.option("--retry", "is_retried", is_flag=True, help="Queue it again.")
@click.option("--fail", "is_failed", is_flag=True, help="Let it be failed.")
@click.option(
    "--action",
    type=click.Choice(("retry", "fail")),
    help="The same, for scripts.",
)
@answer_options
@click.pass_obj
def release_task(
    session: Session,
    /,
    *,
    ids: tuple[str, ...],
    is_retried: bool,
    is_failed: bool,
    action: str | None,
    output: str | None,
    quiet: bool,
) -> int:
    """Decide what becomes of held tasks, whose started run has an unknown end."""
    from rediacc.cli.changing import change_tasks, release_request

    wishes = (action, "retry" if is_retried else None, "fail" if is_failed else None)
    given = {wish for wish in wishes if wish is not None}
    if len(given) != 1:
        raise InvalidInput(
            "what becomes of the task? Its command may have run",
            hint="--retry runs it again, --fail does not; give one of them",
        )
    view = session.view(output=output, quiet=quiet)
    return change_tasks(session, view, "task.release", release_request(ids, given.pop()))
