"""Processes that rediacc starts of itself take no module from the directory that they begin in."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from rediacc.cli import main
from rediacc.errors import ExitCode
from rediacc.settings import load_settings
from rediacc.teams.vaults.client import client_path
from rediacc.worker.main import run_temporary_worker

WORD = "a file of the working directory ran"


def test_files_beside_the_inventory_are_no_modules(tmp_path: Path) -> None:
    (tmp_path / "hosts").write_text("web1\n")
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    words = ("init", str(tmp_path), "--team", f"prod={tmp_path / 'hosts'}")
    assert main.run(words, environment=environment) == 0
    for name in ("argparse", "secrets", "queue"):
        (tmp_path / f"{name}.py").write_text(f"raise SystemExit({WORD!r})\n")

    client = client_path(load_settings(tmp_path, environment=environment))
    done = subprocess.run(
        [client, "--vault-id", "prod"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert "has no vault key of its own" in done.stderr

    with run_temporary_worker(tmp_path, 7, environment) as worker:
        worker.wait(60)
    # It looked into the queue: there is no such task.
    assert worker.returncode == ExitCode.NOT_FOUND
    assert WORD not in (tmp_path / ".rediacc" / "worker.log").read_text()
