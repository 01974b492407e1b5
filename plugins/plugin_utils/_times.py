# Copyright (c) 2026 the rediacc authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options that hold times: numbers of seconds, durations, points in time."""

from __future__ import annotations

import datetime
import re

from ansible_collections.rediacc.core.plugins.plugin_utils._rediacc import RediaccFailure

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_PART = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|s|m|h|d|w)")
_WHOLE = re.compile(rf"(?:{_PART.pattern})+")
_PLAIN = re.compile(r"[0-9]+(?:\.[0-9]+)?")


def seconds_of(text, option):
    """Return the seconds that an option means: C(90), C(30s), C(1h30m); C(None) for none.

    :param option: its name, for the complaint.
    :raises RediaccFailure: it means no duration.
    """
    if text is None:
        return None
    compact = text.strip()
    if _PLAIN.fullmatch(compact):
        return float(compact)
    if len(compact) <= 64 and _WHOLE.fullmatch(compact):
        return sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(compact))
    raise RediaccFailure(
        f"{option}: {text!r} is no duration", code="invalid_input", hint="write 90, 30s or 1h30m"
    )


def moment_of(text, option, now=None):
    """Return the time in ISO 8601 that an option means: ISO, C(now), C(+10m); C(None) for none.

    A time without a zone is the zone of the controller.

    :param now: an aware datetime, else the present.
    :raises RediaccFailure: it means no time.
    """
    if text is None:
        return None
    now = now or datetime.datetime.now(datetime.timezone.utc)
    compact = text.strip()
    if compact == "now":
        return now.isoformat()
    try:
        if compact.startswith("+"):
            span = datetime.timedelta(seconds=seconds_of(compact[1:], option))
            return (now + span).isoformat()
        return datetime.datetime.fromisoformat(compact).astimezone().isoformat()
    except (ValueError, OverflowError, OSError):
        raise RediaccFailure(
            f"{option}: {text!r} is no time",
            code="invalid_input",
            hint="write 2030-01-31T18:00+01:00, +10m for in ten minutes, or now",
        ) from None
