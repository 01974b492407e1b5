"""Prometheus's text format: names and units by its conventions, written by its own library.

No task's name or number is a label, so the number of series does not grow with the queue.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from rediacc.errors import RediaccError
from rediacc.monitoring.flows import Flow
from rediacc.monitoring.measures import Measures
from rediacc.monitoring.waits import BOUNDS, SUM
from rediacc.views import MachineHealth

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry, Metric

__all__ = ["exposition", "registry_of", "write_textfile"]

_BUCKETS = (0.5, 1, 5, 10, 30, 60, 300, 600, 1800, 3600, 7200, 28800, 86400)
_STARTED = (
    ("created", "arrivals", "Tasks that entered the queue."),
    ("started", "starts", "Starts of tasks, retries included."),
)
_Ratio = Callable[[MachineHealth], float | None]


def exposition(measures: Measures) -> str:
    """Return `measures` in Prometheus's text format."""
    from prometheus_client import generate_latest

    return str(generate_latest(registry_of(lambda: measures)).decode())


def registry_of(read: Callable[[], Measures]) -> CollectorRegistry:
    """Return a registry that calls `read` whenever it is scraped.

    When that fails ``rediacc_up`` is 0 and nothing else is told.
    """
    from prometheus_client import CollectorRegistry
    from prometheus_client.core import GaugeMetricFamily

    class _Collector:
        def collect(self) -> Iterator[Metric]:
            up = "Whether rediacc's database could be read."
            try:
                measures = read()
            except RediaccError:
                yield GaugeMetricFamily("rediacc_up", up, value=0)
            else:
                yield GaugeMetricFamily("rediacc_up", up, value=1)
                yield from _metrics(measures)

        def describe(self) -> Iterable[Metric]:
            return ()  # else registering would collect

    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Collector())
    return registry


def write_textfile(path: Path, text: str) -> None:
    """Put `text` into `path` whole or not at all, readable for node_exporter's account.

    :raises RediaccError: it cannot be written.
    """
    try:
        descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
                stream.write(text)
            # Metrics hold names of teams and machines, no secret; a scraper is another account.
            Path(name).chmod(0o644)
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as exc:
        raise RediaccError(f"cannot write {path}: {exc.strerror}") from exc


def _metrics(measures: Measures) -> Iterator[Metric]:
    from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily

    build = InfoMetricFamily("rediacc_build", "The version of rediacc.")
    build.add_metric([], {"version": measures.version})
    yield build
    tasks = GaugeMetricFamily(
        "rediacc_tasks", "Tasks in the database.", labels=("team", "level", "state")
    )
    for (team, level, state), number in sorted(measures.tasks.items()):
        tasks.add_metric([team, str(level), state], number)
    yield tasks
    held = GaugeMetricFamily(
        "rediacc_tasks_held", "Tasks that wait for a person's decision.", labels=("team",)
    )
    for team, number in sorted(measures.held.items()):
        held.add_metric([team], number)
    yield held
    oldest = GaugeMetricFamily(
        "rediacc_queue_oldest_seconds",
        "Since when the oldest task that is due waits; 0 when none does.",
        labels=("team", "level"),
    )
    for (team, level), age in sorted(measures.oldest.items()):
        oldest.add_metric([team, str(level)], age)
    yield oldest
    yield from _totals(measures.totals)
    yield from _workers(measures)
    yield from _machines(measures.health)
    alerts = GaugeMetricFamily(
        "rediacc_alerts_open", "Alerts that are not resolved.", labels=("team", "severity")
    )
    for (team, severity), number in sorted(measures.alerts.items()):
        alerts.add_metric([team, severity], number)
    yield alerts


def _totals(totals: Mapping[tuple[str, int], Flow]) -> Iterator[Metric]:
    from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily

    for name, field, text in _STARTED:
        counter = CounterMetricFamily(f"rediacc_tasks_{name}", text, labels=("team", "level"))
        for (team, level), flow in sorted(totals.items()):
            counter.add_metric([team, str(level)], getattr(flow, field))
        yield counter
    finished = CounterMetricFamily(
        "rediacc_tasks_finished", "Tasks that became final.", labels=("team", "level", "state")
    )
    waits = HistogramMetricFamily(
        "rediacc_task_wait_seconds",
        "How long starts waited from when they were due.",
        labels=("team", "level"),
    )
    for (team, level), flow in sorted(totals.items()):
        succeeded = flow.completions - flow.failures - flow.cancellations
        ends = (
            ("succeeded", succeeded),
            ("failed", flow.failures),
            ("cancelled", flow.cancellations),
        )
        for state, number in ends:
            finished.add_metric([team, str(level), state], number)
        waits.add_metric(
            [team, str(level)], buckets=_buckets(flow.waits), sum_value=flow.waits.get(SUM, 0.0)
        )
    yield finished
    yield waits


def _buckets(waits: Mapping[str, float]) -> list[tuple[str, float]]:
    """Return Prometheus's buckets, each with all that waited no longer."""
    numbers = {bound: waits.get(f"{bound:g}", 0) for bound in BOUNDS}
    found = [
        (str(float(limit)), sum(number for bound, number in numbers.items() if bound <= limit))
        for limit in _BUCKETS
    ]
    total = sum(number for key, number in waits.items() if key != SUM)
    return [*found, ("+Inf", total)]


def _workers(measures: Measures) -> Iterator[Metric]:
    from prometheus_client.core import GaugeMetricFamily

    alive = [worker for worker in measures.workers if worker.is_alive]
    yield GaugeMetricFamily("rediacc_workers_alive", "Workers that beat.", value=len(alive))
    slots = GaugeMetricFamily(
        "rediacc_worker_slots", "Slots of the workers that beat.", labels=("kind",)
    )
    slots.add_metric(["ordinary"], sum(worker.slots for worker in alive))
    slots.add_metric(["urgent"], sum(worker.urgent_slots for worker in alive))
    yield slots
    promise = GaugeMetricFamily(
        "rediacc_level_promise_seconds",
        "Within which a task of the level starts that nothing blocks; absent for no promise.",
        labels=("level",),
    )
    for level, limit in sorted(measures.promises.items()):
        if limit:
            promise.add_metric([str(level)], limit)
    yield promise


def _ratio(name: str) -> _Ratio:
    def of(health: MachineHealth) -> float | None:
        value: float | None = getattr(health, name)
        return None if value is None else value / 100

    return of


_MACHINE_METRICS: tuple[tuple[str, str, _Ratio], ...] = (
    ("up", "Whether the machine answered.", lambda health: float(health.is_reachable)),
    ("cpu_ratio", "How busy its processors were, 0 to 1.", _ratio("cpu_percent")),
    ("cpus", "Its processors.", lambda health: health.cpus),
    ("load1", "Its load average over a minute.", lambda health: health.load1),
    ("memory_used_ratio", "Its memory in use, 0 to 1.", _ratio("memory_percent")),
    ("memory_bytes", "The size of its memory.", lambda health: health.memory_bytes),
    ("disk_used_ratio", "Its fullest file system in use, 0 to 1.", _ratio("disk_percent")),
    ("uptime_seconds", "The time since its boot.", lambda health: health.uptime_seconds),
)


def _machines(health: Mapping[str, Mapping[str, MachineHealth]]) -> Iterator[Metric]:
    """Yield what is known of machines. What is stale says nothing and has no value but its age."""
    from prometheus_client.core import GaugeMetricFamily

    looks = [
        (team, machine, one)
        for team, machines in sorted(health.items())
        for machine, one in sorted(machines.items())
    ]
    labels = ("team", "machine")
    for name, text, value_of in _MACHINE_METRICS:
        gauge = GaugeMetricFamily(f"rediacc_machine_{name}", text, labels=labels)
        for team, machine, one in looks:
            value = value_of(one) if one.is_fresh else None
            if value is not None:
                gauge.add_metric([team, machine], value)
        yield gauge
    age = GaugeMetricFamily(
        "rediacc_machine_sample_age_seconds", "The age of the newest look at it.", labels=labels
    )
    for team, machine, one in looks:
        age.add_metric([team, machine], one.age_seconds)
    yield age
