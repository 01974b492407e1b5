"""Secrets that no playbook reads: kept as given, bound to their team, refused when touched."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from rediacc.errors import Conflict, InvalidInput, NotFound, VaultError

if TYPE_CHECKING:
    from conftest import Place


@pytest.fixture(autouse=True)
def _empty(place: Place) -> Iterator[None]:
    yield
    for team in ("prod", "staging"):
        (place.home / "vaults" / team / "secrets.yml").unlink(missing_ok=True)


@pytest.mark.parametrize(
    "value",
    [
        "plain",
        " spaces around ",
        "12:30:45",
        "yes",
        "0x10",
        "null",
        "two\nlines\n",
        "\n\nleading and trailing\n\n",
        "a\r\nb\r\n",
        "tab\tand \x1b escape \x85 \u2028 \ufeff",
        "{{ 7 * 7 }} {% raw %}",
        "$ANSIBLE_VAULT;1.1;AES256\n00\n",
        "# no comment: 'quoted' \"double\" \\ & * ! | > %",
        "ümläut ✓ 🔑",
        "x" * 65536,
    ],
)
def test_value_comes_back_as_it_was_given(place: Place, value: str) -> None:
    place.set("word", value)
    assert place.get("word") == value


@pytest.mark.parametrize("value", ["", "nul\0byte", "x" * 65537, "\udcff"])
def test_value_that_cannot_be_kept_is_refused(place: Place, value: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        place.set("word", value)
    assert value[:60] not in str(caught.value) or not value


@pytest.mark.parametrize("name", ["word=value", "", "a b", "../up", "-x", "1x", "x" * 129, "a\nb"])
def test_name_that_could_mislead_is_refused(place: Place, name: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        place.set(name, "secret")
    assert "value" not in name or "word=value" not in str(caught.value)


def test_files_are_private_encrypted_and_named_for_the_team(place: Place) -> None:
    path = place.set("word", "open sesame")
    key = place.home / ".rediacc" / "keys" / "prod"
    assert path.read_bytes().startswith(b"$ANSIBLE_VAULT;1.2;AES256;prod\n")
    assert b"sesame" not in path.read_bytes()
    assert [stat.S_IMODE(one.stat().st_mode) for one in (path, key)] == [0o600, 0o600]
    assert stat.S_IMODE(key.parent.stat().st_mode) == 0o700
    assert len(key.read_text().strip()) >= 43  # 256 bits


def test_deleting_the_last_secret_removes_the_file_and_keeps_the_key(place: Place) -> None:
    path = place.set("one", "1")
    place.set("two", "2")
    place.delete("one")
    assert place.get("two") == "2"
    with pytest.raises(NotFound):
        place.get("one")
    place.delete("two")
    assert not path.exists()
    assert (place.home / ".rediacc" / "keys" / "prod").exists()


def test_another_teams_file_in_its_place_is_refused(place: Place) -> None:
    mine = place.set("word", "of prod")
    theirs = place.set("word", "of staging", team="staging")
    keys = place.home / ".rediacc" / "keys"
    kept = (keys / "prod").read_bytes()
    # Even with one key for both, which their headers do not tell apart.
    (keys / "prod").write_bytes((keys / "staging").read_bytes())
    mine.write_bytes(theirs.read_bytes().replace(b"staging", b"prod", 1))
    try:
        with pytest.raises(VaultError, match=r"not written for team prod.*'staging'"):
            place.get("word")
    finally:
        (keys / "prod").write_bytes(kept)


@pytest.mark.parametrize("at", [40, 200, -30])
def test_broken_file_is_said_to_be_broken(place: Place, at: int) -> None:
    path = place.set("word", "open sesame")
    content = bytearray(path.read_bytes())
    content[at] = ord("0") if content[at] != ord("0") else ord("1")
    path.write_bytes(bytes(content))
    with pytest.raises(VaultError) as caught:
        place.get("word")
    assert "sesame" not in str(caught.value)
    assert "\n" not in caught.value.message


@pytest.mark.parametrize("content", [b"", b"plain: text\n", b"$ANSIBLE_VAULT;9.9;NONE\n00\n"])
def test_file_that_is_no_vault_is_refused(place: Place, content: bytes) -> None:
    path = place.set("word", "open sesame")
    path.write_bytes(content)
    with pytest.raises(VaultError):
        place.get("word")


def test_value_that_somebody_else_changed_is_not_overwritten(place: Place) -> None:
    place.set("word", "first")
    place.set("word", "second", previous="first")
    with pytest.raises(Conflict, match="changed meanwhile"):
        place.set("word", "third", previous="first")
    assert place.get("word") == "second"


def test_ssh_key_brings_its_public_half_and_must_be_one(place: Place) -> None:
    from rediacc.teams.vaults.ssh import checked_key, make_pair, public_key

    pair = make_pair("prod")
    place.set("ssh_private_key", pair.private.replace("\n", "\r\n").rstrip())
    assert public_key(place.settings, "prod") == pair.public
    assert checked_key(place.settings, "prod", environment=place.environment) == pair.private
    with pytest.raises(InvalidInput, match="no private key"):
        place.set("ssh_private_key", "nothing of the kind")
    (place.home / "vaults" / "prod" / "ssh_key.pub").write_text(make_pair("x").public)
    with pytest.raises(VaultError, match="not the public half"):
        checked_key(place.settings, "prod", environment=place.environment)
    place.delete("ssh_private_key")
    assert not (place.home / "vaults" / "prod" / "ssh_key.pub").exists()
