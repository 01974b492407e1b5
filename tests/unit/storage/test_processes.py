"""Several processes at one database: nothing is claimed twice, nothing is lost."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

from queue_checks import broken
from queue_lab import Lab, make_template

from rediacc.storage.engine import open_database

_TASKS = 400
_CLAIMER = """
import json, sys
sys.path[:0] = json.loads(sys.argv[3])
from queue_lab import Lab
from rediacc.storage.engine import open_database
lab = Lab(open_database("sqlite:///" + sys.argv[1]))
worker, taken = sys.argv[2], []
while lab.query("SELECT 1 FROM task WHERE state < 20 LIMIT 1"):
    for item in lab.claim(3, 0, worker):
        lab.run(item.id)
        taken.append([item.id, item.epoch])
print(json.dumps(taken))
"""


def test_four_processes_claim_each_task_once(tmp_path: Path) -> None:
    """400 tasks on 20 machines, of which each takes one at a time; the rest is parked and woken."""
    path = make_template(tmp_path)
    database = open_database(f"sqlite:///{path}")
    lab = Lab(database)
    ids = [lab.submit(f"m{number % 20}", level=1 + number % 5) for number in range(_TASKS)]
    root = Path(__file__).parents[3]
    search = json.dumps([str(root), str(root / "tests" / "support")])
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", _CLAIMER, str(path), f"w{number}", search],
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(4)
    ]
    taken = [tuple(pair) for process in processes for pair in json.loads(process.communicate()[0])]
    assert [process.returncode for process in processes] == [0] * 4
    assert Counter(taken) == Counter((task_id, 1) for task_id in ids)
    assert set(lab.states(ids)) == {"succeeded"}
    with database.read() as connection:
        assert broken(connection, lab.rules) == []
    assert not lab.query("SELECT * FROM hold")
    starts = lab.query("SELECT COUNT(*) AS n FROM event WHERE name = 'started'")
    assert starts[0].n == _TASKS
    database.close()
