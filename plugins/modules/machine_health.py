#!/usr/bin/python
# -*- coding: utf-8 -*-
# Copyright (c) 2026 the rediacc authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read CPU, load, memory, disk and uptime of a machine from /proc."""

from __future__ import annotations

DOCUMENTATION = r"""
module: machine_health
short_description: Tell CPU, load, memory, disk and uptime of a machine
description:
  - Measures how busy the processors are over a short interval, and reads load, memory, the
    fullest real file system and the time since boot.
  - Changes nothing on the machine and needs no special rights there.
  - Network file systems are left out unless O(paths) names them, because one whose server is
    gone would never answer. So are images that are always full, for example C(squashfs).
author:
  - the rediacc authors (@rediacc)
options:
  interval:
    description: Over how many seconds the processors are watched, from 0.05 to 60.
    type: float
    default: 0.5
  paths:
    description:
      - Look at the file systems of these paths instead of at all real ones.
      - A path that does not exist is an error.
    type: list
    elements: path
    default: []
attributes:
  check_mode:
    description: Nothing is changed in either mode.
    support: full
  diff_mode:
    description: There is nothing to compare.
    support: none
  platform:
    description: Linux, because everything is read from C(/proc).
    support: full
    platforms: linux
seealso:
  - module: rediacc.core.batch
"""

EXAMPLES = r"""
- name: See how busy the machine is
  rediacc.core.machine_health:
  register: health

- name: Look at two file systems only
  rediacc.core.machine_health:
    interval: 2
    paths:
      - /
      - /var/lib/postgresql
"""

RETURN = r"""
cpus:
  description: How many processors are online.
  returned: always
  type: int
  sample: 4
cpu_percent:
  description: How busy they all were together over the interval, from 0 to 100.
  returned: always
  type: float
  sample: 37.5
load:
  description: The load averages over 1, 5 and 15 minutes.
  returned: always
  type: list
  elements: float
  sample: [1.52, 0.9, 0.61]
memory_bytes:
  description: The size of the memory.
  returned: always
  type: int
  sample: 8589934592
memory_percent:
  description: How much of it is in use and could not be given to a program, from 0 to 100.
  returned: always
  type: float
  sample: 61.3
disks:
  description: The file systems that were looked at, the fullest first.
  returned: always
  type: list
  elements: dict
  contains:
    path:
      description: Where it is mounted, or the path that was asked for.
      type: str
    type:
      description: What sort of file system it is; empty for a path that was asked for.
      type: str
    bytes:
      description: Its size.
      type: int
    percent:
      description: How much of what users can have is in use, as C(df) tells, from 0 to 100.
      type: float
  sample: [{"path": "/", "type": "ext4", "bytes": 42949672960, "percent": 71.0}]
disk_percent:
  description: How full the fullest of RV(disks) is. Null when there is none.
  returned: always
  type: float
  sample: 71.0
disk_path:
  description: Where the fullest of RV(disks) is. Null when there is none.
  returned: always
  type: str
  sample: /
uptime_seconds:
  description: The time since boot.
  returned: always
  type: float
  sample: 86400.12
"""

import os
import platform
import time

from ansible.module_utils.basic import AnsibleModule

PROC = "/proc"
# Kinds without a device of their own that hold a machine's files all the same.
REAL_WITHOUT_DEVICE = ("overlay", "zfs", "virtiofs")
ALWAYS_FULL = ("squashfs", "iso9660", "erofs", "udf", "cramfs")


class Unreadable(Exception):
    """Something that Linux tells in /proc is not there."""


def _read(name):
    path = os.path.join(PROC, name)
    try:
        with open(path, encoding="utf-8", errors="replace") as handle:
            return handle.read()
    except OSError as exc:
        raise Unreadable("cannot read %s: %s" % (path, exc.strerror)) from exc


def _processor_times():
    """Return (busy, all) ticks of all processors since boot, and how many there are.

    The first eight fields; those after them are part of the first two (proc_stat(5)).
    """
    lines = _read("stat").splitlines()
    cpus = sum(1 for line in lines if line.startswith("cpu") and line[3:4].isdigit())
    fields = lines[0].split() if lines else []
    if fields[:1] != ["cpu"] or len(fields) < 5:
        raise Unreadable("cannot read %s/stat: it has no line of all processors" % PROC)
    ticks = [int(field) for field in fields[1:9]]
    idle = ticks[3] + (ticks[4] if len(ticks) > 4 else 0)
    return sum(ticks) - idle, sum(ticks), max(1, cpus)


def read_processors(interval):
    """Return how busy the processors were over `interval` seconds, and how many there are."""
    busy, total, _cpus = _processor_times()
    time.sleep(interval)
    busy_after, total_after, cpus = _processor_times()
    passed = total_after - total
    percent = 100.0 * (busy_after - busy) / passed if passed > 0 else 0.0
    return round(min(100.0, max(0.0, percent)), 1), cpus


def read_load():
    """Return the three load averages."""
    try:
        return [float(field) for field in _read("loadavg").split()[:3]]
    except ValueError as exc:
        raise Unreadable("cannot read %s/loadavg: %s" % (PROC, exc)) from exc


def read_memory():
    """Return the memory's size in bytes, and how much of it is in use in percent."""
    fields = {}
    for line in _read("meminfo").splitlines():
        name, _colon, value = line.partition(":")
        words = value.split()
        if words and words[0].isdigit():
            fields[name] = int(words[0]) * 1024
    total = fields.get("MemTotal", 0)
    if not total:
        raise Unreadable("cannot read %s/meminfo: it has no MemTotal" % PROC)
    spare = ("MemFree", "Buffers", "Cached")
    available = fields.get("MemAvailable", sum(fields.get(name, 0) for name in spare))
    return total, round(100.0 * (1 - min(available, total) / total), 1)


def read_uptime():
    """Return the seconds since boot."""
    try:
        return float(_read("uptime").split()[0])
    except (IndexError, ValueError) as exc:
        raise Unreadable("cannot read %s/uptime: %s" % (PROC, exc)) from exc


def _kinds_with_device():
    """Return the kinds of file systems that lie on a device of the machine."""
    lines = _read("filesystems").splitlines()
    return {line.strip() for line in lines if not line.startswith("nodev")}


def _mounts():
    """Return (path, kind) of each file system that can be written and holds real files.

    Containers have single files mounted over others; those are no places of their own.
    """
    kinds = _kinds_with_device().difference(ALWAYS_FULL).union(REAL_WITHOUT_DEVICE)
    found = []
    for line in _read("self/mounts").splitlines():
        fields = line.split(" ")
        if len(fields) < 4 or fields[2] not in kinds:
            continue
        # Spaces and the like are written as octal escapes (proc_mounts(5)).
        path = fields[1].encode().decode("unicode_escape").encode("latin-1")
        if path == b"/" or ("ro" not in fields[3].split(",") and os.path.isdir(path)):
            found.append((os.fsdecode(path), fields[2]))
    return found


def _disk(path, kind):
    """Return how full the file system of `path` is, as df tells; None for one without blocks."""
    stat = os.statvfs(path)
    used = stat.f_blocks - stat.f_bfree
    usable = used + stat.f_bavail
    if stat.f_blocks <= 0 or usable <= 0:
        return None
    size = stat.f_blocks * (stat.f_frsize or stat.f_bsize)
    percent = round(100.0 * used / usable, 1)
    return {"path": path, "type": kind, "bytes": size, "percent": percent}


def read_disks(paths):
    """Return the file systems of `paths`, or all real ones, the fullest first."""
    disks = {}
    for path, kind in [(path, "") for path in paths] or _mounts():
        try:
            device = os.stat(path).st_dev
            disk = _disk(path, kind)
        except OSError as exc:
            if paths:
                raise Unreadable("cannot look at %s: %s" % (path, exc.strerror)) from exc
            continue  # a mount that this user may not look at
        if disk is not None:
            disks.setdefault(path if paths else device, disk)
    return sorted(disks.values(), key=lambda disk: (-disk["percent"], disk["path"]))


def read_health(interval, paths):
    """Return all that this module tells."""
    cpu_percent, cpus = read_processors(interval)
    memory_bytes, memory_percent = read_memory()
    disks = read_disks(paths)
    fullest = disks[0] if disks else {"percent": None, "path": None}
    return {
        "cpus": cpus,
        "cpu_percent": cpu_percent,
        "load": read_load(),
        "memory_bytes": memory_bytes,
        "memory_percent": memory_percent,
        "disks": disks,
        "disk_percent": fullest["percent"],
        "disk_path": fullest["path"],
        "uptime_seconds": read_uptime(),
    }


def main():
    module = AnsibleModule(
        argument_spec={
            "interval": {"type": "float", "default": 0.5},
            "paths": {"type": "list", "elements": "path", "default": []},
        },
        supports_check_mode=True,
    )
    interval = module.params["interval"]
    if not 0.05 <= interval <= 60:
        module.fail_json(msg="interval %s: must be from 0.05 to 60 seconds" % interval)
    try:
        health = read_health(interval, module.params["paths"])
    except Unreadable as exc:
        module.fail_json(
            msg="%s; this module reads Linux's /proc, and this machine runs %s"
            % (exc, platform.system() or "something unknown")
        )
    module.exit_json(changed=False, **health)


if __name__ == "__main__":
    main()
