"""Metrics: Prometheus's own parser reads them, their values are the queue's, rules name them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families
from queue_lab import Lab, result

from rediacc.errors import DatabaseUnavailable, RediaccError
from rediacc.monitoring.exposition import exposition, registry_of, write_textfile
from rediacc.monitoring.looks import MachineSample
from rediacc.monitoring.measures import Measures, read_measures
from rediacc.monitoring.recording import record_queue
from rediacc.monitoring.samples import store_samples
from rediacc.settings import Settings, TeamSettings
from rediacc.times import seconds
from rediacc.values import MachineOutcome

EXAMPLES = Path(__file__).resolve().parents[3] / "examples" / "prometheus"
SETTINGS = Settings(
    home=Path("/nowhere"),
    teams={
        "prod": TeamSettings(name="prod", inventory="x", sample_every_seconds=60),
        "dev": TeamSettings(name="dev", inventory="y"),
    },
    database_url="",
)
_Series = dict[tuple[str, frozenset[tuple[str, str]]], float]


def _exposed(lab: Lab) -> str:
    with lab.database.read() as connection:
        measures = read_measures(
            connection, SETTINGS, rules=lab.rules, version="1.2.3", now=lab.now
        )
    return exposition(measures)


def _series(text: str) -> _Series:
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def _value(series: _Series, name: str, **labels: Any) -> float | None:
    return series.get((name, frozenset((key, str(value)) for key, value in labels.items())))


def _live(lab: Lab) -> None:
    first, second = lab.submit("web1"), lab.submit("web2")
    lab.submit("web1", team="dev", level=1)
    lab.pass_time(30)
    lab.claim()
    lab.run(first)
    lab.run(second, result("web2", MachineOutcome.FAILED))
    lab.submit("web9", level=5)
    lab.pass_time(100)


def _sample(lab: Lab, machine: str, age: float, **fields: Any) -> None:
    at = lab.now - seconds(age)
    given = {"is_reachable": True} | fields
    store_samples(lab.database, [MachineSample(team="prod", machine=machine, at=at, **given)])


def test_values_are_the_queues(lab: Lab) -> None:
    _live(lab)
    series = _series(_exposed(lab))
    assert _value(series, "rediacc_tasks", team="prod", level=3, state="failed") == 1
    assert _value(series, "rediacc_tasks", team="prod", level=5, state="pending") == 1
    assert _value(series, "rediacc_queue_oldest_seconds", team="prod", level=5) == 100
    assert _value(series, "rediacc_queue_oldest_seconds", team="prod", level=3) == 0
    assert _value(series, "rediacc_tasks_created_total", team="prod", level=3) == 2
    finished = "rediacc_tasks_finished_total"
    assert _value(series, finished, team="prod", level=3, state="succeeded") == 1
    assert _value(series, finished, team="prod", level=3, state="failed") == 1
    assert _value(series, finished, team="prod", level=3, state="cancelled") == 0
    wait = "rediacc_task_wait_seconds"
    assert _value(series, f"{wait}_bucket", team="prod", level=3, le="10.0") == 0
    assert _value(series, f"{wait}_bucket", team="prod", level=3, le="30.0") == 2
    assert _value(series, f"{wait}_bucket", team="prod", level=3, le="+Inf") == 2
    assert _value(series, f"{wait}_count", team="prod", level=3) == 2
    assert _value(series, f"{wait}_sum", team="prod", level=3) == 60
    assert _value(series, "rediacc_workers_alive") == 0
    assert _value(series, "rediacc_level_promise_seconds", level=3) == 1800
    assert _value(series, "rediacc_build_info", version="1.2.3") == 1


def test_counters_are_the_same_before_and_after_recording(lab: Lab) -> None:
    _live(lab)
    before = _series(_exposed(lab))
    assert record_queue(lab.database, now=lab.now) > 0
    assert _series(_exposed(lab)) == before
    key = {"team": "prod", "level": 3}
    lab.submit("web1")
    assert _value(_series(_exposed(lab)), "rediacc_tasks_created_total", **key) == 3
    lab.query_write("DELETE FROM event")  # what is archived is counted all the same
    after = _series(_exposed(lab))
    assert _value(after, "rediacc_tasks_created_total", **key) == 2


def test_machines_have_values_only_while_they_are_fresh(lab: Lab) -> None:
    _sample(lab, "web1", 30, cpu_percent=25.0, memory_percent=50.0, disk_percent=90.0, cpus=4)
    _sample(lab, "web2", 5, is_reachable=False, message="no route")
    _sample(lab, "web3", 600, cpu_percent=1.0)
    series = _series(_exposed(lab))
    first = {"team": "prod", "machine": "web1"}
    assert _value(series, "rediacc_machine_up", **first) == 1
    assert _value(series, "rediacc_machine_cpu_ratio", **first) == 0.25
    assert _value(series, "rediacc_machine_disk_used_ratio", **first) == 0.9
    assert _value(series, "rediacc_machine_sample_age_seconds", **first) == 30
    second = {"team": "prod", "machine": "web2"}
    assert _value(series, "rediacc_machine_up", **second) == 0
    assert _value(series, "rediacc_machine_cpu_ratio", **second) is None
    third = {"team": "prod", "machine": "web3"}
    assert _value(series, "rediacc_machine_up", **third) is None
    assert _value(series, "rediacc_machine_sample_age_seconds", **third) == 600


def test_a_database_that_is_away_is_told() -> None:
    def fail() -> Measures:
        raise DatabaseUnavailable("it is away")

    text = generate_latest(registry_of(fail)).decode()
    assert _series(text) == {("rediacc_up", frozenset()): 0.0}


def test_series_do_not_grow_with_the_tasks(lab: Lab) -> None:
    lab.submit("web1")
    before = _series(_exposed(lab)).keys()
    for number in range(50):
        lab.submit(f"web{number}", title=f"task {number}")
    assert _series(_exposed(lab)).keys() == before


def test_names_and_units_follow_the_conventions(lab: Lab) -> None:
    _live(lab)
    _sample(lab, "web1", 1, cpu_percent=25.0)
    for family in text_string_to_metric_families(_exposed(lab)):
        assert re.fullmatch(r"rediacc_[a-z0-9_]+", family.name), family.name
        assert family.documentation, family.name
        has_unit = family.name.endswith(("_seconds", "_bytes", "_ratio"))
        assert not re.search(r"percent|_ms$|_minutes|_mb$", family.name)
        if family.type == "histogram":
            assert has_unit
        if family.type == "counter":
            assert all(sample.name.endswith("_total") for sample in family.samples)
        assert not {"id", "task", "title"} & {
            label for sample in family.samples for label in sample.labels
        }


def _rules() -> list[dict[str, Any]]:
    document = yaml.safe_load((EXAMPLES / "rediacc.rules.yml").read_text())
    return [rule for group in document["groups"] for rule in group["rules"]]


@pytest.mark.parametrize("rule", _rules(), ids=lambda rule: rule["alert"])
def test_rules_name_only_what_is_exposed(lab: Lab, rule: dict[str, Any]) -> None:
    _live(lab)
    _sample(lab, "web1", 1, cpu_percent=25.0, memory_percent=1.0, disk_percent=1.0)
    families = list(text_string_to_metric_families(_exposed(lab)))
    exposed = {sample.name for family in families for sample in family.samples}
    labels = {label for family in families for one in family.samples for label in one.labels}
    named = set(re.findall(r"\brediacc_\w+", rule["expr"]))
    assert named
    assert named <= exposed
    used = re.findall(r"\b(?:by|on) \(([^)]*)\)", rule["expr"])
    used += re.findall(r"\$labels\.(\w+)", str(rule["annotations"]))
    assert {word.strip() for part in used for word in part.split(",") if word.strip()} <= labels
    states = set(re.findall(r'state="(\w+)"', rule["expr"]))
    assert states <= {one.labels.get("state") for family in families for one in family.samples}
    assert rule["labels"]["severity"] in ("warning", "critical")
    assert rule["annotations"]["summary"]


def test_every_metric_is_documented(lab: Lab) -> None:
    _live(lab)
    _sample(lab, "web1", 1, cpu_percent=25.0, memory_percent=1.0, disk_percent=1.0)
    page = (EXAMPLES.parents[1] / "docs" / "monitoring.md").read_text()
    for family in text_string_to_metric_families(_exposed(lab)):
        short = family.name.removeprefix("rediacc_machine")
        assert f"`{family.name}" in page or f"`{short}`" in page, family.name


def test_scrape_example_reads_the_rules_beside_it() -> None:
    document = yaml.safe_load((EXAMPLES / "prometheus.yml").read_text())
    assert all((EXAMPLES / name).is_file() for name in document["rule_files"])


def test_textfile_is_whole_at_every_moment(tmp_path: Path) -> None:
    path = tmp_path / "rediacc.prom"
    write_textfile(path, "old\n")
    with path.open() as reader:  # a scrape that began before goes on with what it had
        write_textfile(path, "new\n" * 1000)
        assert reader.read() == "old\n"
    assert path.read_text() == "new\n" * 1000
    assert path.stat().st_mode & 0o777 == 0o644
    assert [one.name for one in tmp_path.iterdir()] == ["rediacc.prom"]


def test_textfile_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(RediaccError, match="cannot write"):
        write_textfile(tmp_path / "nowhere" / "rediacc.prom", "x")
    directory = tmp_path / "taken"
    directory.mkdir()
    with pytest.raises(RediaccError, match="cannot write"):
        write_textfile(directory, "x")
    assert [one.name for one in tmp_path.iterdir()] == ["taken"]
