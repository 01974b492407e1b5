"""``run`` in a pipeline: files, annotations, outputs, signals, re-runs, drift, hostile output."""

from __future__ import annotations

import json
import re
import signal
import subprocess
from pathlib import Path

import pytest
from junitparser import JUnitXml
from live_homes import Home, Typed, wait_until
from pipeline_runs import HOSTILE
from runners import GitHubLog, gitlab_sections, read_outputs

PLAYBOOK = """\
- name: Site
  hosts: web
  gather_facts: false
  tasks:
    - name: Say who it is
      ansible.builtin.command: echo it is me
      changed_when: false
    - name: Only here
      ansible.builtin.command: echo here
      when: inventory_hostname == 'prod-01'
    - name: Break it, 100%
      ansible.builtin.shell: echo before; echo '::error::no such thing' >&2; exit 7
      when: inventory_hostname == 'prod-02'
- name: Afterwards
  hosts: prod-01
  gather_facts: false
  tasks:
    - name: Rest
      ansible.builtin.shell: "{{ rest | default('true') }}"
"""
DRIFT = """\
- name: Files
  hosts: web
  gather_facts: false
  tasks:
    - name: Write the notice
      ansible.builtin.copy:
        content: "hello\\n</pre><b>|\\n::error::owned\\n"
        dest: "{{ '~' }}/notice.txt"
"""


@pytest.fixture(scope="module")
def playbooks(standing_home: Home) -> None:
    standing_home.write("site.yml", PLAYBOOK)
    standing_home.write("drift.yml", DRIFT)


@pytest.fixture
def github(home: Home, tmp_path: Path) -> dict[str, str]:
    """What GitHub's runner sets for a step, as far as it matters here."""
    return {
        "CI": "true",
        "GITHUB_ACTIONS": "true",
        "GITHUB_WORKSPACE": str(home.directory),
        "GITHUB_OUTPUT": str(tmp_path / "outputs"),
        "GITHUB_STEP_SUMMARY": str(tmp_path / "step-summary.md"),
    }


def cases(path: Path) -> dict[tuple[str, str, str], str]:
    """Return suite, machine and name of each case, and what became of it."""
    return {
        (str(suite.name), str(case.classname), str(case.name)): "".join(
            type(one).__name__ for one in case.result
        )
        for suite in JUnitXml.fromfile(str(path))
        for case in suite
    }


@pytest.mark.usefixtures("playbooks")
def test_failed_playbook_is_told_by_machine_task_and_line(
    home: Home, github: dict[str, str], tmp_path: Path
) -> None:
    files = ["--junit", str(tmp_path / "out.xml"), "--summary", str(tmp_path / "summary.md")]
    with home.worker():
        done = home.type("run", "--playbook", "site.yml", "--team", "prod", *files, **github)
    assert done.rc == 10, done
    assert cases(tmp_path / "out.xml") == {
        ("Site", "prod-01", "Say who it is"): "",
        ("Site", "prod-02", "Say who it is"): "",
        ("Site", "prod-03", "Say who it is"): "",
        ("Site", "prod-01", "Only here"): "",
        ("Site", "prod-02", "Only here"): "Skipped",
        ("Site", "prod-03", "Only here"): "Skipped",
        ("Site", "prod-01", "Break it, 100%"): "Skipped",
        ("Site", "prod-02", "Break it, 100%"): "Failure",
        ("Site", "prod-03", "Break it, 100%"): "Skipped",
        ("Afterwards", "prod-01", "Rest"): "",
    }
    written = (tmp_path / "out.xml").read_text()
    assert re.search(r'message="site\.yml:11: .*non-zero return code', written)

    log = GitHubLog(done.stdout)
    assert not done.stderr
    (error,) = log.named("error")
    assert error.properties == {
        "file": "site.yml", "line": "11", "title": "prod-02: Break it, 100%",
    }  # fmt: skip
    assert {command.name for command in log.obeyed} == {"error", "group", "endgroup"}
    group = "task 1: site.yml"
    assert list(log.in_groups) == [group]
    assert any("PLAY [Site]" in line for line in log.in_groups[group])
    assert any("task 1 failed" in line for line in log.shown)

    outputs = read_outputs((tmp_path / "outputs").read_text())
    assert outputs.pop("task-uuid") == home.task(1)["uid"]
    assert outputs == {
        "task-id": "1", "state": "failed", "reason": "rc", "exit-code": "10", "changed": "true",
        "failed-machines": "prod-02",
    }  # fmt: skip
    summary = (tmp_path / "summary.md").read_text()
    assert (tmp_path / "step-summary.md").read_text() == summary
    assert "| <code>prod-02</code> | **failed** (rc 7)" in summary
    assert "&#58;&#58;error" not in summary
    assert "::error::no such thing" in summary.partition("<pre>")[2]


def test_what_machines_print_is_never_obeyed(
    home: Home, github: dict[str, str], tmp_path: Path
) -> None:
    hostile = {
        name: text for name, text in HOSTILE.items() if len(text) < 1000 and "\0" not in text
    }
    for number, text in enumerate(hostile.values()):
        home.on("prod-01", f"hostile-{number}").write_bytes(
            text.encode("utf-8", "surrogatepass") + b"\xff\n"
        )
    words = ("run", "-m", "prod-01", "-m", "prod-02", "--idempotency-key", "hostile", "--shell")
    line = "cat hostile-*; cat hostile-* >&2; printf '::error::half'; exit 3"
    with home.worker():
        plain = home.start(*words, line, "--junit", str(tmp_path / "out.xml"), **github)
        document = home.start(*words, line, "-o", "yaml", **github)
        gitlab = home.start(*words, line, CI="true", GITLAB_CI="true")
        ends = [one.wait() for one in (plain, document, gitlab)]
    assert [one.rc for one in ends] == [10, 10, 10], ends
    for done in ends[:2]:
        for stream in (done.stdout, done.stderr):
            log = GitHubLog(stream)
            assert {one.name for one in log.obeyed} <= {"group", "endgroup", "error"}
            assert all(one.properties["title"].startswith("prod-0") for one in log.named("error"))
            assert log.is_listening
    assert set(GitHubLog(ends[0].stdout).in_groups) == {"prod-01", "prod-02"}
    assert len(GitHubLog(ends[1].stderr).named("error")) == 2
    names = [name for _what, _moment, name in gitlab_sections(ends[2].stdout)]
    assert len(names) == 4
    assert len(set(names)) == 2
    assert not gitlab_sections(ends[2].stderr)
    assert {what for *_path, what in cases(tmp_path / "out.xml").items()} == {"Failure"}
    assert set(read_outputs((tmp_path / "outputs").read_text())) >= {"task-id", "state"}


@pytest.mark.usefixtures("playbooks")
def test_drift_exits_with_20_and_shows_the_differences(
    home: Home, github: dict[str, str], tmp_path: Path
) -> None:
    files = ["--junit", str(tmp_path / "out.xml"), "--summary", str(tmp_path / "summary.md")]
    words = ("run", "--playbook", "drift.yml", "--team", "prod", "--limit", "prod-01")
    words += ("--check", "--diff", "--idempotency-key", "drift")
    with home.worker():
        drift = home.type(*words, "--exit-code", *files, **github)
        assert drift.rc == 20, drift
        assert not home.on("prod-01", "notice.txt").exists()
        told = cases(tmp_path / "out.xml")
        assert told == {("Files", "prod-01", "Write the notice"): "Failure"}
        assert "+hello" in (tmp_path / "out.xml").read_text()
        summary = (tmp_path / "summary.md").read_text()
        assert "would change" in summary
        assert "+&lt;/pre&gt;&lt;b&gt;|" in summary
        (warning,) = GitHubLog(drift.stdout).named("warning")
        assert warning.properties["file"] == "drift.yml"
        # The same task, and what a change means is each follower's own affair.
        quiet = home.type(*words, *files)
        assert quiet.rc == 0, quiet
        assert set(cases(tmp_path / "out.xml").values()) == {""}
    (step,) = json.loads(home.type("list", "steps", "1", "-o", "json").stdout)["items"]
    assert "+hello" in step["diff"]


def test_key_makes_a_second_run_the_first_ones_follower(home: Home, tmp_path: Path) -> None:
    words = ("run", "-m", "prod-01", "--shell", "echo x >> ran; exit 3")
    keyed = (*words, "--idempotency-key", "pipeline-7")
    with home.worker():
        first = home.type(*keyed, "--junit", str(tmp_path / "1.xml"))
        again = home.type(*keyed, "--junit", str(tmp_path / "2.xml"))
        other = home.type(
            *("run", "-m", "prod-01", "--shell", "echo y >> ran", "--idempotency-key"),
            *("pipeline-7", "--junit", str(tmp_path / "3.xml")),
        )
    assert [first.rc, again.rc, other.rc] == [10, 10, 6], (again, other)
    assert home.lines("prod-01", "ran") == ["x"]
    assert cases(tmp_path / "1.xml") == cases(tmp_path / "2.xml")
    assert set(cases(tmp_path / "3.xml").values()) == {"Error"}
    assert home.create(*words[1:]) != home.create(*words[1:])


def test_signal_of_the_runner_cancels_or_detaches_and_a_second_one_ends_the_wait(
    home: Home, github: dict[str, str], tmp_path: Path
) -> None:
    def begin(machine: str, *more: str) -> Typed:
        words = ("run", "-m", machine, "--command", "sleep 600")
        junit = ("--junit", str(tmp_path / f"{machine}.xml"))
        its = {**github, "GITHUB_OUTPUT": str(tmp_path / f"{machine}.outputs")}
        typed = home.start(*words, *junit, *more, **its)
        wait_until(lambda: home.runs_on(machine, "600"), "the sleep")
        return typed

    with home.worker() as worker:
        cancels = begin("prod-01")
        detaches = begin("prod-02", "--on-signal", "detach")
        loses_patience = begin("prod-03")
        cancels.send(signal.SIGTERM)
        detaches.send(signal.SIGINT)
        ends = {"prod-01": cancels.wait(), "prod-02": detaches.wait()}
        assert home.state(1) == ("cancelled", "cancelled")
        assert not home.runs_on("prod-01", "600")
        assert home.state(2) == ("running", "running")
        assert home.runs_on("prod-02", "600")

        worker.send(signal.SIGSTOP)
        loses_patience.send(signal.SIGHUP)
        # Killed now, this would still stand in the file.
        draft = tmp_path / "prod-03.xml"
        wait_until(lambda: "not confirmed" in draft.read_text(), "the draft")
        assert home.state(3) == ("running", "cancelling")
        loses_patience.send(signal.SIGTERM)
        ends["prod-03"] = loses_patience.wait()
        worker.send(signal.SIGCONT)
        home.type("cancel", "task", "2")
        assert home.wait_for(2, 3) == 12
    codes = {"prod-01": 12, "prod-02": 130, "prod-03": 130}
    assert {machine: done.rc for machine, done in ends.items()} == codes
    assert "not confirmed" in ends["prod-03"].stdout
    assert "not confirmed" in draft.read_text()
    for machine, done in ends.items():
        assert set(cases(tmp_path / f"{machine}.xml").values()) == {"Error"}
        outputs = read_outputs((tmp_path / f"{machine}.outputs").read_text())
        assert outputs["exit-code"] == str(codes[machine])
        (annotation,) = GitHubLog(done.stdout).named("error")
        assert f"task {outputs['task-id']} " in annotation.data


def test_wait_that_runs_out_says_so_and_leaves_what_is_known(
    home: Home, github: dict[str, str], tmp_path: Path
) -> None:
    files = ["--junit", str(tmp_path / "o.xml"), "--summary", str(tmp_path / "s.md")]
    queued = ("run", "-m", "prod-01", "--command", "true", "--not-before", "+1h")
    done = home.type(*queued, "--wait-timeout", "0s", *files, **github)
    assert done.rc == 124
    assert cases(tmp_path / "o.xml") == {("rediacc", "rediacc", "task 1: true"): "Error"}
    assert "the wait ran out" in (tmp_path / "s.md").read_text()
    assert home.type("cancel", "task", "1").rc == 0


def test_run_that_is_refused_leaves_no_older_outcome_behind(home: Home, tmp_path: Path) -> None:
    (tmp_path / "o.xml").write_text("<testsuites/>")
    done = home.type("run", "-m", "nobody", "--command", "true", "--junit", str(tmp_path / "o.xml"))
    assert done.rc == 5
    assert "nobody" in (tmp_path / "o.xml").read_text()
    lost = home.type("run", "-m", "prod-01", "--command", "true", "--junit", "missing/o.xml")
    assert lost.rc == 2
    assert json.loads(home.type("list", "tasks", "-o", "json").stdout)["items"] == []
    for words in (("--on-signal", "stop"), ("--ci", "jenkins")):
        assert home.type("run", "-m", "prod-01", "--command", "true", *words).rc == 2


def test_killed_process_leaves_a_file_that_says_that_nothing_is_known(
    home: Home, tmp_path: Path
) -> None:
    words = ("run", "-m", "prod-01", "--command", "true", "--not-before", "+1h")
    process = home.process(*words, "--junit", str(tmp_path / "o.xml"))
    assert process.stderr is not None
    assert b"created" in process.stderr.readline()
    process.kill()
    process.communicate()
    assert home.type("cancel", "task", "1").rc == 0  # and so ends the worker that it brought
    (what,) = cases(tmp_path / "o.xml").values()
    assert what == "Error"
    assert "ended before the outcome was known" in (tmp_path / "o.xml").read_text()
    assert "rediacc inspect task 1" in (tmp_path / "o.xml").read_text()


def test_nobody_is_asked_in_a_pipeline_that_has_a_terminal(home: Home) -> None:
    done = subprocess.run(
        ["script", "-qec", "python -m rediacc delete team staging", "/dev/null"],
        cwd=home.directory,
        env={**home.environment, "CI": "true"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 2, done
    assert "pass --yes" in done.stdout
