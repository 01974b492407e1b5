"""Retry policies as the database keeps them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from rediacc.values import FailureClass, OnLost, PolicyView, RetryPolicy

__all__ = ["policy_from_json", "policy_to_json", "policy_view_from_json"]


def policy_to_json(view: PolicyView) -> dict[str, Any]:
    """Return `view` as a JSON object."""
    return {"policy": asdict(view.policy), "origins": dict(view.origins)}


def policy_from_json(document: Mapping[str, Any]) -> RetryPolicy:
    """Return the policy in a stored document."""
    fields = dict(document["policy"])
    fields["retry_on"] = tuple(FailureClass(name) for name in fields["retry_on"])
    fields["on_lost"] = OnLost(fields["on_lost"])
    return RetryPolicy(**fields)


def policy_view_from_json(document: Mapping[str, Any]) -> PolicyView:
    """Return the policy in a stored document with the origins of its values."""
    return PolicyView(policy=policy_from_json(document), origins=dict(document["origins"]))
