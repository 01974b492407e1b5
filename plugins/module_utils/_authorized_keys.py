# -*- coding: utf-8 -*-
# Copyright (c) 2026 the rediacc authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lines of an authorized_keys file, for the module authorized_key."""

from __future__ import annotations

import base64
import binascii
import re
import struct

KIND = re.compile(r"^(ssh-|ecdsa-sha2-|sk-ssh-|sk-ecdsa-)[a-z0-9@.-]+$")


class Refused(Exception):
    """Something that cannot be done, with what is wrong."""


class Line:
    """One line of an authorized_keys file; `blob` is None when it holds no key."""

    def __init__(self, text):
        self.text = text
        self.options, self.kind, self.blob, self.comment = _parse(text)

    @property
    def is_remark(self):
        stripped = self.text.strip()
        return not stripped or stripped.startswith("#")

    def with_options(self, options):
        return Line(
            " ".join(word for word in (options, self.kind, self.blob, self.comment) if word)
        )


def _options_end(text):
    """Return where the options at the beginning of `text` end: at a blank outside quotes."""
    quoted = False
    position = 0
    while position < len(text):
        letter = text[position]
        if letter == "\\" and text[position + 1 : position + 2] == '"':
            position += 1
        elif letter == '"':
            quoted = not quoted
        elif letter in " \t" and not quoted:
            break
        position += 1
    return None if quoted else position


def _parse(text):
    """Return (options, kind, blob, comment) of a line; all but options None where it has no key."""
    rest = text.strip()
    nothing = ("", None, None, "")
    if not rest or rest.startswith("#"):
        return nothing
    options = ""
    if not KIND.match(rest.split(None, 1)[0]):
        end = _options_end(rest)
        if end is None:
            return nothing
        options, rest = rest[:end], rest[end:].strip()
    words = rest.split(None, 2)
    if len(words) < 2 or not KIND.match(words[0]):
        return nothing
    return options, words[0], words[1], words[2] if len(words) > 2 else ""


def _fields(raw):
    """Return the fields of a key's binary form, each with its length before it (RFC 4251).

    :raises struct.error: it ends too early.
    """
    fields = []
    while raw:
        (length,) = struct.unpack(">I", raw[:4])
        if len(raw) < 4 + length:
            raise struct.error("cut")
        fields.append(raw[4 : 4 + length])
        raw = raw[4 + length :]
    return fields


def read_key(text):
    """Return the line of a key that a person gave.

    :raises Refused: it is not a public key.
    """
    if "PRIVATE KEY" in text:
        raise Refused("a private key was given: give the public one")
    if len(text.strip().splitlines()) != 1:
        raise Refused("a key is one line of text: give several keys as a list")
    line = Line(text.strip())
    shown = text.strip()[:40]
    if line.blob is None:
        raise Refused("not a public key: %s" % shown)
    try:
        fields = _fields(base64.b64decode(line.blob.encode("ascii", "replace"), validate=True))
    except (binascii.Error, struct.error) as exc:
        raise Refused("the key is damaged: %s" % shown) from exc
    if len(fields) < 2 or fields[0] != line.kind.encode():
        raise Refused("the key is damaged, or of another kind than it says: %s" % shown)
    return line


def check_options(options):
    """Pass when `options` are one word of the file.

    :raises Refused: they would be read as something else.
    """
    if options and (
        re.search(r"[\r\n\0]", options)
        or options.startswith("#")
        or _options_end(options) != len(options)
    ):
        raise Refused("options %r: must be one line, without blanks outside quotes" % options)


def decide(lines, wanted, options, state, exclusive):
    """Return the lines that are to be, and how many were added, updated and removed. Pure.

    :param lines: the lines that are there.
    :param wanted: lines of the keys.
    :param options: what was asked for all keys; None for nothing.
    """
    asked = {(line.kind, line.blob): line for line in wanted}
    seen = set()
    after = []
    counts = {"added": 0, "updated": 0, "removed": 0}
    for line in lines:
        key = (line.kind, line.blob)
        if line.blob is None or key not in asked:
            if exclusive and not line.is_remark:
                counts["removed"] += 1
            else:
                after.append(line)
            continue
        told = asked[key].options or options
        if state == "absent" or (key in seen and told is not None):
            counts["removed"] += 1
            continue
        seen.add(key)
        if told is not None and line.options != told:
            line = line.with_options(told)
            counts["updated"] += 1
        after.append(line)
    if state == "present":
        for key, line in asked.items():
            if key not in seen:
                after.append(line.with_options(line.options or options or ""))
                counts["added"] += 1
    return after, counts
