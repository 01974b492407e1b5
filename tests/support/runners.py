"""What runners of pipelines make of a job: GitHub's, after its own source, and GitLab's.

From github.com/actions/runner: ``ActionCommand.cs`` (how a line is taken for a command),
``ActionCommandManager.cs`` (stopping and going on), ``FileCommandManager.cs`` (files of outputs).
From gitlab.com/gitlab-org/gitlab: ``Gitlab::Regex`` (sections).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Command", "GitHubLog", "gitlab_sections", "read_outputs"]

KNOWN = frozenset((
    "add-mask", "add-matcher", "add-path", "debug", "echo", "endgroup", "error", "group", "notice",
    "remove-matcher", "save-state", "set-env", "set-output", "stop-commands", "warning",
))  # fmt: skip
_ESCAPES = (("%0D", "\r"), ("%0A", "\n"))


@dataclass(frozen=True)
class Command:
    """A command that the runner obeyed."""

    name: str
    data: str
    properties: dict[str, str] = field(default_factory=dict)


class GitHubLog:
    """A job's output as GitHub's runner reads it: what it obeyed, and what it only showed."""

    def __init__(self, output: str) -> None:
        self.obeyed: list[Command] = []
        self.shown: list[str] = []
        self.group: str | None = None
        self.in_groups: dict[str, list[str]] = {}
        self._token: str | None = None
        for line in re.split(r"\r\n|\r|\n", output):
            self._read(line)

    def named(self, name: str) -> list[Command]:
        return [command for command in self.obeyed if command.name == name]

    @property
    def is_listening(self) -> bool:
        """Whether commands are obeyed again after the end."""
        return self._token is None

    def _read(self, line: str) -> None:
        command = self._new_style(line) or self._old_style(line)
        if command is None or (self._token is not None and command.name != self._token.lower()):
            self.shown.append(line)
            if self.group is not None:
                self.in_groups[self.group].append(line)
        elif self._token is not None:
            self._token = None
        elif command.name == "stop-commands":
            self._token = command.data
        else:
            self.obeyed.append(command)
            if command.name == "group":
                self.group = command.data
                self.in_groups[command.data] = []
            elif command.name == "endgroup":
                self.group = None

    def _is_known(self, name: str) -> bool:
        return name.lower() in KNOWN or name.lower() == (self._token or "").lower() != ""

    def _new_style(self, line: str) -> Command | None:
        text = line.lstrip()
        end = text.find("::", 2)
        if not text.startswith("::") or end < 0:
            return None
        name, _space, rest = text[2:end].partition(" ")
        if not self._is_known(name):
            return None
        pairs = [pair.split("=", 1) for pair in rest.strip().split(",") if "=" in pair]
        properties = {
            key: _unescaped(value, (*_ESCAPES, ("%3A", ":"), ("%2C", ","))) for key, value in pairs
        }
        return Command(name.lower(), _unescaped(text[end + 2 :], _ESCAPES), properties)

    def _old_style(self, line: str) -> Command | None:
        start = line.find("##[")
        end = line.find("]", start)
        if start < 0 or end < 0:
            return None
        name = line[start + 3 : end].partition(" ")[0]
        return Command(name.lower(), line[end + 1 :]) if self._is_known(name) else None


def _unescaped(text: str, escapes: tuple[tuple[str, str], ...]) -> str:
    for code, character in escapes:
        text = text.replace(code, character)
    return text.replace("%25", "%")


def read_outputs(text: str) -> dict[str, str]:
    """Return a step's outputs as the runner reads them from the file ``GITHUB_OUTPUT``."""
    found: dict[str, str] = {}
    lines = iter(text.split("\n"))
    for line in lines:
        if not line:
            continue
        equals, heredoc = line.find("="), line.find("<<")
        if heredoc >= 0 and (equals < 0 or heredoc < equals):
            name, delimiter = line[:heredoc], line[heredoc + 2 :]
            value: list[str] = []
            for inner in lines:
                if inner == delimiter:
                    break
                value.append(inner)
            else:
                raise ValueError(f"Matching delimiter not found '{delimiter}'")
            found[name] = "\n".join(value)
        elif equals > 0:
            found[line[:equals]] = line[equals + 1 :]
        else:
            raise ValueError(f"Invalid format '{line}'")
    return found


def gitlab_sections(output: str) -> list[tuple[str, int, str]]:
    """Return the marks of sections that GitLab finds: ``start`` or ``end``, time, name."""
    mark = r"section_(start|end):(\d+):([a-zA-Z0-9_.-]+)(?:\[[^\]]*\])?\r\x1b\[0K"
    found: list[Any] = re.findall(mark, output)
    return [(what, int(moment), name) for what, moment, name in found]
