"""Tables come and go in people's TOML; comments, order and spelling stay."""

from __future__ import annotations

import tomllib

import pytest

from rediacc.errors import Conflict, InvalidInput, NotFound
from rediacc.teams.toml_tables import add_table, change_table, remove_table

PEOPLE = """\
# our home

[teams.prod]   # the real thing
inventory = 'inventories/production'

[teams.prod.retry]
retryCount = 3

# ---- how many at once
[worker]
slots = 8 # enough
text = \"\"\"
[fake.table]
\"\"\"
"""
VALUES = {"inventory": "inventories/dev", "managed": True}


def test_add_goes_behind_the_last_of_its_kind_and_touches_nothing() -> None:
    after = add_table(PEOPLE, ("teams", "dev"), VALUES, what="it")
    new = '\n[teams.dev]\ninventory = "inventories/dev"\nmanaged = true\n'
    assert after == PEOPLE.replace("retryCount = 3\n", "retryCount = 3\n" + new)
    assert remove_table(after, ("teams", "dev"), what="it") == PEOPLE


def test_remove_takes_inner_tables_and_leaves_the_next_heading() -> None:
    after = remove_table(PEOPLE, ("teams", "prod"), what="it")
    assert after == PEOPLE[: PEOPLE.index("[teams")] + PEOPLE[PEOPLE.index("# ----") :]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# nothing",
        "[worker]\nslots = 1\n",
        "teams = {}\n[worker]\n",
        "teams = {a = {inventory = 'x'}} # one\n",
        "teams.a.inventory = 'x'\n",
        "[teams]\na = {inventory = 'x'}\n[worker]\n",
        "[teams]\n\n[worker]\nslots=1\n",
        "[teams.a]\ninventory='x'\n[worker]\n[teams.'b c']\ninventory='y'\n",
        "[teams.a]\r\ninventory='x'\r\n",
        '[teams."a"]\ninventory = "x"',
    ],
)
def test_add_and_remove_in_every_form(text: str) -> None:
    before = tomllib.loads(text)
    after = add_table(text, ("teams", "dev"), VALUES, what="it")
    assert tomllib.loads(after)["teams"] == {**before.get("teams", {}), "dev": VALUES}
    gone = tomllib.loads(remove_table(after, ("teams", "dev"), what="it"))
    assert gone.get("teams", {}) == before.get("teams", {})
    for name in before.get("teams", {}):
        rest = tomllib.loads(remove_table(text, ("teams", name), what="it"))
        assert name not in rest.get("teams", {})
        assert rest.get("worker") == before.get("worker")


def test_complaints() -> None:
    with pytest.raises(Conflict, match="already"):
        add_table(PEOPLE, ("teams", "prod"), VALUES, what="it")
    with pytest.raises(NotFound):
        remove_table(PEOPLE, ("teams", "fake"), what="it")
    with pytest.raises(InvalidInput, match="not valid TOML"):
        add_table("[", ("teams", "dev"), VALUES, what="it")


@pytest.mark.parametrize(
    "text",
    [
        "[teams.a]\ninventory = 'x' # here\nweight = 1\n\n# ---- next\n[worker]\nslots = 1\n",
        "teams = {a = {inventory = 'x', weight = 1}} # one\n[worker]\nslots = 1\n",
        "teams.a.inventory = 'x'\nteams.a.weight = 1\n[worker]\nslots = 1\n",
        "[teams]\na = {inventory = 'x', weight = 1}\n[worker]\nslots = 1\n",
        "[teams.a]\r\ninventory = 'x'\r\nweight = 1\r\n[worker]\r\nslots = 1\r\n",
    ],
)
def test_change_in_every_form(text: str) -> None:
    after = change_table(text, ("teams", "a"), {"ssh": "vault", "weight": None}, what="it")
    table = {"inventory": "x", "ssh": "vault"}
    assert tomllib.loads(after) == {"teams": {"a": table}, "worker": {"slots": 1}}
    for comment in ("# here", "# ---- next", "# one"):
        assert (comment in after) == (comment in text)


def test_change_of_a_table_that_is_not_there_is_refused() -> None:
    with pytest.raises(NotFound):
        change_table(PEOPLE, ("teams", "fake"), VALUES, what="it")
