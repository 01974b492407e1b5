"""The process that sends messages: started for a channel, ended when it hangs, told all it needs.

It reads one JSON document from standard input and prints one line for each message as soon as
that was sent or refused. It knows no database; a receiver that hangs keeps nobody else waiting.
Only the standard library is imported here, and Apprise where a channel needs it.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import hashlib
import hmac
import json
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Mapping
from typing import Any

__all__ = ["main", "signature"]

_MOST_ANSWER = 300
_EXTRAS = ("id", "dedup_key", "event", "severity", "rule", "team")


class Refused(Exception):
    """The receiver did not take the message; says why."""


def main() -> int:
    """Send what standard input says; print for each message what became of it."""
    order = json.load(sys.stdin)
    send = _SENDERS[order["kind"]]
    for message in order["messages"]:
        try:
            answer = send(order, message)
            line = {"key": message["key"], "ok": True, "answer": answer}
        except Exception as exc:  # a receiver can fail in any way, and the next message counts
            words = str(exc) if isinstance(exc, Refused) else f"{type(exc).__name__}: {exc}"
            line = {"key": message["key"], "ok": False, "answer": words}
        print(json.dumps(line), flush=True)
    return 0


def signature(secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    """Return the signature of a webhook as standardwebhooks.com describes it.

    :param secret: the key; ``whsec_`` and base64, or any text, of which the bytes are taken.
    """
    if secret.startswith("whsec_"):
        try:
            key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
        except binascii.Error as exc:
            raise Refused("the key begins with whsec_ and is not base64") from exc
    else:
        key = secret.encode()
    signed = f"{message_id}.{timestamp}.".encode() + body
    digest = hmac.new(key, signed, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(digest).decode()}"


def _send_file(order: Mapping[str, Any], message: Mapping[str, Any]) -> str:
    path = order["target"]
    flags = os.O_CREAT | os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK
    descriptor = os.open(path, flags, 0o600)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise Refused(f"{path} is no file")
        line = (json.dumps(message["payload"], ensure_ascii=True) + "\n").encode()
        _append(descriptor, line)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    return "written"


def _append(descriptor: int, line: bytes) -> None:
    """Write all of `line`, or nothing: half a line would spoil the next try's, too."""
    before = os.fstat(descriptor).st_size
    written = 0
    try:
        while written < len(line):
            written += os.write(descriptor, line[written:])
    except OSError:
        # A disk that fills up takes the beginning first; somebody else's line stays.
        if os.fstat(descriptor).st_size == before + written:
            os.ftruncate(descriptor, before)
        raise


def _send_command(order: Mapping[str, Any], message: Mapping[str, Any]) -> str:
    process = subprocess.Popen(
        order["command"],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env=order["environment"],
        cwd=order["directory"],
        start_new_session=True,
    )
    try:
        body = json.dumps(message["payload"]).encode()
        _output, error = process.communicate(body, timeout=order["timeout"])
    except subprocess.TimeoutExpired:
        raise Refused(f"did not end within {order['timeout']:g} s") from None
    finally:
        _end_group(process)
    if process.returncode != 0:
        last = error.decode("utf-8", "replace").strip().splitlines()[-1:]
        raise Refused(": ".join([f"exit {process.returncode}", *last]))
    return "exit 0"


def _end_group(process: subprocess.Popen[bytes]) -> None:
    """End what the command may have left behind; its session is its own."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _send_webhook(order: Mapping[str, Any], message: Mapping[str, Any]) -> str:
    import urllib.error
    import urllib.request

    class _NoRedirect(urllib.request.HTTPRedirectHandler):
        """A redirect would take the message to somebody whom nobody named."""

        def redirect_request(self, *_rest: Any) -> None:
            return None

    body = json.dumps(message["payload"]).encode()
    identity, now = message["payload"]["id"], int(time.time())
    request = urllib.request.Request(
        order["target"],
        data=body,
        method="POST",
        headers={
            "content-type": "application/json",
            "user-agent": "rediacc",
            "webhook-id": identity,
            "webhook-timestamp": str(now),
            "webhook-signature": signature(order["secret"], identity, now, body),
        },
    )
    try:
        opener = urllib.request.build_opener(_NoRedirect)
        with opener.open(request, timeout=order["timeout"]) as answer:
            return f"HTTP {answer.status}"
    except urllib.error.HTTPError as exc:
        with exc:
            words = exc.read(_MOST_ANSWER).decode("utf-8", "replace").strip()
        raise Refused(f"HTTP {exc.code} {words}".strip()) from None
    except urllib.error.URLError as exc:
        raise Refused(str(exc.reason)) from None


def _send_apprise(order: Mapping[str, Any], message: Mapping[str, Any]) -> str:
    import logging

    import apprise

    said: list[str] = []

    class _Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            said.append(record.getMessage())

    logger = logging.getLogger("apprise")
    logger.handlers[:] = [_Listener(logging.WARNING)]
    logger.propagate = False
    payload = message["payload"]
    asset = apprise.AppriseAsset(
        app_id="rediacc", app_desc="rediacc alerts", storage_mode="memory", async_mode=False
    )
    service = apprise.Apprise.instantiate(order["secret"] or order["target"], asset=asset)
    if service is None:
        raise Refused("the URL is of no service that Apprise knows: https://appriseit.com/services")
    _give_key(service, payload)
    service.socket_connect_timeout = service.socket_read_timeout = order["timeout"]
    sender = apprise.Apprise(asset=asset)
    sender.add(service)
    done = sender.notify(
        title=payload["title"],
        body=message["text"],
        notify_type=_notify_type(payload),
        # Apprise escapes plain text where a service renders HTML or Markdown.
        body_format=apprise.NotifyFormat.TEXT,
        interpret_escapes=False,
    )
    if not done:
        raise Refused("; ".join(said) or "the service did not take it")
    return "taken"


def _give_key(service: Any, payload: Mapping[str, Any]) -> None:
    """Hand the dedup key to services that know one, so that `resolve` closes what was opened."""
    if hasattr(service, "dedup"):
        service.dedup = payload["dedup_key"]
        service.action = "map"  # a success resolves, anything else triggers
    extras = getattr(service, "payload_extras", None)
    if isinstance(extras, dict):
        extras.update(
            {
                name: payload[name]
                for name in ("id", "dedup_key", "event", "severity", "rule", "team")
            }
        )


def _notify_type(payload: Mapping[str, Any]) -> str:
    if payload["event"] == "resolve":
        return "success"
    return {"warning": "warning", "info": "info"}.get(payload["severity"], "failure")


_SENDERS = {
    "apprise": _send_apprise,
    "webhook": _send_webhook,
    "command": _send_command,
    "file": _send_file,
}

if __name__ == "__main__":
    sys.exit(main())
