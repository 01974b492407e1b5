"""``create tasks``: many tasks from a file, all or none, by the rules of ``create task``."""

from __future__ import annotations

import io
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rediacc.cli import main
from rediacc.cli.parse_entries import read_entries
from rediacc.cli.session import Session
from rediacc.cli.task_entries import entry_request, task_fields
from rediacc.errors import InvalidInput
from rediacc.times import utc_now
from rediacc.values import ExtraVariables, Kind, OnLost

FIELDS = task_fields()


def _request(**entry: Any) -> Any:
    return entry_request(Session({}), entry, number=3, fields=FIELDS, now=utc_now())


@pytest.mark.parametrize(
    ("entry", "field", "value"),
    [
        ({"machine": "a"}, "machines", ("a",)),
        ({"machines": ["a", "b"]}, "machines", ("a", "b")),
        ({"group": "web"}, "groups", ("web",)),
        ({"all": True, "team": "prod"}, "all_machines", True),
        ({"any": True}, "any_count", 1),
        ({"any": 3}, "any_count", 3),
        ({"priority": "high"}, "priority", 2),
        ({"priority": 1}, "priority", 1),
        ({"timeout": "5m"}, "timeout_seconds", 300.0),
        ({"timeout": 90}, "timeout_seconds", 90.0),
        ({"labels": {"env": "x", "n": 1}}, "labels", {"env": "x", "n": "1"}),
        ({"label": ["env=x"]}, "labels", {"env": "x"}),
        ({"idempotency_key": "k"}, "idempotency_key", "k"),
        ({"idempotencyKey": "k"}, "idempotency_key", "k"),
        ({"idempotency-key": "k"}, "idempotency_key", "k"),
        ({"retry": {"retryCount": 3}}, "retry", {"retryCount": 3}),
        ({"retry_count": 3, "retry-delay": "30s"}, "retry", {"retryCount": 3, "retryDelay": 30.0}),
        ({"on_lost": "fail"}, "on_lost", OnLost.FAIL),
        ({"exclusive": True}, "exclusive", True),
        ({"team": None}, "team", None),
        ({"expires_in": "1h"}, "expires_in_seconds", 3600.0),
    ],
)
def test_field_means_what_the_option_means(entry: dict[str, Any], field: str, value: Any) -> None:
    assert getattr(_request(command="uptime", **entry), field) == value


def test_payloads_and_ansibles_options() -> None:
    request = _request(module="ansible.builtin.file", args={"path": "/x", "state": "absent"})
    assert (request.kind, dict(request.module_args)) == (
        Kind.MODULE, {"path": "/x", "state": "absent"}
    )  # fmt: skip
    request = _request(playbook="site.yml", tags=["a", "b"], check=True, verbosity=2)
    assert (request.kind, request.options.tags) == (Kind.PLAYBOOK, ("a", "b"))
    assert (request.options.check, request.options.verbosity) == (True, 2)
    request = _request(named="deploy", variables={"version": "1.2"})
    assert (request.named, dict(request.variables)) == ("deploy", {"version": "1.2"})
    request = _request(shell="id", variables={"a": {"b": [1]}}, become=True)
    assert request.options.extra_vars == (ExtraVariables(values={"a": {"b": [1]}}),)
    assert request.options.become


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ({"comand": "x"}, ("comand", "did you mean command?")),
        ({"command": "x", "wait": True}, ("no field 'wait'",)),
        ({"command": "x", "dry_run": True}, ("no field 'dry_run'",)),
        ({"command": "x", "priority": 9}, ("priority", "9")),
        ({"command": "x", "priority": [1]}, ("priority", "text or a number")),
        ({"command": "x", "exclusive": "yes"}, ("exclusive", "true or false")),
        ({"command": "x", "machine": {"a": 1}}, ("machine", "list of texts")),
        ({"command": "x", "machine": "a", "machines": ["b"]}, ("machine", "same field")),
        ({"command": "x", "retry_count": -1}, ("retry_count", "-1")),
        ({"command": "x", "on_lost": "cry"}, ("on_lost", "cry")),
        ({"command": "x", "timeout": "soon"}, ("timeout", "soon")),
        ({"command": "x | y"}, ("command", "--shell")),
        ({"command": "-"}, ("command", "standard input")),
        ({"command": "x", "shell": "y"}, ("exclude each other",)),
        ({"machine": "a"}, ("nothing to run",)),
        ({"command": "x", "retry": "-"}, ("retry", "standard input")),
    ],
)
def test_complaint_names_entry_and_field(entry: dict[str, Any], words: tuple[str, ...]) -> None:
    with pytest.raises(InvalidInput) as caught:
        _request(**entry)
    said = f"{caught.value.message} {caught.value.hint}"
    assert said.startswith("entry 3: ")
    for word in words:
        assert word in said


LINES = '{"command": "a"}\n\n{"command": "b"}\n'
LIST = '[{"command": "a"}, {"command": "b"}]'
YAML = "- command: a\n- {command: b}\n"


@pytest.mark.parametrize(
    ("where", "sort", "text"),
    [
        ("x.json", None, LIST),
        ("x.jsonl", None, LINES),
        ("x.ndjson", None, LINES),
        ("x.yml", None, YAML),
        ("x.yaml", None, YAML),
        ("-", None, LIST),
        ("-", None, LINES),
        ("-", None, YAML),
        ("-", None, f"# comment\n{YAML}"),
        ("-", None, '{"tasks": ' + LIST + "}"),
        ("-", None, "tasks:\n" + YAML),
        ("x.txt", "yaml", YAML),
        ("x.yml", "jsonl", LINES),
    ],
)
def test_formats(where: str, sort: str | None, text: str) -> None:
    found = read_entries(text, where=where, sort=sort)
    assert found == [{"command": "a"}, {"command": "b"}]


def test_one_line_of_json_is_one_entry_only_in_a_list() -> None:
    assert read_entries('{"command": "a"}', where="x.jsonl", sort=None) == [{"command": "a"}]
    with pytest.raises(InvalidInput, match="must be a list of tasks"):
        read_entries('{"command": "a"}', where="-", sort=None)


@pytest.mark.parametrize(
    ("where", "text", "words"),
    [
        ("x.yml", "", "holds no tasks"),
        ("x.json", "[]", "holds no tasks"),
        ("x.yml", "tasks: []", "holds no tasks"),
        ("x.yml", "just words", "must be a list"),
        ("x.yml", "- a\n", "entry 1: must be a mapping"),
        ("x.json", '[{"a": 1,}]', "no valid JSON: line 1"),
        ("x.jsonl", '{"a": 1}\n{"a": \n', "line 2: no valid JSON"),
        ("x.yml", "- command: [\n", "no valid YAML: line 2"),
        ("x.yml", "- command: a\n  command: b\n", "line 2: 'command' is given twice"),
        ("x.json", '[{"command": "a", "command": "b"}]', "'command' is given twice"),
        ("x.jsonl", '{"command": "a", "command": "b"}', "line 1: .*given twice"),
        ("x.yml", "- command: !vault abc\n", "no valid YAML"),
        ("x.yml", "- &a [*a]\n", "must be a mapping"),
        ("x.json", "[" * 100_000, "nested too deeply"),
        ("x.yml", "[" * 100_000, "nested too deeply"),
        ("x.yml", "- " * 100_000, "nested too deeply"),
        ("x.yml", "? " * 100_000, "nested too deeply"),
        ("x.json", '[{"priority": ' + "9" * 5000 + "}]", "a number is too large"),
        ("x.jsonl", '{"priority": ' + "9" * 5000 + "}", "a number is too large"),
        ("x.jsonl", '{"command": "a\\ud800b"}', "half a character"),
        ("x.jsonl", '{"a\\ud800b": 1}', "half a character"),
    ],
)
def test_broken_files_are_refused_with_their_place(where: str, text: str, words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        read_entries(text, where=where, sort=None)


Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with one team of a hundred machines that nobody logs in to."""
    path = tmp_path_factory.mktemp("home")
    (path / "hosts").write_text("[web]\nw[001:100] ansible_connection=local\n")
    environment = {"PATH": os.environ["PATH"], "HOME": str(path)}
    words = ("init", str(path), "--team", f"prod={path / 'hosts'}")
    assert main.run(words, environment=environment) == 0
    return path


@pytest.fixture
def run(home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    def type_it(*words: str, stdin: str | None = None) -> tuple[int, str, str]:
        environment = {"PATH": os.environ["PATH"], "HOME": str(home), "REDIACC_HOME": str(home)}
        if stdin is not None:
            monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin.encode())))
        capsys.readouterr()
        code = main.run(words, environment=environment)
        told = capsys.readouterr()
        return code, told.out, told.err

    return type_it


def _tasks(run: Run) -> list[dict[str, Any]]:
    code, out, _err = run("list", "tasks", "-o", "json", "-n", "100000")
    assert code == 0
    found: list[dict[str, Any]] = json.loads(out)["items"]
    return found


def test_file_of_tasks_is_queued_whole(home: Path, run: Run) -> None:
    before = len(_tasks(run))
    file = home / "tonight.yml"
    file.write_text(
        "tasks:\n"
        "  - {machine: w001, command: uptime, priority: 2, labels: {run: tonight}}\n"
        "  - {group: web, shell: 'df -h | tail -1', timeout: 5m, retry: {retryCount: 3}}\n"
    )
    code, out, err = run("create", "tasks", "--from", str(file))
    assert (code, out.startswith("2 tasks created: ")) == (0, True)
    assert "no worker is running" in err
    newest, oldest = _tasks(run)[:2]
    assert len(_tasks(run)) == before + 2
    assert (oldest["priority"], oldest["labels"]) == (2, {"run": "tonight"})
    assert (len(newest["machines"]), newest["retries_left"]) == (100, 3)


def test_one_bad_entry_queues_nothing(run: Run) -> None:
    before = _tasks(run)
    for last, code, words in (
        (
            {"machine": "nope", "command": "uptime"},
            5,
            "entry 3: team prod has no machine or group 'nope'",
        ),
        ({"machine": "w001", "command": "a | b"}, 2, "entry 3: command"),
        ({"machine": "w001", "playbook": "none.yml"}, 5, "entry 3: "),
        # Only the transaction finds this one: the key of the first entry with other content.
        ({"machine": "w002", "command": "id", "idempotency_key": "one"}, 6, "entry 3: "),
    ):
        entries = [
            {"machine": "w001", "command": "id", "idempotency_key": "one"},
            {"machine": "w002", "command": "uptime"},
            last,
        ]
        got, out, err = run("create", "tasks", "--from", "-", stdin=json.dumps(entries))
        assert (got, out) == (code, ""), err
        assert words in err
    assert _tasks(run) == before


def test_key_makes_a_second_run_harmless(run: Run) -> None:
    entries = [
        {"machine": f"w{number:03}", "command": "id", "idempotency_key": f"night-{number}"}
        for number in range(1, 4)
    ]
    code, first, _err = run("create", "tasks", "--from", "-", "-q", stdin=json.dumps(entries))
    assert code == 0
    again = "\n".join(map(json.dumps, entries))
    code, out, _err = run("create", "tasks", "--from", "-", "-q", stdin=again)
    assert (code, out) == (0, first)
    code, out, _err = run("create", "tasks", "--from", "-", stdin=again)
    assert out == "3 tasks existed already\n"
    code, out, _err = run("create", "tasks", "--from", "-", "-o", "json", stdin=again)
    document = json.loads(out)
    assert document["kind"] == "created_tasks"
    assert [one["entry"] for one in document["items"]] == [1, 2, 3]
    assert not any(one["is_new"] for one in document["items"])


def test_dry_run_queues_nothing_and_shows_all(run: Run) -> None:
    before = _tasks(run)
    entries = [{"machine": "w001", "command": "id", "priority": 4}] * 25
    code, out, _err = run("create", "tasks", "--from", "-", "--dry-run", stdin=json.dumps(entries))
    assert code == 0
    assert out.startswith("nothing was queued; 25 tasks would be:\n  1  level 4  w001  id\n")
    assert out.endswith("  and 5 more\n")
    assert _tasks(run) == before


def test_thousand_entries_are_one_transaction_with_one_entry_in_the_audit(
    home: Path, run: Run
) -> None:
    before = len(_tasks(run))
    entries = [{"machine": f"w{n % 100 + 1:03}", "command": f"echo {n}"} for n in range(1000)]
    code, out, _err = run("create", "tasks", "--from", "-", "-o", "name", stdin=json.dumps(entries))
    ids = [int(line) for line in out.split()]
    assert code == 0
    assert ids == list(range(ids[0], ids[0] + 1000))
    assert len(_tasks(run)) == before + 1000
    from rediacc.storage.engine import open_database

    database = open_database(f"sqlite:///{home / '.rediacc' / 'rediacc.db'}")
    with database.read() as connection:
        query = "SELECT detail FROM audit WHERE operation = 'task.create_many' ORDER BY seq DESC"
        detail = json.loads(connection.exec_driver_sql(query).scalars().first() or "")
    database.close()
    assert (detail["task_count"], detail["new_count"], detail["teams"]) == (1000, 1000, ["prod"])


def test_missing_file_is_named(run: Run) -> None:
    code, _out, err = run("create", "tasks", "--from", "/nowhere/x.yml")
    assert (code, "--from /nowhere/x.yml: cannot be read" in err) == (2, True)
