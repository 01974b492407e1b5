"""The view's lines of words: header, alarm, output, help. Pure, and plain text throughout."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from rich.cells import cell_len
from rich.text import Text

from rediacc.cli.neutral import neutral, one_line
from rediacc.cli.render.words import count
from rediacc.values import LEVEL_NAMES
from rediacc.views import LogEntry, Overview

__all__ = [
    "FOOT",
    "HELP",
    "LOG_FOOT",
    "alarm_line",
    "depth_line",
    "head_line",
    "output_lines",
]

FOOT = " c cancel  r retry  1-5 level  l logs  a ack  / filter  Tab panel  ? help  q quit"
LOG_FOOT = " f follow  arrows, PgUp, PgDn, Home, End scroll  q back"

HELP = """\
Panels
  Tab, Shift+Tab   the next panel, the one before
  arrows, j k      the next row, the one before; PgUp, PgDn, Home, End
  /                only tasks and machines that hold a text; Esc: all again

The task under the cursor (of an alert or a machine: its task)
  l, Enter         its output on the whole screen; f follows, q comes back
  c                cancel it, after a question; what runs is stopped
  r                retry it; one that is held only after a question
  1 2 3 4 5        its level: critical, high, normal, low, minimal
  a                acknowledge the alert under the cursor

  u                look again now
  q, Ctrl+C        leave

Signs that need no colour: ! failed, held, open, too high   > running
Each key does what its command does: it may be refused, and is audited."""


def head_line(seen: Overview, *, home: str, text: str, every_seconds: float, width: int) -> Text:
    """Return what is looked at: home, teams, filter, time."""
    teams = ", ".join(seen.teams) if len(seen.teams) <= 3 else count(len(seen.teams), "team")
    left = f" rediacc top  {one_line(home)}  {teams or 'no team'}"
    if text:
        left += f"  filter: {one_line(text)}"
    right = f"{seen.at:%Y-%m-%d %H:%M:%S} UTC  every {every_seconds:g}s "
    if cell_len(left) + cell_len(right) + 1 > width:
        right = f"{seen.at:%H:%M:%S} UTC "
    return _spread(left, right, width)


def depth_line(seen: Overview, *, width: int) -> Text:
    """Return how many tasks wait at each level, how many run, how many slots are used."""
    is_roomy = width >= 110
    line = Text(" waiting  ", no_wrap=True, end="")
    for level in seen.depth:
        style = "dim"
        if level.waiting:
            style = {1: "bold red", 2: "bold yellow"}.get(level.level, "bold")
        line.append(f"{level.level} {LEVEL_NAMES[level.level]} {level.waiting}", style=style)
        line.append("    " if is_roomy else "  ")
    slots = sum(worker.slots for worker in seen.workers if worker.is_alive)
    tail = f"runs {seen.running_count}/{slots}"
    if is_roomy:
        tail = f"running {seen.running_count} in {count(slots, 'slot')}  "
        tail += f"later {seen.later_count}  alerts {seen.alert_count}"
    line.append(" " * max(0, width - line.cell_len - len(tail) - 1) + tail)
    line.truncate(width, pad=True)
    return line


def alarm_line(
    seen: Overview, *, failure: str, since: datetime | None, again: str, width: int
) -> Text | None:
    """Return the one line that nobody may miss, or ``None`` when all is well.

    :param failure: why the last look failed; empty when it did not.
    :param again: how it comes to another one.
    """
    if failure:
        when = f" since {since:%H:%M:%S} UTC" if since else ""
        words = f"NO VIEW{when}, this is older, {again}: {one_line(failure)}"
    elif seen.is_abandoned:
        tasks = count(seen.waiting_count, "task")
        verb = "waits" if seen.waiting_count == 1 else "wait"
        words = f"NO WORKER IS ALIVE: {tasks} {verb}. Start one: rediacc worker"
    else:
        return None
    line = Text(f" !! {words} !!", style="bold white on red", no_wrap=True, end="")
    line.truncate(width, pad=True, overflow="ellipsis")
    return line


def output_lines(entries: Sequence[LogEntry], *, has_names: bool) -> list[str]:
    """Return output as lines of harmless text, with machines' names where there are several."""
    lines: list[str] = []
    pieces = ""
    for entry in entries:
        if entry.stream == "ansible":
            pieces += entry.text
            continue
        name = one_line(entry.machine)
        if entry.stream == "status":
            lines.append(f"{name}: {one_line(entry.text)}")
            continue
        prefix = f"{name} | " if has_names and name else ""
        lines += [f"{prefix}{line}" for line in _split(entry.text)]
    return _split(pieces) + lines if pieces else lines


def _split(text: str) -> list[str]:
    return neutral(text).expandtabs(8).removesuffix("\n").split("\n")


def _spread(left: str, right: str, width: int) -> Text:
    space = " " * max(1, width - cell_len(left) - cell_len(right))
    line = Text(left + space + right, style="reverse", no_wrap=True, end="")
    line.truncate(width, pad=True)
    return line
