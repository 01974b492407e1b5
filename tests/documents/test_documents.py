"""Every command that the README and the documents show, run as shown, in order, for real."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from documents_home import BLOCK, NAMES, ROOT, Repository, as_installed
from machines import Machines

from rediacc.teams import named_file, named_variables


@pytest.fixture(scope="module")
def machines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machines]:
    with Machines(tmp_path_factory.mktemp("machines"), NAMES) as running:
        yield running


@pytest.fixture
def repository(tmp_path: Path, machines: Machines) -> Repository:
    path = tmp_path / "ansible"
    path.mkdir()
    return Repository(path, machines)


def _commands(text: str) -> list[str]:
    """Return the commands of all console blocks, without their comments."""
    blocks = [body for language, body in BLOCK.findall(text) if language == "console"]
    lines = [line for body in blocks for line in body.splitlines() if line.startswith("$ ")]
    return [re.sub(r"\s+# .*$", "", line[2:]) for line in lines]


def _shown(text: str) -> dict[str, set[str]]:
    """Return for each command how the lines begin that the document shows after it."""
    shown: dict[str, set[str]] = {}
    for language, body in BLOCK.findall(text):
        command = ""
        for line in body.splitlines() if language == "console" else ():
            if line.startswith("$ "):
                command = _commands(f"```console\n{line}\n```")[0]
                shown[command] = set()
            elif line.strip():
                shown[command].add(line.split()[0])
    return shown


def _inline(text: str) -> list[str]:
    """Return the commands that stand in tables and sentences."""
    plain = BLOCK.sub("", text)
    return [found for found in re.findall(r"`(rediacc [^`]+)`", plain) if "NAME" not in found]


def test_readme_commands_do_what_it_shows(repository: Repository) -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    commands, shown = _commands(readme), _shown(readme)
    assert commands[0].startswith("pipx install")  # the built wheel has a test of its own
    worker: subprocess.Popen[str] | None = None
    try:
        for command in commands[1:]:
            if command.endswith("&"):
                worker = repository.start(as_installed(f"exec {sys.executable} -m {command[:-1]}"))
                continue
            rc, output = repository.run(command)
            assert rc == 0, f"{command}: {output}"
            begun = {line.split()[0] for line in output.splitlines() if line.strip()}
            assert shown[command] <= begun, f"{command}: {output}"
            if command == "rediacc init":
                assert "prod (3 machines, inventories/production)" in output
                assert "ssh      as you do now" in output
            if command.startswith("rediacc run"):
                assert "prod-01 | " in output
                assert "prod-02 | " in output
            if command.startswith("rediacc create task"):
                assert "task 2 created: level 1" in output
    finally:
        if worker is not None:
            os.killpg(worker.pid, signal.SIGTERM)
            worker.communicate(timeout=60)
    rc, output = repository.run("rediacc list tasks -o name")
    assert (rc, output.split()) == (0, ["2", "1"])


def test_readme_examples_in_sentences_are_commands(repository: Repository) -> None:
    assert repository.run("rediacc init")[0] == 0
    _write_named_task(repository)
    for command in _inline((ROOT / "README.md").read_text(encoding="utf-8")):
        if command.startswith(("rediacc run", "rediacc wait", "rediacc logs -f", "rediacc top")):
            command += " --help"  # what they do is run from the blocks
        rc, output = repository.run(command.replace("--unknown", "--unknown --yes"))
        assert rc in (0, 1, 5), f"{command}: {rc} {output}"
        assert "Traceback" not in output


def test_guide_commands_do_what_it_says(repository: Repository) -> None:
    text = (ROOT / "docs" / "guide.md").read_text(encoding="utf-8")
    commands = _commands(text)
    for command in commands:
        if command == "rediacc list named-tasks":
            _write_named_task(repository)
        if "--from tonight.yml --dry-run" in command:
            body = next(body for _rest, body in BLOCK.findall(text) if "# tonight.yml" in body)
            (repository.path / "tonight.yml").write_text(body, encoding="utf-8")
        rc, output = repository.run(command)
        assert rc == 0, f"{command}: {rc} {output}"
        assert "Traceback" not in output
    rc, output = repository.run("rediacc list tasks --failed -o name")
    assert output.split() == [], repository.run("rediacc list tasks")[1]


def test_guide_lists_every_key_of_a_named_task() -> None:
    text = (ROOT / "docs" / "guide.md").read_text(encoding="utf-8")
    section = text.partition("### Named tasks")[2].partition("### Passwords")[0]
    named = set(re.findall(r"`(\w+)`", section))
    assert named_file._KEYS | named_variables._KEYS | set(named_variables.TYPES) <= named
    rows = re.findall(r"^\| (`.*?) \|", section, re.MULTILINE)
    assert {key for row in rows for key in re.findall(r"`(\w+)`", row)} <= named_file._KEYS


def test_monitoring_commands_do_what_it_says(repository: Repository) -> None:
    text = (ROOT / "docs" / "monitoring.md").read_text(encoding="utf-8")
    outputs = {}
    for command in _commands(text):
        rc, outputs[command] = repository.run(command)
        assert rc == 0, f"{command}: {rc} {outputs[command]}"
        assert "Traceback" not in outputs[command]
    assert "every 1m, while a worker runs" in outputs["rediacc inspect team prod"]
    plan = outputs["rediacc create task --team prod --group web --any --command uptime --dry-run"]
    assert "PLACEMENT" in plan
    metrics = {
        name.replace("_bucket", "").replace("_sum", "").replace("_count", "")
        for name in re.findall(r"^(rediacc_\w+)", outputs["rediacc metrics"], re.MULTILINE)
    }
    for name in re.findall(r"`(rediacc_\w+)`", text):
        assert name in metrics or "machine" in name or "alerts" in name, name


def test_vault_commands_do_what_they_say(repository: Repository) -> None:
    assert repository.run("rediacc init --team prod=inventories/production")[0] == 0
    printed = {}
    for command in _commands((ROOT / "docs" / "vaults.md").read_text(encoding="utf-8")):
        rc, printed[command] = repository.run(command)
        assert rc == 0, f"{command}: {rc} {printed[command]}"
    assert printed["rediacc get secret db_password --team prod"] == "correct horse"
    assert "battery staple" in next(text for word, text in printed.items() if "view" in word)
    assert "correct horse" not in printed["rediacc list secrets --team prod"]


def _write_named_task(repository: Repository) -> None:
    """Put the guide's own example of a named task where it says."""
    text = (ROOT / "docs" / "guide.md").read_text(encoding="utf-8")
    body = next(body for language, body in BLOCK.findall(text) if "greeting" in body)
    directory = repository.path / "named_tasks"
    directory.mkdir(exist_ok=True)
    (directory / "greet.yml").write_text(body, encoding="utf-8")


def test_access_commands_do_what_they_say(repository: Repository) -> None:
    rc, output = repository.run(
        "rediacc init --team prod=inventories/production --team staging=inventories/staging"
    )
    assert rc == 0, output
    text = (ROOT / "docs" / "access.md").read_text(encoding="utf-8")
    shown, printed = _shown(text), {}
    for command in _commands(text):
        rc, printed[command] = repository.run(command.replace("--actor ansible", "--actor root"))
        assert rc == 0, f"{command}: {rc} {printed[command]}"
        begun = {line.split()[0] for line in printed[command].splitlines() if line.strip()}
        assert shown[command] <= begun, f"{command}: {printed[command]}"
    assert (
        "rediacc_" in printed[next(command for command in printed if "create member ci" in command)]
    )
    assert "anna" in printed["rediacc list members"]
    assert "carol" in printed["rediacc list members"]
    recipe = next(body for language, body in BLOCK.findall(text) if language == "python")
    done = subprocess.run(
        [sys.executable, "-c", recipe],
        cwd=repository.path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    damaged = repository.path / "audit.jsonl"
    damaged.write_text(damaged.read_text().replace("anna", "hanna", 1), encoding="utf-8")
    assert repository.run("rediacc verify audit --file audit.jsonl")[0] == 1


def test_programs_get_what_the_page_says(repository: Repository) -> None:
    rc, output = repository.run("rediacc init --team prod=inventories/production")
    assert rc == 0, output
    text = (ROOT / "docs" / "programs.md").read_text(encoding="utf-8")
    blocks = BLOCK.findall(text)
    wanted = next(body for language, body in blocks if language == "json")
    (repository.path / "filter.json").write_text(wanted, encoding="utf-8")
    printed = {}
    for command in _commands(text):
        rc, printed[command] = repository.run(command)
        assert rc == 0, f"{command}: {rc} {printed[command]}"
    found = next(output for command, output in printed.items() if "filter.json" in command)
    assert [task["title"] for task in json.loads(found)["item"]] == ["uptime"]
    caller = next(output for command, output in printed.items() if "REDIACC_TOKEN" in command)
    assert json.loads(caller)["item"]["name"] == "robot"
    missing = next(output for command, output in printed.items() if "nowhere" in command)
    assert missing.endswith("exit code 5\n")
    recipe = next(body for language, body in blocks if language == "python")
    rc, output = repository.run(f"{sys.executable} -c {shlex.quote(recipe)}")
    assert (rc, output.splitlines()[0]) == (0, "prod 3"), output
    assert "no team has a machine 'nowhere'" in output


def test_pictures_of_the_documents_are_small_and_load_nothing() -> None:
    shown = {
        (page.parent / name).resolve()
        for page in (ROOT / "README.md", *(ROOT / "docs").rglob("*.md"))
        for name in re.findall(r"!\[[^\]]+\]\(([^)]+)\)", page.read_text(encoding="utf-8"))
    }
    there = {path for path in (ROOT / "docs" / "pictures").iterdir() if path.suffix != ".py"}
    assert shown == there
    assert there
    for path in there:
        assert path.stat().st_size < 150_000
        if path.suffix == ".svg":
            picture = path.read_text(encoding="utf-8")
            assert "@font-face" not in picture
            assert not re.search(r"(href|src)=|url\((?!#)|<script", picture)
