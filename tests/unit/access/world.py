"""A home with the teams prod and staging, and people with every role in it."""

from __future__ import annotations

import hashlib
import itertools
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sqlalchemy import text

from rediacc import requests
from rediacc.access.identity import caller_of_process
from rediacc.operations.homes import initialise_home
from rediacc.operations.office import Office
from rediacc.settings import load_settings
from rediacc.storage.engine import Database, open_database
from rediacc.values import Kind

__all__ = ["World"]

# What an answer to somebody who is no member of prod must not hold.
SECRET_WORDS = ("prod", "web1")


class World:
    """The home, and the ways to ask for something in it."""

    def __init__(self, home: Path, *, account: Path) -> None:
        self.home = home
        self.environment = {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "HOME": str(account),
            "XDG_RUNTIME_DIR": str(account),
        }
        initialise_home(requests.InitRequest(directory=str(home)), environment=self.environment)
        settings = load_settings(home, environment=self.environment)
        self.database: Database = open_database(settings.database_url)
        self._tokens: dict[str, str] = {}
        self._numbers = itertools.count(1)
        self._spare_machine = self._spare_team = ""
        self.known_hosts = account / "known_hosts"
        known = f"-o UserKnownHostsFile={self.known_hosts}"
        for team, machine in (("prod", "web1"), ("staging", "db1")):
            self.owner("team.create", requests.TeamCreate(name=team, ssh="user"))
            self.owner(
                "machine.create",
                requests.MachineCreate(
                    name=machine,
                    team=team,
                    host="127.0.0.1",
                    port=1,
                    variables={"ansible_ssh_common_args": known},
                ),
            )
        # Something that lists must not show to who is no member of prod.
        self.task()

    def close(self) -> None:
        self.database.close()

    # -- who asks

    def office(self, *, token: str | None = None, **environment: str) -> Office:
        """Return the door as the next process would open it."""
        given = {**self.environment, **environment}
        if token is not None:
            given["REDIACC_TOKEN"] = token
        return Office(
            settings=load_settings(self.home, environment=given),
            database=self.database,
            environment=given,
            caller=caller_of_process("cli", given),
        )

    def owner(self, operation: str, request: Any) -> Any:
        """Perform as the account that owns the home."""
        return self.office().perform(operation, request)

    def member(self, *, home_role: str = "", teams: Mapping[str, str] | None = None) -> Office:
        """Return the door of a token with these roles."""
        roles = dict(teams or {})
        key = f"{home_role} {roles}"
        if key not in self._tokens:
            name = self.fresh("person")
            made = self.owner(
                "member.create",
                requests.MemberCreate(name=name, role="auditor", token=True),
            )
            self._tokens[key] = made.token
            with self.database.write() as connection:
                connection.execute(
                    text("UPDATE member SET home_role = :role, teams = :teams WHERE name = :name"),
                    {"role": home_role, "teams": _json(roles), "name": name},
                )
        return self.office(token=self._tokens[key])

    # -- what requests are about

    def fresh(self, prefix: str) -> str:
        """Return a name that nothing has yet."""
        return f"{prefix}{next(self._numbers)}"

    def machine(self) -> str:
        """Return the name of a machine of prod that may be deleted."""
        files = (self.home / "inventories" / "prod").rglob("*")
        text_of = "".join(path.read_text() for path in files if path.is_file())
        if not self._spare_machine or f"{self._spare_machine}:" not in text_of:
            self._spare_machine = self.fresh("web1-")
            request = requests.MachineCreate(name=self._spare_machine, team="prod")
            self.owner("machine.create", request)
        return self._spare_machine

    def team(self) -> str:
        """Return the name of a team without work that may be deleted."""
        if self._spare_team not in self.office().settings.teams:
            self._spare_team = self.fresh("spare")
            self.owner("team.create", requests.TeamCreate(name=self._spare_team, ssh="user"))
        return self._spare_team

    def task(self, *, state: int | None = None) -> str:
        """Queue a task in prod and return its number."""
        request = requests.TaskRequest(
            kind=Kind.COMMAND, text="true", machines=("web1",), team="prod"
        )
        number = self.owner("task.create", request).task.id
        if state is not None:
            with self.database.write() as connection:
                values = {"state": state, "id": number}
                connection.execute(text("UPDATE task SET state = :state WHERE id = :id"), values)
        return str(number)

    def database_has(self, table: str, name: str) -> bool:
        """Say whether a table has a row of this name."""
        query = text(f"SELECT count(*) FROM {table} WHERE name = :name")
        with self.database.read() as connection:
            return bool(connection.execute(query, {"name": name}).scalar_one())

    # -- what is left

    def entries(self, operation: str) -> list[Any]:
        """Return the audit's entries of an operation."""
        query = text("SELECT * FROM audit WHERE operation = :name ORDER BY seq")
        with self.database.read() as connection:
            return list(connection.execute(query, {"name": operation}).all())

    def picture(self) -> dict[str, Any]:
        """Return all that an operation could change, but the audit and what only readers note."""
        found: dict[str, Any] = {}
        with self.database.read() as connection:
            tables = connection.execute(
                text("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
            ).scalars()
            for table in tables.all():
                if table in ("audit", "sqlite_sequence"):
                    continue
                rows = connection.execute(text(f'SELECT * FROM "{table}"')).mappings().all()
                left_out = ("used_at",) if table == "member" else ()
                found[table] = [
                    {name: value for name, value in row.items() if name not in left_out}
                    for row in rows
                ]
        for path in sorted(self.home.rglob("*")):
            inside = path.relative_to(self.home)
            if path.is_file() and inside.parts[0] != ".rediacc":
                found[str(inside)] = hashlib.sha256(path.read_bytes()).hexdigest()
        return found


def _json(value: Any) -> str:
    import json

    return json.dumps(value)
