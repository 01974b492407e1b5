"""Ending on machines what a stopped run left there.

With pipelining a command on a machine goes on when the connection ends. Everything that a run
starts carries its id in the environment (``REDIACC_RUN``); the collection's ``stop`` module finds
and ends that, and tells whether it is sure.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rediacc.execution.plays import generate_stop_play
from rediacc.execution.records import read_records
from rediacc.execution.rundir import RunDirectory
from rediacc.execution.runner import AnsibleCall, run_ansible

__all__ = ["stop_on_machines"]


def stop_on_machines(directory: RunDirectory, spec: Mapping[str, Any]) -> dict[str, Any]:
    """End the run's processes on its machines.

    :return: for each machine that answered, whether nothing of the run is left there.
    """
    machines = tuple(spec["machines"])
    play = generate_stop_play(
        machines,
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
