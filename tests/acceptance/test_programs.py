"""``rediacc perform``: what programs get is what the package gives, whoever asks."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from live_homes import Done, Typed

from rediacc.operations.homes import initialise_home
from rediacc.operations.plain import open_plain_office
from rediacc.requests import InitRequest

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Place:
    """A home with the team prod of two machines, and a way to ask in it as a process."""

    path: Path
    environment: dict[str, str]

    def perform(self, operation: str, request: bytes, *, token: str = "") -> Done:
        own = {"REDIACC_TOKEN": token} if token else {}
        words = ("-o", "json", "perform", operation)
        return Typed(words, self.path, {**self.environment, **own}, stdin=request).wait()

    def answer(self, operation: str, values: Any, *, token: str = "") -> Any:
        done = self.perform(operation, json.dumps(values).encode(), token=token)
        assert (done.rc, done.stderr) == (0, ""), done
        document = json.loads(done.stdout)
        assert (document["version"], document["kind"]) == (1, "answer")
        return document["item"]

    def error(self, operation: str, request: bytes, *, token: str = "") -> Any:
        done = self.perform(operation, request, token=token)
        assert done.stdout == ""
        error = json.loads(done.stderr)["error"]
        assert error["exit_code"] == done.rc
        assert set(error) == {"code", "message", "hint", "exit_code"}
        return error

    def by_package(self, operation: str, values: Any, *, token: str = "") -> Any:
        own = {"REDIACC_TOKEN": token} if token else {}
        with open_plain_office(self.path, environment={**self.environment, **own}) as office:
            return office.perform(operation, values)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    path, account = (tmp_path_factory.mktemp(name) for name in ("home", "account"))
    environment = {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "HOME": str(account),
        "XDG_RUNTIME_DIR": str(account),
    }
    initialise_home(InitRequest(directory=str(path)), environment=environment)
    made = Place(path, environment)
    made.by_package("team.create", {"name": "prod", "ssh": "user"})
    for name in ("web-01", "web-02"):
        made.by_package("machine.create", {"name": name, "team": "prod", "groups": ["web"]})
    return made


def test_program_and_package_give_the_same(place: Place) -> None:
    request = {"kind": "shell", "text": "echo 'ä' && \"x\"", "machines": ["web-01"]}
    made = place.answer("task.create", request)
    assert made["task"]["id"] == 1
    for operation, values in (
        ("task.inspect", {"id": "1"}),
        ("machine.list", {"group": "web"}),
        ("team.inspect", {"name": "prod"}),
    ):
        assert place.answer(operation, values) == place.by_package(operation, values)


@pytest.mark.parametrize(
    ("operation", "request_text", "code", "exit_code", "told"),
    [
        ("task.explode", b"{}", "invalid_input", 2, "no operation 'task.explode'"),
        ("task.inspect", b"{", "invalid_input", 2, "not JSON"),
        ("task.inspect", b"[" * 100_000, "invalid_input", 2, "not JSON"),
        ("task.inspect", b"\xff", "invalid_input", 2, "UTF-8"),
        ("task.inspect", b"[]", "invalid_input", 2, "JSON object"),
        ("task.inspect", b'{"id": 1}', "invalid_input", 2, "id: "),
        ("task.inspect", b'{"id": "1", "colour": "red"}', "invalid_input", 2, "'colour'"),
        ("task.inspect", b'{"id": "4711"}', "not_found", 5, "4711"),
        ("machine.create", b'{"name": "web-01", "team": "prod"}', "conflict", 6, "already"),
    ],
)
def test_bad_requests_are_told_in_one_object(
    place: Place, operation: str, request_text: bytes, code: str, exit_code: int, told: str
) -> None:
    error = place.error(operation, request_text)
    assert (error["code"], error["exit_code"]) == (code, exit_code)
    assert told in error["message"]


def test_token_acts_as_its_member_through_both(place: Place) -> None:
    request = {"name": "robot", "token": True, "roles": {"prod": "viewer"}}
    token = place.answer("member.create", request)["token"]
    caller = place.answer("caller.show", {}, token=token)
    assert (caller["name"], caller["proof"]) == ("robot", "token")
    assert caller == place.by_package("caller.show", {}, token=token)
    denied = place.error("machine.delete", b'{"name": "web-02", "team": "prod"}', token=token)
    assert (denied["code"], denied["exit_code"]) == ("not_allowed", 4)
    wrong = place.error("team.list", b"{}", token=f"{token}x")
    assert (wrong["code"], wrong["exit_code"]) == ("not_authenticated", 3)
    entries = place.by_package("audit.list", {"actor": "robot"})
    told = {(entry["operation"], entry["outcome"], entry["channel"]) for entry in entries}
    assert ("machine.delete", "denied", "program") in told
    assert ("caller.show", "done", "plugin") in told
