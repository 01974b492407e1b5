"""A home with the team prod, whose spool holds what plays by hand left, or somebody made up."""

from __future__ import annotations

import fcntl
import json
import os
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from queue_lab import Lab

from rediacc.history.ledger import OwnLedger
from rediacc.history.recording import Brought, bring_in
from rediacc.history.spool import Spool
from rediacc.settings import Settings, TeamSettings

__all__ = ["PlayLab", "header", "result", "stats"]

START = "2026-01-01T10:00:00.000000+00:00"
END = "2026-01-01T10:00:09.000000+00:00"


def header(home: Path | str, **fields: Any) -> dict[str, Any]:
    """Return the first record of a play of prod."""
    return {
        "type": "spool",
        "at": START,
        "playbooks": [f"{home}/site.yml"],
        "inventory": [f"{home}/inventories/prod"],
        "options": {"check": True, "tags": ["web"]},
        "limit": "web*",
        "extra_variables": ["version"],
        "host": "desk",
        **fields,
    }


def result(host: str = "web1", status: str = "changed", **fields: Any) -> dict[str, Any]:
    """Return the record of an Ansible task's end on a machine."""
    return {
        "type": "result",
        "at": START,
        "seq": 3,
        "host": host,
        "status": status,
        "play": "the site",
        "task": "install",
        "action": "ansible.builtin.apt",
        "path": "/site.yml:3",
        "started_at": START,
        "ended_at": END,
        "rc": 0,
        "message": "done",
        **fields,
    }


def stats(**hosts: dict[str, Any]) -> dict[str, Any]:
    """Return the record of a play's end."""
    return {"type": "stats", "at": END, "hosts": hosts}


@dataclass
class PlayLab(Lab):
    """The home and its database."""

    home: Path = Path("/nowhere")

    @property
    def settings(self) -> Settings:
        return Settings(
            home=self.home,
            teams={"prod": TeamSettings(name="prod", inventory="inventories/prod")},
            database_url=self.database.url,
        )

    @property
    def spool(self) -> Spool:
        return Spool(self.home / ".rediacc" / "spool")

    def path(self, spool_id: str, ending: str = "jsonl") -> Path:
        """Return a play's file."""
        return self.home / ".rediacc" / "spool" / f"{spool_id}.{ending}"

    def leave(self, records: Sequence[Any], *, spool_id: str = "") -> str:
        """Leave a file with these records; return its id."""
        spool_id = spool_id or str(uuid.uuid4())
        lines = (json.dumps(record | {"nonce": spool_id}) for record in records)
        self.path(spool_id).write_text("".join(f"{line}\n" for line in lines))
        return spool_id

    def whole(self, *records: Any, **header_fields: Any) -> list[Any]:
        """Return the records of a play that ended well on web1."""
        middle = records or (result(),)
        end = (stats(web1={"ok": 1, "changed": 1}), {"type": "exit", "at": END})
        return [header(self.home, **header_fields), *middle, *end]

    def bring(self, spool_id: str, *, is_strict: bool = False) -> Brought | None:
        """Bring a file in."""
        return bring_in(
            self.spool,
            spool_id,
            OwnLedger(database=self.database, settings=self.settings, channel="worker"),
            database=self.database,
            settings=self.settings,
            environment={"PATH": os.defpath},
            is_strict=is_strict,
        )

    def hold(self, spool_id: str) -> int:
        """Hold a file's lock as a play that goes on; return the descriptor."""
        descriptor = os.open(self.path(spool_id), os.O_RDWR)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        return descriptor
