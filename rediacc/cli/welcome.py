"""What ``init`` says."""

from __future__ import annotations

from collections.abc import Iterator

from rediacc.cli.neutral import one_line
from rediacc.cli.render.measures import sampling_words
from rediacc.cli.render.words import count
from rediacc.views import InitReport

__all__ = ["welcome_lines"]


def welcome_lines(report: InitReport) -> Iterator[str]:
    """Yield what was found and added, and what to type next."""
    yield f"home     {one_line(report.home)}"
    teams = [
        f"{one_line(name)} ({count(number, 'machine')}, {one_line(inventory)})"
        for name, inventory, number in report.teams
    ]
    yield f"teams    {'   '.join(teams) if teams else 'none yet: rediacc create team NAME'}"
    yield f"ssh      as you do now (agent, ~/.ssh/config, ansible.cfg){_keys(report)}"
    if report.teams:
        yield f"sampled  {sampling_words(report.sample_every_seconds)}"
    yield f"ansible  {one_line(report.ansible)}"
    yield f"added    {one_line(', '.join(report.written)) or 'nothing: it was a home before'}"
    for note in report.notes:
        yield f"note     {one_line(note)}"


def _keys(report: InitReport) -> str:
    if not report.unknown_keys:
        return ""
    return f"; {count(report.unknown_keys, 'host key')} unknown: rediacc trust machine --unknown"
