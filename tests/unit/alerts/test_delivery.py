"""Messages to real receivers: taken, refused, hanging, gone; and what becomes of them then."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from alert_lab import AlertLab, Vault
from live_homes import wait_until
from receivers import HttpReceiver, SmtpReceiver, http_receiver, smtp_receiver

from rediacc.settings.alerts import AlertSettings, Channel
from rediacc.times import micros, utc_now

ROOT = Path(__file__).resolve().parents[3]
MakeLab = Callable[[AlertSettings], AlertLab]
HOSTILE = "\x1b]0;owned\x07<img src=x onerror=alert(1)> @everyone\r\nBcc: eve@example.com"


@pytest.fixture
def http() -> Iterator[HttpReceiver]:
    with http_receiver() as receiver:
        yield receiver


@pytest.fixture
def smtp() -> Iterator[SmtpReceiver]:
    with smtp_receiver() as receiver:
        yield receiver


def _documented_check() -> Callable[..., bool]:
    """The check of a signature that the document gives to people."""
    text = (ROOT / "docs" / "monitoring.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    names: dict[str, Callable[..., bool]] = {}
    exec(code, names)
    return names["is_genuine"]


def _settings(**channels: dict[str, object]) -> AlertSettings:
    made = {name: Channel(name=name, **given) for name, given in channels.items()}  # type: ignore[arg-type]
    return AlertLab.quick(**made)


def _states(lab: AlertLab) -> list[tuple[str, str, str]]:
    return [(one.channel, one.event, one.state) for one in lab.deliveries()]


def test_file_gets_a_line_for_each_message_and_is_private(lab: AlertLab) -> None:
    lab.fail("web-01", said=HOSTILE)
    lab.look()
    lab.deliver()
    path = lab.home / "alerts.jsonl"
    (payload,) = [json.loads(line) for line in path.read_text().splitlines()]
    assert payload["title"] == "[prod] true failed on web-01"
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.read_text().isascii()
    assert _states(lab) == [("log", "trigger", "delivered")]


@pytest.mark.parametrize("sort", ["link", "pipe"])
def test_file_that_is_no_file_of_ours_is_refused(lab: AlertLab, sort: str, tmp_path: Path) -> None:
    path, victim = lab.home / "alerts.jsonl", tmp_path / "victim"
    if sort == "link":
        victim.write_text("")
        path.symlink_to(victim)
    else:
        os.mkfifo(path)
    lab.fail("web-01")
    lab.look()
    lab.deliverer().finish(seconds_to_wait=5)
    (one,) = lab.deliveries()
    assert one.state == "pending"
    assert one.error
    assert sort == "pipe" or victim.read_text() == ""


def test_webhook_is_signed_as_the_standard_says(make_lab: MakeLab, http: HttpReceiver) -> None:
    key = base64.b64encode(b"0123456789abcdef").decode()
    lab = make_lab(_settings(hook={"kind": "webhook", "target": http.url, "secret": "key"}))
    lab.fail("web-01")
    lab.look()
    lab.deliver(Vault({("prod", "key"): f"whsec_{key}"}))
    (request,) = http.requests
    identity, at = request.headers["webhook-id"], request.headers["webhook-timestamp"]
    signed = f"{identity}.{at}.".encode() + request.body
    digest = hmac.new(b"0123456789abcdef", signed, hashlib.sha256).digest()
    expected = f"v1,{base64.b64encode(digest).decode()}"
    assert request.headers["webhook-signature"] == expected
    assert abs(int(at) - micros(utc_now()) // 1_000_000) < 600
    assert request.json["id"] == identity
    assert request.json["dedup_key"].startswith("rediacc-")
    assert key not in json.dumps(request.headers)
    check = _documented_check()
    assert check(f"whsec_{key}", request.headers, request.body)
    assert not check(f"whsec_{key}", request.headers, request.body + b" ")


def test_receiver_that_fails_first_gets_the_same_message_again(
    make_lab: MakeLab, http: HttpReceiver
) -> None:
    settings = _settings(hook={"kind": "webhook", "target": http.url, "secret": "key"})
    lab = make_lab(replace(settings, retry_after=10.0))
    vault = Vault({("prod", "key"): "a-long-signing-key"})
    http.answers[:] = [503, 302]
    lab.fail("web-01")
    lab.look()
    for tries, words in ((1, "HTTP 503 no, thank you"), (2, "HTTP 302 no, thank you")):
        lab.deliver(vault)
        (one,) = lab.deliveries()
        assert (one.state, one.tries, one.error) == ("pending", tries, words)
        assert one.next_at is not None
        pause = (one.next_at - utc_now()).total_seconds()
        assert 10 * 2 ** (tries - 1) * 0.7 < pause <= 10 * 2 ** (tries - 1) * 1.25
        lab.deliver(vault)  # not due yet
        assert len(http.requests) == tries
        lab.write("UPDATE delivery SET next_at = 0")
    lab.deliver(vault)
    assert _states(lab) == [("hook", "trigger", "delivered")]
    assert {request.headers["webhook-id"] for request in http.requests} == {lab.deliveries()[0].key}
    assert {request.path for request in http.requests} == {"/hook"}
    assert len({request.body for request in http.requests}) == 1


def test_message_that_never_arrives_is_given_up_and_told_of_elsewhere(
    make_lab: MakeLab, http: HttpReceiver
) -> None:
    settings = _settings(
        hook={"kind": "webhook", "target": http.url, "secret": "key"},
        log={"kind": "file", "target": "alerts.jsonl"},
    )
    lab = make_lab(settings)
    vault = Vault({("prod", "key"): "a-long-signing-key"})
    http.answers[:] = [500] * 3
    lab.fail("web-01")
    lab.look()
    lab.write("UPDATE delivery SET created_at = created_at - 86400000001 WHERE channel = 'hook'")
    lab.deliver(vault)
    assert ("hook", "trigger", "given up") in _states(lab)
    detail = lab.alert("undelivered")
    assert detail.alert.title == "[prod] 1 message not delivered: channel hook"
    assert detail.why == ("HTTP 500 no, thank you",)
    assert [one.channel for one in detail.deliveries] == ["log"]
    http.answers.clear()
    lab.fail("web-01", title="other")
    lab.look()
    lab.deliver(vault)
    assert lab.alert("undelivered").why_resolved == "a message was delivered"


def test_receiver_that_hangs_keeps_nobody_else_waiting(
    make_lab: MakeLab, http: HttpReceiver
) -> None:
    lab = make_lab(
        _settings(
            hook={"kind": "webhook", "target": http.url, "secret": "key", "timeout": 1.0},
            log={"kind": "file", "target": "alerts.jsonl"},
        )
    )
    http.hangs.set()
    lab.fail("web-01")
    lab.look()
    deliverer = lab.deliverer(Vault({("prod", "key"): "a-long-signing-key"}))
    deliverer.finish(seconds_to_wait=15)
    states = {one.channel: (one.state, one.error) for one in lab.deliveries()}
    assert states["log"] == ("delivered", "")
    assert states["hook"][0] == "pending"
    assert "timed out" in states["hook"][1]


_SENDER = """
import sys
from pathlib import Path
sys.path.insert(0, {support!r})
from alert_lab import AlertLab, Vault
from live_homes import wait_until
from rediacc.settings.alerts import Channel
from rediacc.storage.engine import open_database
channel = Channel(name="hook", kind="webhook", target={url!r}, secret="key")
lab = AlertLab(open_database({database!r}), Path({home!r}), AlertLab.quick(hook=channel))
lab.deliver(Vault({{("prod", "key"): "a-long-signing-key"}}))
"""


def test_sender_that_is_killed_between_sending_and_marking_sends_again_with_the_same_key(
    make_lab: MakeLab, http: HttpReceiver
) -> None:
    lab = make_lab(_settings(hook={"kind": "webhook", "target": http.url, "secret": "key"}))
    lab.fail("web-01")
    lab.look()
    http.hangs.set()  # the message has arrived, and its sender does not know yet
    program = _SENDER.format(
        support=str(ROOT / "tests" / "support"), url=http.url,
        database=lab.database.url, home=str(lab.home),
    )  # fmt: skip
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    process = subprocess.Popen([sys.executable, "-c", program], env=environment)
    wait_until(lambda: http.requests, "the message")
    process.kill()
    process.wait()
    http.hangs.clear()
    (one,) = lab.deliveries()
    assert (one.state, one.tries) == ("pending", 1)
    assert one.next_at is not None
    assert one.next_at > utc_now()  # nobody else begins while the first may be at it
    vault = Vault({("prod", "key"): "a-long-signing-key"})
    lab.deliver(vault)
    assert len(http.requests) == 1
    lab.write("UPDATE delivery SET next_at = 0")  # its time is over
    lab.deliver(vault)
    assert _states(lab) == [("hook", "trigger", "delivered")]
    assert len(http.requests) == 2
    assert len({request.headers["webhook-id"] for request in http.requests}) == 1
    assert len({request.body for request in http.requests}) == 1


def test_command_gets_the_message_and_no_more_of_the_environment_than_it_should(
    make_lab: MakeLab,
) -> None:
    program = "import json,os; json.dump([json.load(open(0)), dict(os.environ)], open('got', 'w'))"
    command = (sys.executable, "-c", program)
    lab = make_lab(_settings(run={"kind": "command", "command": command,
                                  "pass_environment": ("PAGER_REGION",)}))  # fmt: skip
    lab.fail("web-01")
    lab.look()
    lab.deliver(PAGER_REGION="eu", AWS_SECRET_ACCESS_KEY="canary")
    payload, environment = json.loads((lab.home / "got").read_text())
    assert payload["event"] == "trigger"
    assert environment["PAGER_REGION"] == "eu"
    assert "AWS_SECRET_ACCESS_KEY" not in environment


@pytest.mark.parametrize(
    ("program", "words"),
    [
        ("import sys; sys.exit('pager is\\x1b[2J down')", "exit 1: pager is\\x1b[2J down"),
        ("import time; time.sleep(60)", "did not end within 0.5 s"),
    ],
)
def test_command_that_fails_or_hangs_is_tried_again(
    make_lab: MakeLab, program: str, words: str
) -> None:
    command = (sys.executable, "-c", program)
    settings = _settings(run={"kind": "command", "command": command, "timeout": 0.5})
    lab = make_lab(replace(settings, retry_after=60))
    lab.fail("web-01")
    lab.look()
    lab.deliver()
    (one,) = lab.deliveries()
    assert (one.state, one.error) == ("pending", words)


def test_end_never_overtakes_the_beginning(make_lab: MakeLab, http: HttpReceiver) -> None:
    settings = _settings(hook={"kind": "webhook", "target": http.url, "secret": "key"})
    lab = make_lab(replace(settings, retry_after=60))
    vault = Vault({("prod", "key"): "a-long-signing-key"})
    http.answers[:] = [500]
    lab.fail("web-01")
    lab.look()
    lab.deliver(vault)
    lab.succeed("web-01")
    lab.look()
    lab.deliver(vault)
    assert len(http.requests) == 1  # the resolve waits for its trigger
    lab.write("UPDATE delivery SET next_at = 0")
    lab.deliver(vault)
    assert [request.json["event"] for request in http.requests] == ["trigger", "trigger", "resolve"]


@pytest.mark.parametrize("form", ["text", "html"])
def test_mail_through_apprise_holds_the_message_and_no_markup_of_machines(
    make_lab: MakeLab, smtp: SmtpReceiver, form: str
) -> None:
    people = "from=alerts@example.com&to=ops@example.com"
    url = f"mailto://127.0.0.1:{smtp.port}?{people}&mode=insecure&format={form}"
    lab = make_lab(_settings(mail={"kind": "apprise", "target": url}))
    task = lab.fail("web-01", title=f"echo {HOSTILE}", said=HOSTILE)
    lab.look()
    lab.deliver()
    assert _states(lab) == [("mail", "trigger", "delivered")], lab.deliveries()
    (mail,) = smtp.mails
    assert str(mail["to"]) == "ops@example.com"
    assert mail["bcc"] is None
    assert "\x1b" not in str(mail["subject"])
    body = mail.get_body(("html", "plain"))
    assert body is not None
    assert body.get_content_type() == ("text/html" if form == "html" else "text/plain")
    text = body.get_content()
    assert f"rediacc retry task {task}" in text.replace("&nbsp;", " ").replace("&emsp;", " ")
    assert ("<img" in text) == (form == "text")
    assert "\x1b" not in text


def test_apprise_url_comes_from_the_vault_and_is_never_shown(
    make_lab: MakeLab, http: HttpReceiver
) -> None:
    url = f"json://alice:canary-password@127.0.0.1:{http.port}/canary-token"
    lab = make_lab(_settings(pager={"kind": "apprise", "secret": "pager_url"}))
    vault = Vault({("prod", "pager_url"): url})
    http.answers[:] = [500]
    lab.fail("web-01")
    lab.look()
    lab.deliver(vault)
    lab.write("UPDATE delivery SET next_at = 0")
    lab.deliver(vault)
    assert [request.path for request in http.requests] == ["/canary-token"] * 2
    (payload, _rest) = [request.json for request in http.requests]
    assert payload["dedup_key"] == lab.payloads()[0]["dedup_key"]
    assert payload["type"] == "failure"
    assert _states(lab) == [("pager", "trigger", "delivered")]
    lab.succeed("web-01")
    lab.look()
    lab.deliver(vault)
    assert http.requests[-1].json["type"] == "success"
    assert http.requests[-1].json["dedup_key"] == payload["dedup_key"]
    dump = "".join(str(lab.query(f"SELECT * FROM {name}")) for name in ("alert", "delivery"))
    assert "canary" not in dump


def test_error_of_a_receiver_shows_no_part_of_the_url(make_lab: MakeLab) -> None:
    lab = make_lab(_settings(pager={"kind": "apprise", "secret": "pager_url"}))
    vault = Vault({("prod", "pager_url"): "json://alice:canary-password@127.0.0.1:1/canary-token"})
    lab.fail("web-01")
    lab.look()
    lab.deliverer(vault).finish(seconds_to_wait=5)
    (one,) = lab.deliveries()
    assert one.state == "pending"
    assert one.error
    assert "canary" not in one.error


def test_receiver_that_says_our_key_is_not_quoted(make_lab: MakeLab, http: HttpReceiver) -> None:
    lab = make_lab(_settings(hook={"kind": "webhook", "target": http.url, "secret": "key"}))
    http.answers[:] = [500]
    lab.fail("web-01")
    lab.look()
    lab.deliver(Vault({("prod", "key"): "no, thank you"}))
    assert lab.deliveries()[0].error == "HTTP 500 ********"


@pytest.mark.parametrize(
    ("url", "words"),
    [
        (None, "team prod has no secret pager_url"),
        ("nonsense://canary", "the URL is of no service that Apprise knows"),
    ],
)
def test_channel_that_cannot_be_opened_says_so(
    make_lab: MakeLab, url: str | None, words: str
) -> None:
    lab = make_lab(_settings(pager={"kind": "apprise", "secret": "pager_url"}))
    lab.fail("web-01")
    lab.look()
    vault = Vault({} if url is None else {("prod", "pager_url"): url})
    lab.deliverer(vault).finish(seconds_to_wait=5)
    assert lab.deliveries()[0].error.startswith(words)


def test_channel_that_was_removed_keeps_its_message_until_it_is_given_up(lab: AlertLab) -> None:
    lab.fail("web-01")
    lab.look()
    lab.settings = lab.with_alerts(replace(lab.settings.alerts, channels={}))
    lab.deliverer().finish(seconds_to_wait=5)
    assert lab.deliveries()[0].error == "rediacc.toml has no channel log any more"
