"""Placing a task that is for any of several machines, in the transaction that accepts it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sqlalchemy import Connection

from rediacc.errors import InvalidInput
from rediacc.monitoring.placement import Outlook, place, read_outlook
from rediacc.operations.compose import Composed
from rediacc.queue.submit import find_existing
from rediacc.values import Kind

__all__ = ["outlook_for", "placed", "placement_notes"]


def outlook_for(call: Any, composed: Composed) -> Outlook:
    """Return how the machines are that a task may be placed on, read before its transaction."""
    if composed.any_count is None:
        return Outlook()
    with call.database.read() as connection:
        return read_outlook(connection, call.settings, composed.task.team, now=call.now)


def placed(composed: Composed, connection: Connection, outlook: Outlook) -> Composed:
    """Return `composed` for the machines that are chosen now; others as they are.

    What was submitted before in the same transaction counts, so that many tasks spread.

    :raises InvalidInput: the target matches no machine.
    :raises Conflict: too few of the machines can take work.
    """
    number, task = composed.any_count, composed.task
    if number is None or find_existing(connection, task) is not None:
        return composed  # what was accepted before keeps its place
    if not task.machines:
        raise InvalidInput("--any: the target matches no machine")
    placement = place(connection, outlook, task.team, task.machines, number=number)
    chosen = tuple(one.machine for one in placement if one.is_chosen)
    # The target is these names now: a pattern behind them would mean the others too.
    is_playbook = task.kind is Kind.PLAYBOOK
    request = {**task.request, "patterns": [], "limit": ",".join(chosen) if is_playbook else None}
    return replace(
        composed,
        task=replace(task, machines=chosen, request=request),
        placement=placement,
    )


def placement_notes(composed: Composed) -> tuple[str, ...]:
    """Return the lines that tell the person who asked where the task was placed, and why."""
    return tuple(
        f"placed on {one.machine}: {one.reason}" for one in composed.placement if one.is_chosen
    )
