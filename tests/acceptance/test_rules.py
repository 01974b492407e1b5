"""Each rule that holds everywhere, and the test that would notice if it did not.

1. No accepted task is lost, none is started twice: ``test_worker_death.py``,
   ``test_queue_order.py::test_two_workers_start_each_task_once``; and here a kill -9 of the process
   that accepted.
2. Plays never reach a machine that was not shown, delegation to another team is refused:
   ``test_targets.py``; host keys are checked: ``test_host_keys.py``.
3. No secret value anywhere: ``test_secrets.py``; that its search would find one is shown here.
4. What the tool says happened is what happened: ``test_stopping.py``, ``test_worker_death.py``; no
   exit code depends on the output mode:
   ``test_results.py::test_each_machine_has_its_own_result_and_the_worst_decides``.
5. Every operation leaves an audit entry, and task outcomes are in the chain: here.
6. Roles are a boundary only where the operating system makes them one: the state directory and
   what lies in it is its owner's alone, here.
7. An alert is recorded exactly once: here.
8. Input is hostile until it is parsed: ``test_cli_input.py``, ``test_text_is_data.py``,
   ``test_results.py::test_what_a_machine_prints_is_never_taken_for_a_result``.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
import stat
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from live_homes import Home, wait_until

UNDO = """\
from ansible.plugins.callback import CallbackBase
from ansible_collections.rediacc.core.plugins.plugin_utils import _masking
_masking.Masker.mask = lambda self, text: text
class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "undo"
"""


def rows(home: Home, query: str) -> list[tuple[Any, ...]]:
    """Read the home's database as it is."""
    path = home.directory / ".rediacc" / "rediacc.db"
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as database:
        return database.execute(query).fetchall()


def test_accepted_means_committed_even_if_the_process_dies_next(home: Home) -> None:
    process = home.process("create", "task", "-m", "prod-01", "--shell", "echo ran >> trace")
    assert process.stdout is not None
    line = process.stdout.readline()
    process.kill()
    process.communicate()
    assert b"1" in line
    home.work()
    assert home.state(1) == ("succeeded", "done")
    assert home.lines("prod-01", "trace") == ["ran"]


def test_operations_and_outcomes_are_audited_in_an_unbroken_chain(home: Home) -> None:
    done = home.shell("prod-01", "true")
    failed = home.shell("prod-02", "false", "--idempotency-key", "k")
    cancelled = home.shell("prod-01", "true", "--not-before", "+1h")
    assert home.type("cancel", "task", str(cancelled)).rc == 0
    refused = home.type("cancel", "task", "999")
    assert refused.rc == 5
    home.work()
    entries = rows(home, "SELECT operation, object, outcome FROM audit ORDER BY seq")
    outcomes = [entry for entry in entries if entry[0] == "task.outcome"]
    assert ("task.outcome", f"task {done}", "succeeded") in outcomes
    assert ("task.outcome", f"task {failed}", "failed") in outcomes
    assert [entry[0] for entry in entries].count("task.create") == 3
    assert ("task.cancel", "task 999", "refused") in entries
    chain = rows(home, "SELECT seq, previous, hash FROM audit ORDER BY seq")
    assert [seq for seq, _turn, _turn in chain] == list(range(1, len(chain) + 1))
    for (_rest, _rest, before), (_rest, previous, _rest) in pairwise(chain):
        assert previous == before
    assert len({one for _rest, _rest, one in chain}) == len(chain)
    assert all(len(one) == len(hashlib.sha256().hexdigest()) for _rest, _rest, one in chain)


def test_alert_of_a_final_failure_is_recorded_once(home: Home) -> None:
    policy = json.dumps({"retryCount": 1, "retryDelay": 0, "failureAction": "alert"})
    alerted = home.shell("prod-01", "exit 3", "--retry", policy)
    silent = home.shell("prod-02", "exit 3", "--failure-action", "none")
    home.work()
    assert len(home.detail(alerted)["attempts"]) == 2
    assert home.state(silent)[0] == "failed"
    alerts = rows(home, "SELECT key, kind, task_id FROM outbox")
    assert [(kind, task) for _key, kind, task in alerts] == [("task.failed", alerted)]


def test_follow_up_of_a_failure_runs_in_its_team_and_is_noted(home: Home) -> None:
    home.write("named_tasks/mend.yml", "shell: echo mended >> trace\ngroups: [web]\n")
    unknown = home.type(
        "create", "task", "-m", "prod-01", "--shell", "false", "--failure-action", "run:nosuch"
    )
    assert (unknown.rc, "nosuch" in unknown.stderr) == (5, True), unknown
    failed = home.shell("staging-01", "false", "--failure-action", "run:mend")
    other = home.shell("prod-02", "false", "--failure-action", "run:mend")
    home.work()
    events = {task: _follow_ups(home, task) for task in (failed, other)}
    made = {task: found["task"] for task, found in events.items()}
    assert {home.task(new)["team"] for new in made.values()} == {"prod", "staging"}
    assert home.task(made[failed])["machines"] == ["staging-01"]
    assert home.lines("staging-01", "trace") == ["mended"]
    assert home.lines("prod-01", "trace") == ["mended"]

    third = home.shell("prod-01", "false", "--failure-action", "run:mend")
    (home.directory / "named_tasks/mend.yml").unlink()
    home.work()
    assert "mend" in _follow_ups(home, third)["problem"]
    assert home.state(third)[0] == "failed"


def _follow_ups(home: Home, task: int) -> dict[str, Any]:
    """Return what the task's timeline says of the one that was to follow it."""
    (event,) = (one for one in home.detail(task)["timeline"] if "follow-up" in one["name"])
    found: dict[str, Any] = event["detail"]
    return found


def test_state_and_runs_are_their_owners_alone(home: Home) -> None:
    task = home.shell("prod-01", "echo begun > begun; while [ ! -e go ]; do sleep 0.1; done")
    with home.worker():
        wait_until(lambda: home.on("prod-01", "begun").exists(), "the command")
        run = home.run_directory(task)
        state = home.directory / ".rediacc"
        private = [state, run, *_below(run), *state.glob("rediacc.db*"), *_below(state / "cache")]
        open_ones = [str(path) for path in private if _mode(path) & 0o077]
        home.on("prod-01", "go").touch()
        assert home.wait_for(task) == 0
    assert open_ones == []
    assert not run.exists()


def _mode(path: Path) -> int:
    """Return who may use it; nobody may where it is gone by now, as Ansible's own files may be."""
    try:
        return stat.S_IMODE(path.lstat().st_mode)
    except FileNotFoundError:
        return 0


def _below(directory: Path) -> list[Path]:
    return [path for path in directory.rglob("*") if not path.is_symlink()]


@pytest.mark.parametrize("is_masked", [True, False], ids=["masked", "mutated"])
def test_search_for_secrets_finds_them_where_masking_is_off(
    make_home: Callable[[], Home], is_masked: bool
) -> None:
    """The search of ``test_secrets.py`` would notice: without masking it finds the secret."""
    home = make_home()
    secret = "a-secret-of-some-length"
    vault = home.python(
        "from ansible.parsing.vault import VaultLib, VaultSecret\n"
        "vault = VaultLib([('default', VaultSecret(b'password'))])\n"
        f"print(vault.encrypt('shown: {secret}\\n').decode())"
    )
    home.make(
        settings="[worker]\nkeep_runs = true\n",
        files={
            "ansible.cfg": "[defaults]\nvault_password_file = ./password\n",
            "password": "password\n",
            "inventories/prod/group_vars/all/vault.yml": vault,
            "show.yml": "- hosts: prod-01\n  gather_facts: false\n  tasks:\n"
            '    - ansible.builtin.debug: {msg: "{{ shown }}"}\n',
            # A user's plugin that undoes what the results callback does: code in the repository
            # may do so, and here it stands for a fault of ours.
            "callback_plugins/undo.py": "" if is_masked else UNDO,
        },
    )
    config = home.directory / "ansible.cfg"
    config.write_text(config.read_text() + "callback_plugins = ./callback_plugins\n")
    done = home.type("run", "--playbook", "show.yml", "--team", "prod")
    assert done.rc == 0, done
    stored = [
        path
        for path in (*home.runs.rglob("*"), *(home.directory / ".rediacc").rglob("*"))
        if path.is_file() and secret.encode() in path.read_bytes()
    ]
    assert (stored == []) is is_masked
    assert (secret in done.stdout) is not is_masked
