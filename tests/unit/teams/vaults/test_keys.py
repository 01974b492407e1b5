"""Where a team's key comes from, who else's vault ids are used, and what the client tells."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from rediacc.errors import VaultError
from rediacc.settings import VaultSettings
from rediacc.teams.vaults.client import client_path, run, vault_arguments
from rediacc.teams.vaults.identities import writing_identity
from rediacc.teams.vaults.keys import own_key
from rediacc.teams.vaults.library import TeamVaultLib

if TYPE_CHECKING:
    from conftest import Place

CLIENT = '#!/bin/sh\n[ "$1" = --vault-id ] && echo "password of $2"\n'


def _with_command(place: Place, command: str, seconds: float = 30.0) -> Place:
    vault = VaultSettings(key_command=("sh", "-c", command), key_timeout_seconds=seconds)
    teams = {"prod": _changed(place.settings.teams["prod"], vault=vault)}
    return type(place)(
        settings=_changed(place.settings, teams=teams), environment=place.environment
    )


def _changed(value: object, **fields: object) -> object:
    return type(value)(**{**vars(value), **fields})


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("exit 3", "failed with exit code 3"),
        ("echo no such entry >&2; exit 1", "no such entry"),
        ("true", "is empty"),
        ("sleep 60", "did not answer within 1 seconds"),
    ],
)
def test_key_command_that_fails_is_told_in_one_line(place: Place, command: str, words: str) -> None:
    broken = _with_command(place, command, 1.0)
    with pytest.raises(VaultError) as caught:
        own_key(broken.settings, "prod", environment=broken.environment)
    assert words in caught.value.message
    assert "\n" not in caught.value.message


def test_key_command_keeps_the_key_and_nothing_is_written(lay_place: Callable[..., Place]) -> None:
    kept = _with_command(lay_place(), "echo '  kept elsewhere '")
    kept.set("word", "sesame")
    assert kept.get("word") == "sesame"
    assert own_key(kept.settings, "prod", environment=kept.environment) == b"kept elsewhere"
    assert not (kept.home / ".rediacc" / "keys").exists()


def test_key_file_must_be_there_private_and_hold_something(place: Place) -> None:
    place.set("word", "sesame")
    path = place.home / ".rediacc" / "keys" / "prod"
    kept = path.read_bytes()
    path.chmod(0o640)
    with pytest.raises(VaultError, match="read by others"):
        place.get("word")
    path.chmod(0o600)
    path.write_bytes(b"\n")
    with pytest.raises(VaultError, match="is empty"):
        place.get("word")
    path.write_bytes(b"another\n")
    with pytest.raises(VaultError, match="key is wrong or the file is broken"):
        place.get("word")
    # A key that is gone is never made anew over what it has locked.
    path.unlink()
    with pytest.raises(VaultError):
        place.set("word", "other")
    assert not path.exists()
    path.write_bytes(kept)
    path.chmod(0o600)
    assert place.get("word") == "sesame"


@pytest.mark.parametrize(
    ("config", "settings", "label"),
    [
        ("vault_identity_list = prod@ids-client, staging@ids-client", VaultSettings(), "prod"),
        ("vault_identity_list = a@ids-client, b@ids-client", VaultSettings(id="b"), "b"),
        (
            "vault_identity_list = a@ids-client, b@ids-client\nvault_encrypt_identity = a",
            VaultSettings(),
            "a",
        ),
        ("vault_identity_list = only@ids-client", VaultSettings(), "only"),
        ("vault_identity_list = a@ids-client, b@ids-client", VaultSettings(), None),
        ("vault_password_file = ./plain", VaultSettings(), "default"),
    ],
)
def test_repositorys_vault_ids_are_used(
    lay_place: Callable[..., Place], config: str, settings: VaultSettings, label: str | None
) -> None:
    files = {"ansible.cfg": f"[defaults]\n{config}\n", "ids-client": CLIENT, "plain": "word\n"}
    place = lay_place(files, vaults={"prod": settings})
    writer = writing_identity(place.settings, "prod", environment=place.environment)
    assert (writer.label if writer else None) == label
    path = place.set("word", "sesame")
    assert place.get("word") == "sesame"
    header = path.read_text().splitlines()[0]
    # Several, and none that is meant: the team begins with a key of its own, beside them.
    expected = {"default": "$ANSIBLE_VAULT;1.1;AES256"}
    assert header == expected.get(str(label), f"$ANSIBLE_VAULT;1.2;AES256;{label or 'prod'}")
    assert (place.home / ".rediacc" / "keys" / "prod").exists() is (label is None)
    if writer is not None and label != "default":
        assert writer.password() == f"password of {label}".encode()


def test_vault_id_that_only_a_person_could_give_is_refused(lay_place: Callable[..., Place]) -> None:
    config = "[defaults]\nvault_identity_list = prod@prompt\n"
    place = lay_place({"ansible.cfg": config}, {"prod": "inventories/prod"})
    with pytest.raises(VaultError, match="asks a person"):
        place.set("word", "sesame")
    named = lay_place(vaults={"prod": VaultSettings(id="nobody")})
    with pytest.raises(VaultError, match="'nobody'"):
        named.set("word", "sesame")


def test_client_tells_ansible_and_knows_what_it_does_not_know(
    place: Place, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    place.set("word", "sesame")
    lines = "".join(f'[teams.{t}]\ninventory = "inventories/{t}"\n' for t in ("prod", "staging"))
    (place.home / "rediacc.toml").write_text(lines)
    client = client_path(place.settings)
    assert vault_arguments(place.settings, "prod") == ("--vault-id", f"prod@{client}")
    assert client.name.endswith("-client")
    key = (place.home / ".rediacc" / "keys" / "prod").read_bytes()
    done = subprocess.run(
        [client, "--vault-id", "prod"],
        capture_output=True,
        cwd="/",
        check=True,
        env={"PATH": "/bin"},
    )
    assert done.stdout == key
    # The one that the package installs finds the home upward.
    monkeypatch.chdir(place.home / "inventories")
    assert run(["--vault-id", "prod"], environment={}) == 0
    assert capfd.readouterr().out.encode() == key
    assert run(["--vault-id", "nobody"], environment={}) == 2
    assert run(["--vault-id", "staging"], environment={}) in (0, 2)
    monkeypatch.chdir("/")
    assert run(["--vault-id", "prod"], environment={}) == 2
    assert "\n" not in capfd.readouterr().err.splitlines()[-1]


def test_client_of_another_installation_is_written_anew(place: Place) -> None:
    client = client_path(place.settings)
    text = client.read_text()
    client.write_text("#!/bin/sh\nexit 9\n")
    assert client_path(place.settings).read_text() == text


def test_salt_is_random_whatever_the_environment_says(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANSIBLE_VAULT_ENCRYPT_SALT", "fixed")
    place.set("word", "sesame")
    writer = writing_identity(place.settings, "prod", environment=place.environment)
    library = TeamVaultLib((), writer=writer, what="a text")
    assert library.encrypt("sesame") != library.encrypt("sesame")


def test_text_that_was_not_encrypted_is_never_written(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ansible.parsing.vault import VaultLib

    place.set("word", "sesame")
    path = place.home / "vaults" / "prod" / "secrets.yml"
    before = path.read_bytes()
    monkeypatch.setattr(VaultLib, "encrypt", lambda _, text, **__: text.encode())
    with pytest.raises(VaultError):
        place.set("word", "another")
    assert path.read_bytes() == before


def test_text_that_would_not_open_to_itself_is_never_written(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ansible.parsing.vault import VaultLib

    place.set("word", "sesame")
    writer = writing_identity(place.settings, "prod", environment=place.environment)
    real = VaultLib.encrypt
    monkeypatch.setattr(VaultLib, "encrypt", lambda own, _, **more: real(own, b"other", **more))
    with pytest.raises(VaultError, match="does not open again"):
        TeamVaultLib((), writer=writer, what="a text").encrypt("sesame")
