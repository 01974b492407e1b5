"""Named tasks: files read strictly, variables checked, work resolved as data."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import pytest

from rediacc.errors import InvalidInput, NotFound
from rediacc.requests import TaskRequest
from rediacc.settings import Settings
from rediacc.teams.named_tasks import (
    NamedTask,
    NamedTaskError,
    list_named_tasks,
    load_named_task,
    resolve_named_task,
)
from rediacc.teams.named_variables import parse_variable
from rediacc.values import AnsibleOptions, ExtraVariables, Kind, OnLost

DEPLOY = """\
description: Deploy the shop
playbook: playbooks/deploy.yml
team: prod
groups: [web]
limit: "!web9"
priority: high
timeout: 1h30m
retry: {retryCount: 2, retryDelay: 30s, failureAction: "run:rollback"}
labels: {app: shop, kind: deploy}
become: true
tags: code
forks: 20
exclusive: true
idempotent: true
variables:
  version: {type: string, pattern: '[0-9]+(\\.[0-9]+)*', description: what to deploy}
  size: {type: integer, default: 3, minimum: 1, maximum: 9}
  stage: {choices: [blue, green], default: blue}
  ratio: {type: number, required: false}
  force: {type: boolean, default: false}
  hosts: {type: list, default: [a, b]}
  target: {type: path, default: /srv/shop}
"""


@pytest.fixture
def home(tmp_path: Path) -> Settings:
    (tmp_path / "named_tasks").mkdir()
    return Settings(home=tmp_path, teams={}, database_url="sqlite://")


def _write(home: Settings, text: str | bytes, name: str = "job") -> None:
    path = home.home / "named_tasks" / f"{name}.yml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)


def _load(home: Settings, text: str | bytes) -> NamedTask:
    _write(home, text)
    return load_named_task(home, "job")


def _resolve(
    home: Settings, content: str, variables: dict[str, Any] | None = None, **request: Any
) -> TaskRequest:
    return resolve_named_task(
        _load(home, content), variables or {}, TaskRequest(named="job", **request)
    )


def test_everything_that_a_file_can_say(home: Settings) -> None:
    named = _load(home, DEPLOY)
    assert (named.kind, named.text) == (Kind.PLAYBOOK, "playbooks/deploy.yml")
    assert (named.team, named.groups, named.limit) == ("prod", ("web",), "!web9")
    assert named.target == "group web, limit !web9"
    assert (named.priority, named.timeout_seconds) == (2, 5400)
    assert named.retry == {
        "retryCount": 2,
        "retryDelay": 30.0,
        "failureAction": "run:rollback",
    }
    assert named.options == AnsibleOptions(become=True, tags=("code",), forks=20)
    assert (named.exclusive, named.on_lost) == (True, OnLost.RETRY)
    assert named.variables["stage"].type == "choice"
    assert json.loads(json.dumps(named.variables["size"].described())) == {
        "type": "integer",
        "required": False,
        "default": 3,
        "description": "",
        "minimum": 1,
        "maximum": 9,
    }


def test_a_request_takes_from_the_file_what_it_leaves_open(home: Settings) -> None:
    request = _resolve(home, DEPLOY, {"version": "1.2", "size": "5", "force": "yes"})
    assert (request.kind, request.text, request.named) == (
        Kind.PLAYBOOK,
        "playbooks/deploy.yml",
        "job",
    )
    assert (request.team, request.groups, request.priority) == ("prod", ("web",), 2)
    assert request.exclusive
    assert request.variables == {
        "version": "1.2",
        "size": 5,
        "stage": "blue",
        "force": True,
        "hosts": ["a", "b"],
        "target": "/srv/shop",
    }


def test_what_a_request_gives_wins(home: Settings) -> None:
    given = ExtraVariables(values={"version": "{{ evil }}"})
    request = _resolve(
        home,
        DEPLOY,
        {"version": "2"},
        team="dev",
        machines=("web1",),
        limit="web1",
        priority=5,
        timeout_seconds=9.0,
        labels={"app": "other"},
        options=AnsibleOptions(tags=("db",), check=True, extra_vars=(given,)),
    )
    assert (request.team, request.machines, request.groups) == ("dev", ("web1",), ())
    assert (request.limit, request.priority, request.timeout_seconds) == ("web1", 5, 9.0)
    assert request.labels == {"app": "other", "kind": "deploy"}
    options = request.options
    assert (options.tags, options.check, options.become, options.forks) == (("db",), True, True, 20)
    # The checked value comes last: it wins over an unchecked one of the same name.
    assert options.extra_vars[0] == given
    checked = options.extra_vars[1].values
    assert checked is not None
    assert checked["version"] == {"__ansible_unsafe": "2"}
    assert checked["hosts"] == [{"__ansible_unsafe": "a"}, {"__ansible_unsafe": "b"}]
    assert checked["size"] == 3


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({}, r"job.*named_tasks/job\.yml.*needs the variable version \(string\): what to deploy"),
        ({"version": "1", "versoin": 1}, "no variable 'versoin'"),
        ({"version": 1.2}, "must be a text"),
        ({"version": "1;x"}, "must match"),
        ({"version": "1\n"}, "must match"),
        ({"version": "1", "size": 10}, "from 1 to 9"),
        ({"version": "1", "size": 2.5}, "whole number"),
        ({"version": "1", "size": True}, "whole number"),
        ({"version": "1", "size": "9" * 5000}, "whole number"),
        ({"version": "1", "stage": "red"}, "one of blue, green"),
        ({"version": "1", "stage": ["blue"]}, "one of blue, green"),
        ({"version": "1", "ratio": "nan"}, "must be a number"),
        ({"version": "1", "ratio": float("inf")}, "must be a number"),
        ({"version": "1", "force": "maybe"}, "true or false"),
        ({"version": "1", "force": 1}, "true or false"),
        ({"version": "1", "hosts": {"a": 1}}, "list of texts"),
        ({"version": "1", "hosts": [1]}, "each item"),
        ({"version": "1", "target": "/srv/../etc"}, "without '..'"),
        ({"version": "1", "target": ""}, "must be a path"),
        ({"version": "1", "target": "/a\x1b[2J"}, "control characters"),
        ({"version": "1", "target": "\ud800"}, "no text"),
    ],
)
def test_wrong_variables_are_named_with_what_is_allowed(
    home: Settings, variables: dict[str, Any], said: str
) -> None:
    with pytest.raises(InvalidInput, match=said):
        _resolve(home, DEPLOY, variables)


def test_a_request_cannot_bring_work_of_its_own(home: Settings) -> None:
    for fields in ({"kind": Kind.SHELL}, {"text": "id"}, {"module_args": {"a": 1}}):
        with pytest.raises(InvalidInput, match="its own work"):
            _resolve(home, "command: id", **fields)
    with pytest.raises(InvalidInput, match="templated"):
        _resolve(home, "command: id", options=AnsibleOptions(template=True))


@pytest.mark.parametrize("value", ["a b", "$(id)", "'", '"', "\\", "{{ x }}", "", "a\nb", "*"])
def test_a_value_is_one_word_of_a_command_and_of_a_shell_line(home: Settings, value: str) -> None:
    for kind in ("command", "shell"):
        request = _resolve(
            home,
            f"{kind}: fetch --tag={{{{ tag }}}} {{{{tag}}}}\nvariables: {{tag: }}",
            {"tag": value},
        )
        assert request.text is not None
        assert shlex.split(request.text) == ["fetch", f"--tag={value}", value]
        assert request.options.extra_vars == ()


@pytest.mark.parametrize(
    ("declared", "value", "is_allowed"),
    [
        ("{}", "-rf", False),
        ("{pattern: '.*'}", "-rf", False),
        ("{pattern: '-[a-z]+'}", "-rf", True),
        ("{pattern: '-?[a-z]+'}", "-rf", True),
        ("{choices: ['-rf', x]}", "-rf", True),
        ("{type: path}", "-rf", False),
        ("{type: integer}", "-9", False),
        ("{type: integer, minimum: -9}", "-9", True),
        ("{type: list}", "a,-rf", False),
    ],
)
def test_no_value_becomes_an_option_unless_the_file_wants_it(
    home: Settings, declared: str, value: str, is_allowed: bool
) -> None:
    text = f"command: rm {{{{ x }}}}\nvariables: {{x: {declared}}}"
    if is_allowed:
        assert _resolve(home, text, {"x": value}).text == f"rm '{value}'"
        return
    with pytest.raises(InvalidInput, match="option"):
        _resolve(home, text, {"x": value})


def test_no_empty_neighbour_lets_an_option_through(home: Settings) -> None:
    text = "command: rm {{ x }}{{ y }}\nvariables: {x: {}, y: {}}"
    with pytest.raises(InvalidInput, match="option"):
        _resolve(home, text, {"x": "", "y": "-rf"})
    assert _resolve(home, "command: rm a{{x}}\nvariables: {x: }", {"x": "-r"}).text == "rm a'-r'"


def test_a_list_is_as_many_words_as_it_has_items(home: Settings) -> None:
    text = "shell: ls {{ x }} | wc\nvariables: {x: {type: list}}"
    assert _resolve(home, text, {"x": ["a b", "c"]}).text == "ls 'a b' 'c' | wc"
    assert _resolve(home, text, {"x": ""}).text == "ls  | wc"


def test_a_module_gets_values_as_data_with_their_types(home: Settings) -> None:
    text = """\
module: ansible.builtin.copy
args: {dest: "{{ path }}", mode: "{{ mode }}", content: "v {{ path }} {{ flag }}",
  n: [1, "{{ flag }}"]}
variables: {path: {type: path}, mode: {type: integer}, flag: {type: boolean}}
"""
    request = _resolve(home, text, {"path": "/x/{{ mode }}", "mode": 7, "flag": True})
    assert request.module_args == {
        "dest": "/x/{{ mode }}",
        "mode": 7,
        "content": "v /x/{{ mode }} true",
        "n": [1, True],
    }
    assert request.options.extra_vars == ()


def test_a_templated_module_gets_inert_extra_variables(home: Settings) -> None:
    text = "module: a.b.c\nargs: {x: '{{ v | upper }}'}\ntemplate: true\nvariables: {v: }"
    request = _resolve(home, text, {"v": "{{ 1 }}"})
    assert request.module_args == {"x": "{{ v | upper }}"}
    assert request.options.extra_vars[0].values == {"v": {"__ansible_unsafe": "{{ 1 }}"}}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "must be a mapping"),
        ("- a", "must be a mapping"),
        ("description: x", "needs one of"),
        ("command: a\nshell: b", "command and shell"),
        ("command: ' '", "empty"),
        ("command: 3", "must be a text"),
        ("playbook: -e", "is no playbook"),
        ('module: "a\\nb"', "is no module"),
        ("command: a\nargs: {a: 1}", "module only"),
        ("module: a\nargs: [1]", "must be a mapping"),
        ("command: a\ntags: x", "playbook only"),
        ("command: a\ntemplate: true", "module only"),
        ("command: a\npriorty: 1", "unknown"),
        ("command: a\n1: 1", "unknown"),
        ("command: a\npriority: 6", "1 to 5"),
        ("command: a\npriority: true", "1 to 5"),
        ("command: a\npriority: [1]", "1 to 5"),
        ("command: a\ntimeout: 0", "longer than nothing"),
        ("command: a\ntimeout: true", "timeout"),
        ("command: a\ntimeout: soon", "timeout"),
        ("command: a\nretry: {retries: 3}", "retries"),
        ("command: a\nretry: 3", "object"),
        ("command: a\nidempotent: true\nretry: {onLost: fail}", "idempotent"),
        ("command: a\nlabels: {a: 1}", "must be a text"),
        ("command: a\nall: true\ngroups: [web]", "neither"),
        ("command: a\nmachines: [1]", "list of texts"),
        ("command: a\nmachines: ['']", "empty text"),
        ("command: a\nbecome: 'yes'", "true or false"),
        ("command: a\nforks: 0", "forks"),
        ("command: a\nteam: ../x", "no team name"),
        ("command: a {{ b }}", "names no variable"),
        ("command: a '{{ b }}'\nvariables: {b: }", "break out"),
        ("command: a {{ b }}\nvariables: {b: {required: false}}", "needs a default"),
        ("command: a={{ b }}\nvariables: {b: {type: list}}", "stand alone"),
        ("command: a\nvariables: [b]", "must be a mapping"),
        ("command: a\nvariables: {b-c: }", "no variable name"),
        ("command: a\nvariables: {on: }", "quote|no text"),
        ("command: a\nvariables: {b: 3}", "must be a mapping"),
        ("command: a\nvariables: {b: {secret: true}}", "not supported yet"),
        ("command: a\nvariables: {b: {typ: string}}", "unknown"),
        ("command: a\nvariables: {b: {type: text}}", "type must be"),
        ("command: a\nvariables: {b: {type: choice}}", "needs choices"),
        ("command: a\nvariables: {b: {choices: [yes]}}", "quotes"),
        ("command: a\nvariables: {b: {choices: [x], type: string}}", "choices go"),
        ("command: a\nvariables: {b: {pattern: '('}}", "regular expression"),
        ("command: a\nvariables: {b: {type: integer, pattern: x}}", "pattern goes"),
        ("command: a\nvariables: {b: {minimum: 1}}", "minimum goes"),
        ("command: a\nvariables: {b: {type: integer, minimum: 2, maximum: 1}}", "above"),
        ("command: a\nvariables: {b: {max_length: 0}}", "max_length"),
        ("command: a\nvariables: {b: {required: true, default: x}}", "one of the two"),
        ("command: a\nvariables: {b: {default: 1.10}}", "default of variable b"),
        ("command: a\nvariables: {b: {type: integer, default: x}}", "default of variable b"),
        ("a: [", "not valid YAML"),
        ("a: 1\na: 2", "twice"),
        ("a: &x 1\nb: *x", "aliases"),
        ("command: !!python/object/apply:os.system [id]", "not allowed"),
        ("command: !vault x", "not allowed"),
        ("<<: {a: 1}", "not allowed"),
        ("[" * 3000, "nested too deeply|not valid YAML"),
        ("a: " + "[" * 100 + "]" * 100, "nested too deeply"),
        (b"\xff\xfe", "not UTF-8"),
        (b"command: a\x00", "not valid YAML"),
        (b"#" * ((1 << 20) + 1), "larger than 1 MiB"),
        ("command: " + "x" * 200000, "longer"),
        ("? [a]\n: b", "plain text"),
    ],
)
def test_files_that_cannot_be_meant_are_named(home: Settings, text: str | bytes, said: str) -> None:
    with pytest.raises(InvalidInput, match=said) as caught:
        _load(home, text)
    assert "named_tasks/job.yml" in caught.value.message


def test_a_list_shows_good_and_bad_files(home: Settings) -> None:
    _write(home, "command: id", "good")
    _write(home, "comand: id", "bad")
    _write(home, "command: id", "Bad Name")
    (home.home / "named_tasks" / "other.yaml").write_text("command: id")
    (home.home / "named_tasks" / ".hidden.yml").write_text("x")
    (home.home / "named_tasks" / "gone.yml").symlink_to("nowhere")
    found = {task.name: task for task in list_named_tasks(home)}
    assert {name for name, task in found.items() if isinstance(task, NamedTask)} == {"good"}
    bad = found["bad"]
    assert isinstance(bad, NamedTaskError)
    assert "did you mean command?" in bad.message
    assert set(found) == {"good", "bad", "Bad Name", "other", "gone"}


def test_names_that_are_none_or_not_there(home: Settings, tmp_path: Path) -> None:
    _write(home, "command: id", "deploy")
    with pytest.raises(NotFound) as caught:
        load_named_task(home, "deplyo")
    assert caught.value.hint == "did you mean deploy?"
    for name in ("../x", "", "A", "a/b", "a\n", "x" * 65, "-x"):
        with pytest.raises(InvalidInput):
            load_named_task(home, name)
    empty = Settings(home=tmp_path / "none", teams={}, database_url="")
    assert list_named_tasks(empty) == ()


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [("str", "string"), ("int", "integer"), ("float", "number"), ("bool", "boolean")],
)
def test_types_may_have_the_names_of_argument_specs(theirs: str, ours: str) -> None:
    assert parse_variable("size", {"type": theirs}).type == ours
