"""Who runs this process: what the operating system says, never a name in the environment.

``sudo`` sets ``SUDO_UID`` itself, whatever its caller had there; so where a process has another
account's rights through sudo, the number names the person. Somebody who can take the variable away
again has a shell of that account, and with it everything that roles could guard. As long as nobody
is listed as a member, whoever comes through sudo acts as the account, under their own name.
"""

from __future__ import annotations

import hashlib
import os
import pwd
from collections.abc import Mapping

from rediacc.access.binding import is_bound
from rediacc.errors import NotAuthenticated
from rediacc.values import Caller, Proof

__all__ = ["TOKEN_VARIABLE", "account_name", "caller_of_process", "hash_token"]

TOKEN_VARIABLE = "REDIACC_TOKEN"


def caller_of_process(channel: str, environment: Mapping[str, str]) -> Caller:
    """Return who asks through this process.

    :raises NotAuthenticated: what sudo or the token says cannot be read.
    """
    own = os.getuid()
    person, proof = own, Proof.ACCOUNT
    through_sudo = environment.get("SUDO_UID")
    if through_sudo is not None:
        if not through_sudo.isascii() or not through_sudo.isdecimal() or len(through_sudo) > 10:
            raise NotAuthenticated("SUDO_UID is set and is no account's number")
        person = int(through_sudo)
        # Root needs no sudo to be anybody, and an account that is itself needs none either.
        if person in (0, own):
            person = own
        elif is_bound():
            proof = Proof.SUDO
    token = environment.get(TOKEN_VARIABLE)
    return Caller(
        name=account_name(person),
        uid=own,
        channel=channel,
        proof=proof,
        account=account_name(own),
        token_hash=None if token is None else hash_token(token),
    )


def account_name(uid: int) -> str:
    """Return the name of the account with this number."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid {uid}"


def hash_token(token: str) -> str:
    """Return the SHA-256 that is kept of a token."""
    return hashlib.sha256(token.strip().encode("utf-8", "surrogateescape")).hexdigest()
