"""Requests that come from outside as JSON."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from rediacc.documents import document, read_request
from rediacc.errors import InvalidInput
from rediacc.requests import TaskRequest
from rediacc.values import AnsibleOptions, ExtraVariables, Kind, OnLost


def test_a_request_survives_the_way_there_and_back() -> None:
    request = TaskRequest(
        machines=("web-01", "db-*"),
        kind=Kind.SHELL,
        text="df -h / | tail -1",
        options=AnsibleOptions(
            forks=3, tags=("a",), extra_vars=(ExtraVariables(values={"x": [1, None]}),)
        ),
        not_before=datetime(2026, 3, 29, 1, 30, tzinfo=UTC),
        labels={"ticket": "17"},
        on_lost=OnLost.RETRY,
        retry={"retryCount": 3},
    )

    assert read_request(TaskRequest, document(request)) == request


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        ([], "object"),
        ({"machine": ["a"]}, "no field 'machine'"),
        ({"options": {"become": True, "sudo": True}}, "no field 'options.sudo'"),
        ({"priority": "1"}, "priority"),
        ({"all_machines": 1}, "all_machines"),
        ({"machines": "web-01"}, "machines"),
        ({"kind": "script"}, "kind"),
        ({"not_before": "tomorrow"}, "not_before"),
        ({"labels": {"a": 1}}, "labels"),
        ({"text": object()}, "JSON"),
    ],
)
def test_what_is_no_request_is_refused_by_name(values: object, complaint: str) -> None:
    with pytest.raises(InvalidInput, match=complaint):
        read_request(TaskRequest, values)


def test_a_refusal_does_not_show_the_value() -> None:
    with pytest.raises(InvalidInput) as refusal:
        read_request(TaskRequest, {"secrets": "hunter2-hunter2"})

    assert "hunter2" not in refusal.value.message
