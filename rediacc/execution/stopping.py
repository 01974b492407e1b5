"""Ending on machines what a stopped run left there.

With pipelining a command on a machine goes on when the connection ends. Everything that a run
starts carries its id in the environment (``REDIACC_RUN``); the collection's ``stop`` module finds
and ends that, and tells whether it is sure.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rediacc.execution.harvest import is_connection_lost
from rediacc.execution.plays import STOP_TASK, generate_stop_play
from rediacc.execution.records import may_have_become, read_records
from rediacc.execution.rundir import RunDirectory
from rediacc.execution.runner import AnsibleCall, run_ansible

__all__ = ["confirmed_machines", "doubtful_machines", "stop_on_machines"]


def doubtful_machines(
    directory: RunDirectory, spec: Mapping[str, Any], *, has_ended: bool
) -> tuple[str, ...]:
    """Return where something of the run may still be running.

    A playbook that did not end may have left something anywhere. A generated play has one task:
    a machine that told its result is done, but where our module ended the command at its time
    limit (what left the command's process group may run on), or where the connection was lost.

    :param has_ended: whether Ansible came to its own end.
    """
    if not spec["is_generated"]:
        return () if has_ended else tuple(spec["machines"])
    found, _offset = read_records(directory.records, nonce=spec["nonce"])
    results = {record["host"]: record for record in found if record["type"] == "result"}
    return tuple(
        machine
        for machine in spec["machines"]
        if (machine not in results and not has_ended)
        or (machine in results and _is_doubtful(results[machine]))
    )


def _is_doubtful(record: Mapping[str, Any]) -> bool:
    return bool(record.get("timed_out")) or is_connection_lost(record)


def stop_on_machines(
    directory: RunDirectory, spec: Mapping[str, Any], *, machines: Sequence[str]
) -> dict[str, Any]:
    """End the run's processes on `machines`.

    :return: the machines that answered that nothing of the run is left there.
    """
    play = generate_stop_play(
        tuple(machines),
        ages={spec["run_id"]: _age(directory)},
        become_used=bool(spec["become_used"]),
        may_have_become=bool(spec["becomes_itself"])
        and may_have_become(directory.records, nonce=spec["nonce"]),
        grace_seconds=float(spec["grace_seconds"]),
    )
    records = directory.path / "stop-records.jsonl"
    environment = {
        **spec["environment"],
        "REDIACC_RECORDS": str(records),
        "REDIACC_RUN": "",
        "ANSIBLE_TIMEOUT": "10",
    }
    run_ansible(
        AnsibleCall(
            private_directory=directory.path,
            ident="stop",
            home=spec["home"],
            playbook=str(directory.write("stop.yml", play)),
            inventory=spec["inventory"],
            limit=spec["limit"],
            arguments=spec["stop_arguments"],
            verbosity=0,
            environment=environment,
            stdout=Path(directory.path / "stop-stdout"),
        )
    )
    return dict.fromkeys(confirmed_machines(records, nonce=spec["nonce"], markers=1), True)


def confirmed_machines(records: Path, *, nonce: str, markers: int) -> frozenset[str]:
    """Return the machines that answered for each of so many markers that nothing is left."""
    found, _offset = read_records(records, nonce=nonce)
    clean = Counter(
        record["host"]
        for record in found
        if record["type"] == "result"
        and record["status"] in ("ok", "changed")
        and record["task"].startswith(STOP_TASK)
        and record["result"].get("confirmed")
    )
    return frozenset(host for host, number in clean.items() if number == markers)


def _age(directory: RunDirectory) -> float:
    """Return how many seconds ago the run in `directory` began."""
    return max(0.0, time.time() - (directory.path / "begun").stat().st_mtime)
