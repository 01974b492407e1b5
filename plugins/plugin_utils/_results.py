# Copyright (c) 2026 the rediacc authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What of a module's result goes into a record: pure functions over plain data."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping, Sequence

RESULT_LIMIT = 64 * 1024
OUTPUT_HEAD = 64 * 1024
OUTPUT_TAIL = 64 * 1024
MESSAGE_LIMIT = 8 * 1024
KEYS_LIMIT = 200
# More than the batch module cuts to: only a machine that does not run our module exceeds it.
BATCH_LIMIT = 16 << 20
NUMBER_LIMIT = 1 << 53

BATCH = "rediacc.core.batch"
_SETUP = ("setup", "gather_facts")
_DROPPED = frozenset(
    ("stdout", "stderr", "stdout_b64", "stderr_b64", "stdout_lines", "stderr_lines", "invocation")
)
_NO_TRACEBACK = "(traceback unavailable)"
_LIFTED = ("rc", "stdout", "stderr", "stdout_b64", "stderr_b64", "stdout_bytes", "stderr_bytes")
_AUTH = re.compile(
    r"permission denied \(|permission denied, please|authentication (?:has )?fail"
    r"|too many authentication failures|(?:invalid|incorrect)[^.]*password|no more authentication",
    re.IGNORECASE,
)
_TIMER = re.compile(r"timer expired|did not complete within the requested time", re.IGNORECASE)


def output_fields(result: Mapping[str, object], action: str) -> dict[str, object]:
    """Return return code, outputs, their sizes, and whether they were cut or timed out."""
    source = _only_member(result, action) or result
    fields: dict[str, object] = {
        "rc": whole_number(source.get("rc")),
        "truncated": bool(source.get("truncated")) if action == BATCH else False,
        "timed_out": has_timed_out(result, action),
    }
    for name in ("stdout", "stderr"):
        encoded = source.get(name + "_b64")
        if action == BATCH and isinstance(encoded, str):
            fields[name + "_b64"] = encoded
            text = ""
        else:
            text = _as_text(source.get(name, ""))
        size = source.get(name + "_bytes") if action == BATCH else None
        given = _as_bytes(text)
        fields[name + "_bytes"] = len(given) if whole_number(size) is None else size
        fields[name] = text
    return fields


def cut_output(text: str) -> tuple[str, bool]:
    """Return an output's first and last part, and whether something was cut out."""
    raw = _as_bytes(text)
    if len(raw) <= OUTPUT_HEAD + OUTPUT_TAIL + 64:
        return text, False
    head = raw[:OUTPUT_HEAD].decode("utf-8", "ignore")
    tail = raw[-OUTPUT_TAIL:].decode("utf-8", "ignore")
    cut = len(raw) - len(head.encode()) - len(tail.encode())
    return f"{head}\n[... {cut} bytes cut by rediacc ...]\n{tail}", True


def cut_record(record: dict[str, object]) -> None:
    """Limit what a record carries; outputs that the machine has cut already fit."""
    message = record["message"]
    if len(message) > MESSAGE_LIMIT:
        record["message"] = message[:MESSAGE_LIMIT] + " ..."
    if record["action"] == BATCH:
        _cut_batch(record)
        return
    for name in ("stdout", "stderr"):
        record[name], was_cut = cut_output(record[name])
        record["truncated"] = record["truncated"] or was_cut
    record["result"] = capped(record["result"])


def _cut_batch(record: dict[str, object]) -> None:
    for name in ("stdout", "stderr"):
        if len(str(record.get(name) or "")) > BATCH_LIMIT:
            record[name], _was_cut = cut_output(record[name])
            record["truncated"] = True
        if len(str(record.get(name + "_b64") or "")) > BATCH_LIMIT:
            del record[name + "_b64"]
            record["truncated"] = True
    record["result"] = capped(record["result"], BATCH_LIMIT)


def whole_number(value: object) -> int | None:
    """Return a number as every reader of JSON and every database takes it, else None."""
    is_number = isinstance(value, int) and not isinstance(value, bool)
    return value if is_number and abs(value) < NUMBER_LIMIT else None


def untellable(status: str, why: str) -> dict[str, object]:
    """Return what is told of a result that cannot be read: no more than that it cannot."""
    text = f"rediacc: the result of this machine cannot be read ({why})"
    return {
        "attempts": None,
        "no_log": False,
        "rc": None,
        "stdout": "",
        "stderr": "",
        "stdout_bytes": 0,
        "stderr_bytes": 0,
        "truncated": False,
        "timed_out": False,
        "message": text,
        "failure": failure_class(status, text, timed_out=False),
        "result": {"msg": text},
    }


def has_timed_out(result: Mapping[str, object], action: str) -> bool:
    """Whether a time limit ended the task: the batch module's, `timeout:` or `async:`."""
    if action == BATCH:
        return any(bool(member.get("timed_out")) for member in _members(result))
    if result.get("timedout"):
        return True
    # The machine's own watch over an `async:` job ended it before the controller's did.
    if "ansible_job_id" in result and result.get("msg") == "Timeout exceeded":
        return True
    unfinished = result.get("async_result")
    if isinstance(unfinished, Mapping) and not unfinished.get("finished"):
        return True
    return bool(result.get("failed", True)) and bool(_TIMER.search(_as_text(result.get("msg"))))


def message_of(result: Mapping[str, object], action: str, items: Sequence[str]) -> str:
    """Return one text that says what happened, with the messages of failed loop items."""
    member = _only_member(result, action)
    text = _as_text((member or {}).get("message")) or _as_text(result.get("msg"))
    if not text:
        text = _as_text(result.get("skip_reason") or result.get("skipped_reason"))
        text = text or _as_text(result.get("reason"))
    if items:
        text = "; ".join([text, *items] if text else items)
    return text


def failure_class(status: str, message: str, *, timed_out: bool) -> str | None:
    """Return the class under which a retry policy knows a failure; None when there is none."""
    if status == "unreachable":
        return "auth" if _AUTH.search(message) else "unreachable"
    if status == "failed":
        return "timed_out" if timed_out else "failed"
    return None


def unreachable_message(message: str) -> str:
    """Put the cause first where SSH's own words bury it."""
    if "Host key verification failed" in message:
        return "the machine's SSH host key is unknown or has changed: " + message
    return message


def kept_result(result: Mapping[str, object], action: str) -> dict[str, object]:
    """Return a module's result without what other fields carry, what is internal, and facts."""
    kept = _without_noise(result)
    facts = kept.get("ansible_facts")
    if isinstance(facts, Mapping) and action.rpartition(".")[2] not in _SETUP:
        names = sorted(str(name) for name in facts)
        kept["ansible_facts"] = {"count": len(names), "keys": names[:KEYS_LIMIT]}
    if action == BATCH:
        members = _members(result)
        if len(members) == 1:
            kept["results"] = [_without(members[0], _LIFTED)]
        elif members:
            # The machine has cut these already, and each member needs its own output.
            kept["results"] = [dict(member) for member in members]
    return kept


def capped(result: dict[str, object], limit: int = RESULT_LIMIT) -> dict[str, object]:
    """Return the result with its largest values left out until its JSON fits the limit."""
    sizes = {key: len(json.dumps({key: value}, default=str)) for key, value in result.items()}
    if sum(sizes.values()) <= limit:
        return result
    kept, room, dropped = {}, limit - 1024, []
    for key in sorted(sizes, key=sizes.__getitem__):
        room -= sizes[key]
        if room >= 0:
            kept[key] = result[key]
        else:
            dropped.append(key[:100])
    kept["rediacc_left_out"] = dropped[:KEYS_LIMIT]
    return kept


def mask_base64(encoded: str, mask_bytes: object) -> str:
    """Return base64 with what it encodes masked."""
    return base64.b64encode(mask_bytes(base64.b64decode(encoded))).decode("ascii")


def _without_noise(result: Mapping[str, object]) -> dict[str, object]:
    kept = {}
    for key, value in result.items():
        if key in _DROPPED or str(key).startswith("_ansible"):
            continue
        if key == "exception" and value == _NO_TRACEBACK:
            continue
        if key == "results" and isinstance(value, list):
            value = [_loop_item(item) for item in value]
        kept[key] = value
    return kept


def _loop_item(item: object) -> object:
    if not isinstance(item, Mapping):
        return item
    kept = {
        key: value
        for key, value in item.items()
        if key not in ("invocation", "stdout_lines", "stderr_lines", "ansible_facts")
        and not str(key).startswith("_ansible")
    }
    for name in ("stdout", "stderr"):
        if isinstance(kept.get(name), str):
            kept[name], _was_cut = cut_output(kept[name])
    return kept


def _without(mapping: Mapping[str, object], names: Sequence[str]) -> dict[str, object]:
    return {key: value for key, value in mapping.items() if key not in names}


def _members(result: Mapping[str, object]) -> list[Mapping[str, object]]:
    members = result.get("results")
    if not isinstance(members, list):
        return []
    return [member for member in members if isinstance(member, Mapping)]


def _only_member(result: Mapping[str, object], action: str) -> Mapping[str, object] | None:
    members = _members(result) if action == BATCH else []
    return members[0] if len(members) == 1 else None


def _as_bytes(text: str) -> bytes:
    """Return output as the bytes that it was; half characters, which JSON can carry, escaped."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "backslashreplace")


def _as_text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    return json.dumps(value, default=str)
