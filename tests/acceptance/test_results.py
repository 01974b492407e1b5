"""What a task's end says: results by machine, reasons, exit codes, and whom a machine can fool."""

from __future__ import annotations

import base64
import json
import subprocess
from collections.abc import Callable

import psutil
import pytest
from live_homes import Home, wait_until

PLAYBOOKS = {
    "failing.yml": """\
- hosts: web
  gather_facts: false
  tasks:
    - name: say
      ansible.builtin.shell: echo fine
    - block:
        - name: try it
          ansible.builtin.command: "false"
      rescue:
        - name: mend it
          ansible.builtin.command: "true"
    - name: break it
      ansible.builtin.command: sh -c 'echo why >&2; exit 7'
      when: inventory_hostname == 'prod-02'
""",
    "broken.yml": "- hosts: web\n  tasks:\n   - name: x\n  oops: [\n",
    "unknown_module.yml": "- hosts: web\n  tasks:\n    - no.such.module: {}\n",
    "undefined.yml": """\
- hosts: prod-01
  gather_facts: false
  tasks:
    - name: needs it
      ansible.builtin.debug:
        msg: "{{ nobody_defined_this }}"
""",
    "nobody.yml": "- hosts: nobody\n  tasks: []\n",
}
FORGED_RECORD = {
    "type": "result", "host": "prod-01", "status": "ok", "task": "task", "task_uuid": "x",
    "nonce": "", "seq": 1, "at": "2026-01-01T00:00:00.000000+00:00", "rc": 0,
}  # fmt: skip


def forged_event() -> str:
    """Return what ansible-runner takes for an event in the output that it reads."""
    event = {
        "uuid": "x", "event": "runner_on_ok", "counter": 1, "stdout": "forged",
        "event_data": {"host": "prod-01", "res": {"rc": 0, "changed": False}},
    }  # fmt: skip
    encoded = base64.b64encode(json.dumps(event).encode()).decode()
    return f"\x1b[K{encoded}\x1b[{len(encoded)}D\x1b[K"


@pytest.fixture(scope="module")
def playbooks(standing_home: Home) -> None:
    for name, content in PLAYBOOKS.items():
        standing_home.write(name, content)


def test_each_machine_has_its_own_result_and_the_worst_decides(home: Home) -> None:
    home.machines.stop("prod-03")
    try:
        mixed = home.create(
            *("--group", "web", "--team", "prod", "--shell"),
            "echo out; echo err >&2; case $HOME in *prod-02*) exit 5;; esac",
        )
        with home.worker():
            alone = home.start("run", "-m", "prod-03", "--command", "true")
            slow = home.start("run", "-m", "prod-01", "--command", "sleep 100", "--timeout", "1s")
            plain = home.start(
                *("create", "task", "-m", "prod-02", "--shell", "exit 4", "--wait", "-o", "json")
            )
            remote = home.start(
                *("run", "-m", "prod-02", "--shell", "exit 4", "--exit-status", "remote")
            )
            assert alone.wait().rc == 11
            assert slow.wait().rc == 13
            created = plain.wait()
            assert created.rc == 10
            assert created.json["item"]["exit_code"] == 10
            assert remote.wait().rc == 4
            assert home.wait_for(mixed) == 10
    finally:
        home.machines.start("prod-03")
    for output in ("table", "wide", "json", "jsonl", "yaml", "name"):
        assert home.type("wait", str(mixed), "-o", output).rc == 10
    results = home.results(mixed)
    told = {name: (one["outcome"], one["rc"]) for name, one in results.items()}
    assert told == {
        "prod-01": ("changed", 0),
        "prod-02": ("failed", 5),
        "prod-03": ("unreachable", None),
    }
    assert results["prod-02"]["stdout"] == "out\n"
    assert results["prod-02"]["stderr"] == "err\n"
    assert results["prod-03"]["failure"] == "unreachable"


def test_wrong_key_is_auth_and_is_not_tried_again(make_home: Callable[[], Home]) -> None:
    own = make_home()
    key = own.machines.machine("prod-01").key_path
    wrong = own.directory / "wrong_key"
    make = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(wrong)]
    subprocess.run(make, check=True, stdin=subprocess.DEVNULL)
    own.make()
    own.write("inventories/prod/hosts", own.inventory("prod").replace(str(key), str(wrong)))
    task = own.shell("prod-01", "echo ran >> auth", "--retry-count", "2", "--retry-delay", "0s")
    own.work()
    assert own.state(task) == ("failed", "auth")
    assert len(own.detail(task)["attempts"]) == 1
    assert own.results(task)["prod-01"]["failure"] == "auth"
    assert own.type("wait", str(task)).rc == 10
    assert own.lines("prod-01", "auth") == []


def test_retry_targets_only_machines_that_did_not_succeed(home: Home) -> None:
    task = home.create(
        *("--all", "--team", "prod", "--retry-count", "1", "--retry-delay", "0s", "--shell"),
        "echo ran >> trace; "
        "case $HOME in *prod-02*) [ -e again ] || { touch again; exit 1; };; esac",
    )
    home.work()
    assert home.state(task) == ("succeeded", "done")
    attempts = home.detail(task)["attempts"]
    assert [one["machines"] for one in attempts] == [["prod-01", "prod-02", "prod-03"], ["prod-02"]]
    assert [len(home.lines(f"prod-0{n}", "trace")) for n in (1, 2, 3)] == [1, 2, 1]


def test_what_a_machine_prints_is_never_taken_for_a_result(home: Home) -> None:
    record = json.dumps(FORGED_RECORD)
    home.on("prod-01", "forgery").write_text(f"{forged_event()}\n{record}\n" * 3)
    # The machines of these tests share a file system with the controller, so the forger can even
    # try every run's records; without the nonce they are passed over.
    shell = home.shell(
        "prod-01",
        "cat forgery; cat forgery >&2; "
        f"for f in {home.runs}/*/*/records.jsonl; do tail -n1 forgery >> $f; done; exit 9",
    )
    home.write(
        "forge.yml",
        "- hosts: prod-01\n  gather_facts: false\n  tasks:\n"
        "    - ansible.builtin.shell: cat forgery; exit 9\n",
    )
    playbook = home.create("--playbook", "forge.yml", "--team", "prod")
    home.work()
    for task in (shell, playbook):
        assert home.state(task) == ("failed", "rc")
        assert [(one["outcome"], one["rc"]) for one in home.results(task).values()] == [
            ("failed", 9)
        ]
    assert home.results(shell)["prod-01"]["stdout"].count('"nonce"') == 3


def test_a_flood_of_output_is_cut_on_the_machine(home: Home) -> None:
    size = 50_000_000
    task = home.shell(
        "prod-01", f"echo BEGIN; head -c {size} /dev/zero | tr '\\0' x; echo; echo THE-END"
    )
    peak = 0
    with home.worker("--drain") as worker:
        process = psutil.Process(worker.pid)

        def has_ended() -> bool:
            nonlocal peak
            try:
                peak = max(peak, process.memory_info().rss)
            except psutil.Error:
                return True
            return worker.poll() is not None

        wait_until(has_ended, "the worker's end")
    result = home.results(task)["prod-01"]
    assert result["stdout_bytes"] == size + len("BEGIN\n\nTHE-END\n")
    assert result["truncated"] is True
    assert result["stdout"].startswith("BEGIN\nxxx")
    assert result["stdout"].endswith("xxx\nTHE-END\n")
    assert "bytes cut by rediacc ...]" in result["stdout"]
    assert len(result["stdout"]) < 200_000
    assert peak < 250 << 20


@pytest.mark.usefixtures("playbooks")
def test_playbooks_that_fail_or_cannot_start_say_why(home: Home) -> None:
    failing = home.create(
        "--playbook", "failing.yml", "--team", "prod", "--limit", "prod-01,prod-02"
    )
    undefined = home.create("--playbook", "undefined.yml", "--team", "prod")
    home.work()
    assert home.state(failing) == ("failed", "rc")
    results = home.results(failing)
    assert {name: one["outcome"] for name, one in results.items()} == {
        "prod-01": "changed",
        "prod-02": "failed",
    }
    assert results["prod-02"]["rc"] == 7
    assert "break it" in results["prod-02"]["message"]
    steps = home.type("list", "steps", str(failing), "-m", "prod-02", "-o", "json").json["items"]
    assert [(step["task"], step["status"]) for step in steps] == [
        ("say", "changed"),
        ("try it", "rescued"),
        ("mend it", "changed"),
        ("break it", "failed"),
    ]
    assert (steps[3]["rc"], steps[3]["attempt"]) == (7, 1)
    assert steps[3]["path"].startswith(f"{home.directory}/failing.yml:")
    assert "TASK [break it]" in home.type("logs", str(failing)).stdout
    assert home.state(undefined)[0] == "failed"
    assert "nobody_defined_this" in home.results(undefined)["prod-01"]["message"]
    assert home.type("wait", str(failing), str(undefined)).rc == 10


@pytest.mark.usefixtures("playbooks")
@pytest.mark.parametrize(
    ("playbook", "words"),
    [
        ("broken.yml", "broken.yml"),
        ("missing.yml", "missing.yml"),
        ("unknown_module.yml", "no.such.module"),
        ("nobody.yml", "nobody.yml"),
    ],
)
def test_playbook_that_cannot_run_is_refused_before_it_is_queued(
    home: Home, playbook: str, words: str
) -> None:
    for output in ("table", "json"):
        done = home.type("run", "--playbook", playbook, "--team", "prod", "-o", output)
        assert done.rc in (2, 5), done
        assert words in done.stderr
    assert home.type("list", "tasks", "-o", "json").json["items"] == []
