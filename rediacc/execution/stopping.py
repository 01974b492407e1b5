"""Ending on machines what a stopped run left there.

With pipelining a command on a machine goes on when the connection ends. Everything that a run
starts carries its id in the environment (``REDIACC_RUN``); the collection's ``stop`` module finds
and ends that, and tells whether it is sure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rediacc.execution.plays import generate_stop_play
from rediacc.execution.records import read_records
from rediacc.execution.rundir import RunDirectory
from rediacc.execution.runner import AnsibleCall, run_ansible

__all__ = ["stop_on_machines", "timed_out_machines"]


def timed_out_machines(directory: RunDirectory, spec: Mapping[str, Any]) -> tuple[str, ...]:
    """Return where our own module ended a command at its time limit.

    It ends the command's process group; what left the group may run on.
    """
    if not spec["is_generated"] or spec["deadline_seconds"] is None:
        return ()
    found, _offset = read_records(directory.records, nonce=spec["nonce"])
    return tuple(
        record["host"]
        for record in found
        if record["type"] == "result" and record["timed_out"] and record["host"] in spec["machines"]
    )


def stop_on_machines(
    directory: RunDirectory, spec: Mapping[str, Any], *, machines: Sequence[str]
) -> dict[str, Any]:
    """End the run's processes on `machines`.

    :return: for each machine that answered, whether nothing of the run is left there.
    """
    play = generate_stop_play(
        tuple(machines),
        marker=spec["run_id"],
        become_used=bool(spec["become_used"]),
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
    found, _offset = read_records(records, nonce=spec["nonce"])
    return {
        record["host"]: bool(record["result"].get("confirmed"))
        for record in found
        if record["type"] == "result" and record["status"] in ("ok", "changed")
    }
