"""Jobs of pipelines, run from their own files as runners run them: GitHub's and GitLab's."""

from __future__ import annotations

import re
import shlex
import signal
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from runners import read_outputs

__all__ = ["GitHubJob", "GitLabJob", "Step"]

_EXPRESSION = re.compile(r"\$\{\{(.*?)\}\}", re.DOTALL)
_SECONDS = 180


@dataclass
class Step:
    """How one step ended."""

    name: str
    rc: int
    log: str
    outputs: dict[str, str] = field(default_factory=dict)


class GitHubJob:
    """Runs the steps of a job, and those of the composite actions that it uses.

    :param workspace: the job's directory, where local actions lie, too.
    :param contexts: what expressions may name beside inputs and outputs: ``github``, ``secrets``.
    """

    def __init__(
        self, workspace: Path, environment: Mapping[str, str], contexts: Mapping[str, Any]
    ) -> None:
        self.workspace = workspace
        self._files = Path(tempfile.mkdtemp(dir=workspace.parent))
        self.environment = {
            **environment,
            "CI": "true",
            "GITHUB_ACTIONS": "true",
            "GITHUB_WORKSPACE": str(workspace),
        }
        self._contexts = dict(contexts)
        self.steps: list[Step] = []
        self.on_start: Callable[[subprocess.Popen[bytes]], None] | None = None

    def run(self, workflow: Path, name: str) -> list[Step]:
        """Run a job of a workflow."""
        text = yaml.safe_load(workflow.read_text())
        job = text["jobs"][name]
        scope = {**self._contexts, "steps": {}}
        scope["github"] = {**scope["github"], "job": name}
        if not self._value(job.get("if", "true"), scope):
            return []
        self.environment |= self._variables(text.get("env", {}), scope)
        self._run_steps(job["steps"], scope)
        return self.steps

    def use(self, action: Path, inputs: Mapping[str, str]) -> dict[str, str]:
        """Run a composite action; return its outputs."""
        text = yaml.safe_load((action / "action.yml").read_text())
        assert text["runs"]["using"] == "composite"
        assert set(inputs) <= set(text["inputs"]), inputs
        given = {name: str(one.get("default", "")) for name, one in text["inputs"].items()}
        scope: dict[str, Any] = {"inputs": {**given, **inputs}, "steps": {}}
        for step in text["runs"]["steps"]:
            assert "shell" in step, "a composite action's steps name their shell"
        self._run_steps(text["runs"]["steps"], scope)
        return {
            name: self._filled(one["value"], scope) for name, one in text.get("outputs", {}).items()
        }

    def _run_steps(self, steps: list[dict[str, Any]], scope: dict[str, Any]) -> None:
        has_failed = False
        for step in steps:
            if has_failed and step.get("if") != "always()":
                continue
            outputs: dict[str, str] = {}
            if "uses" in step:
                assert step["uses"].startswith("./"), f"code of others: {step['uses']}"
                given = {
                    name: self._filled(str(value), scope)
                    for name, value in step.get("with", {}).items()
                }
                outputs = self.use(self.workspace / step["uses"], given)
            else:
                outputs = self._run_script(step, scope)
            has_failed = has_failed or self.steps[-1].rc != 0
            if "id" in step:
                scope["steps"][step["id"]] = {"outputs": outputs}

    def _run_script(self, step: dict[str, Any], scope: dict[str, Any]) -> dict[str, str]:
        assert "${{" not in step["run"], "an expression in a script is code of whoever gave it"
        number = len(self.steps)
        script, written = self._files / f"{number}.sh", self._files / f"{number}.outputs"
        script.write_text(step["run"])
        written.touch()
        environment = {
            **self.environment,
            "GITHUB_OUTPUT": str(written),
            "GITHUB_STEP_SUMMARY": str(self._files / f"{number}.md"),
            **self._variables(step.get("env", {}), scope),
        }
        process = subprocess.Popen(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", str(script)],
            cwd=self.workspace,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        if self.on_start is not None:
            self.on_start(process)
        log, _error = process.communicate(timeout=_SECONDS)
        outputs = read_outputs(written.read_text())
        # Not as text: that would make line breaks of carriage returns.
        self.steps.append(Step(step.get("name", ""), process.returncode, log.decode(), outputs))
        return outputs

    def cancel(self, process: subprocess.Popen[bytes]) -> None:
        """Do what the runner does first when a job is cancelled: ask the one process it began."""
        process.send_signal(signal.SIGINT)

    def summary(self) -> str:
        """Return the pages of all steps' summaries."""
        return "".join(path.read_text() for path in sorted(self._files.glob("*.md")))

    def _variables(self, given: Mapping[str, Any], scope: dict[str, Any]) -> dict[str, str]:
        return {name: self._filled(str(value), scope) for name, value in given.items()}

    def _filled(self, text: str, scope: dict[str, Any]) -> str:
        return _EXPRESSION.sub(lambda found: str(self._value(found[1], scope)), text)

    def _value(self, expression: str, scope: dict[str, Any]) -> Any:
        expression = expression.strip()
        left, equal, right = expression.partition("==")
        if equal:
            return self._value(left, scope) == self._value(right, scope)
        if expression in ("true", "always()"):
            return True
        if expression.startswith("'"):
            return expression.strip("'")
        value: Any = scope
        for word in expression.split("."):
            # What is not there is empty, as with the runner; but not a whole context.
            value = value[word] if value is scope else value.get(word, "")
        return value


class GitLabJob:
    """Runs the script of a job with the variables of its file, as a shell executor does."""

    def __init__(self, directory: Path, environment: Mapping[str, str]) -> None:
        self.directory = directory
        self.environment = {**environment, "CI": "true", "GITLAB_CI": "true"}

    def run(self, file: Path, name: str, **given: str) -> Step:
        """Run a job.

        :param given: variables that the pipeline was started with: they win.
        """
        jobs = self._jobs(file)
        job = dict(jobs[name])
        base = jobs[job["extends"]] if "extends" in job else {}
        variables = {**base.get("variables", {}), **job.get("variables", {}), **given}
        job = {**base, **job}
        environment = {**self.environment, "CI_JOB_NAME": name}
        for key, value in variables.items():
            # Variables in variables' values are the pipeline's; what was given is left as it is.
            text = str(value)
            environment[key] = text if key in given else _expanded(text, environment)
        # As the runner's bash.go has it, so that exit codes are what they are there, too.
        script = "".join(f"{line}\n" for line in job["script"])
        whole = f"set -o pipefail\nset -o errexit\n: | eval {shlex.quote(script)}\nexit 0\n"
        done = subprocess.run(
            ["bash"],
            input=whole.encode(),
            cwd=self.directory,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=_SECONDS,
            check=False,
        )
        for path in (*job["artifacts"]["paths"], job["artifacts"]["reports"]["junit"]):
            assert (self.directory / path).is_file(), path
        return Step(name, done.returncode, done.stdout.decode())

    def allows(self, file: Path, name: str, rc: int) -> bool:
        """Say whether the job may end so and the pipeline goes on."""
        return rc in self._jobs(file)[name].get("allow_failure", {}).get("exit_codes", [])

    def _jobs(self, file: Path) -> dict[str, Any]:
        jobs: dict[str, Any] = {}
        text = yaml.safe_load(file.read_text())
        for one in text.get("include", []):
            jobs |= yaml.safe_load((self.directory / one["local"]).read_text())
        return {**jobs, **text}


def _expanded(text: str, environment: Mapping[str, str]) -> str:
    return re.sub(r"\$(\w+)", lambda found: environment.get(found[1], ""), text)
