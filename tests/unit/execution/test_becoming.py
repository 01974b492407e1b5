"""Whether a run may have become another user, and what a stop then asks."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from rediacc.execution.plays import generate_stop_play
from rediacc.execution.records import may_have_become
from rediacc.execution.stopping import confirmed_machines
from rediacc.values import Kind

PLAY = json.dumps({"nonce": "n", "type": "play"}) + "\n"
BECOME = json.dumps({"nonce": "n", "type": "become"}) + "\n"
OTHERS = json.dumps({"nonce": "x", "type": "become"}) + "\n"


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (None, True),
        ("", False),
        (PLAY, False),
        (PLAY + OTHERS, False),
        (PLAY + BECOME + PLAY, True),
        (PLAY + BECOME[:12], True),
        (PLAY + "no record\n" + PLAY, True),
    ],
)
def test_records_that_do_not_deny_it_count_as_becoming(
    content: str | None, expected: bool, tmp_path: Path
) -> None:
    path = tmp_path / "records.jsonl"
    if content is not None:
        path.write_text(content)
    assert may_have_become(path, nonce="n") is expected
    assert may_have_become(path, nonce="")


def test_only_plays_of_the_users_own_become_by_themselves() -> None:
    assert [kind for kind in Kind if kind.becomes_itself] == [Kind.MODULE, Kind.PLAYBOOK]


@pytest.mark.parametrize(
    ("become_used", "may_have", "expected"),
    [
        (False, False, [("stop r", None, False)]),
        (True, False, [("stop r", None, True)]),
        (True, True, [("stop r", None, True)]),
        (False, True, [("end own r", None, False), ("stop r", True, True)]),
    ],
)
def test_stop_becomes_only_where_the_run_did_by_itself(
    become_used: bool, may_have: bool, expected: list[tuple[str, bool | None, bool]]
) -> None:
    (play,) = yaml.load(
        generate_stop_play(
            ("m",),
            ages={"r": 1.0},
            become_used=become_used,
            may_have_become=may_have,
            grace_seconds=1.0,
        ),
        Loader=_Loader,
    )
    asked = [
        (task["name"], task.get("become"), task["rediacc.core.stop"].get("become_used", False))
        for task in play["tasks"]
    ]
    assert asked == expected


def test_what_the_logins_own_user_answers_confirms_nothing(tmp_path: Path) -> None:
    path = tmp_path / "records.jsonl"
    answers = [("own", "end own r"), ("both", "end own r"), ("both", "stop r")]
    path.write_text(
        "".join(
            json.dumps(
                {
                    "nonce": "n",
                    "type": "result",
                    "host": host,
                    "task": task,
                    "status": "ok",
                    "result": {"confirmed": True},
                }
            )
            + "\n"
            for host, task in answers
        )
    )
    assert confirmed_machines(path, nonce="n", markers=1) == {"both"}


class _Loader(yaml.SafeLoader):
    """Takes what is marked as data for plain lists."""


_Loader.add_constructor("!unsafe", lambda loader, node: loader.construct_sequence(node))
