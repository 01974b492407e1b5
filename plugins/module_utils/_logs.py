# -*- coding: utf-8 -*-
# Copyright (c) 2026 the rediacc authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names, digests and archives of log files, for the module log_archive."""

from __future__ import annotations

import gzip
import hashlib
import os
import re
import stat
import time
import zlib

COMPRESSED = (".gz", ".xz", ".bz2", ".zst", ".Z", ".lz4", ".zip")
PARTIAL = ".log_archive."
ARCHIVE = re.compile(r"^(?P<name>.+)\.(?P<time>\d{8}T\d{6}Z)(?:-\d+)?\.gz$", re.DOTALL)
# What rotation puts at the end of a log's name: numbers, dates, times.
ROTATED = re.compile(
    r"(?:[.-](?:\d{1,4}|\d{4}-?\d{2}-?\d{2}(?:[T_.-]?\d{2}:?\d{2}(?::?\d{2})?Z?)?))+$"
)
UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
BLOCK = 1 << 20


class Left(Exception):
    """A file stays as it is, and why."""


def read_age(text):
    """Return the seconds that `text` says, None when it says none."""
    found = re.match(r"^(\d+)([smhdw]?)$", text.strip())
    return int(found.group(1)) * UNITS[found.group(2)] if found else None


def stem(name):
    """Return what a log is called without what rotation put at its end."""
    return ROTATED.sub("", name) or name


def surplus(names, keep):
    """Return the archives among `names` beyond the `keep` newest of each log. Pure."""
    if keep <= 0:
        return []
    logs = {}
    for name in names:
        found = ARCHIVE.match(name)
        if found:
            logs.setdefault(stem(found.group("name")), []).append((found.group("time"), name))
    return sorted(name for found in logs.values() for _time, name in sorted(found)[:-keep])


def stamp(seconds):
    return time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(seconds))


def identity(status):
    """Return what tells whether a file is still the one that was looked at."""
    return (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)


def open_files():
    """Return (device, inode) of all files that processes have open, as far as can be seen."""
    found = set()
    for pid in os.listdir("/proc"):
        if not pid.isdigit() or int(pid) == os.getpid():
            continue
        directory = "/proc/%s/fd" % pid
        try:
            names = os.listdir(directory)
        except OSError:
            continue
        for name in names:
            try:
                status = os.stat(os.path.join(directory, name))
            except OSError:
                continue
            if stat.S_ISREG(status.st_mode):
                found.add((status.st_dev, status.st_ino))
    return found


def digest_of(handle):
    """Return the digest and the size of what is still to be read from `handle`."""
    digest, size = hashlib.sha256(), 0
    for block in iter(lambda: handle.read(BLOCK), b""):
        digest.update(block)
        size += len(block)
    return digest.hexdigest(), size


def archived_digest(handle):
    """Return digest and size of what an archive holds; nothing where it is damaged."""
    handle.seek(0)
    try:
        with gzip.GzipFile(fileobj=handle, mode="rb") as unpacked:
            return digest_of(unpacked)
    except (OSError, EOFError, zlib.error):
        return "", -1


def compress(source, target):
    """Write what `source` holds to `target`, both open files; return its digest and size."""
    digest, size = hashlib.sha256(), 0
    with gzip.GzipFile(filename="", fileobj=target, mode="wb", compresslevel=6) as packed:
        for block in iter(lambda: source.read(BLOCK), b""):
            digest.update(block)
            size += len(block)
            packed.write(block)
    target.flush()
    os.fsync(target.fileno())
    return digest.hexdigest(), size


def free_name(name, seconds, directory, wanted):
    """Return the archive's name for a log, and whether it is there and holds `wanted` already."""
    for number in range(1, 1000):
        tail = "" if number == 1 else "-%d" % number
        archive = "%s.%s%s.gz" % (name, stamp(seconds), tail)
        try:
            descriptor = os.open(archive, os.O_RDONLY | os.O_NOFOLLOW, dir_fd=directory)
        except FileNotFoundError:
            return archive, False
        with os.fdopen(descriptor, "rb") as handle:
            if archived_digest(handle) == wanted:
                return archive, True
    raise Left("there are too many archives of that name")
