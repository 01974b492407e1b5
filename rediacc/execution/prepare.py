"""From an attempt to a run directory that a supervisor can start. Nothing here reaches a machine.

The user's Ansible stays the user's: its programs, its configuration, its inventory. Only what a
run needs beside is set, in the run's own environment: where our collection lies, that our
results callback is on beside the user's, a private place for temporary files, and strict host
keys unless the repository's own files say otherwise.
"""

from __future__ import annotations

import json
import secrets
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rediacc.errors import PreparationFailed, RediaccError
from rediacc.execution.credentials import login_variables, write_learned, write_secrets
from rediacc.execution.plays import generate_play
from rediacc.execution.rundir import RunDirectory
from rediacc.execution.work import Work
from rediacc.settings import Settings
from rediacc.teams.ansible_command import (
    Configuration,
    locate_ansible,
    read_configuration,
    run_environment,
)
from rediacc.teams.collection import collections_root
from rediacc.teams.inventory import (
    Inventory,
    other_teams_addresses,
    read_inventory,
    slice_inventory,
)
from rediacc.teams.patterns import resolve_patterns
from rediacc.teams.playbooks import playbook_fingerprint, resolve_playbook
from rediacc.teams.vaults.agent import socket_path
from rediacc.teams.vaults.client import vault_arguments
from rediacc.values import AnsibleOptions, Kind, Reason

__all__ = ["RunSpec", "ansible_environment", "prepare"]

# A command's own limit holds on the machine; the supervisor's comes after it, for the case that
# the machine does not answer any more.
_DEADLINE_SLACK_SECONDS = 15.0


@dataclass(frozen=True, kw_only=True)
class RunSpec:
    """What the supervisor needs to run and, if need be, to stop a run.

    :param arguments: of ``ansible-playbook``, without inventory, limit and playbook.
    :param stop_arguments: the same for the play that ends what the run left on machines.
    :param machines: where something of the run may be running.
    :param becomes_itself: whether what runs may become another user though the task did not ask.
    :param is_generated: whether the play is ours, whose time limits mean that nothing stays.
    :param agent: where the run's own ssh-agent listens; ``None`` for a run without one. Its key
        comes to the supervisor by standard input.
    """

    run_id: str
    nonce: str
    home: str
    playbook: str
    inventory: str
    limit: str | None
    arguments: str
    stop_arguments: str
    machines: tuple[str, ...]
    verbosity: int
    become_used: bool
    becomes_itself: bool
    is_generated: bool
    deadline_seconds: float | None
    grace_seconds: float
    environment: Mapping[str, str]
    agent: str | None = None


def prepare(
    work: Work,
    directory: RunDirectory,
    *,
    run_id: str,
    settings: Settings,
    environment: Mapping[str, str],
    key: str | None = None,
) -> RunSpec:
    """Fill `directory` for `work` and return the run's specification.

    :param key: the private key that the run's own ssh-agent will hold; it is written nowhere.
    :raises PreparationFailed: it cannot run as asked: targets, inventory, playbook, options.
    """
    try:
        inventory = read_inventory(settings, work.team, environment=environment)
        _check_targets(work, inventory, settings=settings, environment=environment)
        _check_names(work, inventory)
        return _Preparation(
            work,
            directory,
            inventory,
            run_id=run_id,
            settings=settings,
            environment=environment,
            key=key,
        ).write()
    except PreparationFailed:
        raise
    except RediaccError as exc:
        raise PreparationFailed(exc.message, reason=Reason.CONFIG, hint=exc.hint) from exc


def ansible_environment(
    directory: RunDirectory,
    *,
    run_id: str,
    nonce: str,
    configuration: Configuration,
    installation_directory: Path,
    environment: Mapping[str, str],
) -> dict[str, str]:
    """Return the environment of a run: the user's allow-listed one and what rediacc adds."""
    collections = [str(collections_root(directory.path.parent)), *configuration.collections_paths]
    added = {
        "PATH": f"{installation_directory}:{environment.get('PATH', '/usr/bin:/bin')}",
        "ANSIBLE_COLLECTIONS_PATH": ":".join(collections),
        "ANSIBLE_CALLBACKS_ENABLED": ",".join(
            [*configuration.callbacks_enabled, "rediacc.core.results"]
        ),
        "ANSIBLE_LOCAL_TEMP": str(directory.path / "tmp"),
        "REDIACC_RECORDS": str(directory.records),
        "REDIACC_NONCE": nonce,
        "REDIACC_RUN": run_id,
        "REDIACC_DENY": str(directory.path / "deny.json"),
    }
    if configuration.host_key_checking:
        added["ANSIBLE_HOST_KEY_CHECKING"] = "True"
    if configuration.pipelining is None:
        added["ANSIBLE_PIPELINING"] = "True"
    return {**environment, **added}


def _check_targets(
    work: Work, inventory: Inventory, *, settings: Settings, environment: Mapping[str, str]
) -> None:
    """Refuse when the task would now reach machines that it was not shown to target."""
    if work.kind is Kind.PLAYBOOK:
        present = playbook_fingerprint(settings, work.team, work.text, environment=environment)
        if present and present == work.fingerprint:
            return  # what its plays mean cannot have changed, and the limit holds them anyway
        resolved = resolve_playbook(
            settings,
            work.team,
            playbook=work.text,
            options=work.options,
            limit=work.limit,
            extra_vars_files=(),
            environment=environment,
        ).machines
    else:
        missing = [name for name in work.machines if name not in inventory.hosts]
        missing = [name for name in missing if name != "localhost"]
        if missing:
            raise PreparationFailed(
                f"{', '.join(missing[:5])}: no longer in team {work.team}'s inventory",
                reason=Reason.TARGETS_CHANGED,
            )
        if not work.patterns:
            return
        resolved = resolve_patterns(inventory, work.patterns, limit=work.limit)
    wider = [name for name in resolved if name not in set(work.shown_machines)]
    if wider:
        raise PreparationFailed(
            f"the target now also means {', '.join(wider[:5])}, which the task was not shown "
            "to target when it was accepted",
            reason=Reason.TARGETS_CHANGED,
            hint="create the task again",
        )


def _check_names(work: Work, inventory: Inventory) -> None:
    """Refuse names that Ansible would take for more than themselves in plays and limits.

    An inventory may name a machine ``!web``, which as a pattern means all machines but web.
    """
    for name in work.machines:
        if name in inventory.hosts and resolve_patterns(inventory, [name]) != (name,):
            raise PreparationFailed(
                f"the machine name {name!r} is a host pattern that means other machines",
                reason=Reason.CONFIG,
                hint="give it another name in the inventory",
            )


class _Preparation:
    """Writes the files of one run."""

    def __init__(
        self,
        work: Work,
        directory: RunDirectory,
        inventory: Inventory,
        *,
        run_id: str,
        settings: Settings,
        environment: Mapping[str, str],
        key: str | None,
    ) -> None:
        self._work = work
        self._directory = directory
        self._inventory = inventory
        self._run_id = run_id
        self._settings = settings
        self._environment = environment
        self._key = key

    def write(self) -> RunSpec:
        work, settings = self._work, self._settings
        installation = locate_ansible(settings, self._environment)
        configuration = read_configuration(settings, installation, self._environment)
        nonce = secrets.token_hex(16)
        self._write_denied()
        inventory, limit = self._write_inventory()
        arguments = self._write_arguments(work.options)
        timeout = work.timeout_seconds
        slack = 0.0 if work.kind is Kind.PLAYBOOK else _DEADLINE_SLACK_SECONDS
        return RunSpec(
            run_id=self._run_id,
            nonce=nonce,
            home=str(settings.home),
            playbook=self._write_playbook(),
            inventory=inventory,
            limit=limit,
            arguments=arguments,
            stop_arguments=_join([*self._vault(), *_connection_arguments(work.options)]),
            machines=work.machines,
            verbosity=work.options.verbosity,
            become_used=work.options.become,
            becomes_itself=work.kind.becomes_itself,
            is_generated=work.kind is not Kind.PLAYBOOK,
            deadline_seconds=None if timeout is None else timeout + slack,
            grace_seconds=settings.stop_grace_seconds,
            environment=ansible_environment(
                self._directory,
                run_id=self._run_id,
                nonce=nonce,
                configuration=configuration,
                installation_directory=installation.directory,
                environment=run_environment(settings, self._environment),
            )
            | self._login(),
            agent=None
            if self._key is None
            else str(socket_path(self._directory.path, self._run_id)),
        )

    def _vault(self) -> tuple[str, ...]:
        return vault_arguments(self._settings, self._work.team)

    def _login(self) -> dict[str, str]:
        """Return the variables of a run that logs in with a key from the vault."""
        if self._key is None:
            return {}
        team, settings = self._work.team, self._settings
        learned = write_learned(
            self._key, self._directory, team, settings=settings, environment=self._environment
        )
        variables = login_variables(self._directory, self._run_id, team, settings=settings)
        return {**variables, "REDIACC_LEARN": str(learned)}

    def _write_denied(self) -> None:
        denied = other_teams_addresses(
            self._settings, self._work.team, environment=self._environment
        )
        self._directory.write_json("deny.json", list(denied))

    def _write_inventory(self) -> tuple[str, str | None]:
        """Return what ``-i`` names, and the ``--limit`` that holds the run to its machines.

        A text that is a template may speak of any machine: it gets the whole inventory.
        """
        if self._work.kind is not Kind.PLAYBOOK and not self._work.options.template:
            part = slice_inventory(self._inventory, self._work.machines)
            if part is not None:
                return str(self._directory.write_json("inventory.json", part)), None
        lines = "".join(f"{name}\n" for name in self._work.machines)
        limit = self._directory.write("limit", lines)
        return self._inventory.source, f"@{limit}"

    def _write_playbook(self) -> str:
        work = self._work
        if work.kind is Kind.PLAYBOOK:
            return work.text
        settings = self._settings
        play = generate_play(
            work,
            marker=self._run_id,
            head_bytes=settings.output_head_bytes,
            tail_bytes=settings.output_tail_bytes,
            secrets=write_secrets(
                work, self._directory, settings=settings, environment=self._environment
            ),
        )
        return str(self._directory.write("play.yml", play))

    def _write_arguments(self, options: AnsibleOptions) -> str:
        arguments = [*self._vault(), *_connection_arguments(options)]
        for flag, given in (("--check", options.check), ("--diff", options.diff)):
            arguments += [flag] if given else []
        if options.tags:
            arguments += ["--tags=" + ",".join(options.tags)]
        if options.skip_tags:
            arguments += ["--skip-tags=" + ",".join(options.skip_tags)]
        if options.start_at_task is not None:
            arguments += [f"--start-at-task={options.start_at_task}"]
        for number, variables in enumerate(options.extra_vars):
            path = variables.file
            if path is None:
                name = f"vars-{number}.json"
                path = str(self._directory.write_json(name, dict(variables.values or {})))
            arguments += ["-e", f"@{path}"]
        return _join(arguments)


def _connection_arguments(options: AnsibleOptions) -> list[str]:
    arguments: list[str] = []
    for name, value in (
        ("--forks", options.forks),
        ("--user", options.remote_user),
        ("--become-method", options.become_method),
        ("--become-user", options.become_user),
    ):
        if value is not None:
            arguments += [f"{name}={value}"]
    return arguments + (["--become"] if options.become else [])


def _join(arguments: Sequence[str]) -> str:
    return shlex.join(arguments)


def spec_to_json(spec: RunSpec) -> str:
    """Return `spec` as JSON, for the run directory."""
    return json.dumps({**spec.__dict__, "environment": dict(spec.environment)})
