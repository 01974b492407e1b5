# Copyright (c) 2026 the rediacc authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from ansible_collections.rediacc.core.plugins.modules import machine_health as health

from .conftest import Project

MEMINFO = "MemTotal:    1000 kB\nMemFree:  100 kB\nBuffers: 50 kB\nCached: 150 kB\n"


@pytest.fixture
def proc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A /proc of the test's own making."""
    monkeypatch.setattr(health, "PROC", str(tmp_path))
    return tmp_path


def test_processors_are_measured_between_two_looks(
    proc: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (proc / "stat").write_text("cpu  100 0 50 800 50 0 0 0 7 0\ncpu0 1\ncpu1 1\nintr 5\n")

    def pass_time(seconds: float) -> None:
        assert seconds == 0.5
        # 40 more at work, 50 idle, 10 waiting for a disk; a guest's time is in the first field.
        (proc / "stat").write_text("cpu  130 0 60 850 60 0 0 0 37 0\ncpu0 1\ncpu1 1\n")

    monkeypatch.setattr(health.time, "sleep", pass_time)
    assert health.read_processors(0.5) == (40.0, 2)


@pytest.mark.parametrize(
    ("more", "percent"),
    [("MemAvailable: 400 kB\n", 60.0), ("", 70.0), ("MemAvailable: 2000 kB\n", 0.0)],
)
def test_memory_in_use_is_what_no_program_could_get(proc: Path, more: str, percent: float) -> None:
    (proc / "meminfo").write_text(MEMINFO + more)
    assert health.read_memory() == (1_024_000, percent)


def test_only_real_file_systems_that_can_be_written_count(proc: Path) -> None:
    (proc / "self").mkdir()
    kinds = ("nodev\tproc", "nodev\ttmpfs", "nodev\tnfs4", "\text4", "\tsquashfs")
    (proc / "filesystems").write_text("\n".join(kinds) + "\n")
    spaced = proc / "two words"
    spaced.mkdir()
    (proc / "file").write_text("")
    lines = [
        "overlay / overlay rw 0 0",
        "proc /proc proc rw 0 0",
        "tmpfs /run tmpfs rw 0 0",
        "server:/export /home nfs4 rw 0 0",
        "/dev/loop0 /snap/core squashfs ro 0 0",
        "/dev/sdb /mnt ext4 ro,noatime 0 0",
        f"/dev/sda {proc}/file ext4 rw 0 0",
        f"/dev/sda {proc}/two\\040words ext4 rw 0 0",
    ]
    (proc / "self" / "mounts").write_text("\n".join(lines) + "\n")
    assert health._mounts() == [("/", "overlay"), (str(spaced), "ext4")]


def test_disks_are_as_full_as_df_says(tmp_path: Path) -> None:
    (disk,) = health.read_disks([str(tmp_path)])
    line = subprocess.run(
        ["df", "-B1", "--output=size,used,avail", str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "LC_ALL": "C"},
    ).stdout.splitlines()[1]
    size, used, available = (int(word) for word in line.split())
    assert disk["bytes"] == size
    assert disk["percent"] == pytest.approx(100 * used / (used + available), abs=0.5)


def test_what_is_told_agrees_with_what_others_read_here() -> None:
    told = health.read_health(0.05, [])
    assert told["cpus"] == psutil.cpu_count()
    assert told["memory_bytes"] == psutil.virtual_memory().total
    assert told["memory_percent"] == pytest.approx(psutil.virtual_memory().percent, abs=15)
    assert told["load"][0] == pytest.approx(os.getloadavg()[0], abs=3)
    up = float(Path("/proc/uptime").read_text().split()[0])
    assert told["uptime_seconds"] == pytest.approx(up, abs=10)
    assert told["disk_percent"] == max(disk["percent"] for disk in told["disks"])
    assert told["disks"][0]["path"] == told["disk_path"]
    assert shutil.disk_usage(told["disk_path"]).total == told["disks"][0]["bytes"]


@pytest.mark.parametrize("missing", ["stat", "meminfo", "loadavg", "uptime"])
def test_machines_without_linux_proc_are_told_so(proc: Path, missing: str) -> None:
    readers: dict[str, Callable[[], object]] = {
        "stat": lambda: health.read_processors(0.05),
        "meminfo": health.read_memory,
        "loadavg": health.read_load,
        "uptime": health.read_uptime,
    }
    with pytest.raises(health.Unreadable, match=f"{proc}/{missing}"):
        readers[missing]()


def test_paths_that_do_not_exist_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(health.Unreadable, match="cannot look at"):
        health.read_disks([str(tmp_path / "nowhere")])


def test_module_answers_in_check_mode_and_refuses_what_cannot_be(
    new_project: Callable[[str], Project],
) -> None:
    run = new_project("health").play(
        """
- hosts: one
  gather_facts: false
  tasks:
    - {name: Look, rediacc.core.machine_health: {interval: 0.05, paths: [/]}}
    - {name: Wrong, rediacc.core.machine_health: {interval: 0}, ignore_errors: true}
    - name: Elsewhere
      rediacc.core.machine_health: {paths: [/no/such/place]}
      ignore_errors: true
""",
        "--check",
    )
    assert run.status == 0, run.stdout + run.stderr
    told = run.result("Look")["result"]
    assert told["changed"] is False
    assert told["disk_path"] == "/"
    assert 0 <= told["cpu_percent"] <= 100
    assert "must be from 0.05 to 60" in run.result("Wrong")["message"]
    assert "cannot look at /no/such/place" in run.result("Elsewhere")["message"]
