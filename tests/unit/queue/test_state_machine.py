"""Whatever people, workers, machines and time do, in any order: the queue's invariants hold.

``REDIACC_TEST_EXAMPLES`` and ``REDIACC_TEST_STEPS`` make longer runs.
"""

from __future__ import annotations

import os
from pathlib import Path

from hypothesis.stateful import run_state_machine_as_test
from queue_machine import QueueMachine, steps


def test_invariants_hold_after_every_step(template: Path) -> None:
    profile = {
        "examples": int(os.environ.get("REDIACC_TEST_EXAMPLES", "30")),
        "steps": int(os.environ.get("REDIACC_TEST_STEPS", "40")),
    }
    machine = type("Machine", (QueueMachine,), {"template": template})
    run_state_machine_as_test(machine, settings=steps(profile))
