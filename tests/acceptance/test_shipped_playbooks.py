"""Playbooks of the collection through the queue, by their names, on SSH machines."""

from __future__ import annotations

import gzip
import os
from collections.abc import Callable

import pytest
from live_homes import Home


@pytest.fixture(scope="module")
def home(make_home: Callable[[], Home]) -> Home:
    return make_home().make(settings="[worker]\nstop_grace = 1\n")


def test_machine_health_tells_and_judges_machines_of_a_group(home: Home) -> None:
    done = home.type(
        *(
            "run",
            "--playbook",
            "rediacc.core.machine_health",
            "--team",
            "prod",
            "--limit",
            "prod-01,prod-02",
        ),
        *("-e", "machine_health_disk_percent=100", "-e", "machine_health_memory_percent=100"),
        *("-e", "machine_health_load_per_cpu=1000"),
    )
    assert done.rc == 0, done
    for name in ("prod-01", "prod-02"):
        assert f"{name} is well" in done.stdout, done
    assert "prod-03" not in done.stdout
    assert "memory" in done.stdout


def test_machine_that_is_not_well_fails_and_its_targets_follow_a_variable(home: Home) -> None:
    done = home.type(
        *("run", "--playbook", "rediacc.core.machine_health", "--team", "prod"),
        *("-e", "target_hosts=prod-01", "-e", "machine_health_memory_percent=-1"),
    )
    assert done.rc == 10, done
    assert "prod-01 is not well" in done.stdout + done.stderr
    assert "prod-02" not in done.stdout


def test_archive_logs_archives_what_is_old_and_changes_nothing_twice(home: Home) -> None:
    log = home.on("prod-02", "logs/shop.log.1")
    log.parent.mkdir()
    log.write_text("a line\n" * 1000)
    os.utime(log, (1_767_398_400, 1_767_398_400))
    words = ("run", "--playbook", "rediacc.core.archive_logs", "--machine", "prod-02")
    variables = ("-e", f"archive_logs_paths={log.parent}", "-e", "archive_logs_become=false")
    for said in ("1 archived", "0 archived"):
        done = home.type(*words, *variables)
        assert (done.rc, said in done.stdout) == (0, True), done
    (archive,) = log.parent.iterdir()
    assert archive.name == "shop.log.1.20260103T000000Z.gz"
    assert gzip.decompress(archive.read_bytes()) == b"a line\n" * 1000
