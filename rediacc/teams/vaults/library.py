"""The one door to ansible-vault: reading and writing with a team's vault ids.

The ``ansible-vault`` library takes a ``vault_lib``; this one knows vault ids, asks for a password
only when it is needed, tries the id that a file's header names first, and never encrypts with a
salt that is not random (``VAULT_ENCRYPT_SALT`` would make two files reveal each other).
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from typing import Any

from rediacc.errors import VaultError
from rediacc.teams.files import one_line
from rediacc.teams.vaults.identities import Identity

__all__ = ["HEADER", "TeamVaultLib", "is_vaulted", "open_vault"]

HEADER = b"$ANSIBLE_VAULT;"
_DEFAULT_LABEL = "default"


def is_vaulted(content: bytes) -> bool:
    """Whether `content` is a file that ansible-vault encrypted as a whole."""
    return content.startswith(HEADER)


def open_vault(identities: Sequence[Identity], *, writer: Identity | None, what: str) -> Any:
    """Return an ``ansible_vault.Vault`` over a team's vault ids.

    :param writer: what new text is encrypted with; ``None`` for the id that opened the old one.
    :param what: whose text it is, for complaints.
    """
    from ansible_vault import Vault

    return Vault(vault_lib=TeamVaultLib(identities, writer=writer, what=what))


class TeamVaultLib:
    """Encrypts and decrypts with vault ids; what fails raises :class:`VaultError`."""

    def __init__(
        self, identities: Sequence[Identity], *, writer: Identity | None, what: str
    ) -> None:
        self._identities = tuple(identities)
        self._writer = writer
        self._what = what

    def encrypt(self, plaintext: str | bytes) -> bytes:
        """Return `plaintext` encrypted, with the writer's label in the header.

        :raises VaultError: there is nothing to encrypt with, or it did not work.
        """
        writer = self._writer
        if writer is None:
            raise VaultError(f"{self._what}: no vault id to encrypt with")
        parsing = _parsing()
        secret = parsing.VaultSecret(writer.password())
        library = parsing.VaultLib([(writer.label, secret)])
        label = None if writer.label == _DEFAULT_LABEL else writer.label
        try:
            text = library.encrypt(plaintext, secret=secret, vault_id=label, salt=os.urandom(32))
            opened = library.decrypt(text)
        except parsing.AnsibleError as exc:
            raise VaultError(f"{self._what} could not be encrypted: {_line(exc)}") from exc
        finally:
            _forget(parsing)
        plain = plaintext.encode() if isinstance(plaintext, str) else plaintext
        # Fail closed: what cannot be opened again, or is not encrypted at all, is not written.
        if not is_vaulted(text) or bytes(opened) != plain:
            raise VaultError(f"{self._what} could not be encrypted: it does not open again")
        return bytes(text)

    def decrypt(self, vaulttext: str | bytes) -> bytes:
        """Return what is in `vaulttext`; new text will be encrypted with the id that opened it.

        :raises VaultError: none of the team's vault ids opens it, or it is broken.
        """
        content = vaulttext.encode() if isinstance(vaulttext, str) else vaulttext
        if not is_vaulted(content):
            raise VaultError(f"{self._what} is not encrypted", hint="encrypt it: ansible-vault")
        parsing = _parsing()
        label = _label_of(content)
        ordered = sorted(self._identities, key=lambda identity: identity.label != label)
        missing: VaultError | None = None
        for identity in ordered:
            try:
                secret = parsing.VaultSecret(identity.password())
            except VaultError as exc:
                missing = missing or exc
                continue
            try:
                opened = parsing.VaultLib([(identity.label, secret)]).decrypt(content)
            except (parsing.AnsibleVaultFormatError, ValueError, IndexError) as exc:
                raise VaultError(
                    f"{self._what} is broken: {_line(exc)}", hint="put it back from git or backup"
                ) from exc
            except parsing.AnsibleError:
                continue
            finally:
                _forget(parsing)
            self._writer = self._writer or identity
            return bytes(opened)
        if missing is not None:
            raise missing
        raise self._locked(label)

    def _locked(self, label: str) -> VaultError:
        tried = "; ".join(identity.source for identity in self._identities)
        return VaultError(
            f"{self._what} (vault id {label}) cannot be opened"
            + (f" with {tried}: the key is wrong or the file is broken" if tried else ""),
            hint="put the right key or file back, or try by hand: ansible-vault view"
            if tried
            else "no vault id is configured: see ansible.cfg, or docs/vaults.md",
        )


def _label_of(content: bytes) -> str:
    fields = content.split(b"\n", 1)[0].decode(errors="replace").strip().split(";")
    return fields[3] if len(fields) > 3 else _DEFAULT_LABEL


def _parsing() -> Any:
    """Import Ansible's vault, which costs as much as eighteen bare starts."""
    try:
        from ansible.parsing import vault
    except Exception as exc:  # a broken ansible.cfg ends the import with whatever it raises
        raise VaultError(f"Ansible's vault cannot be loaded: {_line(exc)}") from exc
    return vault


def _forget(parsing: Any) -> None:
    """Empty Ansible's cache of derived keys: a worker lives long, and its memory should not."""
    with contextlib.suppress(AttributeError, KeyError):
        vars(parsing.VaultAES256)["_gen_key_initctr"].__func__.cache_clear()


def _line(error: Exception) -> str:
    return one_line(str(error), limit=300)
