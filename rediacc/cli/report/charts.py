"""Charts as inline SVG: shapes with classes, whose colours the page's style gives.

All text goes through :class:`markupsafe.Markup`'s formatting, which escapes it.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from datetime import datetime

from markupsafe import Markup

from rediacc.cli.neutral import one_line
from rediacc.cli.render.words import duration
from rediacc.cli.report.figures import DepthFigure, FailureRow
from rediacc.cli.report.scales import ceiling, day_and_time, log_place, time_ticks, value_ticks
from rediacc.views import AlertSpan, Ended, HealthPoint, LevelWaits

__all__ = ["alert_chart", "depth_chart", "ended_chart", "heat_map", "spark", "wait_chart"]

_WIDTH = 960.0
_LEFT = 52.0
_RIGHT = 12.0
_PLOT = _WIDTH - _LEFT - _RIGHT
_NAME_WIDTH = 150.0
_LABEL = 130.0


class _Drawing:
    """Shapes gathered into one picture, which names and describes itself for those who hear it."""

    def __init__(
        self, title: str, description: str, *, height: float, width: float = _WIDTH
    ) -> None:
        self._title, self._description = title, description
        self._height, self._width = height, width
        self._parts: list[Markup] = []

    def add(self, shape: str, **values: object) -> None:
        shown = {
            name: f"{value:.1f}".removesuffix(".0") if isinstance(value, float) else value
            for name, value in values.items()
        }
        self._parts.append(Markup(shape).format(**shown))

    def text(self, x: float, y: float, words: str, *, anchor: str = "start", css: str = "") -> None:
        self.add(
            '<text x="{x}" y="{y}" text-anchor="{anchor}" class="{css}">{words}</text>',
            x=x, y=y, anchor=anchor, css=css, words=one_line(words),
        )  # fmt: skip

    def done(self) -> Markup:
        head = Markup(
            '<svg viewBox="0 0 {width:.0f} {height:.0f}" role="img" aria-label="{title}: {about}">'
            "<title>{title}</title>"
        ).format(width=self._width, height=self._height, title=self._title, about=self._description)
        return head + Markup("").join(self._parts) + Markup("</svg>")


class _Times:
    """The place of times on the axis below a chart."""

    def __init__(self, since: datetime, until: datetime) -> None:
        self.since, self.until = since, until
        self._length = max((until - since).total_seconds(), 1.0)

    def x(self, at: datetime) -> float:
        share = (at - self.since).total_seconds() / self._length
        return _LEFT + _PLOT * min(1.0, max(0.0, share))

    def draw(self, drawing: _Drawing, *, top: float, bottom: float) -> None:
        ticks = time_ticks(self.since, self.until, most=10)
        for tick in ticks:
            x = self.x(tick)
            drawing.add('<path d="M{x} {top}V{bottom}" class="grid"/>', x=x, top=top, bottom=bottom)
            drawing.text(x, bottom + 16, day_and_time(tick, ticks), anchor="middle", css="axis")


def _value_axis(drawing: _Drawing, high: float, *, top: float, bottom: float) -> None:
    for value in value_ticks(high):
        y = bottom - (bottom - top) * value / high
        drawing.add(
            '<path d="M{left} {y}H{right}" class="grid"/>', left=_LEFT, y=y, right=_WIDTH - _RIGHT
        )
        drawing.text(_LEFT - 6, y + 4, f"{value:g}", anchor="end", css="axis")


def depth_chart(figure: DepthFigure, *, since: datetime, until: datetime) -> Markup:
    """Return the queue's depth over time, one level upon the other; gaps are hatched."""
    top, bottom = 10.0, 230.0
    drawing = _Drawing(
        "Queue depth by level over time",
        f"at most {figure.highest:g} tasks waited; the table below has the numbers",
        height=256,
    )
    times, high = _Times(since, until), ceiling(figure.highest)
    drawing.add(
        '<defs><pattern id="gap" width="7" height="7" patternUnits="userSpaceOnUse" '
        'patternTransform="rotate(45)"><path d="M0 0V7" class="hatch"/></pattern></defs>'
    )
    for start, end in figure.gaps:
        x = times.x(start)
        drawing.add(
            '<rect x="{x}" y="{top}" width="{width}" height="{height}" fill="url(#gap)">'
            "<title>not recorded</title></rect>",
            x=x, top=top, width=times.x(end) - x, height=bottom - top,
        )  # fmt: skip
    _value_axis(drawing, high, top=top, bottom=bottom)
    scale = (bottom - top) / high
    for level in range(5, 0, -1):
        # The most urgent lies at the bottom, where its height can be read.
        path = []
        for start, end, values in figure.steps:
            below, above = sum(values[: level - 1]), sum(values[:level])
            if above > below:
                left, right = times.x(start), times.x(end)
                path.append(
                    f"M{left:.1f} {bottom - below * scale:.1f}V{bottom - above * scale:.1f}"
                    f"H{right:.1f}V{bottom - below * scale:.1f}Z"
                )
        if path:
            drawing.add('<path d="{path}" class="l{level}"/>', path="".join(path), level=level)
    times.draw(drawing, top=bottom, bottom=bottom)
    return drawing.done()


def wait_chart(waits: Sequence[LevelWaits], names: Sequence[str]) -> Markup:
    """Return how long starts of each level waited against its promise, on a logarithmic scale."""
    row, top = 34.0, 8.0
    height = top + row * len(waits)
    drawing = _Drawing(
        "Wait before the start, by level",
        "half of the starts waited no longer than the dot, 95 in 100 no longer than the square; "
        "the bar is the promise",
        height=height + 30,
    )
    known = [value for one in waits for value in (one.p95_seconds, one.promise_seconds) if value]
    low, high = 0.1, max([60.0, *known]) * 1.2
    left, width = _NAME_WIDTH - 30, _WIDTH - _NAME_WIDTH - 40

    def x(seconds: float) -> float:
        return left + width * log_place(seconds, low, high)

    for seconds in (0.1, 1, 10, 60, 600, 3600, 21_600, 86_400, 604_800):
        if seconds <= high:
            drawing.add(
                '<path d="M{x} {top}V{end}" class="grid"/>', x=x(seconds), top=top, end=height
            )
            drawing.text(x(seconds), height + 16, duration(seconds), anchor="middle", css="axis")
    for number, (one, name) in enumerate(zip(waits, names, strict=True)):
        y = top + row * number + row / 2
        drawing.text(left - 10, y + 4, f"{one.level} {name}", anchor="end")
        if one.promise_seconds is not None:
            drawing.add(
                '<path d="M{x} {a}V{b}" class="promise"><title>promise {words}</title></path>',
                x=x(one.promise_seconds), a=y - 12, b=y + 12, words=duration(one.promise_seconds),
            )  # fmt: skip
        if one.p50_seconds is None or one.p95_seconds is None:
            drawing.text(left + 8, y + 4, "no start", css="axis")
            continue
        middle, end = x(one.p50_seconds), x(one.p95_seconds)
        is_late = one.promise_seconds is not None and one.p95_seconds > one.promise_seconds
        css = "late" if is_late else "kept"
        drawing.add('<path d="M{a} {y}H{b}" class="{css} range"/>', a=middle, y=y, b=end, css=css)
        drawing.add('<circle cx="{x}" cy="{y}" r="5" class="{css}"/>', x=middle, y=y, css=css)
        drawing.add(
            '<rect x="{x}" y="{y}" width="10" height="10" class="{css}"/>',
            x=end - 5, y=y - 5, css=css,
        )  # fmt: skip
        words = f"{duration(one.p50_seconds)} / {duration(one.p95_seconds)}"
        words += " late" if is_late else ""
        mark = x(one.promise_seconds) if one.promise_seconds is not None else 0.0
        # Beside the promise, not through it.
        right = mark if end < mark < end + _LABEL else end
        is_far = right > left + width - _LABEL
        place, anchor = (middle - 10, "end") if is_far else (right + 10, "start")
        drawing.text(place, y + 4, words, anchor=anchor, css="axis")
    return drawing.done()


def ended_chart(
    ended: Sequence[Ended], *, since: datetime, until: datetime, span_seconds: int
) -> Markup:
    """Return how many tasks ended in each span: succeeded below, failed and cancelled above."""
    top, bottom = 10.0, 190.0
    sums: dict[datetime, list[int]] = {}
    for one in ended:
        place = sums.setdefault(one.at, [0, 0, 0])
        for index, number in enumerate((one.succeeded, one.failed, one.cancelled)):
            place[index] += number
    drawing = _Drawing(
        "Ended tasks over time",
        "succeeded, failed and cancelled tasks in each span; the table below has the sums",
        height=216,
    )
    times, high = _Times(since, until), ceiling(max(map(sum, sums.values()), default=0))
    _value_axis(drawing, high, top=top, bottom=bottom)
    width = max(1.0, _PLOT * span_seconds / max((until - since).total_seconds(), 1.0) - 1)
    for at, numbers in sorted(sums.items()):
        x, y = times.x(at), bottom
        for css, word, number in zip(
            ("good", "bad", "off"), ("succeeded", "failed", "cancelled"), numbers, strict=True
        ):
            if not number:
                continue
            tall = (bottom - top) * number / high
            y -= tall
            drawing.add(
                '<rect x="{x}" y="{y}" width="{width}" height="{tall}" class="{css}">'
                "<title>{at}: {number} {word}</title></rect>",
                x=x, y=y, width=min(width, _WIDTH - _RIGHT - x), tall=tall, css=css,
                at=f"{at:%Y-%m-%d %H:%M}", number=number, word=word,
            )  # fmt: skip
    times.draw(drawing, top=bottom, bottom=bottom)
    return drawing.done()


def heat_map(rows: Sequence[FailureRow], *, many_teams: bool) -> Markup:
    """Return failures by machine and hour of the day; the number stands in each cell."""
    cell, top = 26.0, 22.0
    drawing = _Drawing(
        "Failures by machine and hour of the day",
        "each cell holds how often something failed on the machine in that hour, UTC",
        height=top + cell * len(rows) + 4,
    )
    width = (_WIDTH - _NAME_WIDTH - 8) / 24
    for hour in range(24):
        drawing.text(
            _NAME_WIDTH + width * (hour + 0.5), 14, f"{hour:02}", anchor="middle", css="axis"
        )
    most = max((number for row in rows for number in row.hours), default=1) or 1
    for number, row in enumerate(rows):
        y = top + cell * number
        name = f"{row.team}/{row.machine}" if many_teams else row.machine
        drawing.text(_NAME_WIDTH - 8, y + 17, _short(name, 21), anchor="end")
        for hour, count in enumerate(row.hours):
            x = _NAME_WIDTH + width * hour
            strength = f"{0.25 + 0.75 * count / most:.2f}" if count else "0"
            drawing.add(
                '<rect x="{x}" y="{y}" width="{w}" height="{h}" class="cell"/>'
                '<rect x="{x}" y="{y}" width="{w}" height="{h}" class="heat" '
                'fill-opacity="{strength}"><title>{name} {hour:02}:00 UTC: {count}</title></rect>',
                x=x + 1, y=y + 1, w=width - 2, h=cell - 2, strength=strength, name=one_line(name),
                hour=hour, count=count,
            )  # fmt: skip
            if count:
                css = "on-heat" if count / most > 0.45 else ""
                drawing.text(x + width / 2, y + 17, str(count), anchor="middle", css=css)
    return drawing.done()


def alert_chart(alerts: Sequence[AlertSpan], *, since: datetime, until: datetime) -> Markup:
    """Return when each alert was open."""
    row, top = 18.0, 6.0
    height = top + row * len(alerts)
    drawing = _Drawing(
        "Open alerts over time", "from when to when each alert was open", height=height + 24
    )
    times = _Times(since, until)
    times.draw(drawing, top=top, bottom=height)
    for number, alert in enumerate(alerts):
        y = top + row * number
        start, end = times.x(max(alert.first_at, since)), times.x(alert.resolved_at or until)
        drawing.add(
            '<rect x="{x}" y="{y}" width="{width}" height="{h}" rx="3" class="{css}">'
            "<title>{title}</title></rect>",
            x=start, y=y + 3, width=max(3.0, end - start), h=row - 6,
            css="bad" if alert.severity in ("critical", "error") else "warn",
            title=one_line(alert.title),
        )  # fmt: skip
        words = f"{alert.id}" + ("" if alert.resolved_at else " open")
        is_far = start > _WIDTH - 120
        drawing.text(
            start - 5 if is_far or start > _LEFT + 60 else end + 5,
            y + 13,
            words,
            anchor="end" if is_far or start > _LEFT + 60 else "start",
            css="axis",
        )
    return drawing.done()


def spark(
    points: Sequence[HealthPoint],
    values: Sequence[float | None],
    *,
    since: datetime,
    until: datetime,
    about: str,
) -> Markup:
    """Return a small line of percentages over the period, interrupted where nothing is known."""
    width, height = 160.0, 30.0
    drawing = _Drawing(about, "over the period, from 0 to 100 percent", height=height, width=width)
    length = max((until - since).total_seconds(), 1.0)
    drawing.add('<path d="M0 {h}H{w}" class="grid"/>', h=height - 0.5, w=width)
    step = _step(points)
    path, last = "", None
    for point, value in zip(points, values, strict=True):
        if value is None:
            last = None
            continue
        x = width * (point.at - since).total_seconds() / length
        y = (height - 2) * (1 - min(value, 100.0) / 100) + 1
        joined = last is not None and (point.at - last).total_seconds() <= 1.5 * step
        path += f"{'L' if joined else 'M'}{max(x, 0.0):.1f} {y:.1f}"
        if not joined:
            path += "h0.1"
        last = point.at
    if path:
        drawing.add('<path d="{path}" class="spark"/>', path=path)
    return drawing.done()


def _step(points: Sequence[HealthPoint]) -> float:
    gaps = [(after.at - before.at).total_seconds() for before, after in itertools.pairwise(points)]
    return min(gaps, default=60.0)


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"
