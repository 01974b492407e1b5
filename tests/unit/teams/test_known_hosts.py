"""Host keys are found, compared and recorded where the user's own ssh looks for them."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from machines import Machines

from rediacc.errors import Conflict, InvalidInput, NotFound
from rediacc.settings import Settings, TeamSettings
from rediacc.teams.host_keys import parse_key
from rediacc.teams.known_hosts import scan_host_keys, trust, unknown_machines
from rediacc.views import HostKey

NAMES = ("gate", "web", "inner")


@dataclass(frozen=True, kw_only=True)
class Bench:
    """A home whose ``ansible.cfg`` names an ssh configuration of its own, and real machines."""

    settings: Settings
    machines: Machines
    known_hosts: Path

    def scan(self, *names: str) -> tuple[HostKey, ...]:
        return scan_host_keys(self.settings, "prod", names, environment=os.environ)

    def unknown(self) -> tuple[str, ...]:
        names = ("gate", "web", "inner", "addressed", "here")
        return unknown_machines(self.settings, "prod", environment=os.environ, machines=names)

    def trust(self, *keys: HostKey) -> int:
        return trust(self.settings, keys, environment=os.environ)


EVIL = (
    "ansible_host='-oProxyCommand=touch pwned'",
    "ansible_host='a b'",
    "ansible_host='a;touch pwned'",
    "ansible_host='$(touch pwned)'",
    'ansible_host=\'{{ lookup("pipe", "touch pwned") }}\'',
    "ansible_user='-oProxyCommand=touch'",
    "ansible_user='a\" -oProxyCommand=touch'",
    "ansible_port=22x",
    "ansible_port=70000",
    "ansible_ssh_common_args='-o \"a'",
)


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machines]:
    with Machines(tmp_path_factory.mktemp("machines"), NAMES) as machines:
        yield machines


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, servers: Machines) -> Path:
    home = tmp_path_factory.mktemp("home")
    web = servers.machine("web")
    (home / "ansible.cfg").write_text("[ssh_connection]\nssh_args = -F ssh_config\n")
    (home / "hosts").write_text(
        "gate\nweb\ninner\nhere ansible_connection=local\n"
        f"addressed ansible_host={web.address} ansible_port={web.port} "
        f"ansible_ssh_common_args='-o UserKnownHostsFile={home}/own/known'\n"
        f"referring ansible_host='{{{{ address }}}}' address={web.address} "
        f"ansible_port={web.port}\n"
        "dead ansible_host=127.0.0.1 ansible_port=1\n"
    )
    (home / "evil").write_text("".join(f"e{n} {text}\n" for n, text in enumerate(EVIL)))
    return home


@pytest.fixture
def bench(home: Path, servers: Machines) -> Bench:
    config = servers.ssh_config(home / "ssh_config", jumps={"inner": "gate"})
    recorded = home / "ssh_config.known_hosts"
    recorded.unlink()
    (home / "own" / "known").unlink(missing_ok=True)
    assert str(recorded) in config.read_text()
    teams = {
        "prod": TeamSettings(name="prod", inventory="hosts"),
        "evil": TeamSettings(name="evil", inventory="evil"),
    }
    settings = Settings(home=home, teams=teams, database_url="sqlite://")
    return Bench(settings=settings, machines=servers, known_hosts=recorded)


def _line(machines: Machines, name: str) -> str:
    return " ".join(machines.machine(name).host_key_line.split()[:3])


def _ssh(bench: Bench, name: str) -> int:
    """Log in as a person would: strictly, with what is recorded."""
    argv = ["ssh", "-F", "ssh_config", "-o", "BatchMode=yes", name, "true"]
    return subprocess.run(
        argv, cwd=bench.settings.home, capture_output=True, check=False
    ).returncode


def test_from_unknown_over_a_scan_to_a_login(bench: Bench) -> None:
    assert set(bench.unknown()) == {"gate", "web", "inner", "addressed"}
    keys = bench.scan("gate", "web", "addressed", "here")
    assert [(key.machine, key.status) for key in keys] == [
        (name, "unknown") for name in ("gate", "web", "addressed")
    ]
    web = bench.machines.machine("web")
    assert (keys[1].address, keys[1].port) == (web.address, web.port)
    assert keys[1].line == _line(bench.machines, "web")
    assert not bench.known_hosts.exists()
    assert _ssh(bench, "web") != 0
    assert bench.trust(*keys) == 3
    assert _ssh(bench, "web") == 0
    own = bench.settings.home / "own" / "known"
    assert own.read_text() == f"{keys[2].line}\n"
    assert (own.stat().st_mode & 0o777, own.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    assert bench.trust(*keys) == 0
    assert bench.unknown() == ("inner",)


def test_a_machine_behind_another_is_reached_as_ssh_reaches_it(bench: Bench) -> None:
    (before,) = bench.scan("inner")
    assert (before.status, before.line) == ("unreachable", "")  # the gate is not known yet
    bench.trust(*bench.scan("gate"))
    (key,) = bench.scan("inner")
    assert (key.status, key.line) == ("unknown", _line(bench.machines, "inner"))
    bench.trust(key)
    assert _ssh(bench, "inner") == 0
    assert bench.scan("inner")[0].status == "known"
    assert bench.unknown() == ("web", "addressed")


def test_a_fingerprint_is_the_one_that_people_compare(bench: Bench, tmp_path: Path) -> None:
    (key,) = bench.scan("web")
    (tmp_path / "line").write_text(key.line)
    shown = subprocess.run(
        ["ssh-keygen", "-lf", tmp_path / "line"], capture_output=True, text=True, check=True
    )
    assert key.fingerprint in shown.stdout.split()


@pytest.mark.parametrize("behind", [False, True])
def test_a_changed_key_is_shown_and_never_recorded(
    bench: Bench, servers: Machines, behind: bool
) -> None:
    name = "inner" if behind else "web"
    bench.trust(*bench.scan("gate"))
    other = _line(servers, "gate").split()[1:]
    place = _line(servers, name).split()[0]
    with bench.known_hosts.open("a") as stream:
        stream.write(f"# mine\n{place} {' '.join(other)}")
    recorded = bench.known_hosts.read_bytes()
    (key,) = bench.scan(name)
    assert key.status == "changed"
    for given in (key, replace(key, status="unknown")):
        with pytest.raises(Conflict, match=name):
            bench.trust(given)
    assert bench.known_hosts.read_bytes() == recorded


def test_what_people_recorded_stays_and_hashed_names_are_honoured(bench: Bench) -> None:
    config = bench.settings.home / "ssh_config"
    config.write_text("HashKnownHosts yes\n" + config.read_text())
    bench.known_hosts.write_text("# mine, without a line end")
    assert bench.trust(*bench.scan("web")) == 1
    first, second = bench.known_hosts.read_text().splitlines()
    assert first == "# mine, without a line end"
    assert second.startswith("|1|")
    assert _ssh(bench, "web") == 0
    assert bench.scan("web")[0].status == "known"


def test_an_authority_and_a_name_without_port_count_as_ssh_counts_them(bench: Bench) -> None:
    place, *key = _line(bench.machines, "web").split()
    host = place.strip("[").partition("]")[0]
    bench.known_hosts.write_text(f"{host} {' '.join(key)}\n")
    assert bench.scan("web")[0].status == "known"
    assert _ssh(bench, "web") == 0
    bench.known_hosts.write_text(f"@cert-authority {place} {' '.join(key)}\n")
    assert bench.scan("web")[0].status == "known"
    bench.known_hosts.write_text(f"@revoked {place} {' '.join(key)}\n")
    assert bench.scan("web")[0].status == "changed"


def test_an_alias_is_the_name_on_record(bench: Bench) -> None:
    config = bench.settings.home / "ssh_config"
    config.write_text("Host web\n  HostKeyAlias the-web\n" + config.read_text())
    (key,) = bench.scan("web")
    assert key.line.startswith("the-web ssh-")
    bench.trust(key)
    assert _ssh(bench, "web") == 0


def test_references_to_own_variables_are_followed(bench: Bench) -> None:
    assert bench.scan("referring")[0].address == bench.machines.machine("web").address


def test_a_machine_that_does_not_answer_is_unreachable(bench: Bench) -> None:
    (key,) = bench.scan("dead")
    assert (key.status, key.key_type, key.fingerprint, key.line) == ("unreachable", "", "", "")
    with pytest.raises(InvalidInput, match="showed no host key"):
        bench.trust(key)


@pytest.mark.parametrize("number", range(len(EVIL)))
def test_what_must_not_reach_ssh_is_refused(bench: Bench, number: int) -> None:
    name = f"e{number}"
    for look in (
        lambda: scan_host_keys(bench.settings, "evil", (name,), environment=os.environ),
        lambda: unknown_machines(bench.settings, "evil", environment=os.environ, machines=(name,)),
    ):
        with pytest.raises(InvalidInput, match=f"machine {name}"):
            look()
    assert not (bench.settings.home / "pwned").exists()


def test_machines_that_are_not_there(bench: Bench) -> None:
    with pytest.raises(NotFound):
        bench.scan("nobody")


def test_a_key_is_checked_again_before_it_is_recorded(bench: Bench) -> None:
    (key,) = bench.scan("web")
    place, kind, text = key.line.split()
    for wrong in (
        replace(key, line=f"{place} ssh-rsa {text}"),
        replace(key, line=f"{place} {kind} AAAA"),
        replace(key, line=f"{place} {kind} not*base64"),
        replace(key, line=f"*,{place} {kind} {text}"),
        replace(key, line=f"{key.line}\n* {kind} {text}"),
        replace(key, fingerprint="SHA256:other"),
        replace(key, line=_line(bench.machines, "gate")),
        replace(key, machine="here"),
    ):
        with pytest.raises(InvalidInput):
            bench.trust(wrong)
    assert not bench.known_hosts.exists()


def test_machines_without_a_known_hosts_file_say_so(bench: Bench) -> None:
    (key,) = bench.scan("web")
    config = bench.settings.home / "ssh_config"
    config.write_text("UserKnownHostsFile /dev/null\n" + config.read_text())
    with pytest.raises(InvalidInput, match="keeps no known_hosts file"):
        bench.trust(key)


def test_a_key_must_be_of_the_type_that_it_claims() -> None:
    with pytest.raises(InvalidInput):
        parse_key("ssh-ed25519", "AAAAB3NzaC1yc2EAAAA=")
