"""A queue with alerts over it, for tests: what happened is written, then somebody looks."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from queue_lab import Lab
from sqlalchemy import text

from rediacc.alerts import reading
from rediacc.alerts.delivery import Deliverer
from rediacc.alerts.service import place_of, watch_for
from rediacc.alerts.watch import Scope
from rediacc.errors import NotFound
from rediacc.requests import AlertFilter, DeliveryFilter
from rediacc.settings import Settings, TeamSettings
from rediacc.settings.alerts import AlertLimits, AlertSettings, Channel
from rediacc.storage.engine import Database
from rediacc.times import micros, utc_now
from rediacc.values import MachineOutcome, MachineResult, RetryPolicy
from rediacc.views import AlertDetail, AlertView, DeliveryView

__all__ = ["AlertLab", "Vault"]


class Vault:
    """Secrets by team and name, as a team's vault holds them."""

    def __init__(self, secrets: Mapping[tuple[str, str], str]) -> None:
        self._secrets = secrets

    def secret(self, team: str, name: str) -> str:
        if (team, name) not in self._secrets:
            raise NotFound(f"team {team} has no secret {name}")
        return self._secrets[team, name]


class AlertLab(Lab):
    """A lab whose time is the present, because alerts go by the clock."""

    def __init__(self, database: Database, home: Path, alerts: AlertSettings) -> None:
        super().__init__(database, now=micros(utc_now()))
        self.home = home
        self.settings = self.with_alerts(alerts)

    @staticmethod
    def quick(**channels: Channel) -> AlertSettings:
        """Return settings without pauses; nothing is sent unless a test delivers."""
        limits = AlertLimits(update_every=0.0, no_worker=0.0, unreachable_for=0.0, busy_for=0.0)
        named = channels or {"log": Channel(name="log", kind="file", target="alerts.jsonl")}
        return AlertSettings(
            limits=limits, channels=named, gather=0.0, clear_after=0.0, retry_after=60.0
        )

    def with_alerts(self, alerts: AlertSettings) -> Settings:
        teams = {name: TeamSettings(name=name, inventory=name) for name in ("prod", "dev")}
        (self.home / ".rediacc").mkdir(exist_ok=True)
        return Settings(
            home=self.home,
            teams=teams,
            database_url=self.database.url,
            alerts=alerts,
            level_limits={1: 60, 2: 600, 3: 1800, 4: 7200, 5: 28800},
        )

    def fail(
        self,
        *machines: str,
        outcome: MachineOutcome = MachineOutcome.FAILED,
        said: str = "",
        policy: RetryPolicy | None = None,
        **fields: Any,
    ) -> int:
        """Have a task fail on its machines, saying `said`."""
        return self._end(machines, outcome, said=said, policy=policy, **fields)

    def succeed(self, *machines: str, **fields: Any) -> int:
        """Have a task succeed."""
        return self._end(machines, MachineOutcome.OK, **fields)

    def _end(
        self, machines: Sequence[str], outcome: MachineOutcome, *, said: str = "", **fields: Any
    ) -> int:
        self.now = micros(utc_now())
        task = self.submit(*machines, **fields)
        assert task in self.claim_ids()
        self.start(task)
        rc = 0 if outcome is MachineOutcome.OK else 2
        results = [
            MachineResult(
                machine=name,
                outcome=outcome,
                rc=None if outcome is MachineOutcome.UNREACHABLE else rc,
                stderr=said,
            )
            for name in machines
        ]
        self.now = micros(utc_now())
        self.settle(task, *results)
        return task

    def look(self, scope: Scope = Scope.ALL) -> None:
        """Look at everything, as a worker or a command does."""
        watch_for(self.database, self.settings).look(scope)

    def alerts(self, *, resolved: bool = False) -> tuple[AlertView, ...]:
        with self.database.read() as connection:
            wanted = AlertFilter(resolved=resolved, limit=1000)
            return reading.list_alerts(connection, wanted, teams=None)

    def alert(self, rule: str) -> AlertDetail:
        """Return the one alert of a rule, open or not."""
        found = [one for one in self.alerts(resolved=True) if one.rule == rule]
        assert len(found) == 1, f"{rule}: {[one.title for one in self.alerts(resolved=True)]}"
        with self.database.read() as connection:
            return reading.alert_detail(connection, found[0].id, now=self.now)

    def open_rules(self) -> set[str]:
        return {str(one.rule) for one in self.alerts()}

    def deliveries(self) -> tuple[DeliveryView, ...]:
        """Return the messages, oldest first."""
        with self.database.read() as connection:
            found = reading.list_deliveries(connection, DeliveryFilter(limit=1000), teams=None)
        return tuple(reversed(found))

    def payloads(self) -> list[dict[str, Any]]:
        rows = self.query("SELECT payload FROM delivery ORDER BY id")
        return [json.loads(row.payload) for row in rows]

    def deliverer(self, vault: Vault | None = None, **environment: str) -> Deliverer:

        kept = {
            name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ
        }
        return Deliverer(
            self.database,
            self.settings,
            place=place_of(self.settings),
            secrets=vault or Vault({}),
            environment={**kept, **environment},
        )

    def deliver(self, vault: Vault | None = None, **environment: str) -> None:
        """Send all that is due."""
        deliverer = self.deliverer(vault, **environment)
        deliverer.finish(seconds_to_wait=60)
        assert deliverer.errors == []

    def write(self, sql: str, **values: Any) -> None:
        """Change a table, as the rest of the program or somebody with an editor would."""
        with self.database.write() as connection:
            connection.execute(text(sql), values)
