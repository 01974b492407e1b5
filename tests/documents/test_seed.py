"""Every command of docs/seed.md, run as written, in order, on real machines."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from documents_home import BLOCK, NAMES, ROOT, Repository
from machines import Machines

TEXT = (ROOT / "docs" / "seed.md").read_text(encoding="utf-8")
SECTIONS = {
    "Priorities": 6,
    "Retries": 1,
    "Teams": 3,
    "Monitoring and logging": 4,
    "Security": 5,
    "Performance": 4,
}
"""The page's sections, and how many points each has at least."""
FAILED_IDS = "rediacc list tasks --failed -q"


@pytest.fixture(scope="module")
def machines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machines]:
    with Machines(tmp_path_factory.mktemp("machines"), NAMES) as running:
        yield running


def _rows(section: str) -> list[tuple[str, str]]:
    """Return the rows of a section's table: what was asked for, and the cell beside it."""
    body = TEXT.partition(f"\n## {section}\n")[2].partition("\n## ")[0]
    lines = [line for line in body.splitlines() if line.startswith("|")][2:]
    cells = [re.split(r"(?<!\\)\|", line)[1:-1] for line in lines]
    return [(asked.strip(), done.strip().replace("\\|", "|")) for asked, done in cells]


def _command(cell: str) -> str | None:
    found = re.fullmatch(r"`([^`]+)`", cell)
    return found[1] if found else None


def _block(language: str, mark: str) -> str:
    return next(body for name, body in BLOCK.findall(TEXT) if name == language and mark in body)


def test_every_section_and_point_of_the_page_has_its_row() -> None:
    assert re.findall(r"^## (.+)$", TEXT, re.MULTILINE) == list(SECTIONS)
    for section, points in SECTIONS.items():
        rows = _rows(section)
        assert len(rows) >= points, section
        for asked, done in rows:
            assert _command(done) or "*still to come*" in done, (section, asked)
    waiting = [asked for section in SECTIONS for asked, done in _rows(section) if "*still" in done]
    assert waiting == [
        "SSH keys changed regularly", "small tasks together", "not waiting for what takes long"
    ]  # fmt: skip


def test_commands_of_the_tables_do_what_was_asked_for(tmp_path: Path, machines: Machines) -> None:
    path = tmp_path / "ansible"
    path.mkdir()
    repository = Repository(path, machines)
    (path / "policy.json").write_text(_block("json", "taskId"))
    (path / "small.yml").write_text(_block("yaml", "# small.yml"))
    (setup,) = (line[2:] for line in _block("console", "$ ").splitlines())
    rc, output = repository.run(setup)
    assert rc == 0, output
    with (path / "rediacc.toml").open("a") as config:
        config.write(f"\n{_block('toml', 'retry.kind')}")
    printed = {}
    for section in SECTIONS:
        for _asked, done in _rows(section):
            command = _command(done)
            if command is None:
                continue
            rc, printed[command] = repository.run(command)
            assert rc == 0, f"{command}: {rc} {printed[command]}"
            assert "Traceback" not in printed[command]
    assert repository.run(FAILED_IDS) == (0, "")
    assert repository.run("rediacc list queue -q") == (0, "")

    def after(words: str) -> str:
        return next(text for command, text in printed.items() if words in command)

    # The page's own line: level 1, and the restart that it asks for.
    assert "task 1 created: level 1" in after("./rediacc create task")
    assert "restarted webserver" in after("logs 1")
    assert re.search(r"retryCount +3 +(?!default)", after("inspect task 550e"))
    assert re.search(r"failureAction +alert +(?!default)", after("inspect task 550e"))
    assert re.search(r"retryCount +1 +.*retry\.kind\.playbook", after("--dry-run"))
    assert "dev-01" in after("list machines --team dev")
    assert "the audit is whole" in after("verify audit")
    # A task that an open alert names would stay; of this one nobody is told.
    assert "df -h /" in after("--archived --machine prod-01")
    assert "placed on prod-0" in after("--any")
    lines = [json.loads(line) for line in (path / "worker.jsonl").read_text().splitlines()]
    first = next(line for line in lines if line.get("task") == 1)
    assert {"attempt", "team", "machine", "priority"} <= first.keys()
    assert "correct horse" not in "".join(printed.values())
