# Copyright (c) 2026 the rediacc authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import base64
import html
import io
import json
import multiprocessing
import re
import shlex
from urllib.parse import quote, quote_plus

import pytest
from ansible_collections.rediacc.core.plugins.plugin_utils._masking import MASK, Masker, is_maskable
from ansible_collections.rediacc.core.plugins.plugin_utils._shared_secrets import SharedSecrets
from ansible_collections.rediacc.core.plugins.plugin_utils._streams import MaskingStream
from ansible_collections.rediacc.core.plugins.plugin_utils._vault_learning import learn_plaintext

SECRET = 'it\'s a "secret"\\with=ümlauts&more'
CUT = "\n[... 12345 bytes cut by rediacc ...]\n"


def masker(*values: str) -> Masker:
    known = Masker()
    for value in values:
        known.learn(value)
    return known


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("raw", SECRET),
        ("json", json.dumps(SECRET)),
        ("json unescaped", json.dumps(SECRET, ensure_ascii=False)),
        ("json in json", json.dumps(json.dumps({"a": SECRET}))),
        ("repr", repr(SECRET)),
        ("bytes repr", repr(SECRET.encode())),
        ("shell", shlex.quote(SECRET)),
        ("shell in json", json.dumps(shlex.quote(SECRET))),
        ("url", quote(SECRET)),
        ("url strict", quote(SECRET, safe="")),
        ("form", quote_plus(SECRET)),
        ("url in lower case", re.sub("%..", lambda found: found[0].lower(), quote(SECRET))),
        ("html", html.escape(SECRET)),
        ("html text", html.escape(SECRET, quote=False)),
        ("json with escaped slashes", json.dumps(SECRET)[1:-1].replace("/", "\\/")),
        ("hexadecimal", SECRET.encode().hex()),
        ("hexadecimal in capitals", SECRET.encode().hex().upper()),
        ("base64", base64.b64encode(SECRET.encode()).decode()),
        ("base64 of line", base64.b64encode(SECRET.encode() + b"\n").decode()),
        ("base64 after one", base64.b64encode(b"u:" + SECRET.encode() + b"@x").decode()),
        ("base64 after two", base64.b64encode(b"u" + SECRET.encode() + b"@xy").decode()),
        ("url base64", base64.urlsafe_b64encode(SECRET.encode()).decode()),
    ],
)
def test_spelling_is_masked(name: str, shown: str) -> None:
    masked = masker(SECRET).mask(f"before {shown} after")
    assert MASK in masked
    assert masked.startswith("before ")
    assert masked.endswith(" after")
    for part in ("secret", "mlauts", shown[8:16]):
        assert part not in masked, name


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("abc", False),
        ("abcd", True),
        ("True", False),
        ("null", False),
        ("12345", False),
        ("-1.5e4", False),
        ("123456", True),
        ("3.14159265", True),
        ("a b", False),
        ("   ab   ", True),
    ],
)
def test_only_distinctive_values_are_masked(value: str, expected: bool) -> None:
    assert is_maskable(value) is expected


def test_overlapping_values_leave_nothing() -> None:
    assert masker("abcdef", "defghi").mask("xabcdefghix") == f"x{MASK}x"
    assert masker("secret", "secret-longer").mask("secret-longer secret") == f"{MASK} {MASK}"


def test_data_is_masked_in_depth() -> None:
    masked = masker("hunter22", "1234567").mask_data(
        {"a": ["hunter22", {"hunter22": 1}], "n": 1234567, "b": True, "c": None, "t": ("x",)}
    )
    assert masked == {"a": [MASK, {MASK: 1}], "n": MASK, "b": True, "c": None, "t": ["x"]}


@pytest.mark.parametrize("length", range(4, 10))
@pytest.mark.parametrize("cut", [CUT, CUT.replace("\n", "\\n")])
def test_parts_of_a_value_at_a_cut_are_masked(length: int, cut: str) -> None:
    secret = "0123abcdef"
    text = "head " + secret[:length] + cut + secret[-length:] + " tail"
    assert masker(secret).mask(text) == f"head {MASK}{cut}{MASK} tail".replace(
        f"{MASK}{cut}{MASK}", MASK + cut + MASK
    )


def test_text_at_a_cut_that_is_no_part_stays() -> None:
    text = "some text" + CUT + "other text"
    assert masker("0123abcdef").mask(text) == text


def test_lines_of_a_value_are_masked_when_they_are_long_enough() -> None:
    known = masker("first line\nshort\nsecond line\n")
    assert known.mask("a first line\nshort\nb second line") == f"a {MASK}\nshort\nb {MASK}"


@pytest.mark.parametrize(
    ("text", "is_file", "learned"),
    [
        ("value\n", False, ["value\n"]),
        ("a: b: c", False, ["a: b: c"]),
        ("key: leaf\nlist: [one, {deep: two}]\n", True, ["leaf", "one", "two"]),
        ('{"key": "leaf"}', True, ["leaf"]),
        ("a: &x [leaf]\nb: [*x, *x]\n", True, ["leaf"]),
        ("flag: yes\nempty: null\nnumber: 8080\n", True, ["8080"]),
        ("inner: !vault |\n  $ANSIBLE_VAULT;1.1;AES256\n  6162\nu: !unsafe leaf\n", True, ["leaf"]),
        ("no\n: yaml\n\tat all: [", True, ["no\n: yaml\n\tat all: ["]),
        ("just text\nof lines", True, ["just text\nof lines"]),
        ("[" * 5000, True, ["[" * 5000]),
    ],
)
def test_secrets_of_a_plaintext(text: str, is_file: bool, learned: list[str]) -> None:
    found: list[str] = []
    learn_plaintext(text.encode(), is_file=is_file, learn=found.append)
    assert sorted(found) == sorted(learned)


def _learn_in_child(secrets: SharedSecrets, number: int) -> None:
    for index in range(50):
        secrets.learn(f"child-{number}-secret-{index}")


def test_processes_share_what_they_learn() -> None:
    secrets = SharedSecrets()
    secrets.learn("before the fork")
    context = multiprocessing.get_context("fork")
    children = [
        context.Process(target=_learn_in_child, args=(secrets, number)) for number in range(4)
    ]
    for child in children:
        child.start()
    for child in children:
        child.join()
    known = secrets.masker()
    for number in range(4):
        for index in range(50):
            value = f"child-{number}-secret-{index}"
            assert known.mask(f"<{value}>") == f"<{MASK}>", value
    assert known.mask("before the fork") == MASK


class _Terminal(io.StringIO):
    encoding = "utf-8"

    def fileno(self) -> int:
        return 1


def stream(*values: str) -> tuple[MaskingStream, _Terminal]:
    known, terminal = masker(*values), _Terminal()
    return MaskingStream(terminal, lambda: known), terminal


def test_stream_masks_a_value_split_over_writes_and_flushes() -> None:
    out, terminal = stream("hunter22")
    for character in "say hunter22 now":
        out.write(character)
        out.flush()
    out.finish()
    assert terminal.getvalue() == f"say {MASK} now"


def test_stream_loses_nothing_and_prompts_at_once() -> None:
    out, terminal = stream("hunter22")
    out.write("Password: ")
    out.flush()
    assert terminal.getvalue() == "Password: "
    out.write("line\nrest hu")
    out.flush()
    assert terminal.getvalue() == "Password: line\nrest "
    out.finish()
    assert terminal.getvalue() == "Password: line\nrest hu"


def test_stream_masks_the_beginning_of_a_value_that_never_ends() -> None:
    out, terminal = stream("hunter22")
    out.write("hunter")
    out.finish()
    assert terminal.getvalue() == MASK


def test_stream_masks_bytes_and_keeps_the_interface() -> None:
    out, terminal = stream("hunter22")
    out.buffer.write(b"hunter22\n")
    assert terminal.getvalue() == f"{MASK}\n"
    assert (out.fileno(), out.encoding, out.isatty()) == (1, "utf-8", False)
