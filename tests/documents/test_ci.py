"""docs/ci.md run as written, and the examples for pipelines in runners that are simulated."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from ci_jobs import GitHubJob, GitLabJob
from documents_home import BLOCK, NAMES, ROOT, Repository
from junitparser import JUnitXml
from live_homes import wait_until
from machines import Machines
from runners import GitHubLog, gitlab_sections

EXAMPLES = ROOT / "examples" / "ci"
TEXT = (ROOT / "docs" / "ci.md").read_text(encoding="utf-8")
MOTD = """\
- name: Message of the day
  hosts: all
  gather_facts: false
  tasks:
    - name: Write it
      ansible.builtin.copy:
        content: "hello\\n"
        dest: "{{ '~' }}/motd"
"""


@pytest.fixture(scope="module")
def machines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machines]:
    with Machines(tmp_path_factory.mktemp("machines"), NAMES) as running:
        yield running


@pytest.fixture
def repository(tmp_path: Path, machines: Machines) -> Repository:
    path = tmp_path / "ansible"
    path.mkdir()
    made = Repository(path, machines)
    (path / "motd.yml").write_text(MOTD)
    return made


def test_every_block_does_what_it_says(repository: Repository) -> None:
    for language, body in BLOCK.findall(TEXT):
        if language == "toml":
            with (repository.path / "rediacc.toml").open("a") as config:
                config.write(f"\n{body}")
        for command, shown in _commands(body) if language == "console" else ():
            # What a line exports holds for that line only: each is a shell of its own.
            rc, output = repository.run(command)
            assert rc == 0, f"{command}: {rc} {output}"
            assert "Traceback" not in output
            for line in shown:
                assert line in output, f"{command}: {output}"
    assert "outcome was known" not in (repository.path / "summary.md").read_text()
    (suite,) = JUnitXml.fromfile(str(repository.path / "out.xml"))
    assert "stage-99" in next(iter(suite)).result[0].message
    assert "+hello" in (repository.path / "drift.md").read_text()


def _commands(body: str) -> list[tuple[str, list[str]]]:
    """Return each command of a block with the lines that are shown of what it prints."""
    found: list[tuple[str, list[str]]] = []
    for line in body.splitlines():
        if line.startswith("$ "):
            found.append((line[2:], []))
        elif line.strip():
            found[-1][1].append(line)
    return found


def test_every_excerpt_stands_in_an_example() -> None:
    examples = "".join(path.read_text() for path in EXAMPLES.rglob("*.yml"))
    excerpts = [body for language, body in BLOCK.findall(TEXT) if language == "yaml"]
    assert len(excerpts) == 4
    for body in excerpts:
        assert body in examples, body
    for name in re.findall(r"`(examples/ci/[^`]+)`", TEXT):
        assert (ROOT / name).exists(), name


def test_examples_use_no_code_of_others_and_put_no_input_into_a_script() -> None:
    for path in EXAMPLES.rglob("*.yml"):
        text = path.read_text()
        for used in re.findall(r"uses:\s*(\S+)", text):
            assert used.startswith("./") or re.search(r"@[0-9a-f]{40}$", used), used
        for job in _scripts(yaml.safe_load(text)):
            assert "${{" not in job


def _scripts(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            if key in ("run", "script") and isinstance(inner, str | list):
                yield from [inner] if isinstance(inner, str) else inner
            yield from _scripts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _scripts(inner)


def _program(directory: Path) -> str:
    """Put the program `rediacc` of this checkout into a directory; return a PATH with it."""
    directory.mkdir()
    (directory / "rediacc").write_text(
        f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m rediacc "$@"\n'
    )
    (directory / "rediacc").chmod(0o755)
    return f"{directory}:{Path(sys.executable).parent}:{os.environ['PATH']}"


def _git(directory: Path, *words: str) -> str:
    author = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    done = subprocess.run(
        ["git", *author, *words], cwd=directory, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


@pytest.fixture
def github(repository: Repository, tmp_path: Path) -> tuple[GitHubJob, str]:
    """A job on a fresh directory, for a repository that somebody pushed, and its commit."""
    actions = repository.path / ".github" / "actions" / "rediacc"
    actions.mkdir(parents=True)
    example = EXAMPLES / "github"
    (actions / "action.yml").write_text((example / "actions/rediacc/action.yml").read_text())
    teams = "--team prod=inventories/production --team staging=inventories/staging"
    rc, output = repository.run(f"rediacc init {teams} && rediacc trust machine --unknown --yes")
    assert rc == 0, output
    (repository.path / "ansible.cfg").write_text(
        f"[ssh_connection]\nssh_args = -F {repository.path}/ssh_config\n"
    )
    _git(repository.path, "init", "--quiet", ".")
    _git(repository.path, "add", "--all")
    _git(repository.path, "commit", "--quiet", "--message", "all")
    workspace = tmp_path / "workspace"
    workspace.mkdir()
    commit = _git(repository.path, "rev-parse", "HEAD")
    environment = {
        **repository.environment(),
        "PATH": _program(tmp_path / "bin"),
        "GITHUB_SERVER_URL": f"file://{tmp_path}",
        "GITHUB_REPOSITORY": "ansible",
        "GITHUB_SHA": commit,
    }
    contexts = {
        "github": {"event_name": "push", "token": "t0ken", "run_id": "7001"},
        "secrets": {},
    }
    return GitHubJob(workspace, environment, contexts), commit


def test_github_workflow_deploys_and_a_re_run_follows_the_first_run(
    github: tuple[GitHubJob, str],
) -> None:
    job, commit = github
    workflow = EXAMPLES / "github" / "workflows" / "ansible.yml"
    out, deployed, said = job.run(workflow, "deploy")
    assert [out.rc, deployed.rc, said.rc] == [0, 0, 0], deployed.log
    assert _git(job.workspace, "rev-parse", "HEAD") == commit
    assert said.log == "task 1 succeeded\n"
    assert deployed.outputs["exit-code"] == "0"
    assert GitHubLog(deployed.log).named("group")[0].data == "task 1: site.yml"
    assert "succeeded" in job.summary()
    assert JUnitXml.fromfile(str(job.workspace / "rediacc.xml")) is not None
    again = job.run(workflow, "deploy")[-1]
    assert again.log == "task 1 succeeded\n"
    assert job.run(workflow, "drift") == []  # not on a push


HOSTILE_INPUTS = (
    "$(touch owned)",
    "`touch owned`",
    '"; touch owned; "',
    "'; touch owned; '",
    "\n touch owned\n",
    "--help",
    "-e @/etc/passwd",
    "${{ secrets.REDIACC_TOKEN }}",
    "##[error]owned",
)


def test_github_actions_inputs_are_no_code(github: tuple[GitHubJob, str]) -> None:
    job, commit = github
    _git(job.workspace, "clone", "--quiet", job.environment["GITHUB_SERVER_URL"] + "/ansible", ".")
    action = EXAMPLES / "github" / "actions" / "rediacc"
    names = ("playbook", "named", "team", "limit", "priority", "timeout", "wait-timeout")
    for number, text in enumerate(HOSTILE_INPUTS):
        given = {names[number % len(names)]: text, "junit": f"{number}.xml"}
        outputs = job.use(action, {"playbook": "site.yml", "team": "staging", **given})
        assert job.steps[-1].rc in (2, 5), job.steps[-1].log
        assert outputs["task-id"] == ""
        assert outputs["exit-code"] == str(job.steps[-1].rc)
        obeyed = GitHubLog(job.steps[-1].log).obeyed
        assert [one.name for one in obeyed] == ["error"]
        assert obeyed[0].properties.keys() == {"title"}
    assert not list(job.workspace.rglob("owned"))
    # A text that is meant for the machines' shells reaches them as it is, and no shell before.
    given = {"shell": "echo \"$0 it's\" '$(id -u)'; exit 3", "team": "staging", "limit": "stage-01"}
    outputs = job.use(action, {**given, "named": "", "playbook": ""})
    assert outputs["exit-code"] in ("2", "10"), job.steps[-1].log
    assert commit


def test_github_action_cancels_its_task_when_the_runner_says_so(
    github: tuple[GitHubJob, str], machines: Machines
) -> None:
    job, _rest = github
    _git(job.workspace, "clone", "--quiet", job.environment["GITHUB_SERVER_URL"] + "/ansible", ".")
    (job.workspace / "slow.yml").write_text(
        "- hosts: all\n  gather_facts: false\n  tasks:\n"
        "    - name: Sleep\n      ansible.builtin.command: sleep 987\n"
    )

    def runs() -> list[int]:
        return [
            pid
            for pid in machines.processes("stage-01")
            if b"987" in Path(f"/proc/{pid}/cmdline").read_bytes()
        ]

    def cancel(process: subprocess.Popen[bytes]) -> None:
        wait_until(runs, "the sleep", seconds=150)
        job.cancel(process)

    job.on_start = cancel
    outputs = job.use(
        EXAMPLES / "github" / "actions" / "rediacc",
        {"playbook": "slow.yml", "team": "staging", "limit": "stage-01"},
    )
    assert job.steps[-1].rc == 12, job.steps[-1].log
    assert outputs["state"] == "cancelled"
    assert not runs()


def test_gitlab_jobs_deploy_warn_of_drift_and_take_no_variable_for_code(
    repository: Repository, tmp_path: Path
) -> None:
    (repository.path / "ci").mkdir()
    example = EXAMPLES / "gitlab"
    (repository.path / "ci" / "rediacc.gitlab-ci.yml").write_text(
        (example / "rediacc.gitlab-ci.yml").read_text()
    )
    teams = "--team prod=inventories/production --team staging=inventories/staging"
    rc, output = repository.run(f"rediacc init {teams} && rediacc trust machine --unknown --yes")
    assert rc == 0, output
    environment = {**repository.environment(), "PATH": _program(tmp_path / "bin")}
    job = GitLabJob(repository.path, {**environment, "CI_PIPELINE_ID": "88"})
    file = example / "gitlab-ci.yml"
    deployed = job.run(file, "deploy")
    assert deployed.rc == 0, deployed.log
    marks = gitlab_sections(deployed.log)
    assert [what for what, _moment, _name in marks] == ["start", "end"]
    assert "task 1 exists already" in job.run(file, "deploy").log
    drift = job.run(file, "drift", RUN_PLAYBOOK="motd.yml")
    assert drift.rc == 20, drift.log
    assert job.allows(file, "drift", 20)
    assert not job.allows(file, "deploy", 20)
    assert "would change" in (repository.path / "rediacc.md").read_text()
    for number, text in enumerate(HOSTILE_INPUTS[:6]):
        name = ("RUN_PLAYBOOK", "RUN_TEAM", "RUN_LIMIT")[number % 3]
        assert job.run(file, "drift", **{name: text}).rc in (2, 5)
    assert not list(repository.path.rglob("owned"))
