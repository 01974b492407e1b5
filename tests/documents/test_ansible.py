"""Every block of docs/ansible.md: files are written, commands run, and print what is shown."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from documents_home import BLOCK, NAMES, ROOT, Repository, as_installed
from machines import Machines

_FILE = re.compile(r"\A[#;] (\S+)\n")


class _WithCollection(Repository):
    """A repository whose Ansible finds the checkout as the collection."""

    def __init__(self, path: Path, machines: Machines) -> None:
        super().__init__(path, machines)
        self.collections = path.parent / "collections"
        link = self.collections / "ansible_collections" / "rediacc" / "core"
        link.parent.mkdir(parents=True)
        link.symlink_to(ROOT)

    def environment(self) -> dict[str, str]:
        return {**super().environment(), "ANSIBLE_COLLECTIONS_PATH": str(self.collections)}


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Iterator[_WithCollection]:
    path = tmp_path_factory.mktemp("documents") / "ansible"
    path.mkdir()
    with Machines(tmp_path_factory.mktemp("machines"), NAMES) as machines:
        yield _WithCollection(path, machines)


def test_every_block_does_what_it_shows(repository: _WithCollection) -> None:
    blocks = BLOCK.findall((ROOT / "docs" / "ansible.md").read_text(encoding="utf-8"))
    workers: list[subprocess.Popen[str]] = []
    used: dict[str, bool] = {}
    try:
        for language, body in blocks:
            named = _FILE.match(body)
            if named:
                target = repository.path / named[1]
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_text(body, encoding="utf-8")
                used[named[1]] = named[1] == "ansible.cfg"
                continue
            assert language == "console", body
            for line, shown in _typed(body):
                command, mark, remark = line.partition("    # ")
                assert bool(mark) == (remark == "fails"), line
                for name in used:
                    used[name] |= name in command
                if command.startswith("pip install"):
                    continue  # the built wheel has a test of its own
                if command.endswith("&"):
                    words = as_installed(f"exec {sys.executable} -m {command[:-1]}")
                    workers.append(repository.start(words))
                    continue
                rc, output = repository.run(command)
                assert (rc != 0) == bool(mark), f"{command}: {rc} {output}"
                assert "DEPRECATION" not in output, output
                for each in shown:
                    assert each in output, f"{command}: {each!r} is not in {output}"
    finally:
        for worker in workers:
            os.killpg(worker.pid, signal.SIGTERM)
            worker.communicate(timeout=60)
    assert [name for name, is_used in used.items() if not is_used] == []


def _typed(body: str) -> list[tuple[str, list[str]]]:
    """Return each command of a block with the lines that are shown after it."""
    typed: list[tuple[str, list[str]]] = []
    for line in body.splitlines():
        if line.startswith("$ "):
            typed.append((line[2:], []))
        elif line.strip():
            typed[-1][1].append(line.strip())
    return typed
