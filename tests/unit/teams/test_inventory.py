from __future__ import annotations

import json
import os
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from ansible_homes import clean_environment, counted_ansible, home_settings, lay_out

from rediacc.errors import Conflict, InvalidInput, NotFound
from rediacc.settings import Settings, TeamSettings
from rediacc.teams.inventory import (
    Inventory,
    find_team,
    other_teams_addresses,
    read_inventory,
    slice_inventory,
)

INI = """\
lone
[web]
web[1:3]
[web:vars]
tier=front
[db]
db1 ansible_host=10.0.0.9 ansible_user=postgres
web2
[site:children]
db
web
[empty]
"""
LISTING = (
    '{"_meta": {"hostvars": {"d1": {"ansible_host": "10.9.0.1"}}}, "cloud": {"hosts": ["d1"]}}'
)
CAESAR = "$ANSIBLE_VAULT;1.1;AES256\n"
SECRET = "swordfish-in-the-vault"


class Bench:
    """A home whose Ansible counts how often it is asked."""

    def __init__(self, root: Path) -> None:
        self.home = root / "home"
        self.bin = counted_ansible(root / "bin")
        self.environment = clean_environment(root / "user")

    def settings(self, *, ttl_seconds: float = 60.0, **teams: str) -> Settings:
        return home_settings(
            self.home, teams, ansible_directory=self.bin, inventory_ttl_seconds=ttl_seconds
        )

    def read(self, settings: Settings, team: str = "prod", *, refresh: bool = False) -> Inventory:
        return read_inventory(settings, team, environment=self.environment, refresh=refresh)

    @property
    def reads(self) -> int:
        calls = self.bin / "calls"
        return calls.read_text().split().count("ansible-inventory") if calls.exists() else 0

    def cached_bytes(self) -> bytes:
        files = [path for path in (self.home / ".rediacc").rglob("*") if path.is_file()]
        assert all(path.stat().st_mode & 0o077 == 0 for path in files)
        return b"".join(path.read_bytes() for path in files)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """A home without configuration for all tests that bring inventories of their own."""
    return Bench(tmp_path_factory.mktemp("shared"))


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def encrypted(text: str, password: bytes = b"open") -> str:
    """Encrypt as ``ansible-vault encrypt`` does."""
    from ansible.parsing.vault import VaultLib, VaultSecret

    return VaultLib([("default", VaultSecret(password))]).encrypt(text).decode()


def test_groups_hold_the_machines_of_their_children_in_the_order_of_ansible(shared: Bench) -> None:
    bench = shared
    lay_out(bench.home, {"inv/hosts": INI})
    inventory = bench.read(bench.settings(prod="inv"))
    assert inventory.team == "prod"
    assert inventory.source == str(bench.home / "inv")
    assert dict(inventory.groups) == {
        "all": ("lone", "db1", "web2", "web1", "web3"),
        "ungrouped": ("lone",),
        "site": ("db1", "web2", "web1", "web3"),
        "empty": (),
        "db": ("db1", "web2"),
        "web": ("web1", "web2", "web3"),
    }
    assert list(inventory.hosts) == list(inventory.groups["all"])
    assert inventory.hosts["web1"] == {"tier": "front"}
    assert inventory.addresses == {"db1": "10.0.0.9"}
    assert inventory.groups_of("web2") == ("db", "site", "web")
    assert not inventory.has_hidden_variables
    with pytest.raises(KeyError):
        inventory.hosts["nobody"]


def test_inventory_is_read_again_only_when_something_in_reach_changed(bench: Bench) -> None:
    lay_out(bench.home, {"inv/hosts": INI, "inv/group_vars/web.yml": "a: 1\n"})
    settings = bench.settings(prod="inv/hosts")
    first = bench.read(settings)
    assert bench.read(settings).digest == first.digest
    assert bench.reads == 1
    # The same size within the same tick of the clock is a change too.
    path = bench.home / "inv/group_vars/web.yml"
    before = path.stat()
    path.write_text("a: 2\n")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    changed = bench.read(settings)
    assert changed.hosts["web1"]["a"] == 2
    assert changed.digest != first.digest
    assert first.hosts["web1"]["a"] == 1, "what was read before stays readable"
    lay_out(bench.home, {"host_vars/db1.yml": "b: 1\n"})
    assert bench.read(settings).hosts["db1"]["b"] == 1
    assert bench.reads == 3
    bench.read(settings, refresh=True)
    assert bench.reads == 4


def test_answer_of_a_program_counts_for_its_time_to_live(shared: Bench) -> None:
    lay_out(shared.home, {"listing.sh": f"#!/bin/sh\necho '{LISTING}'\n"})
    settings, before = shared.settings(cloud="listing.sh"), shared.reads
    assert shared.read(settings, "cloud").groups["cloud"] == ("d1",)
    shared.read(settings, "cloud")
    assert shared.reads == before + 1
    shared.read(shared.settings(cloud="listing.sh", ttl_seconds=0), "cloud")
    assert shared.reads == before + 2


def test_those_who_ask_at_once_share_one_answer(shared: Bench) -> None:
    lay_out(shared.home, {"rush/hosts": INI})
    settings, before = shared.settings(rush="rush"), shared.reads
    found: list[Inventory] = []

    def read() -> None:
        found.append(shared.read(settings, "rush"))

    threads = [threading.Thread(target=read) for _turn in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({inventory.digest for inventory in found}) == 1
    assert len(found) == 4
    assert shared.reads == before + 1


def test_half_written_cache_is_read_again(shared: Bench) -> None:
    lay_out(shared.home, {"half/hosts": INI})
    settings, before = shared.settings(half="half"), shared.reads
    shared.read(settings, "half")
    cache = shared.home / ".rediacc/cache"
    for path in cache.glob("inventory-half.*.vars"):
        path.unlink()
    assert shared.read(settings, "half").hosts["web1"] == {"tier": "front"}
    (cache / "inventory-half.json").write_text('{"format": 1, "key": ')
    assert shared.read(settings, "half").hosts["web1"] == {"tier": "front"}
    assert shared.reads == before + 3


def test_secrets_of_encrypted_files_never_reach_the_cache(bench: Bench) -> None:
    lay_out(
        bench.home,
        {
            "ansible.cfg": "[defaults]\nvault_password_file = .pass\nlog_path = log\n",
            ".pass": "open",
            "inv/hosts": INI + "[web:vars]\nansible_user=deploy\n",
            "inv/group_vars/db.yml": encrypted(f"pw: {SECRET}\nansible_port: 2299\n"),
        },
    )
    inventory = bench.read(bench.settings(prod="inv"))
    assert inventory.has_hidden_variables
    assert slice_inventory(inventory, ["web1"]) is None
    assert inventory.groups["db"] == ("db1", "web2")
    # What stands in plain files may be kept, what only the vault says may not.
    assert inventory.hosts["db1"] == {"ansible_host": "10.0.0.9", "ansible_user": "postgres"}
    assert inventory.hosts["web1"] == {"ansible_user": "deploy"}
    cached = bench.cached_bytes()
    assert b"2299" not in cached
    assert SECRET.encode() not in cached
    assert b"front" not in cached
    log = bench.home / "log"
    assert not log.exists() or SECRET not in log.read_text()


def test_inline_encrypted_values_stay_encrypted(shared: Bench) -> None:
    value = encrypted(SECRET).replace("\n", "\n  ")
    lay_out(
        shared.home,
        {"inline/hosts": INI, "inline/group_vars/db.yml": f"pw: !vault |\n  {value}\n"},
    )
    inventory = shared.read(shared.settings(inline="inline"), "inline")
    assert not inventory.has_hidden_variables
    assert inventory.hosts["db1"]["pw"]["__ansible_vault"].startswith(CAESAR)
    assert SECRET.encode() not in shared.cached_bytes()


def test_plugin_that_could_decrypt_or_tell_secrets_hides_the_variables(bench: Bench) -> None:
    told = {"_meta": {"hostvars": {"d1": {"app": {"db_password": SECRET}}}}, "c": {"hosts": ["d1"]}}
    plugin = (
        "from ansible.plugins.vars import BaseVarsPlugin\n"
        "class VarsModule(BaseVarsPlugin):\n"
        "    def get_vars(self, loader, path, entities, cache=True):\n"
        f"        return {{'from_plugin': '{SECRET}'}}\n"
    )
    lay_out(
        bench.home,
        {
            "program": f"#!/bin/sh\necho '{json.dumps(told)}'\n",
            "hosts": "h1\n",
        },
    )
    assert bench.read(bench.settings(prod="program")).hosts["d1"] == {}
    lay_out(bench.home, {"vars_plugins/decrypts.py": plugin})
    assert bench.read(bench.settings(prod="hosts"), refresh=True).has_hidden_variables
    assert SECRET.encode() not in bench.cached_bytes()


def test_unreadable_inventory_is_told_with_the_words_of_ansible(shared: Bench) -> None:
    lay_out(
        shared.home,
        {
            "vault/hosts": "h1\n",
            "vault/group_vars/all.yml": encrypted("a: 1\n"),
            "broken.yml": "all:\n  hosts:\n    a: [1\n",
            "broken": "[web\n",
            "fails.sh": "#!/bin/sh\necho no cloud today >&2\nexit 3\n",
        },
    )
    settings = shared.settings(
        vault="vault", yaml="broken.yml", ini="broken", program="fails.sh", gone="nowhere"
    )
    for team, words in {
        "vault": "team vault: Attempting to decrypt but no vault secrets found",
        "yaml": r"team yaml: .*'yaml' plugin: .*flow sequence",
        "ini": "team ini: .*Failed to parse inventory",
        "program": "team program: .*script returned non-zero exit code 3",
    }.items():
        with pytest.raises(InvalidInput, match=words) as caught:
            shared.read(settings, team)
        assert "\n" not in caught.value.message
        assert caught.value.hint
    with pytest.raises(NotFound, match=r"inventory .*nowhere does not exist"):
        shared.read(settings, "gone")
    with pytest.raises(NotFound, match="no team"):
        shared.read(settings, "unheard-of")


def test_list_of_machines_is_an_inventory(shared: Bench) -> None:
    lay_out(shared.home, {})
    inventory = shared.read(shared.settings(prod="10.0.0.1,10.0.0.2,"))
    assert tuple(inventory.hosts) == ("10.0.0.1", "10.0.0.2")


@pytest.mark.parametrize("named", ["--list", "a\nb", "in\x1b[31mv", ""])
def test_hostile_inventory_names_start_no_process(shared: Bench, named: str) -> None:
    lay_out(shared.home, {"a\nb": "h1\n"})
    before = shared.reads
    with pytest.raises(InvalidInput):
        shared.read(shared.settings(prod=named))
    assert shared.reads == before


def test_hostile_machine_names_from_a_program_are_refused(shared: Bench) -> None:
    listing = '{"g": {"hosts": ["ok", "evil\\u001b[2J"]}}'
    lay_out(shared.home, {"inv.sh": f"#!/bin/sh\ncat <<'END'\n{listing}\nEND\n"})
    with pytest.raises(InvalidInput, match="control characters"):
        shared.read(shared.settings(prod="inv.sh"))


def test_team_follows_from_a_machine_that_is_in_one_team_only(shared: Bench) -> None:
    lay_out(
        shared.home,
        {
            "find/prod": "p1 ansible_host=10.1.0.1\nboth\nlocalhost\np2 ip=10.1.0.2\n"
            "[all:vars]\nansible_host='{{ ip }}'\n",
            "find/dev": "d1 ansible_host=10.2.0.1\nboth ansible_host=10.3.0.3\n",
            "find/broken.yml": "all: [",
        },
    )
    settings = shared.settings(prod="find/prod", dev="find/dev")

    def team_of(machine: str, settings: Settings = settings) -> str:
        return find_team(settings, machine, environment=shared.environment)

    assert team_of("p1") == "prod"
    assert team_of("d1") == "dev"
    with pytest.raises(Conflict, match="prod, dev"):
        team_of("both")
    with pytest.raises(NotFound, match="'p11'") as caught:
        team_of("p11")
    assert "p1" in caught.value.hint
    with pytest.raises(InvalidInput):
        team_of("-i")
    # A team that cannot be read hides nobody, and stops nobody else's work.
    broken = TeamSettings(name="broken", inventory="find/broken.yml")
    with_broken = replace(settings, teams={**settings.teams, "broken": broken})
    assert team_of("p1", with_broken) == "prod"
    with pytest.raises(InvalidInput, match="team broken"):
        team_of("p11", with_broken)
    others = other_teams_addresses(with_broken, "dev", environment=shared.environment)
    assert set(others) == {"p1", "10.1.0.1", "p2", "10.1.0.2"}
