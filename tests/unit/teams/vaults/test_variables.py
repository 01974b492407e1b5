"""Secrets that playbooks read: one entry of a vaulted file changes, everything else stays."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
import yaml
from ansible.parsing.vault import VaultLib, VaultSecret

from rediacc.errors import Conflict, InvalidInput, NotFound, VaultError
from rediacc.teams.vaults.adopted import list_variables
from rediacc.teams.vaults.keys import own_key

if TYPE_CHECKING:
    from conftest import Place

PASSWORD = "a password of the repository's own"


def encrypted(text: str, *, label: str | None = None) -> str:
    vault = VaultLib([("default", VaultSecret(PASSWORD.encode()))])
    return vault.encrypt(text.encode(), vault_id=label).decode()


def opened(path: object, password: bytes) -> str:
    from pathlib import Path

    vault = VaultLib([("any", VaultSecret(password))])
    return bytes(vault.decrypt(Path(str(path)).read_bytes())).decode()


BEFORE = """\
---
# The database.
db_password: "old"   # since spring
db_host: db-01

tls:
  # Not for rediacc.
  key: |
    -----BEGIN
    abc
list_of: [1, 2]
"""
CASES = [
    ("db_password", "new: # value", BEFORE.replace('"old"', '"new: # value"')),
    ("db_host", "line\ntwo", BEFORE.replace("db-01", '"line\\ntwo"')),
    ("db_password", "{{ x }}", BEFORE.replace('"old"', '!unsafe "{{ x }}"')),
    ("added", "value", BEFORE + "added: value\n"),
    (
        "tls",
        "flat",
        BEFORE.partition("tls:")[0] + "tls: flat\nlist_of: [1, 2]\n",
    ),
    ("list_of", "x", BEFORE.replace("[1, 2]", "x")),
]


@pytest.fixture(scope="module")
def adopted(lay_place: Callable[..., Place]) -> Place:
    """A repository with a password file and vaulted files of its own."""
    inline = encrypted("inline value").replace("\n", "\n  ").rstrip()
    return lay_place(
        {
            "ansible.cfg": "[defaults]\nvault_password_file = ./password\n",
            "password": f"{PASSWORD}\n",
            "inventories/prod/group_vars/all/vault.yml": encrypted(BEFORE),
            "inventories/prod/group_vars/all/plain.yml": (
                f"inline_one: !vault |\n  {inline}\nx: 1\n"
            ),
            "inventories/prod/host_vars/web-01.yml": encrypted("of_host: 1\ndeep: {a: [1]}\n"),
            "inventories/prod/group_vars/web/a.yml": encrypted("twice: 1\n"),
            "inventories/prod/host_vars/db.yml": encrypted("twice: 2\n"),
            "inventories/prod/group_vars/locked.yml": encrypted("x: 1\n").replace("3", "4"),
        }
    )


@pytest.mark.parametrize(("name", "value", "after"), CASES)
def test_other_entries_and_comments_stay(adopted: Place, name: str, value: str, after: str) -> None:
    path = adopted.home / "inventories/prod/group_vars/all/vault.yml"
    path.write_text(encrypted(BEFORE))
    try:
        assert adopted.set(name, value, "vars") == path
        assert opened(path, PASSWORD.encode()) == after
        assert path.read_text().startswith("$ANSIBLE_VAULT;1.1;AES256\n")
        assert adopted.get(name) == value
    finally:
        path.write_text(encrypted(BEFORE))


def test_deleted_entry_goes_and_others_stay(adopted: Place) -> None:
    path = adopted.home / "inventories/prod/group_vars/all/vault.yml"
    adopted.delete("db_host", "vars")
    text = opened(path, PASSWORD.encode())
    path.write_text(encrypted(BEFORE))
    assert text == BEFORE.replace("db_host: db-01\n", "")


def test_names_of_all_vaulted_variables_are_known_and_no_values(adopted: Place) -> None:
    found = list_variables(adopted.settings, "prod", environment=adopted.environment)
    names = {(one.name, one.is_inline) for one in found if not one.error}
    assert {("inline_one", True), ("db_password", False), ("of_host", False)} <= names
    assert ("x", True) not in names
    (broken,) = [one for one in found if one.error]
    assert broken.path.name == "locked.yml"
    assert "old" not in repr(found)
    assert "inline value" not in repr(found)


def test_values_of_adopted_variables_are_read(adopted: Place) -> None:
    assert adopted.get("inline_one") == "inline value"
    assert adopted.get("deep") == {"a": [1]}
    with pytest.raises(Conflict, match="2 places"):
        adopted.get("twice")
    with pytest.raises(Conflict, match="by itself"):
        adopted.set("inline_one", "x", "vars")
    with pytest.raises(NotFound):
        adopted.get("nothing")


def test_variable_is_changed_where_it_stands(adopted: Place) -> None:
    path = adopted.home / "inventories/prod/host_vars/web-01.yml"
    before = path.read_text()
    assert adopted.set("of_host", "2", "vars") == path
    assert yaml.safe_load(opened(path, PASSWORD.encode()))["of_host"] == "2"
    path.write_text(before)


def test_private_secrets_of_an_adopted_repository_use_its_password(adopted: Place) -> None:
    path = adopted.set("token", "word")
    assert "word" in opened(path, PASSWORD.encode())
    assert not (adopted.home / ".rediacc" / "keys").exists()


def test_first_variable_makes_file_and_key(place: Place) -> None:
    path = place.set("db_password", "sesame", "vars")
    assert path == place.home / "inventories/prod/group_vars/all/vault.yml"
    key = own_key(place.settings, "prod", environment=place.environment)
    assert "db_password: sesame" in opened(path, key)
    place.delete("db_password", "vars")
    assert not path.exists()


@pytest.mark.parametrize("name", ["all.yml", "all.yaml", "all.json", "all"])
def test_directory_that_would_hide_a_file_is_not_made(place: Place, name: str) -> None:
    file = place.home / "inventories/prod/group_vars" / name
    file.parent.mkdir(exist_ok=True)
    file.write_text("x: 1\n")
    try:
        with pytest.raises(Conflict, match="would ignore"):
            place.set("db_password", "sesame", "vars")
        assert not (file.parent / "all" / "vault.yml").exists()
    finally:
        file.unlink()


def test_variables_file_that_is_not_encrypted_is_left_alone(place: Place) -> None:
    path = place.home / "inventories/prod/group_vars/all/vault.yml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("x: 1\n")
    try:
        with pytest.raises(Conflict, match="not encrypted"):
            place.set("db_password", "sesame", "vars")
        assert path.read_text() == "x: 1\n"
    finally:
        path.unlink()


def test_directory_of_two_teams_is_refused(lay_place: Callable[..., Place]) -> None:
    files = {"hosts-a": "a\n", "hosts-b": "b\n", "inventories/c/hosts": "c\n"}
    shared = lay_place(files, {"a": "hosts-a", "b": "hosts-b", "c": "inventories/c", "d": "x,"})
    with pytest.raises(Conflict, match="read by team b as well"):
        shared.set("word", "sesame", "vars", team="a")
    with pytest.raises(InvalidInput, match="is no file"):
        shared.set("word", "sesame", "vars", team="d")
    (shared.home / "group_vars").mkdir()
    (shared.home / "inventories/c/group_vars").symlink_to("../../group_vars")
    with pytest.raises(Conflict, match="as well"):
        shared.set("word", "sesame", "vars", team="c")
    shared.set("word", "sesame", team="a")


def test_broken_text_is_named_without_its_words(adopted: Place) -> None:
    path = adopted.home / "inventories/prod/group_vars/all/vault.yml"
    path.write_text(encrypted("db_password: 'canary\nother: *canary\n"))
    try:
        with pytest.raises((VaultError, NotFound)) as caught:
            adopted.delete("db_password", "vars")
        assert "canary" not in str(caught.value)
    finally:
        path.write_text(encrypted(BEFORE))
