# Copyright (c) 2026 the rediacc authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which lines of an authorized_keys file stay, change, come and go."""

from __future__ import annotations

import os
import pwd
from pathlib import Path
from types import SimpleNamespace

import pytest
from ansible_collections.rediacc.core.plugins.module_utils import _authorized_keys as keys
from ansible_collections.rediacc.core.plugins.modules import authorized_key

ONE = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ9LtFPOKvfpMwpZ7FqTOaKkwIT0SYFIPDLfOAW0yL8v"
TWO = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILPPPPT9bdPnPDAbaTFyqnVP1rKpCzr0H9b1BYUMAmOp"


@pytest.mark.parametrize(
    ("text", "options", "comment"),
    [
        (ONE, "", ""),
        (f"{ONE} ops at work", "", "ops at work"),
        (f"no-pty {ONE} ops", "no-pty", "ops"),
        (f'command="say \\"a b\\"",no-pty\t{ONE}', 'command="say \\"a b\\"",no-pty', ""),
        (f'from="ssh-ed25519 x" {ONE}', 'from="ssh-ed25519 x"', ""),
        (f"cert-authority {ONE} ca", "cert-authority", "ca"),
    ],
)
def test_line_is_read_as_the_server_reads_it(text: str, options: str, comment: str) -> None:
    line = keys.Line(text)
    assert (line.options, line.comment) == (options, comment)
    assert f"{line.kind} {line.blob}" == ONE


@pytest.mark.parametrize("text", ["", "  ", f"# {ONE}", "no key", f'command="open {ONE}', "no-pty"])
def test_line_without_a_key_has_none(text: str) -> None:
    assert keys.Line(text).blob is None


@pytest.mark.parametrize(
    ("before", "wanted", "options", "state", "exclusive", "after", "counts"),
    [
        ([], [ONE], None, "present", False, [ONE], (1, 0, 0)),
        ([], [ONE, ONE], "no-pty", "present", False, [f"no-pty {ONE}"], (1, 0, 0)),
        # Another comment is no other key, and options that nobody asked about stay.
        ([f"no-pty {ONE} a"], [f"{ONE} b"], None, "present", False, [f"no-pty {ONE} a"], (0, 0, 0)),
        ([f"no-pty {ONE} a"], [ONE], "", "present", False, [f"{ONE} a"], (0, 1, 0)),
        ([f"{ONE} a"], [f"no-pty {ONE}"], None, "present", False, [f"no-pty {ONE} a"], (0, 1, 0)),
        # The server takes the first line of a key: a second one would say something else.
        ([ONE, f"no-pty {ONE}"], [ONE], "no-pty", "present", False, [f"no-pty {ONE}"], (0, 1, 1)),
        ([ONE, f"no-pty {ONE}"], [ONE], None, "present", False, [ONE, f"no-pty {ONE}"], (0, 0, 0)),
        (["# a", "", TWO, "?"], [ONE], None, "present", True, ["# a", "", ONE], (1, 0, 2)),
        (["# a", ONE], [], None, "present", True, ["# a"], (0, 0, 1)),
        ([ONE, TWO, f"no-pty {ONE}"], [ONE], None, "absent", False, [TWO], (0, 0, 2)),
        ([TWO], [ONE], None, "absent", False, [TWO], (0, 0, 0)),
    ],
)
def test_lines_are_decided(
    before: list[str],
    wanted: list[str],
    options: str | None,
    state: str,
    exclusive: bool,
    after: list[str],
    counts: tuple[int, int, int],
) -> None:
    lines, told = keys.decide(
        [keys.Line(one) for one in before],
        [keys.read_key(one) for one in wanted],
        options,
        state,
        exclusive,
    )
    assert [line.text for line in lines] == after
    assert (told["added"], told["updated"], told["removed"]) == counts


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ssh-ed25519",
        ONE[:-8],
        ONE[:-1],
        f"{ONE[:-4]}äöüß",
        ONE.replace("ssh-ed25519", "ssh-rsa"),
        f"{ONE}\n{TWO}",
        "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----",
    ],
)
def test_what_is_no_public_key_is_refused_without_being_shown_whole(text: str) -> None:
    with pytest.raises(keys.Refused) as refused:
        keys.read_key(text)
    assert "AAAA\n" not in str(refused.value)
    assert len(str(refused.value)) < 120


@pytest.mark.parametrize("options", ["", "no-pty", 'from="a b",no-pty', 'command="x \\" y"'])
def test_options_of_one_word_pass(options: str) -> None:
    keys.check_options(options)


@pytest.mark.parametrize("options", ["a b", 'from="a', "a\nb", "#a", "a\0b"])
def test_options_that_would_be_read_as_something_else_are_refused(options: str) -> None:
    with pytest.raises(keys.Refused):
        keys.check_options(options)


def test_whose_file_it_is() -> None:
    assert authorized_key.lies_in("/home/a/.ssh/authorized_keys", "/home/a")
    assert not authorized_key.lies_in("/home/ab/.ssh/authorized_keys", "/home/a")
    assert not authorized_key.lies_in("/etc/ssh/a", "/")
    assert authorized_key.is_roots("/etc/ssh/not-there-yet")
    assert not authorized_key.is_roots("/tmp")


@pytest.mark.parametrize("ending", ["", "/", "//", "/../mallory"])
def test_link_of_the_account_leads_root_nowhere(tmp_path: Path, ending: str) -> None:
    is_root = os.geteuid() == 0
    other = pwd.getpwnam("nobody") if is_root else pwd.getpwuid(os.geteuid())
    tmp_path.chmod(0o711)
    for above in tmp_path.parents[:3]:
        if above.stat().st_uid == os.geteuid() and above != Path("/tmp"):
            above.chmod(0o711)
    target = tmp_path / "target"
    target.write_text("kept\n")
    target.chmod(0o600 if is_root else 0o400)
    home = tmp_path / "mallory"
    (home / ".ssh").mkdir(parents=True)
    (home / ".ssh" / "authorized_keys").symlink_to(target)
    for path in (home, home / ".ssh"):
        os.chown(path, other.pw_uid, other.pw_gid)
    tmp_path.chmod(0o511)
    account = SimpleNamespace(
        pw_name=other.pw_name, pw_uid=other.pw_uid, pw_gid=other.pw_gid, pw_dir=f"{home}{ending}"
    )
    params = {"options": None, "keys": [ONE], "exclusive": False, "path": None}
    params |= {"state": "present", "manage_directory": True}
    module = SimpleNamespace(params=params, check_mode=False, _diff=False)
    with pytest.raises(PermissionError):
        authorized_key.change(module, account)
    tmp_path.chmod(0o700)
    assert target.read_text() == "kept\n"
