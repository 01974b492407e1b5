"""An Ansible repository as somebody has it, for the tests of documents, and a shell in it."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

from live_homes import Typed, plain_words
from machines import Machines

__all__ = ["BLOCK", "NAMES", "ROOT", "Repository", "as_installed"]

ROOT = Path(__file__).resolve().parents[2]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NAMES = ("prod-01", "prod-02", "prod-03", "stage-01", "stage-02")
SITE = """\
- name: Site
  hosts: all
  gather_facts: false
  tasks:
    - name: Say who it is
      ansible.builtin.command: uptime
      changed_when: false
"""


class Repository:
    """An Ansible repository as somebody has it, and a shell in it."""

    def __init__(self, path: Path, machines: Machines) -> None:
        self.path = path
        self.account = path.parent / "account"
        (self.account / ".ssh").mkdir(parents=True)
        self._write_inventory("production", NAMES[:3], "[web]\nprod-01\nprod-02\n")
        self._write_inventory("staging", NAMES[3:], "[web]\nstage-01\n")
        (path / "site.yml").write_text(SITE, encoding="utf-8")
        machines.ssh_config(path / "ssh_config")
        (path / "ansible.cfg").write_text(
            "[ssh_connection]\nssh_args = -F ./ssh_config\n", encoding="utf-8"
        )

    def _write_inventory(self, name: str, members: tuple[str, ...], groups: str) -> None:
        directory = self.path / "inventories" / name
        directory.mkdir(parents=True)
        debian = Path("/usr/bin/python3")
        python = debian if debian.exists() else sys.executable
        hosts = "".join(f"{member} ansible_python_interpreter={python}\n" for member in members)
        (directory / "hosts").write_text(f"{hosts}\n{groups}", encoding="utf-8")

    def environment(self) -> dict[str, str]:
        return {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "HOME": str(self.account),
            "LANG": "C.UTF-8",
        }

    def start(self, command: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            ["bash", "-c", command],
            cwd=self.path,
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def run(self, command: str) -> tuple[int, str]:
        words = plain_words(command)
        if words is not None:
            done = Typed(words, self.path, self.environment()).wait()
            return done.rc, done.stdout + done.stderr
        process = self.start(as_installed(command))
        output, _error = process.communicate(timeout=180)
        return process.returncode, output


def as_installed(command: str) -> str:
    """Let the name `rediacc` mean this checkout, also where nothing is installed."""
    return f'rediacc() {{ {shlex.quote(sys.executable)} -m rediacc "$@"; }}\n{command}'
