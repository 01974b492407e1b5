"""Comparing a secret without revealing it: whoever may not read it learns nothing."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from world import World

from rediacc.errors import AccessDenied, InvalidInput
from rediacc.operations.office import Office
from rediacc.requests import MemberCreate, SecretRef, SecretSet
from rediacc.values import SecretScope

SCOPES = list(SecretScope)


@pytest.fixture(scope="module")
def writer(world: World) -> Iterator[Office]:
    """Somebody who sets secrets and reads none."""
    config = world.home / "rediacc.toml"
    before = config.read_text()
    config.write_text(before + '\n[roles.writer]\noperations = ["secret.set", "secret.list"]\n')
    made = world.owner(
        "member.create",
        MemberCreate(name="writer", token=True, roles={"prod": "writer"}),
    )
    yield world.office(token=made.token)
    config.write_text(before)


def _set(world: World, scope: SecretScope, value: str = "open sesame") -> str:
    name = world.fresh("word")
    request = SecretSet(name=name, value=value, team="prod", scope=scope)
    assert world.owner("secret.set", request).changed
    return name


@pytest.mark.parametrize("scope", SCOPES)
@pytest.mark.parametrize("value", ["open sesame", "{{ not_a_template }}", "ä\nb\n", "12:30"])
def test_only_another_value_is_written(world: World, scope: SecretScope, value: str) -> None:
    name = _set(world, scope, value)
    before = world.picture()
    same = SecretSet(name=name, value=value, team="prod", if_different=True)
    answer = world.owner("secret.set", same)
    assert (answer.changed, answer.scope) == (False, scope)
    assert world.picture() == before
    other = SecretSet(name=name, value=f"{value}!", team="prod", if_different=True)
    assert world.owner("secret.set", other).changed
    found = world.owner("secret.get", SecretRef(name=name, team="prod"))
    assert found.value == f"{value}!"


def test_what_is_told_of_a_secret_is_what_is_kept(world: World) -> None:
    name = world.fresh("word")
    request = SecretSet(name=name, value="open sesame", team="prod", if_different=True)
    made, again = (world.owner("secret.set", request) for _turn in range(2))
    assert (made.set_at, made.set_by, made.path) == (again.set_at, again.set_by, again.path)
    assert made.set_at is not None


def test_key_is_compared_as_it_is_kept(world: World) -> None:
    from rediacc.teams.vaults.ssh import make_pair

    team = world.team()
    key = make_pair(team).private
    first = SecretSet(name="ssh_private_key", value=key, team=team, if_different=True)
    assert world.owner("secret.set", first).changed
    bare = SecretSet(name="ssh_private_key", value=key.rstrip("\n"), team=team, if_different=True)
    assert not world.owner("secret.set", bare).changed


@pytest.mark.parametrize("scope", SCOPES)
def test_who_may_not_read_is_told_the_same_of_every_guess(
    world: World, writer: Office, scope: SecretScope
) -> None:
    name = _set(world, scope)
    told = set()
    for guess in ("open sesame", "open sesamE", ""):
        request = SecretSet(
            name=name, value=guess or "x", team="prod", if_different=True, dry_run=True
        )
        answer = writer.perform("secret.set", request)
        told.add((answer.changed, answer.scope, answer.path, answer.set_at, answer.error))
        detail = str(world.entries("secret.set")[-1].detail)
        told.add(detail)
    assert len(told) == 2  # one answer, one note
    right = SecretSet(name=name, value="open sesame", team="prod", if_different=True)
    before = world.picture()
    assert writer.perform("secret.set", right).changed
    assert world.picture() != before  # it was written, so its age tells nothing either


@pytest.mark.parametrize("guess", ["open sesame", "wrong"])
def test_who_may_not_read_cannot_say_what_they_saw(
    world: World, writer: Office, guess: str
) -> None:
    name = _set(world, SecretScope.VARS)
    before = world.picture()
    request = SecretSet(name=name, value=guess, team="prod", previous=guess)
    with pytest.raises(AccessDenied, match=r"secret\.get"):
        writer.perform("secret.set", request)
    assert world.picture() == before


def test_comparison_leaves_an_entry_without_the_value(world: World) -> None:
    name = _set(world, SecretScope.PRIVATE)
    request = SecretSet(name=name, value="open sesame", team="prod", if_different=True)
    world.owner("secret.set", request)
    entry = world.entries("secret.set")[-1]
    assert (entry.outcome, entry.object) == ("done", f"secret prod/{name}")
    assert "sesame" not in str(entry.detail)


def test_value_that_cannot_be_kept_is_refused_before_it_is_compared(world: World) -> None:
    name = _set(world, SecretScope.PRIVATE)
    with pytest.raises(InvalidInput):
        world.owner(
            "secret.set", SecretSet(name=name, value="a\0b", team="prod", if_different=True)
        )
