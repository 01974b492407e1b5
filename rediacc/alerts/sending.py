"""Sending messages through one channel, in a process of its own that cannot hang anybody else."""

from __future__ import annotations

import contextlib
import json
import os
import re
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import rediacc
from rediacc.alerts.messages import as_text, harmless
from rediacc.errors import RediaccError
from rediacc.settings.alerts import Channel

__all__ = ["Answer", "Secrets", "send"]

# Importing Apprise on a busy machine takes its time; it is no fault of the receiver.
_START_SECONDS = 20.0
_PASSED = (
    "PATH",
    "HOME",
    "LANG",
    "LC_ALL",
    "TZ",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "REQUESTS_CA_BUNDLE",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
)
_SHORTEST_SECRET = 6


class Secrets(Protocol):
    """Where channels' URLs and keys come from: a team's vault."""

    def secret(self, team: str, name: str) -> str:
        """Return the value of secret `name` of `team`.

        :raises RediaccError: there is none, or the vault cannot be opened.
        """
        raise NotImplementedError


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What became of one message.

    :param is_tried: false where an earlier message kept the channel busy until its end.
    """

    key: str
    is_sent: bool
    words: str
    is_tried: bool = True


def send(
    channel: Channel,
    payloads: Sequence[Mapping[str, Any]],
    *,
    team: str,
    secrets: Secrets,
    home: Path,
    environment: Mapping[str, str],
) -> Iterator[Answer]:
    """Send messages one after another; yield for each, as soon as it is known, what became of it.

    :param team: whose vault holds the channel's secret where the channel does not say.
    """
    keys = [str(payload["id"]) for payload in payloads]
    try:
        secret = _secret_of(channel, team, secrets)
        order = _order(channel, payloads, secret=secret, home=home, environment=environment)
        process = _start(environment)
    except (RediaccError, OSError) as exc:
        words = exc.message if isinstance(exc, RediaccError) else f"cannot start: {exc}"
        yield from (Answer(key=key, is_sent=False, words=harmless(words)) for key in keys)
        return
    left = list(keys)
    try:
        for answer in _answers(process, order, channel.timeout):
            if answer["key"] in left:
                left.remove(answer["key"])
                yield Answer(
                    key=answer["key"],
                    is_sent=answer["ok"],
                    words=harmless(_without(answer["answer"], secret)),
                )
    finally:
        _end(process)
    for number, key in enumerate(left):
        words = f"no answer within {channel.timeout:g} s" if number == 0 else "not tried"
        yield Answer(key=key, is_sent=False, words=words, is_tried=number == 0)


def _secret_of(channel: Channel, team: str, secrets: Secrets) -> str:
    if channel.secret is None:
        return ""
    owner = channel.vault or team
    if not owner:
        raise RediaccError(
            f"channel {channel.name} names a secret and no team whose vault holds it: "
            f'say vault = "TEAM" in alerts.channels.{channel.name}'
        )
    return secrets.secret(owner, channel.secret)


def _order(
    channel: Channel,
    payloads: Sequence[Mapping[str, Any]],
    *,
    secret: str,
    home: Path,
    environment: Mapping[str, str],
) -> bytes:
    target = channel.target
    if channel.kind == "file":
        target = str(home / Path(target).expanduser())
    named = (*_PASSED, *channel.pass_environment)
    order = {
        "kind": channel.kind,
        "target": target,
        "command": list(channel.command),
        "secret": secret,
        "timeout": channel.timeout,
        "directory": str(home),
        "environment": {name: environment[name] for name in named if name in environment},
        "messages": [
            {"key": payload["id"], "payload": payload, "text": as_text(payload)}
            for payload in payloads
        ],
    }
    return json.dumps(order).encode()


def _start(environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    """Start the sender: its order, with the secret in it, comes over a pipe and nowhere else."""
    root = str(Path(rediacc.__file__).resolve().parent.parent)
    code = (
        f"import sys; sys.path.append({root!r}); "
        "from rediacc.alerts.child import main; sys.exit(main())"
    )
    passed = {name: environment[name] for name in _PASSED if name in environment}
    if "LD_LIBRARY_PATH" in environment:  # where this Python itself needs it
        passed["LD_LIBRARY_PATH"] = environment["LD_LIBRARY_PATH"]
    return subprocess.Popen(
        [sys.executable, "-P", "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=passed,
        cwd="/",
        start_new_session=True,
    )


def _answers(
    process: subprocess.Popen[bytes], order: bytes, timeout: float
) -> Iterator[dict[str, Any]]:
    """Yield the sender's lines; end when it ends, or when one takes too long."""
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        process.stdin.write(order)
        process.stdin.close()
    except BrokenPipeError:
        return
    buffer = b""
    deadline = time.monotonic() + _START_SECONDS + timeout
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while (left := deadline - time.monotonic()) > 0:
            if not selector.select(left):
                return
            piece = os.read(process.stdout.fileno(), 65536)
            if not piece:
                return
            *lines, buffer = (buffer + piece).split(b"\n")
            yield from (json.loads(line) for line in lines)
            if lines:
                deadline = time.monotonic() + timeout + 5.0


def _end(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            stream.close()


def _without(words: str, secret: str) -> str:
    """Return what a receiver said without any part of the URL or key that got us there."""
    parts = {secret, *re.split(r"[/:@?&=#+]", secret)}
    for part in sorted(parts, key=len, reverse=True):
        if len(part) >= _SHORTEST_SECRET:
            words = words.replace(part, "********")
    return words
