"""The command tree: both orders of words, aliases, suggestions, help, completion, laziness."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import click
import pytest

from rediacc.cli import main, reference
from rediacc.cli.groups import load
from rediacc.cli.registry import ENTRIES, LEAVES, NOUN_ALIASES, VERB_ALIASES, entries_of_noun

ROOT = Path(__file__).resolve().parents[3]
HEAVY = ("sqlmodel", "sqlalchemy", "alembic", "ansible", "ansible_runner", "yaml", "tomlkit")


def find(*words: str) -> click.Command | None:
    """Return the command that the words lead to."""
    command: click.Command = main.build_root()
    rest = list(words)
    context = click.Context(command)
    while rest and isinstance(command, click.Group):
        name, found, rest = command.resolve_command(context, rest)
        if found is None:
            return None
        context = click.Context(found, parent=context, info_name=name)
        command = found
    return command


def run(*arguments: str, **environment: str) -> int:
    return main.run(arguments, environment={"PATH": os.environ["PATH"], **environment})


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: f"{entry.verb}-{entry.noun}")
def test_every_command_answers_in_both_orders_and_by_its_aliases(entry: object) -> None:
    assert entry in ENTRIES
    entry = ENTRIES[ENTRIES.index(entry)]
    wanted = load(entry)
    assert find(entry.verb, entry.noun) is wanted
    for alias, verb in VERB_ALIASES.items():
        if verb == entry.verb:
            assert find(alias, entry.noun) is wanted
    others = {one.noun for one in ENTRIES if one.verb == entry.verb} - {entry.noun}
    for noun in NOUN_ALIASES[entry.noun]:
        if noun != "queue" and noun not in others:
            assert find(entry.verb, noun) is wanted
            assert find(noun, entry.verb) is wanted


def test_queue_means_tasks_where_a_person_would_say_it() -> None:
    assert find("inspect", "queue") is find("inspect", "task")
    assert find("cancel", "queue") is find("cancel", "task")
    assert find("list", "queue") is not find("list", "tasks")
    assert find("queue", "list") is find("list", "queue")
    assert find("queue", "depth") is find("depth")
    assert set(entries_of_noun("queue")) == {"list", "inspect", "cancel", "depth"}
    with pytest.raises(click.UsageError):
        find("create", "queue")


def test_noun_may_be_left_out_before_a_tasks_id() -> None:
    assert find("cancel", "42") is find("cancel", "task")
    uid = "550e8400-e29b-41d4-a716-446655440000"
    assert find("inspect", uid) is find("inspect", "task")
    assert find("ack", "3") is find("ack", "alert")
    with pytest.raises(click.UsageError):
        find("delete", "42")


def test_worker_is_a_verb_and_a_noun() -> None:
    assert find("worker", "list") is find("list", "workers")
    assert find("worker") is not find("list", "workers")
    assert find("archive", "list") is find("list", "archives")
    assert find("archive") is not find("list", "archives")


@pytest.mark.parametrize("entry", [*ENTRIES, *LEAVES], ids=lambda entry: entry.target)
def test_every_command_has_help_and_an_example(
    entry: object, capsys: pytest.CaptureFixture[str]
) -> None:
    entry = next(one for one in (*ENTRIES, *LEAVES) if one == entry)
    words = [entry.verb, entry.noun] if entry.noun else [entry.verb]
    assert run(*words, "--help") == 0
    text = capsys.readouterr().out
    assert "Usage: rediacc" in text
    assert "rediacc" in (load(entry).epilog or "")


@pytest.mark.parametrize(
    ("words", "suggestion"),
    [
        (["creat", "task"], "'create'"),
        (["create", "taks"], "'task'"),
        (["list", "machnes"], "'machines'"),
        (["task", "lits"], "'list'"),
        (["create", "task", "--machin", "x"], "--machine"),
        (["list", "tasks", "--colums", "id"], "--columns"),
    ],
)
def test_misspelt_word_is_answered_with_the_near_one(
    words: list[str], suggestion: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(*words) == 2
    error = capsys.readouterr().err
    assert "did you mean" in error
    assert suggestion in error
    assert error.startswith("rediacc: error: ")
    assert error.count("\n") == 1


def test_errors_are_json_when_answers_are(capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["-o", "json", "creat"], ["list", "tasks", "--output=json", "--nothing"]):
        assert run(*words) == 2
        captured = capsys.readouterr()
        assert captured.out == ""
        error = json.loads(captured.err)["error"]
        assert set(error) == {"code", "message", "hint", "exit_code"}
        assert error["exit_code"] == 2


def test_unforeseen_error_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def break_down() -> click.Group:
        raise RuntimeError("first\nsecond")

    monkeypatch.setattr(main, "build_root", break_down)
    assert run("version") == 1
    error = capsys.readouterr().err
    assert error.startswith("rediacc: error: internal error: RuntimeError: first second")
    assert error.count("\n") == 1


def python(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env={**os.environ, **environment},
        timeout=60,
    )


@pytest.mark.parametrize(
    "words",
    [["--help"], ["create", "--help"], ["create", "task", "--help"], ["list", "tasks", "--help"],
     ["--version"], ["completion", "bash"], ["creat"]],
    ids=" ".join,
)  # fmt: skip
def test_help_imports_nothing_heavy(words: list[str]) -> None:
    script = (
        "import sys; from rediacc.cli.main import run; run(sys.argv[1:], environment={});"
        f"print([name for name in {HEAVY} if name in sys.modules])"
    )
    assert python("-c", script, *words).stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize(
    ("words", "answers"),
    [
        ("rediacc cr", ["plain,create"]),
        (
            "rediacc create ",
            [
                *("plain,task", "plain,tasks", "plain,team", "plain,machine"),
                *("plain,member", "plain,silence"),
            ],
        ),
        ("rediacc task li", ["plain,list"]),
        ("rediacc create task --time", ["plain,--timeout"]),
        ("rediacc list tasks -o js", ["plain,json", "plain,jsonl"]),
        ("rediacc list tasks --team p", ["plain,prod"]),
        ("rediacc create task --machine web-", ["plain,web-01", "plain,web-02"]),
        ("rediacc run d", ["plain,deploy"]),
    ],
)
def test_completion_offers_words_and_names(words: str, answers: list[str], tmp_path: Path) -> None:
    (tmp_path / "rediacc.toml").write_text('[teams.prod]\ninventory = "x"\n[teams.dev]\n')
    (tmp_path / "named_tasks").mkdir()
    (tmp_path / "named_tasks" / "deploy.yml").touch()
    cache = tmp_path / ".rediacc" / "cache"
    cache.mkdir(parents=True)
    (cache / "inventory-prod.json").write_text('{"machines": ["web-01", "web-02", "db-01"]}')
    done = python(
        "-m",
        "rediacc",
        _REDIACC_COMPLETE="bash_complete",
        COMP_WORDS=words,
        COMP_CWORD=str(len(words.split(" ")) - 1),
        REDIACC_HOME=str(tmp_path),
    )
    assert done.stderr == ""
    assert done.stdout.splitlines() == answers


def test_reference_is_current() -> None:
    written = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    assert written == reference.reference(), "run: python -m rediacc.cli.reference > docs/cli.md"
