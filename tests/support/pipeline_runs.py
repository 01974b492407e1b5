"""Runs for the tests of what pipelines are told: good, broken, undecided, and hostile ones."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from rediacc.cli.pipeline.model import MachineEnd, RunReport, Step

__all__ = ["HOSTILE", "RUNS", "hostile_run"]

BEGUN = datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)
COUNTS = ("ok", "changed", "failures", "unreachable", "skipped")

# What people, files and machines can write that somebody else might obey.
HOSTILE = {
    "a command": "::error file=x.yml,line=1::owned",
    "a command after space": " \u3000\t::set-output name=task-id::666",
    "an old command": "fine ##[error]owned ##[add-path]/tmp/evil",
    "a carriage return": "fine\r::error::owned\r\n::warning::owned",
    "another line's end": "a\x85::error::owned\u2028::error::owned\x0b::error::owned",
    "a guessed token": "::stop-commands::x\n::x::\n::error::owned",
    "a section": "\x1b[0Ksection_start:1:evil\r\x1b[0Kowned",
    "an escape": "\x1b]0;title\x07\x1b[2J\x9b2J\x1b[31mred",
    "a delimiter": "x\nEOF\ntask-id=666\nrediacc_\n",
    "markup": "</pre></code><script>alert(1)</script>]]><x a='1\" &amp; &lt;",
    "Markdown": "**b** `c` [l](http://evil.example) ![i](x) | cell | @admin #1 http://evil.example "
    "WWW.evil.example a@evil.example",
    "a fence": "```\n~~~\n# head\n- item\n\n\n<details>\n:::",
    "what XML forbids": "\x00\x01\x08\x0c\x1f\ufffe\uffff\udc80\ud800",
    "what turns lines round": "\u202eevil\u2066x\u2069",
    "percent": "100% %0A::error::owned %25 %0D",
    "a comma and a colon": "a,b:c=d,title=owned",
    "nothing": "",
    "space": "  \n \t ",
    "much": "x" * 300_000,
    "many lines": "line\n" * 50_000,
}  # fmt: skip


def _step(machine: str, task: str, status: str = "ok", **more: object) -> Step:
    return Step(
        machine=machine,
        play="Site",
        task=task,
        status=status,
        started_at=BEGUN,
        seconds=0.25,
        **more,  # type: ignore[arg-type]
    )


def _end(machine: str, outcome: str, *counts: int, **more: object) -> MachineEnd:
    return MachineEnd(
        machine=machine,
        outcome=outcome,
        is_good=outcome in ("ok", "changed", "skipped"),
        is_changed=outcome == "changed",
        seconds=1.5,
        counts=tuple(zip(COUNTS, counts, strict=False)),
        **more,  # type: ignore[arg-type]
    )


_GOOD = RunReport(
    title="site.yml",
    kind="playbook",
    headline="task 42 succeeded on 2 machines in 3s",
    exit_code=0,
    task_id=42,
    uid="550e8400-e29b-41d4-a716-446655440000",
    team="staging",
    state="succeeded",
    reason="done",
    begun_at=BEGUN,
    seconds=3.0,
    queue_seconds=0.5,
    attempts=1,
    revision="0123456789abcdef0123456789abcdef01234567",
    machines=(_end("web-01", "changed", 3, 1, 0, 0, 0), _end("web-02", "ok", 2, 0, 0, 0, 1)),
    steps=(
        _step("web-01", "Install it", "changed", file="site.yml", line=5),
        _step("web-02", "Install it", file="site.yml", line=5),
        _step("web-01", "Restart it", file="roles/web/handlers/main.yml", line=2),
        _step("web-02", "Restart it", "skipped", file="roles/web/handlers/main.yml", line=2),
        replace(_step("web-01", "Look at it", "ignored"), play="Checks"),
    ),
)

RUNS: dict[str, RunReport] = {
    "succeeded": _GOOD,
    "failed": replace(
        _GOOD,
        headline="task 42 failed: exit code 7 on 1 of 2 machines (web-02), unreachable on 1",
        exit_code=10,
        state="failed",
        reason="rc",
        attempts=2,
        machines=(
            _end("web-01", "unreachable", 0, 0, 0, 1, message="ssh: connect to host: refused"),
            _end("web-02", "failed", 1, 0, 1, 0, 0, rc=7, message="non-zero return code",
                 output="starting\nno such file"),
        ),
        steps=(
            _step("web-01", "Install it", "unreachable", file="site.yml", line=5,
                  message="ssh: connect to host: refused"),
            _step("web-02", "Install it", file="site.yml", line=5),
            _step("web-02", "Break it", "failed", file="site.yml", line=9, rc=7,
                  message="non-zero return code"),
        ),
    ),
    "drift": replace(
        _GOOD,
        exit_code=20,
        is_check=True,
        is_drift=True,
        steps=(
            _step("web-01", "Write the motd", "changed", file="site.yml", line=12,
                  diff="--- before: /etc/motd\n+++ after: /etc/motd\n@@ -1 +1 @@\n-old\n+new"),
            _step("web-02", "Write the motd", file="site.yml", line=12),
        ),
    ),
    "cancelled": replace(
        _GOOD,
        headline="task 42 cancelled in 2s",
        exit_code=12,
        state="cancelled",
        reason="cancelled",
        problem="task 42 cancelled in 2s",
        hint="rediacc inspect task 42",
        machines=(_end("web-01", "cancelled"), _end("web-02", "no result")),
        steps=(_step("web-01", "Install it", "changed", file="site.yml", line=5),),
    ),
    "timed-out": replace(
        _GOOD,
        kind="command",
        title="sleep 100",
        headline="task 42 timed out on 1 machine in 5s",
        exit_code=13,
        state="failed",
        reason="timed out",
        machines=(_end("web-01", "timed out", message="it ran longer than 5s"),),
        steps=(),
    ),
    "wait-ran-out": replace(
        _GOOD,
        headline="the wait ran out; task 42 goes on (running)",
        exit_code=124,
        state="running",
        reason="running",
        problem="the wait ran out; task 42 goes on (running)",
        hint="rediacc inspect task 42",
        is_final=False,
        seconds=None,
        machines=(_end("web-01", "ok", 1), replace(_end("web-02", "not yet"), is_good=True)),
        steps=(_step("web-01", "Install it", file="site.yml", line=5),),
        left_out=3,
    ),
    "never-queued": RunReport(
        title="site.yml",
        kind="playbook",
        headline="nothing was queued",
        exit_code=5,
        problem="there is no team 'stagging'",
        hint="did you mean staging?",
        is_final=False,
        begun_at=BEGUN,
    ),
}  # fmt: skip


def hostile_run(text: str) -> RunReport:
    """Return a run whose every text is `text`."""
    return RunReport(
        title=text,
        kind="playbook",
        headline=text,
        exit_code=10,
        task_id=7,
        uid=text,
        team=text,
        state="failed",
        reason=text,
        hint=text,
        begun_at=BEGUN - timedelta(days=1),
        attempts=2,
        revision=text,
        machines=(
            MachineEnd(machine=text, outcome="failed", is_good=False, rc=1, message=text,
                       output=text, seconds=1.0, counts=(("ok", 1),)),
            MachineEnd(machine=f"{text}2", outcome="lost", is_good=False, message=text),
        ),
        steps=(
            Step(machine=text, play=text, task=text, status="failed", file=text, line=3, rc=1,
                 message=text, diff=text, seconds=1.0),
            Step(machine=text, play=text, task=text, status="changed", file=text, diff=text),
            Step(machine=text, play=f"{text} again", task=text, status="skipped", message=text),
        ),
    )  # fmt: skip
