"""The worker as a service: a unit that systemd takes, a login first, runs that outlive a stop."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
from live_homes import Done, Home, wait_until

from rediacc.services.unit import UnitPlan, is_edited, is_ours, render_unit, unit_name

SUPPORT = Path(__file__).resolve().parents[1] / "support"


@dataclass
class Host:
    """A home on a host where a stand-in of systemd starts and stops what units say."""

    home: Home
    state: Path

    def type(self, *words: str, **environment: str) -> Done:
        return self.home.type("service", *words, STAND_IN=str(self.state), **environment)

    def said(self) -> list[str]:
        path = self.state / "said"
        return path.read_text().splitlines() if path.exists() else []

    def units(self) -> list[Path]:
        directory = Path(self.home.environment["HOME"]) / ".config" / "systemd" / "user"
        return sorted(directory.glob("*")) if directory.is_dir() else []

    def pid(self) -> int:
        (path,) = (one for one in self.state.glob("*.service"))
        return int(path.read_text())


@pytest.fixture(scope="module")
def host(make_home: Callable[[], Home], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    home = make_home().make(settings="[worker]\nstop_grace = 1\n")
    programs = tmp_path_factory.mktemp("bin")
    (programs / "systemctl").symlink_to(SUPPORT / "systemctl-runs")
    path = f"{programs}{os.pathsep}{home.environment['PATH']}"
    home.environment["PATH"] = path
    found = Host(home, tmp_path_factory.mktemp("state"))
    yield found
    found.type("uninstall", "--force")


def test_dry_run_writes_nothing_and_shows_the_unit(host: Host) -> None:
    done = host.type("install", "--dry-run")
    assert done.rc == 0, done
    assert "KillMode=process" in done.stdout
    assert f'"--home" "{host.home.directory}" "worker"' in done.stdout
    assert (host.units(), host.said()) == ([], [])


def test_login_that_fails_installs_nothing(host: Host) -> None:
    known_hosts = host.home.known_hosts
    content = known_hosts.read_text()
    known_hosts.write_text("")
    try:
        done = host.type("install")
    finally:
        known_hosts.write_text(content)
    assert done.rc == 11, done
    assert "cannot log in to prod-01 (team prod) as a service would" in done.stderr
    # Ansible tells the second where ssh has ended before it could be given anything.
    told = ("Host key verification failed", "Data could not be sent to remote host")
    assert any(words in done.stderr for words in told), done
    assert (host.units(), host.said()) == ([], [])


@pytest.mark.parametrize("verb", ["enable", "restart"])
def test_refusal_of_systemd_leaves_nothing_behind(host: Host, verb: str) -> None:
    (host.state / "refuses").write_text(verb)
    try:
        done = host.type("install", "--no-login-test")
    finally:
        (host.state / "refuses").unlink()
    assert (done.rc, f"systemctl {verb}" in done.stderr) == (1, True), done
    assert host.units() == []


def test_without_systemd_it_says_so(host: Host, tmp_path: Path) -> None:
    bare = tmp_path / "bin"
    bare.mkdir()
    done = host.type("install", "--no-login-test", PATH=str(bare))
    assert (done.rc, "systemd does not run on this host" in done.stderr) == (1, True), done
    assert host.units() == []


def test_service_runs_tasks_and_its_stop_leaves_them_running(host: Host) -> None:
    home = host.home
    done = host.type("install")
    assert done.rc == 0, done
    for name, team in (("prod-01", "prod"), ("staging-01", "staging")):
        assert f"logs in to {name} (team {team})" in done.stderr
    assert "installed and started" in done.stdout
    (unit,) = host.units()
    assert (is_ours(unit.read_text()), is_edited(unit.read_text())) == (True, False)
    first = host.pid()
    wait_until(
        lambda: (
            f"pid      {first}" in (told := host.type("status").stdout)
            and "of this service" in told
        ),
        "the service's worker",
    )
    assert host.type("status").rc == 0

    line = "echo begun >> served; while [ ! -e serve-on ]; do sleep 0.1; done"
    task = home.shell("prod-01", line)
    wait_until(lambda: home.lines("prod-01", "served") == ["begun"], "the command")
    supervisor = home.supervisor(task)
    # Installing again brings the unit up to date and starts the worker anew.
    done = host.type("install", "--no-login-test")
    assert done.rc == 0, done
    second = host.pid()
    assert (second != first, _is_gone(first), supervisor.is_running()) == (True, True, True)
    home.on("prod-01", "serve-on").touch()
    assert home.wait_for(task) == 0
    assert home.lines("prod-01", "served") == ["begun"]
    assert len(home.detail(task)["attempts"]) == 1

    done = host.type("uninstall")
    assert done.rc == 0, done
    assert host.units() == []
    assert _is_gone(second)
    assert "disable --now" in "\n".join(host.said())
    assert host.type("status").stdout.count("not installed") == 1
    assert host.type("status").rc == 1
    assert host.type("uninstall").rc == 5


def _is_gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def test_edited_unit_is_not_overwritten(host: Host) -> None:
    assert host.type("install", "--no-login-test").rc == 0
    (unit,) = host.units()
    edited = unit.read_text().replace("RestartSec=5", "RestartSec=60")
    unit.write_text(edited)
    for words in (("install", "--no-login-test"), ("uninstall",)):
        done = host.type(*words)
        assert (done.rc, "was edited since" in done.stderr) == (6, True), done
    assert unit.read_text() == edited
    assert "(edited)" in host.type("status").stdout
    assert host.type("install", "--no-login-test", "--force").rc == 0
    assert "RestartSec=5\n" in unit.read_text()
    assert host.type("uninstall").rc == 0
    unit.write_text("[Service]\nExecStart=/bin/true\n")
    done = host.type("install", "--no-login-test")
    assert (done.rc, "is not of rediacc" in done.stderr) == (6, True), done
    unit.unlink()


def test_installation_is_in_the_audit(host: Host) -> None:
    done = host.home.type("list", "audit", "-o", "json", "-n", "200")
    assert done.rc == 0, done
    entries = [one for one in done.json["items"] if one["operation"] == "service.install"]
    assert {"intent", "done", "refused"} <= {one["outcome"] for one in entries}


def _plan(**fields: object) -> UnitPlan:
    values: dict[str, object] = {
        "home": Path("/srv/my ansible/100%"),
        "account": "root",
        "is_system": True,
        "command": ("/bin/true", "--home", '/srv/my "ansible"/$HOME/100%', "worker"),
        "environment": (("PATH", "/usr/bin:/bin"), ("X", "a b")),
        "stop_seconds": 35,
    }
    return UnitPlan(**(values | fields))  # type: ignore[arg-type]


@pytest.mark.parametrize("is_system", [True, False])
def test_systemd_takes_the_unit(tmp_path: Path, is_system: bool) -> None:
    text = render_unit(_plan(is_system=is_system))
    assert ("User=root" in text) is is_system
    assert "WorkingDirectory=/srv/my ansible/100%%" in text
    assert r'"/srv/my \"ansible\"/$$HOME/100%%"' in text
    program = shutil.which("systemd-analyze")
    if program is not None:
        unit = tmp_path / unit_name(Path("/srv/My Ansible"), "0123456789ab")
        unit.write_text(text)
        done = subprocess.run(
            [program, "verify", str(unit)], capture_output=True, text=True, check=False
        )
        said = [line for line in done.stderr.splitlines() if unit.name in line]
        assert (done.returncode, said) == (0, [])


def test_units_name_is_the_homes_own() -> None:
    assert unit_name(Path("/srv/My Ansible!"), "0123456789ab") == (
        "rediacc-my-ansible-012345.service"
    )
