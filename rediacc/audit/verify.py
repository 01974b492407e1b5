"""Is the chain whole, and does its end agree with what was remembered of it?"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, text

from rediacc.audit.chain import archived_end, find_break
from rediacc.audit.checkpoint import Checkpoint, is_on_chain, read_checkpoint

__all__ = ["Verdict", "verify_chain"]

_ENDS = text("SELECT min(seq) AS first, max(seq) AS last FROM audit")
_HASH = text("SELECT hash FROM audit WHERE seq = :seq")


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What was found.

    :param problem: what is wrong; empty where nothing is.
    :param note: what could not be checked; empty where all could.
    :param first: the first entry in the database; 0 where there is none.
    :param end: the chain's last entry.
    """

    problem: str
    note: str
    first: int
    end: Checkpoint


def verify_chain(
    connection: Connection, state_directory: Path, *, kept: Checkpoint | None = None
) -> Verdict:
    """Recompute the chain and compare it with the remembered end, and with `kept`.

    :param connection: one consistent read.
    :param kept: a checkpoint that somebody kept elsewhere.
    """
    # Before the chain: what is remembered later than that may be newer than this read.
    remembered = read_checkpoint(state_directory)
    ends = connection.execute(_ENDS).one()
    seq, digest = archived_end(connection)
    if ends.last is not None:
        seq, digest = ends.last, connection.execute(_HASH, {"seq": ends.last}).scalar_one()
    problem, note = "", ""
    broken = find_break(connection)
    if broken is not None:
        problem = f"the hash chain breaks at entry {broken}"
    elif kept is not None and not is_on_chain(connection, kept):
        problem = f"the chain does not hold the entry {kept.seq} of the checkpoint that was given"
    elif remembered is None:
        note = "no end of the chain is remembered yet: missing last entries would not be seen"
    elif not is_on_chain(connection, remembered):
        problem = _contradiction(remembered, last=seq)
    return Verdict(
        problem=problem, note=note, first=ends.first or 0, end=Checkpoint(seq=seq, hash=digest)
    )


def _contradiction(remembered: Checkpoint, *, last: int) -> str:
    if remembered.seq > last:
        return (
            f"the chain ends at entry {last}, and {remembered.seq} was remembered as its end: "
            "entries are missing, or an older database was put back"
        )
    return (
        f"entry {remembered.seq} is not the one that was remembered: "
        "the end of the chain was written anew"
    )
