# Copyright (c) 2026 the rediacc authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A task as modules return it, and how it did in words."""

from __future__ import annotations

HOSTS = ("ok", "changed", "failed", "unreachable", "timed_out", "skipped", "cancelled", "lost")
SUCCESS = ("ok", "changed", "skipped")
_LONGEST_TEXT = 300
# What Ansible says of a command beside its exit code.
_SAYS_NOTHING = ("", "non-zero return code")
_MOST_NAMED = 5


def values_of_view(view):
    """Return what every task module returns of a task, from its C(TaskView)."""
    return {
        "id": view["id"] or None,
        "task_id": view["id"] or None,
        "uid": view["uid"],
        "team": view["team"],
        "kind": view["kind"],
        "title": clean(view["title"]),
        "named": view["named"],
        "machines": view["machines"],
        "priority": view["priority"],
        "labels": view["labels"],
        "created_by": view["created_by"],
        "state": view["state"],
        "reason": view["reason"],
        "rc": view["rc"],
        "queued_at": view["created_at"],
        "started_at": view["started_at"],
        "finished_at": view["finished_at"],
        "queue_seconds": view["queue_seconds"],
        "elapsed": view["elapsed_seconds"],
        "attempts": view["attempt"],
        "retries_left": view["retries_left"],
    }


def values_of_detail(detail, with_output=True):
    """Return the same with results by machine, from a C(TaskDetail)."""
    last = last_results(detail["results"])
    names = [*detail["task"]["machines"], *last]
    return {
        **values_of_view(detail["task"]),
        "msg": clean(detail["message"]),
        "waits": detail["waits"],
        "results": {
            name: values_of_result(last[name], with_output)
            for name in dict.fromkeys(names)
            if name in last
        },
        "hosts": hosts_of(detail["task"], last),
    }


def last_results(results):
    """Return each machine's last result, with its attempt, by the machine's name."""
    last = {}
    for one in sorted(results, key=lambda one: one["attempt"]):
        last[one["result"]["machine"]] = {**one["result"], "attempt": one["attempt"]}
    return last


def values_of_result(result, with_output):
    """Return one machine's result in the words of Ansible's own modules."""
    values = {
        "outcome": result["outcome"].replace(" ", "_"),
        "rc": result["rc"],
        "msg": clean(result["message"]),
        "attempt": result["attempt"],
        "started_at": result["started_at"],
        "finished_at": result["finished_at"],
        "counts": result["counts"],
    }
    if not with_output:
        return values
    stdout, stderr = clean(result["stdout"]), clean(result["stderr"])
    return {
        **values,
        "stdout": stdout,
        "stdout_lines": stdout.splitlines(),
        "stderr": stderr,
        "stderr_lines": stderr.splitlines(),
        "truncated": result["truncated"],
        "result": result["result"],
    }


def hosts_of(task, last):
    """Return the names of machines by how they did; C(waiting) has not been reached.

    What a cancelled task did not come to is cancelled there, too.
    """
    hosts = {word: [] for word in HOSTS}
    for name, result in last.items():
        hosts.setdefault(result["outcome"].replace(" ", "_"), []).append(name)
    unreached = [name for name in task["machines"] if name not in last]
    is_cancelled = task["state"] == "cancelled"
    hosts["waiting"] = [] if is_cancelled else unreached
    hosts["cancelled"] += unreached if is_cancelled else []
    return {word: sorted(names) for word, names in hosts.items()}


def clean(text):
    """Return text in which bytes that were no UTF-8 are shown as such."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def ending(values):
    """Return in one line how a task ended, with what happened on which machine.

    :param values: as from :func:`values_of_detail`.
    """
    state, reason = values["state"], values["reason"]
    head = f"task {values['id']} {'was ' if state == 'cancelled' else ''}{state}"
    bad = [
        (name, result)
        for name, result in sorted(values["results"].items())
        if result["outcome"] not in SUCCESS
    ]
    if state == "succeeded":
        return head
    if reason == "rc" and values["rc"]:
        reason = f"exit code {values['rc']}"
    if reason and reason not in (state, "rc"):
        head += f" ({reason})"
    if bad:
        number = len(values["machines"])
        head += f" on {len(bad)} of {number} machines" if number > 1 else ""
    told = [f"{name}: {what_happened(result)}" for name, result in bad[:_MOST_NAMED]]
    if len(bad) > _MOST_NAMED:
        told.append(f"and {len(bad) - _MOST_NAMED} more")
    if not told and values["msg"]:
        told = [values["msg"]]
    return ": ".join([head, "; ".join(told)] if told else [head])


def what_happened(result):
    """Return in one line what went wrong on a machine."""
    words = result["outcome"].replace("_", " ")
    if result["outcome"] == "failed" and result["rc"]:
        words = f"exit code {result['rc']}"
    said = "" if result["msg"] in _SAYS_NOTHING else result["msg"]
    detail = said or last_line(result.get("stderr")) or last_line(result.get("stdout"))
    return f"{words}, {one_line(detail)}" if detail else words


def last_line(text):
    """Return the last line of output that holds anything."""
    return next((line for line in reversed((text or "").splitlines()) if line.strip()), "")


def one_line(text):
    """Return text on one line, cut where it is long."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if len(line) <= _LONGEST_TEXT else f"{line[: _LONGEST_TEXT - 1]}…"
