"""The commands on members and the audit, as typed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from world import World

from rediacc import requests
from rediacc.cli import main


class Said:
    """What a command printed and how it ended."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err

    @property
    def items(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(self.out)["items"]
        return found


Type = Callable[..., Said]


@pytest.fixture
def typed(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Type:
    monkeypatch.chdir(world.home)

    def run(*words: str, **environment: str) -> Said:
        code = main.run(words, environment={**world.environment, **environment})
        captured = capsys.readouterr()
        return Said(code, captured.out, captured.err)

    return run


def test_token_alone_is_on_standard_output(world: World, typed: Type) -> None:
    name = world.fresh("ci")
    made = typed("create", "member", name, "--token", "--role", "operator", "-T", "prod")
    token = made.out.strip()
    assert made.out == f"{token}\n"
    assert token.startswith("rediacc_")
    assert token not in made.err
    assert f"member {name} is a member now: prod=operator" in made.err
    as_document = typed("update", "member", name, "--token", "--expires-in", "1h", "-o", "json")
    renewed = json.loads(as_document.out)["item"]["token"]
    assert renewed != token
    assert typed("whoami", REDIACC_TOKEN=token).code == 3
    shown = typed("whoami", REDIACC_TOKEN=renewed)
    assert shown.code == 0
    assert f"you are   {name}\nroles     prod=operator" in shown.out
    assert "boundary  no" in shown.out
    quiet = typed("update", "member", name, "--token", "-q")
    assert typed("whoami", REDIACC_TOKEN=quiet.out.strip()).code == 0
    listed = typed("list", "members", "-o", "json")
    assert "token_hash" not in listed.out
    assert quiet.out.strip() not in listed.out


def test_refusal_is_one_line_that_says_which_role_would_do(world: World, typed: Type) -> None:
    token = world.member(teams={"prod": "viewer"}).environment["REDIACC_TOKEN"]
    denied = typed("cancel", world.task(), REDIACC_TOKEN=token)
    assert denied.code == 4
    assert denied.out == ""
    assert denied.err.count("\n") == 1
    assert "it takes the role operator, maintainer or owner" in denied.err
    document = typed("create", "team", "x", "-o", "json", REDIACC_TOKEN=token)
    assert document.code == 4
    assert json.loads(document.err)["error"]["code"] == "not_allowed"


def test_change_is_shown_with_what_it_was(world: World, typed: Type) -> None:
    number = world.task()
    assert typed("update", "task", number, "--priority", "1", "--retry-count", "4").code == 0
    assert typed("cancel", number).code == 0
    entries = typed("list", "audit", "--object", f"task {number}", "-o", "json").items
    by_operation = {entry["operation"]: entry for entry in entries}
    changed = by_operation["task.update"]
    assert changed["before"]["priority"] == 3
    assert changed["after"]["priority"] == 1
    assert changed["after"]["policy"] == {"retry_count": 4}
    assert by_operation["task.cancel"]["before"]["state"] == "pending"
    assert by_operation["task.cancel"]["after"]["state"] == "cancelled"
    assert by_operation["task.outcome"]["outcome"] == "cancelled"
    assert by_operation["task.create"]["actor"] == world.office().caller.name
    table = typed("list", "audit", "--object", f"task {number}", "--operation", "task.update").out
    assert "priority: 3 -> 1" in table
    typed("update", "machine", "web1", "--team", "prod", "--state", "offline")
    typed("update", "machine", "web1", "--team", "prod", "--state", "online")
    assert "state: offline -> online" in typed("list", "audit", "--object", "web1", "-n", "1").out


@pytest.mark.parametrize(
    ("words", "fits"),
    [
        (("--actor", "nobody-at-all"), lambda _: False),
        (("--outcome", "denied"), lambda one: one["outcome"] == "denied"),
        (("--operation", "member.*"), lambda one: one["operation"].startswith("member.")),
        (("--operation", "task.create"), lambda one: one["operation"] == "task.create"),
        (("--since", "1h"), lambda _: True),
        (("--since", "2100-01-01"), lambda _: False),
        (("--until", "1h"), lambda _: False),
    ],
)
def test_audit_is_filtered_before_it_is_limited(
    world: World, typed: Type, words: tuple[str, ...], fits: Callable[[dict[str, Any]], bool]
) -> None:
    world.member(teams={"prod": "viewer"})
    everything = typed("list", "audit", "-o", "json", "-n", "100000").items
    found = typed("list", "audit", *words, "-o", "json", "-n", "100000").items
    wanted = [one["seq"] for one in everything if fits(one)]
    # What is typed here is in the audit too.
    assert [one["seq"] for one in found if one["seq"] <= everything[0]["seq"]] == wanted
    assert [one["seq"] for one in found] == sorted((one["seq"] for one in found), reverse=True)
    few = typed("list", "audit", *words, "-o", "json", "-n", "2").items
    assert len(few) == min(2, len(found))


@pytest.mark.parametrize(
    "words",
    [
        "list audit --since yesterday",
        "list audit -n 0",
        "verify audit --checkpoint abc",
        "verify audit --file nothing.jsonl",
        "export audit --out /",
        "export audit --out /proc/none/x.jsonl",
        "export audit",
        "create member x --role viewer",
        "create member --role viewer --all-teams",
        "create member x --role viewer --team prod --expires-in soon",
        "update member x",
        "update member x --team prod",
    ],
)
def test_what_cannot_be_meant_is_usage(typed: Type, words: str) -> None:
    done = typed(*words.split())
    assert done.code == 2, done.err
    assert done.err.startswith("rediacc: error: ")


def test_export_is_verified_and_kept_checkpoints_too(
    world: World, typed: Type, tmp_path: Path
) -> None:
    kept = typed("verify", "audit", "-o", "name").out.strip()
    file = tmp_path / "audit.jsonl"
    assert typed("export", "audit", "--out", str(file)).code == 0
    assert file.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [file]
    checked = typed("verify", "audit", "--file", str(file), "--checkpoint", kept)
    assert (checked.code, checked.out.splitlines()[0][:18]) == (0, "the audit is whole")
    assert typed("verify", "audit", "--checkpoint", kept).code == 0
    wrong = f"{'0' * 64}@{kept.partition('@')[2]}"
    assert typed("verify", "audit", "--checkpoint", wrong).code == 1
    assert typed("verify", "audit", "--file", str(file), "--checkpoint", wrong).code == 1
    with world.database.write() as connection:
        connection.execute(text("UPDATE audit SET actor = 'mallory' WHERE seq = 2"))
    try:
        broken = typed("verify", "audit")
        assert (broken.code, broken.out) == (1, "")
        assert broken.err == "rediacc: error: the hash chain breaks at entry 2\n"
        document = typed("verify", "audit", "-o", "json")
        assert document.code == 1
        assert json.loads(document.out)["item"]["is_whole"] is False
        assert typed("doctor", "-o", "json").code == 1
    finally:
        actor = world.office().caller.name
        with world.database.write() as connection:
            connection.execute(
                text("UPDATE audit SET actor = :actor WHERE seq = 2"), {"actor": actor}
            )
    assert typed("verify", "audit").code == 0


def test_long_audit_is_exported_whole(
    world: World, typed: Type, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pages join without gaps, while others go on writing."""
    from rediacc.operations import audits

    monkeypatch.setattr(audits, "_PAGE", 7)
    page_of = audits.page_of

    def busy(*arguments: Any, **options: Any) -> Any:
        world.owner("team.list", requests.Nothing())
        return page_of(*arguments, **options)

    monkeypatch.setattr(audits, "page_of", busy)
    before = len(world.entries("audit.export"))
    lines = typed("export", "audit", "--out", "-", "--since", "1h").out.splitlines()
    numbers = [json.loads(line)["seq"] for line in lines]
    assert numbers == list(range(1, len(numbers) + 1))
    assert len(world.entries("audit.export")) == before + 1
