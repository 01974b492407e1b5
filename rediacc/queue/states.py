"""The state machine of a task: which step may follow which. One place owns it.

::

    scheduled ─► ready ◄─► parked        waiting for its time; runnable; blocked by a resource
                   │
                claimed ─► started ─► succeeded | failed
                   │          ├─► scheduled (retry)
                   ▼          └─► held (its end is unknown) ─► ready | failed
                 ready
    scheduled, ready, parked ─► failed   it expired before it started
    any state that is not final ─► cancelled
    any of them ─► stopping ─► cancelled   an earlier attempt may have left something on machines

A final state changes only by a person's operation (``retry``).
"""

from __future__ import annotations

from rediacc.errors import Conflict
from rediacc.values import State

__all__ = ["ALLOWED", "require_allowed"]

_ENDS_BY_CANCEL = (State.STOPPING, State.CANCELLED)

ALLOWED: dict[State, frozenset[State]] = {
    State.SCHEDULED: frozenset({State.READY, State.FAILED, *_ENDS_BY_CANCEL}),
    State.WAITING: frozenset({State.READY, State.SCHEDULED, State.FAILED, *_ENDS_BY_CANCEL}),
    State.READY: frozenset(
        {State.PARKED, State.CLAIMED, State.SCHEDULED, State.FAILED, *_ENDS_BY_CANCEL}
    ),
    State.PARKED: frozenset({State.READY, State.SCHEDULED, State.FAILED, *_ENDS_BY_CANCEL}),
    State.CLAIMED: frozenset(
        {State.STARTED, State.READY, State.SCHEDULED, State.FAILED, *_ENDS_BY_CANCEL}
    ),
    State.STARTED: frozenset(
        {
            State.SUCCEEDED,
            State.FAILED,
            State.SCHEDULED,
            State.READY,
            State.HELD,
            State.DETACHED,
            *_ENDS_BY_CANCEL,
        }
    ),
    State.DETACHED: frozenset({State.SUCCEEDED, State.FAILED, State.HELD, *_ENDS_BY_CANCEL}),
    State.HELD: frozenset({State.READY, State.FAILED, *_ENDS_BY_CANCEL}),
    State.STOPPING: frozenset({State.CANCELLED}),
    State.SUCCEEDED: frozenset(),
    State.FAILED: frozenset({State.READY}),
    State.CANCELLED: frozenset({State.READY}),
}


def require_allowed(current: State, to: State) -> None:
    """Pass when a task may go from `current` to `to`.

    :raises Conflict: it may not.
    """
    if to not in ALLOWED[current]:
        raise Conflict(f"a task that is {current.name.lower()} cannot become {to.name.lower()}")
