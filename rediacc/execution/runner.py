"""The one door to ansible-runner.

ansible-runner starts Ansible and waits for it. What it would change of the user's set-up is
undone: its own stdout callback and callback path, retry files, fact cache, and
``ANSIBLE_HOST_KEY_CHECKING=False`` (``ansible_runner/config/_base.py``, ``prepare_env``). Ansible's
output goes straight to the run's files; results come from our callback, never from events in the
output, which a machine could forge.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible_runner import Runner, RunnerConfig

from rediacc.execution.rundir import RunDirectory

__all__ = ["AnsibleCall", "run_ansible"]


@dataclass(frozen=True, kw_only=True)
class AnsibleCall:
    """One call of ``ansible-playbook``."""

    private_directory: Path
    ident: str
    home: str
    playbook: str
    inventory: str
    limit: str | None
    arguments: str
    verbosity: int
    environment: Mapping[str, str]
    stdout: Path

    @classmethod
    def of_spec(cls, directory: RunDirectory, spec: Mapping[str, Any]) -> AnsibleCall:
        """Return the call that a run's specification asks for."""
        return cls(
            private_directory=directory.path,
            ident="run",
            home=spec["home"],
            playbook=spec["playbook"],
            inventory=spec["inventory"],
            limit=spec["limit"],
            arguments=spec["arguments"],
            verbosity=spec["verbosity"],
            environment=spec["environment"],
            stdout=directory.stdout,
        )


def run_ansible(call: AnsibleCall) -> int:
    """Run Ansible to its end and return its exit status; nothing decides by it alone."""
    config = RunnerConfig(
        private_data_dir=str(call.private_directory),
        project_dir=call.home,
        ident=call.ident,
        playbook=call.playbook,
        inventory=call.inventory,
        limit=call.limit,
        cmdline=call.arguments or None,
        verbosity=call.verbosity or None,
        suppress_output_file=True,
        suppress_env_files=True,
    )
    config.prepare()
    config.env = dict(call.environment)
    config.runner_mode = "subprocess"
    flags = os.O_CREAT | os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC
    output = os.open(call.stdout, flags, 0o600)
    nothing = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
    try:
        config.input_fd, config.output_fd, config.error_fd = nothing, output, output
        _status, rc = Runner(config=config).run()
    finally:
        os.close(output)
        os.close(nothing)
    return int(rc)
