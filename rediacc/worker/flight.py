"""A run in flight: its supervisor, what it told so far, and its verdict at the end."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import rediacc
from rediacc.execution.harvest import (
    ad_hoc_result,
    harvest_playbook,
    reason_of_failure,
    unreadable_result,
)
from rediacc.execution.records import may_have_become, read_records
from rediacc.execution.rundir import RunDirectory
from rediacc.execution.work import Work
from rediacc.queue.outcome import Ending
from rediacc.queue.settle import Verdict
from rediacc.values import Kind, MachineOutcome, MachineResult, Reason
from rediacc.worker.steps import StepLog

__all__ = ["Flight", "start_supervisor"]

_MOST_OUTPUT = 4 << 20
_PIECE = 256 << 10
_TAIL = 64 << 10
_WITHOUT_END = {
    Ending.CANCELLED: MachineOutcome.CANCELLED,
    Ending.TIMED_OUT: MachineOutcome.TIMED_OUT,
    Ending.FINISHED: MachineOutcome.FAILED,
}


def start_supervisor(
    directory: RunDirectory, environment: Mapping[str, str], *, key: str | None = None
) -> subprocess.Popen[bytes]:
    """Start the supervisor of a prepared run, in a session of its own.

    :param key: what the run logs in with; the supervisor reads it from its standard input.

    It does not carry the run's marker: on a machine that is also the controller, stopping the run
    would end the supervisor before it could tell.
    """
    root = str(Path(rediacc.__file__).resolve().parent.parent)
    code = (
        f"import sys; sys.path.append({root!r}); "
        f"from rediacc.execution.supervisor import main; sys.exit(main({str(directory.path)!r}))"
    )
    log = os.open(directory.path / "supervisor.log", os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
    try:
        process = subprocess.Popen(
            [sys.executable, "-P", "-c", code],
            env={k: v for k, v in environment.items() if not k.startswith("REDIACC_")},
            cwd="/",
            stdin=subprocess.DEVNULL if key is None else subprocess.PIPE,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    finally:
        os.close(log)
    if process.stdin is not None and key is not None:
        # One that has ended already tells why by itself.
        with contextlib.suppress(BrokenPipeError), process.stdin:
            process.stdin.write(key.encode())
    return process


@dataclass(kw_only=True)
class Flight:
    """One run of one attempt, started by this worker or adopted."""

    run_id: str
    work: Work
    level: int
    attempt: int
    directory: RunDirectory
    nonce: str
    uses_urgent_slot: bool
    process: subprocess.Popen[bytes] | None = None
    pid: int | None = None
    seen: set[str] = field(default_factory=set)
    output_offset: int = 0
    results: list[MachineResult] = field(default_factory=list)
    output: bytes = b""
    steps: StepLog = field(init=False)
    _offset: int = 0
    _records: list[dict[str, Any]] = field(default_factory=list)
    _has_play: bool = False
    _has_task: bool = False
    _verdict: Verdict | None = None

    def __post_init__(self) -> None:
        self.steps = StepLog(with_diffs=self.work.options.diff)

    def is_over(self) -> bool:
        """Whether the supervisor is gone."""
        if self.process is not None:
            return self.process.poll() is not None
        lock = self.directory.take_lock() if self.directory.exists() else None
        if lock is not None:
            os.close(lock)
            return True
        return not self.directory.exists()

    @property
    def is_concluded(self) -> bool:
        """Whether :meth:`verdict` was asked and holds."""
        return self._verdict is not None

    def has_vanished(self) -> bool:
        """Whether the supervisor is gone without its last word."""
        return self.is_over() and not self.directory.has("exit.json")

    def stop(self, why: str) -> None:
        """Ask the supervisor to end the run: ``cancel`` or ``interrupt``."""
        if self.directory.has("stop") or not self.directory.exists():
            return
        self.directory.write("stop", why)
        pid = self.process.pid if self.process is not None else self.pid
        if pid is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGTERM)

    def collect(self, *, with_output: bool, is_last: bool = False) -> None:
        """Read what the run told since the last call into `results` and `output`.

        They stay there until :meth:`clear`, so that a write that fails loses nothing.
        """
        records = self._next_records(is_last=is_last)
        if self.work.kind is not Kind.PLAYBOOK:
            self.results += self._new_results(records)
            return
        self._records += records
        self.steps.add(records)
        if with_output:
            with contextlib.suppress(FileNotFoundError), self.directory.stdout.open("rb") as stream:
                self.output += self._next_piece(stream, is_last=is_last)

    def _next_records(self, *, is_last: bool) -> list[dict[str, Any]]:
        """Read on: one portion, or all that is there when nothing will follow."""
        records: list[dict[str, Any]] = []
        while True:
            begin = self._offset
            more, self._offset = read_records(
                self.directory.records, nonce=self.nonce, offset=begin
            )
            records += more
            if not is_last or self._offset == begin:
                return records

    def clear(self) -> None:
        """Forget what is stored."""
        self.results, self.output = [], b""

    def withhold(self, why: str) -> None:
        """Put in place of what cannot be stored that it cannot."""
        self.results = [unreadable_result(result.machine, why) for result in self.results]
        self.output = b""

    def _new_results(self, records: list[dict[str, Any]]) -> list[MachineResult]:
        found = []
        for record in records:
            host = record.get("host") if record.get("type") == "result" else None
            self._has_task = self._has_task or record.get("type") == "task"
            self._has_play = self._has_play or record.get("type") == "play"
            if host in self.work.machines and host not in self.seen:
                self.seen.add(host)
                try:
                    found.append(ad_hoc_result(record, kind=self.work.kind))
                except (KeyError, TypeError, ValueError, AttributeError) as exc:
                    found.append(unreadable_result(host, type(exc).__name__))
        return found

    def _next_piece(self, stream: Any, *, is_last: bool) -> bytes:
        size = stream.seek(0, os.SEEK_END)
        room = _MOST_OUTPUT - self.output_offset
        stream.seek(self.output_offset)
        piece: bytes = stream.read(max(0, min(_PIECE if not is_last else room, room)))
        self.output_offset += len(piece)
        if not is_last or self.output_offset >= size:
            return piece
        start = max(self.output_offset, size - _TAIL)
        stream.seek(start)
        cut = start - self.output_offset
        mark = f"\n[... {cut} bytes cut by rediacc ...]\n".encode() if cut else b""
        self.output_offset = size
        return piece + mark + bytes(stream.read(_TAIL))

    def verdict(self) -> Verdict:
        """Return how the attempt ended, from the records and the supervisor's last word.

        Beside it, `results` and `output` hold what is to be stored with it. Asking again, after a
        write that failed, gives the same.
        """
        if self._verdict is None:
            try:
                self.collect(with_output=True, is_last=True)
                self._verdict = self._conclude()
            except (KeyError, TypeError, ValueError, AttributeError) as exc:
                self._verdict = Verdict(
                    ending=Ending.FINISHED,
                    is_confirmed=False,
                    left_on=self.work.machines,
                    failure_reason=Reason.INTERNAL,
                    message=f"the run's records cannot be read: {type(exc).__name__}",
                )
            if self._verdict.left_on:
                self._verdict = replace(self._verdict, may_have_become=self._may_have_become())
            self.steps.end(self._records)
        return self._verdict

    def _conclude(self) -> Verdict:
        told = self.directory.read_json("exit.json") if self.directory.exists() else None
        if told is None:
            return Verdict(
                ending=Ending.LOST,
                is_confirmed=False,
                left_on=self.work.machines,
                message="the run ended without telling how: it may have done its work or not",
            )
        ending = Ending(told["ending"])
        output = self._tail_of_output()
        if self.work.kind is Kind.PLAYBOOK:
            return self._playbook_verdict(ending, told, output)
        return self._ad_hoc_verdict(ending, told, output)

    def _ad_hoc_verdict(self, ending: Ending, told: Mapping[str, Any], output: str) -> Verdict:
        missing = [name for name in self.work.machines if name not in self.seen]
        if not missing:
            left = _not_stopped(told, told.get("stopped", {}))
            return Verdict(ending=Ending.FINISHED, is_confirmed=not left, left_on=left)
        if ending is not Ending.FINISHED:
            return Verdict(
                ending=ending,
                is_confirmed=self._is_confirmed(told, missing),
                left_on=self._left_on(told, missing),
                message=_stop_message(ending, told, missing),
            )
        if _was_killed(told) or self._may_have_begun(told):
            return _lost_with_ansible(told, machines=missing)
        if not self.seen:
            reason, message = reason_of_failure(
                has_begun=False, output=output, error=told.get("error", "")
            )
            return Verdict(ending=ending, failure_reason=reason, message=message)
        message = "Ansible told no result of this machine"
        unseen = [
            MachineResult(machine=name, outcome=MachineOutcome.FAILED, message=message)
            for name in missing
        ]
        return Verdict(ending=ending, results=unseen, message=message)

    def _playbook_verdict(self, ending: Ending, told: Mapping[str, Any], output: str) -> Verdict:
        was_killed = ending is Ending.FINISHED and _was_killed(told)
        without_end = MachineOutcome.LOST if was_killed else _WITHOUT_END.get(ending)
        harvest = harvest_playbook(
            self._records,
            self.work.machines,
            without_end=without_end or MachineOutcome.LOST,
        )
        targeted = set(self.work.machines)
        results = [result for result in harvest.results if result.machine in targeted]
        spoken_of = {result.machine for result in results}
        failing = any(not result.outcome.is_success for result in results)
        # Ansible may come to its end just then, or because it was told to: what failed beside a
        # stop says nothing of what the stop found on the machines.
        if ending is not Ending.FINISHED and (failing or not harvest.is_whole):
            return Verdict(
                ending=ending,
                results=results,
                is_confirmed=self._is_confirmed(told, self.work.machines),
                left_on=self._left_on(told, self.work.machines),
                message=_stop_message(ending, told, self.work.machines),
            )
        if was_killed and not harvest.is_whole:
            return _lost_with_ansible(told, results, machines=self.work.machines)
        if harvest.is_whole and (told["rc"] == 0 or failing):
            # Ansible came to its end and had no task for these.
            results += [
                MachineResult(machine=name, outcome=MachineOutcome.SKIPPED)
                for name in self.work.machines
                if name not in spoken_of
            ]
            return Verdict(ending=Ending.FINISHED, results=results)
        reason, message = reason_of_failure(
            has_begun=harvest.has_begun, output=output, error=told.get("error", "")
        )
        return Verdict(
            ending=Ending.FINISHED, results=results, failure_reason=reason, message=message
        )

    def _is_confirmed(self, told: Mapping[str, Any], machines: Any) -> bool:
        stopped = told.get("stopped", {})
        return not told.get("left_here") and all(stopped.get(name) for name in machines)

    def _left_on(self, told: Mapping[str, Any], machines: Sequence[str]) -> tuple[str, ...]:
        """Return where something may still be running; what is left here may reach any of them."""
        if told.get("left_here"):
            return self.work.machines
        # A machine that told its result may be doubtful too: its connection was lost at the end.
        return _not_stopped(told, dict.fromkeys([*machines, *told.get("stopped", {})]))

    def _may_have_become(self) -> bool:
        """Whether what is left may run as another user, though the task did not ask for one."""
        return self.work.kind.becomes_itself and may_have_become(
            self.directory.records, nonce=self.nonce
        )

    def _may_have_begun(self, told: Mapping[str, Any]) -> bool:
        """Whether Ansible may have sent the task to a machine whose result it did not tell."""
        return self._has_task or (told["rc"] == 0 and not self._has_play)

    def _tail_of_output(self) -> str:
        try:
            with self.directory.stdout.open("rb") as stream:
                size = stream.seek(0, os.SEEK_END)
                stream.seek(max(0, size - _TAIL))
                return stream.read().decode(errors="replace")
        except OSError:
            return ""


def _was_killed(told: Mapping[str, Any]) -> bool:
    """Whether a signal ended Ansible, not Ansible itself and not the supervisor."""
    return told["rc"] is not None and told["rc"] < 0


def _not_stopped(told: Mapping[str, Any], machines: Iterable[str]) -> tuple[str, ...]:
    """Return those of `machines` that did not answer that nothing of the run is left there."""
    stopped = told.get("stopped", {})
    return tuple(name for name in machines if not stopped.get(name))


def _lost_with_ansible(
    told: Mapping[str, Any],
    results: Sequence[MachineResult] = (),
    *,
    machines: Sequence[str],
) -> Verdict:
    what = f"Ansible was killed (signal {-told['rc']})" if _was_killed(told) else "Ansible ended"
    return Verdict(
        ending=Ending.LOST,
        results=results,
        is_confirmed=False,
        left_on=_not_stopped(told, machines),
        message=f"{what} before it told all results: the task may have done its work or not",
    )


def _stop_message(ending: Ending, told: Mapping[str, Any], machines: Any) -> str:
    doubtful = _not_stopped(told, machines)
    words = {
        Ending.CANCELLED: "cancelled while it ran",
        Ending.TIMED_OUT: "stopped at its time limit",
        Ending.INTERRUPTED: "stopped with its worker",
    }[ending]
    if not doubtful:
        return f"{words}; nothing of it runs any more"
    return f"{words}; not confirmed that nothing of it still runs on {', '.join(doubtful[:5])}"
