"""The text of the worker's systemd unit. Pure.

``KillMode=process``: runs live in supervisors of their own inside the unit's control group. A stop
ends the worker alone; the runs go on, and the worker that is started next adopts them. The same
holds for systemd's restart after a crash.

What hardening is left out, and why: every setting that implies ``NoNewPrivileges`` (systemd.exec(5)
lists them) would break plays that become another user on this host; ``PrivateTmp`` would hide from
a new worker what an older run keeps in /tmp; ``ProtectSystem`` would break plays that manage this
host.
"""

from __future__ import annotations

import hashlib
import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

__all__ = ["UnitPlan", "is_edited", "is_ours", "render_unit", "service_path", "unit_name"]

_STANDARD_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

_HEAD = "# Written by rediacc ('rediacc service install'). For changes of your own: systemctl edit"
_DIGEST = re.compile(r"^# sha256 of what follows: ([0-9a-f]{64})$", re.MULTILINE)
_NOT_PLAIN = re.compile(r"[^a-z0-9]+")
# Settings, access, or the home itself are wrong: trying again would not help.
_HOPELESS = "2 3 4 5"


@dataclass(frozen=True, kw_only=True)
class UnitPlan:
    """What a unit is to say.

    :param account: who it runs as; a user's own unit says nothing about it.
    :param command: the worker's words.
    :param environment: variables that it gets beside those of systemd.
    :param stop_seconds: how long a stop may take before systemd kills the worker.
    """

    home: Path
    account: str
    is_system: bool
    command: tuple[str, ...]
    environment: tuple[tuple[str, str], ...]
    stop_seconds: int


def service_path(environment: Mapping[str, str], *, is_system: bool) -> str:
    """Return the PATH that the service gets: an account's own unit keeps the account's."""
    own = Path(sys.executable).parent
    rest = _STANDARD_PATH if is_system else environment.get("PATH", _STANDARD_PATH)
    return f"{own}{os.pathsep}{rest}"


def unit_name(home: Path, home_id: str) -> str:
    """Return a unit's name that is the home's own on this host, and that a person recognises."""
    slug = _NOT_PLAIN.sub("-", home.name.lower()).strip("-")[:40] or "home"
    return f"rediacc-{slug}-{home_id[:6]}.service"


def render_unit(plan: UnitPlan) -> str:
    """Return the unit's text, with a digest that tells later whether somebody edited it."""
    body = "\n".join((*_unit_section(plan), "", *_service_section(plan), "", *_install(plan), ""))
    digest = hashlib.sha256(body.encode()).hexdigest()
    return f"{_HEAD}\n# sha256 of what follows: {digest}\n{body}"


def is_ours(text: str) -> bool:
    """Whether a unit's text was written here, edited since or not."""
    return text.startswith(_HEAD)


def is_edited(text: str) -> bool:
    """Whether a unit's text is not as it was written."""
    found = _DIGEST.search(text)
    if not is_ours(text) or found is None:
        return True
    body = text[found.end() + 1 :]
    return hashlib.sha256(body.encode()).hexdigest() != found[1]


def _unit_section(plan: UnitPlan) -> list[str]:
    lines = ["[Unit]", f"Description=rediacc worker of {_specifiers(str(plan.home))}"]
    if plan.is_system:
        lines += ["Wants=network-online.target", "After=network-online.target"]
    return [*lines, "StartLimitIntervalSec=300", "StartLimitBurst=10"]


def _service_section(plan: UnitPlan) -> list[str]:
    lines = ["[Service]", "Type=exec"]
    if plan.is_system:
        lines.append(f"User={plan.account}")
    return [
        *lines,
        f"WorkingDirectory={_specifiers(str(plan.home))}",
        *(f"Environment={_quoted(f'{name}={value}')}" for name, value in plan.environment),
        f"ExecStart={' '.join(_quoted(word, is_command=True) for word in plan.command)}",
        "# The worker alone is stopped: its runs go on and are adopted by the next worker.",
        "KillMode=process",
        f"TimeoutStopSec={plan.stop_seconds}",
        "Restart=on-failure",
        "RestartSec=5",
        f"RestartPreventExitStatus={_HOPELESS}",
        "OOMPolicy=continue",
        "UMask=0077",
        "LimitCORE=0",
        *(("ProtectControlGroups=yes",) if plan.is_system else ()),
    ]


def _install(plan: UnitPlan) -> list[str]:
    return ["[Install]", f"WantedBy={'multi-user' if plan.is_system else 'default'}.target"]


def _specifiers(text: str) -> str:
    return text.replace("%", "%%")


def _quoted(text: str, *, is_command: bool = False) -> str:
    """Return `text` as one word of systemd's, which reads ``%``, ``\\``, quotes and ``$``."""
    escaped = _specifiers(text).replace("\\", "\\\\").replace('"', '\\"')
    if is_command:
        escaped = escaped.replace("$", "$$")
    return f'"{escaped}"'
