"""Patterns mean what Ansible's own inventory manager says."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from ansible_homes import clean_environment, home_settings, lay_out
from hypothesis import given, settings
from hypothesis import strategies as st

from rediacc.errors import InvalidInput, NotFound, RediaccError
from rediacc.teams.inventory import Inventory, read_inventory
from rediacc.teams.patterns import resolve_patterns, split_patterns

INI = """\
lone
alone.example.com
10.0.0.1
fe80::1
[web]
web[01:12]
[db]
db-a.example.com
db-b.example.com
web03
[app_1]
app1
[site:children]
db
web
[all_of_it:children]
site
app_1
[nobody]
[dotted.group]
web04
zz9
"""
PLAIN = (
    "web",
    "db",
    "all",
    "*",
    "ungrouped",
    "site",
    "nobody",
    "web05",
    "lone",
    "alone.example.com",
    "*.example.com",
    "web0?",
    "web0[1-4]*",
    "web[!0]*",
    "app*",
    "~web0[13]",
    "~^(db|app).*",
    "10.0.0.1",
    "fe80::1",
    "dotted.group",
    "al*",
    "no*",
    "localhost",
    "127.0.0.1",
)
SUBSCRIPTED = ("web[0]", "web[-1]", "web[1:3]", "web[2:]", "web[1:0]", "site[1]", "db[0:99]")
UNORDERED = ("all[0]", "web*[0:2]", "*.example.com[0]", "all[-1]", "w*[99:]")
JOINED = (
    "web,db",
    "web:db",
    "web:&db",
    "web,!db,!web01",
    "!web",
    "&db",
    "!web,&site",
    "web01,web,web01",
    " web , db ,",
    "site:!web[0:2]:!db",
    "web[1:3]:db",
    "~web0(1|2),lone",
    "all:!all",
    "db:web[0]",
    "fe80::1,lone",
    "zz9,app1,!app_1",
    "127.0.0.1,localhost,::1",
    "localhost,!127.0.0.1",
)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return lay_out(tmp_path_factory.mktemp("patterns"), {"hosts": INI}) / "hosts"


@pytest.fixture(scope="module")
def inventory(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Inventory:
    environment = clean_environment(tmp_path_factory.mktemp("user"))
    made = home_settings(source.parent, {"prod": "hosts"})
    return read_inventory(made, "prod", environment=environment)


@pytest.fixture(scope="module")
def manager(source: Path) -> Any:
    from ansible.inventory.manager import InventoryManager
    from ansible.parsing.dataloader import DataLoader

    return InventoryManager(loader=DataLoader(), sources=[str(source)])


def by_ansible(manager: Any, patterns: list[str], limit: str | None = None) -> list[str]:
    manager.clear_caches()
    # Ansible keeps the first name of the implicit localhost for ever after.
    manager._inventory.localhost = None
    manager.subset(limit)
    return [host.name for host in manager.get_hosts(patterns)]


@pytest.mark.parametrize("pattern", [*PLAIN, *SUBSCRIPTED, *JOINED])
def test_pattern_means_what_ansible_says(inventory: Inventory, manager: Any, pattern: str) -> None:
    alone = replace(inventory, ask_ansible=None)
    expected = by_ansible(manager, [pattern])
    if any(mark in pattern for mark in ("*", "?", "~", "all", "!", "&")):
        # Ansible meets groups in an order that it does not tell.
        assert sorted(resolve_patterns(alone, [pattern])) == sorted(expected)
    else:
        assert list(resolve_patterns(alone, [pattern])) == expected


@pytest.mark.parametrize("pattern", UNORDERED)
def test_counting_in_an_order_that_only_ansible_knows_asks_it(
    inventory: Inventory, manager: Any, pattern: str
) -> None:
    asked: list[str] = []

    def ask(named: str) -> tuple[str, ...]:
        asked.append(named)
        return tuple(by_ansible(manager, [named]))

    resolved = resolve_patterns(replace(inventory, ask_ansible=ask), [pattern])
    assert list(resolved) == by_ansible(manager, [pattern])
    assert asked == [pattern]


def test_ansible_itself_answers_where_its_order_decides(inventory: Inventory, manager: Any) -> None:
    assert list(resolve_patterns(inventory, ["all[2]"])) == by_ansible(manager, ["all[2]"])
    with pytest.raises(InvalidInput, match="order that is not known"):
        resolve_patterns(replace(inventory, ask_ansible=None), ["all[2]"])


@pytest.mark.parametrize("limit", ["db", "!web01", "web[0:3]:&dotted.group", "lone,web12"])
def test_limit_cuts_as_in_ansible(inventory: Inventory, manager: Any, limit: str) -> None:
    assert list(resolve_patterns(inventory, ["web"], limit=limit)) == by_ansible(
        manager, ["web"], limit
    )


# Behind a mark, Ansible splits an IPv6 address at its colons; then parts of it name nothing.
ELEMENTS = st.sampled_from([name for name in (*PLAIN, *SUBSCRIPTED) if "::" not in name])
MARKED = st.tuples(st.sampled_from(("", "", "!", "&")), ELEMENTS).map("".join)


@settings(max_examples=300, deadline=None)
@given(
    patterns=st.lists(
        st.lists(MARKED, min_size=1, max_size=4).map(",".join), min_size=1, max_size=3
    )
)
def test_any_combination_means_what_ansible_says(
    inventory: Inventory, manager: Any, patterns: list[str]
) -> None:
    resolved = resolve_patterns(inventory, patterns)
    assert set(resolved) == set(by_ansible(manager, patterns))
    assert len(set(resolved)) == len(resolved)


@settings(max_examples=500, deadline=None)
@given(pattern=st.text(alphabet="abf01:[].-_~,!& w", min_size=1, max_size=12))
def test_splitting_is_that_of_ansible(pattern: str) -> None:
    from ansible.inventory.manager import split_host_pattern

    try:
        parts = split_patterns([pattern])
    except InvalidInput:
        # Refused: empty, or a part that starts with a dash.
        parts = None
    expected = split_host_pattern(pattern)
    if parts is None:
        assert not expected or pattern.startswith("-") or any(p[0] == "-" for p in expected)
    else:
        assert parts == expected


@pytest.mark.parametrize(
    ("pattern", "alike"),
    [("web13", "web1"), ("wbe", "web"), ("web,!web99", "web0"), ("nowhere", ""), ("we[0]", "web")],
)
def test_name_that_names_nothing_is_refused(inventory: Inventory, pattern: str, alike: str) -> None:
    with pytest.raises(NotFound, match="no machine or group") as caught:
        resolve_patterns(inventory, [pattern])
    assert alike in caught.value.hint


@pytest.mark.parametrize(
    "pattern",
    ["", " ", "-i", "web,-v", "@/etc/passwd", "web,!@x", "a\nb", "a\x00", "~(", "!", "web,&", ","],
)
def test_hostile_patterns_are_refused(inventory: Inventory, pattern: str) -> None:
    with pytest.raises(InvalidInput):
        resolve_patterns(inventory, [pattern])
    with pytest.raises(InvalidInput):
        resolve_patterns(inventory, ["web"], limit=pattern)


def test_subscript_beyond_the_group_is_refused(inventory: Inventory) -> None:
    with pytest.raises(NotFound, match="reaches beyond"):
        resolve_patterns(inventory, ["web[99]"])
    assert resolve_patterns(inventory, ["web[50:60]"]) == ()


def test_wildcard_may_match_nothing(inventory: Inventory) -> None:
    assert resolve_patterns(inventory, ["zz*x"]) == ()
    assert resolve_patterns(inventory, ["~^none"]) == ()
    with pytest.raises(RediaccError):
        resolve_patterns(inventory, ["x" * 70000])
