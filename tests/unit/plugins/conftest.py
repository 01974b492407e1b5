# Copyright (c) 2026 the rediacc authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Real Ansible runs against local hosts, with the checkout as the collection."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[3]
PROGRAMS = Path(sys.executable).parent

_tree = tempfile.TemporaryDirectory(prefix="rediacc-collections-")
COLLECTIONS = Path(_tree.name)
(COLLECTIONS / "ansible_collections" / "rediacc").mkdir(parents=True)
(COLLECTIONS / "ansible_collections" / "rediacc" / "core").symlink_to(ROOT)
# Plain namespace packages are enough to import what the plugins are made of.
sys.path.insert(0, str(COLLECTIONS))

MARKER = "0f3a9c1e5b7d4a6f8e2c1d0b9a8f7e6d"
NONCE = "a-nonce-that-readers-know"
INVENTORY = """\
all:
  vars:
    ansible_connection: local
    ansible_python_interpreter: "{{ ansible_playbook_python }}"
    ansible_async_dir: "{{ playbook_dir }}/async"
  hosts:
    one:
    two:
"""


@dataclass(frozen=True, kw_only=True)
class AnsibleRun:
    """What an ansible-playbook left: exit status, output, and its records."""

    status: int
    stdout: str
    stderr: str
    records: list[dict[str, Any]]
    raw_records: str = field(repr=False)

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [record for record in self.records if record["type"] == kind]

    def result(self, task: str, host: str = "one") -> dict[str, Any]:
        found = [
            record
            for record in self.of("result")
            if record["task"] == task and record["host"] == host
        ]
        assert len(found) == 1, (task, host, found, self.stdout, self.stderr)
        return found[0]


@dataclass(frozen=True, kw_only=True)
class Project:
    """A directory with an inventory in which playbooks run."""

    path: Path

    def write(self, name: str, text: str) -> Path:
        target = self.path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
        return target

    def encrypt(self, name: str, text: str) -> Path:
        """Write a vaulted file under the project's only password."""
        from ansible.parsing.vault import VaultLib, VaultSecret

        password = (self.path / "password").read_bytes().strip()
        vault = VaultLib([("default", VaultSecret(password))])
        return self.write(name, vault.encrypt(text).decode())

    def inline(self, text: str) -> str:
        """Return a vaulted value as a YAML scalar of a flow mapping."""
        return "!vault " + json.dumps(self.encrypt("inline", text).read_text())

    def play(
        self, playbook: str, *arguments: str, callback: bool = True, **environment: str
    ) -> AnsibleRun:
        records = self.path / "records.jsonl"
        records.unlink(missing_ok=True)
        self.write("play.yml", playbook)
        own = {
            "PATH": f"{PROGRAMS}:{os.environ['PATH']}",
            "HOME": str(self.path),
            "LANG": "C.UTF-8",
            "ANSIBLE_COLLECTIONS_PATH": str(COLLECTIONS),
            "ANSIBLE_VAULT_PASSWORD_FILE": str(self.path / "password"),
            "ANSIBLE_PIPELINING": "1",
            "REDIACC_NONCE": NONCE,
            **environment,
        }
        if callback:
            own = {
                "ANSIBLE_CALLBACKS_ENABLED": "rediacc.core.results",
                "REDIACC_RECORDS": str(records),
                "REDIACC_RUN": MARKER,
                **own,
            }
        command = [PROGRAMS / "ansible-playbook", "-i", "inventory", "play.yml", *arguments]
        done = subprocess.run(
            command,
            cwd=self.path,
            env=own,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="surrogateescape",
            timeout=120,
            check=False,
        )
        raw = records.read_text(encoding="utf-8") if records.exists() else ""
        return AnsibleRun(
            status=done.returncode,
            stdout=done.stdout,
            stderr=done.stderr,
            records=[json.loads(line) for line in raw.splitlines()],
            raw_records=raw,
        )


@pytest.fixture(scope="session")
def new_project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Project]]:
    def make(name: str) -> Project:
        project = Project(path=tmp_path_factory.mktemp(name))
        project.write("inventory/hosts.yml", INVENTORY)
        project.write("password", "the vault's own password\n")
        return project

    yield make
    _tree.cleanup()
