"""What ``trust machine`` does once its options are read."""

from __future__ import annotations

from collections.abc import Sequence

from rediacc.cli.neutral import one_line
from rediacc.cli.render.columns import HOST_KEY_COLUMNS
from rediacc.cli.render.document import document, envelope
from rediacc.cli.render.output import print_document, print_items
from rediacc.cli.render.words import count
from rediacc.cli.session import Session, View
from rediacc.errors import Conflict, ExitCode, InvalidInput
from rediacc.requests import ScanRequest, TrustRequest
from rediacc.views import HostKey

__all__ = ["trust"]

_SSH_PORT = 22


def trust(
    session: Session,
    view: View,
    names: Sequence[str],
    *,
    is_unknown: bool,
    team: str | None,
    is_agreed: bool,
) -> int:
    """Read host keys, show them, and record the unknown ones when the person agrees.

    :raises Conflict: a key differs from the recorded one; nothing is recorded then.
    """
    if names and is_unknown:
        raise InvalidInput("give names or --unknown, not both")
    if not names and not is_unknown:
        raise InvalidInput("which machines? give names, or --unknown for all with an unknown key")
    with session.open_office() as office:
        request = ScanRequest(names=tuple(dict.fromkeys(names)), team=team, unknown=is_unknown)
        keys: tuple[HostKey, ...] = office.perform("machine.scan", request)
        if view.output in ("table", "wide", "name"):
            _print_keys(view, keys)
        _refuse_changed(keys)
        unknown = tuple(key for key in keys if key.status == "unknown")
        recorded = 0
        if unknown:
            machines = len({(key.team, key.machine) for key in unknown})
            question = f"Record {count(len(unknown), 'key')} of {count(machines, 'machine')}?"
            session.confirm(question, is_agreed=is_agreed)
            recorded = office.perform("machine.trust", TrustRequest(keys=unknown))
    if view.output in ("json", "jsonl", "yaml"):
        items = [document(key) for key in keys]
        print_document(view, envelope("host-keys", items=items, recorded=recorded))
    elif not view.is_quiet and unknown:
        session.tell(f"{count(recorded, 'key')} recorded")
    elif not view.is_quiet and any(key.status == "known" for key in keys):
        session.tell("nothing to record: these keys are known")
    elif not view.is_quiet and not keys:
        session.tell("no machine has an unknown key")
    return _unreachable(session, keys)


def _print_keys(view: View, keys: Sequence[HostKey]) -> None:
    print_items(
        view,
        keys,
        kind="host-keys",
        columns=HOST_KEY_COLUMNS,
        name=lambda key: key.machine,
        is_whole=True,
    )


def _refuse_changed(keys: Sequence[HostKey]) -> None:
    changed = [key for key in keys if key.status == "changed"]
    if not changed:
        return
    first = changed[0]
    place = first.address if first.port == _SSH_PORT else f"[{first.address}]:{first.port}"
    others = f" (and of {len(changed) - 1} more)" if len(changed) > 1 else ""
    raise Conflict(
        f"the host key of {first.machine}{others} differs from the recorded one: somebody may be "
        "in between, or it was installed anew; nothing was recorded",
        hint=f"if that is expected, remove the old key: ssh-keygen -R '{place}'",
    )


def _unreachable(session: Session, keys: Sequence[HostKey]) -> int:
    names = sorted({key.machine for key in keys if key.status == "unreachable"})
    if not names:
        return int(ExitCode.DONE)
    session.tell(f"rediacc: error: no host key could be read of {one_line(', '.join(names))}")
    return int(ExitCode.TASK_UNREACHABLE)
