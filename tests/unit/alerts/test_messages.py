"""What a message holds, and what hostile words become in it."""

from __future__ import annotations

import pytest

from rediacc.alert_words import AlertRule, Severity
from rediacc.alerts.finding import Detail, Subject, merge, without
from rediacc.alerts.messages import Place, as_text, harmless, payload_of, title_of

PLACE = Place(home="/srv/ansible", home_id="abc", host="ctl-01")
DETAIL = Detail(
    what="deploy",
    subjects={f"web-{n:02}": Subject(at=n, words="rc 2") for n in range(1, 38)},
    tasks=(41, 42),
    why=("web-01: E: disk full",),
    who=("alice",),
    advice="rediacc retry task 41 42",
)


def _payload(detail: Detail = DETAIL, event: str = "trigger") -> dict[str, object]:
    return payload_of(
        place=PLACE, alert_id=7, message=2, event=event, channel="pager",
        rule=AlertRule.TASK_FAILED, team="prod", severity=Severity.ERROR,
        title=title_of(AlertRule.TASK_FAILED, "prod", 500, detail), number=500,
        first_at=0, last_at=60_000_000, detail=detail,
    )  # fmt: skip


def test_message_says_what_where_why_who_and_the_command() -> None:
    payload = _payload()
    assert payload["title"] == "[prod] deploy failed 500 times on web-01, web-02 and 35 more"
    assert payload["id"] == "abc-7-2-pager"
    assert payload["dedup_key"] == "rediacc-abc-7"
    assert payload["where_count"] == 37
    assert as_text(payload).splitlines() == [
        "what   task-failed: deploy (500 times)",
        "where  " + ", ".join(f"web-{n:02} (rc 2)" for n in range(1, 21)) + " and 17 more",
        "why    web-01: E: disk full",
        "who    alice",
        "since  1970-01-01T00:00:00Z",
        "do     rediacc retry task 41 42",
        "alert  7 of /srv/ansible on ctl-01",
    ]


def test_end_has_the_key_of_the_beginning_and_nothing_to_do() -> None:
    begin, end = _payload(), _payload(event="resolve")
    assert begin["dedup_key"] == end["dedup_key"]
    assert str(end["title"]).startswith("over: [prod] deploy")
    assert "rediacc retry" not in as_text(end)


@pytest.mark.parametrize(
    "hostile",
    [
        "\x1b]0;owned\x07\x1b[2J",
        "a\r\nBcc: everybody@example.com",
        "\u202etxt.exe",
        "@everyone @here <!channel>",
        "\udcff\x00",
        "x" * 10_000,
    ],
)
def test_words_of_machines_are_one_harmless_line(hostile: str) -> None:
    detail = Detail(
        what=hostile,
        subjects={hostile: Subject(at=1, words=hostile)},
        why=(hostile,),
        who=(hostile,),
        tasks=(1,),
    )
    payload = _payload(detail)
    shown = [payload["title"], payload["what"], *payload["where"], *payload["why"], *payload["who"]]  # type: ignore[misc]
    for text in shown:
        assert isinstance(text, str)
        assert text.isprintable()
        assert len(text) <= 300
        assert "@everyone" not in text
        assert "<!channel" not in text
        text.encode("utf-8")
    assert len(as_text(payload).splitlines()) == 7 - 1  # no command


def test_harmless_keeps_what_is_harmless() -> None:
    assert harmless("mail to ops@example.com: 5 < 6, ü") == "mail to ops@example.com: 5 < 6, ü"


@pytest.mark.parametrize("rule", [rule for rule in AlertRule if rule is not AlertRule.TEST])
def test_every_rule_has_a_title(rule: AlertRule) -> None:
    detail = Detail(what="it", subjects={"web-01": Subject(at=1)})
    title = title_of(rule, "prod", 2, detail)
    assert title.startswith("[prod] ")
    assert len(title) > 15


def test_more_of_the_same_adds_up_within_bounds() -> None:
    many = Detail(subjects={f"m{n}": Subject(at=n) for n in range(1999)}, tasks=tuple(range(49)))
    more = Detail(
        subjects={"x": Subject(at=5000), "y": Subject(at=5001)}, tasks=(100, 101), why=("new",)
    )
    merged = merge(many, more)
    assert len(merged.subjects) == 2000
    assert {"x", "y"} <= set(merged.subjects)
    assert merged.tasks[-2:] == (100, 101)
    assert len(merged.tasks) == 50
    assert merged.why == ("new",)
    assert Detail.from_json(merged.to_json()) == merged


def test_only_what_is_well_since_leaves() -> None:
    detail = Detail(subjects={"a": Subject(at=10), "b": Subject(at=30)})
    assert set(without(detail, {"a": 20, "b": 20}).subjects) == {"b"}
