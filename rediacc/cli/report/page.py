"""The report as one HTML page: no script, no network, every text escaped."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from rediacc import __version__
from rediacc.cli.neutral import neutral
from rediacc.cli.render.words import count, duration
from rediacc.cli.report import charts
from rediacc.cli.report.figures import (
    depth_figure,
    failure_rows,
    health_rows,
    level_rows,
    success_ratio,
)
from rediacc.values import LEVEL_NAMES
from rediacc.views import Report

__all__ = ["MARK", "page_of"]

MARK = "<!-- rediacc report -->"
"""Stands near the beginning of each page, so that one can be told from another file."""

_MOST_MACHINES = 100
_MOST_CHARTED = 30


def page_of(report: Report, *, home: str) -> str:
    """Return the page for `report`."""
    environment = Environment(
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_harmless,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "time": lambda at: "" if at is None else f"{at:%Y-%m-%d %H:%M:%S}",
        "minute": lambda at: f"{at:%Y-%m-%d %H:%M}",
        "duration": lambda seconds: duration(seconds) or "-",
        "percent": lambda value: "-" if value is None else f"{value:.0f} %",
        "ratio": lambda value: "-" if value is None else f"{100 * value:.1f} %",
        "number": lambda value: "-" if value is None else f"{value:,}",
        "count": count,
    }
    folder = files("rediacc.cli.report")
    template = environment.from_string((folder / "page.html.j2").read_text(encoding="utf-8"))
    style = (folder / "page.css").read_text(encoding="utf-8")
    return template.render(
        mark=Markup(MARK),
        style=Markup(style),
        version=__version__,
        home=home,
        report=report,
        history=report.history,
        **_figures(report),
    )


def _figures(report: Report) -> dict[str, Any]:
    since, until = report.history.since, report.history.until
    many = len(report.teams) > 1
    depth = depth_figure(report)
    levels = level_rows(report)
    failures = failure_rows(report.failures)
    health = health_rows(report.history.health)
    succeeded = sum(row.succeeded for row in levels)
    failed = sum(row.failed for row in levels)
    longest = max((task.elapsed_seconds for task in report.slowest), default=1.0) or 1.0
    busiest = max((one.seconds for one in report.busiest), default=1.0) or 1.0
    return {
        "many_teams": many,
        "level_names": LEVEL_NAMES,
        "levels": levels,
        "succeeded": succeeded,
        "failed": failed,
        "cancelled": sum(row.cancelled for row in levels),
        "success": success_ratio(succeeded, failed),
        "highest": depth.highest if depth.steps else None,
        "failures": failures[:_MOST_MACHINES],
        "failures_in_all": len(failures),
        "health": health[:_MOST_MACHINES],
        "health_in_all": len(health),
        "busiest": report.busiest[:_MOST_MACHINES],
        "busiest_in_all": len(report.busiest),
        "longest_seconds": longest,
        "busiest_seconds": busiest,
        "depth_chart": charts.depth_chart(depth, since=since, until=until),
        "wait_chart": charts.wait_chart(
            report.history.waits, [LEVEL_NAMES[one.level] for one in report.history.waits]
        ),
        "ended_chart": charts.ended_chart(
            report.ended, since=since, until=until, span_seconds=report.span_seconds
        ),
        "heat_map": charts.heat_map(failures[:_MOST_CHARTED], many_teams=many),
        "alert_chart": charts.alert_chart(report.alerts[:_MOST_CHARTED], since=since, until=until),
        "spark": lambda row, name: charts.spark(
            row.points,
            [getattr(point, name) for point in row.points],
            since=since,
            until=until,
            about=f"{name.split('_')[0]} of {row.machine}",
        ),
    }


def _harmless(value: Any) -> Any:
    """Return what a template may print: text that can neither steer a terminal nor turn round."""
    if isinstance(value, str) and not isinstance(value, Markup):
        return neutral(value)
    return value
