"""A named task as its file declares it, checked whole before anything is made of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rediacc.durations import LONGEST_SECONDS, parse_duration
from rediacc.errors import InvalidInput
from rediacc.teams.named_variables import Variable, parse_variable
from rediacc.teams.names import check_team, check_value, did_you_mean
from rediacc.teams.placeholders import find_names, find_words
from rediacc.teams.retry_policy import parse_retry
from rediacc.values import LEVEL_NAMES, AnsibleOptions, Kind, OnLost

__all__ = ["NamedTask", "parse_named_task"]

_KINDS = tuple(kind.value for kind in Kind)
_TARGETS = ("team", "machines", "groups", "all", "limit")
_FLAGS = ("become", "check", "diff", "template")
_TEXTS = ("become_user", "become_method", "start_at_task", "remote_user", "chdir")
_LISTS = ("tags", "skip_tags")
_NUMBERS = {"forks": (1, 1000), "verbosity": (0, 6)}
_KEYS = {
    *("description", "args", "priority", "timeout", "retry", "labels"),
    *("exclusive", "idempotent", "variables"),
    *(*_KINDS, *_TARGETS, *_FLAGS, *_TEXTS, *_LISTS, *_NUMBERS),
}
_PLAYBOOK_ONLY = ("tags", "skip_tags", "start_at_task")
_TEXT_LIMIT = 131072


@dataclass(frozen=True, kw_only=True)
class NamedTask:
    """One kind of work, as ``named_tasks/NAME.yml`` declares it.

    :param text: the command, shell line, module name or playbook.
    :param retry: the retry policy's JSON object, checked.
    :param on_lost: ``retry`` for work declared idempotent; else ``None``.
    """

    name: str
    path: Path
    kind: Kind
    text: str
    description: str = ""
    module_args: Mapping[str, Any] = field(default_factory=dict)
    team: str | None = None
    machines: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    all_machines: bool = False
    limit: str | None = None
    priority: int | None = None
    timeout_seconds: float | None = None
    retry: Mapping[str, Any] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    options: AnsibleOptions = field(default_factory=AnsibleOptions)
    exclusive: bool = False
    on_lost: OnLost | None = None
    variables: Mapping[str, Variable] = field(default_factory=dict)

    @property
    def target(self) -> str:
        """Return in words where the task runs, for lists; empty when the caller has to say."""
        parts = [*self.machines, *(f"group {group}" for group in self.groups)]
        if self.all_machines:
            parts.append("all machines")
        if self.limit:
            parts.append(f"limit {self.limit}")
        return ", ".join(parts)


def parse_named_task(name: str, path: Path, document: Any) -> NamedTask:
    """Return the named task that a file's `document` declares.

    :raises InvalidInput: it cannot be meant; the message names what, not the file.
    """
    return _Parser(name, path, document).task()


class _Parser:
    """Reads one document, naming the key in every complaint."""

    def __init__(self, name: str, path: Path, document: Any) -> None:
        if not isinstance(document, dict):
            raise InvalidInput("it must be a mapping such as {command: uptime, all: true}")
        for key in document:
            if key not in _KEYS:
                raise InvalidInput(
                    f"{str(key)[:80]!r} is unknown", hint=did_you_mean(str(key), _KEYS)
                )
        self._name, self._path, self._document = name, path, document

    def task(self) -> NamedTask:
        kind, text = self._kind()
        variables = self._variables()
        options = self._options(kind)
        retry = parse_retry(self._document.get("retry") or {}, where="retry")
        args = self._args(kind)
        _check_placeholders(kind, text, args, variables, is_template=options.template)
        team = self._text("team")
        machines, groups = self._texts("machines"), self._texts("groups")
        all_machines = self._flag("all")
        if all_machines and (machines or groups):
            raise InvalidInput("all goes neither with machines nor with groups")
        return NamedTask(
            name=self._name,
            path=self._path,
            kind=kind,
            text=text,
            description=self._text("description") or "",
            module_args=args,
            team=check_team(team) if team else None,
            machines=machines,
            groups=groups,
            all_machines=all_machines,
            limit=self._text("limit"),
            priority=self._priority(),
            timeout_seconds=self._timeout(),
            retry=retry,
            labels=self._labels(),
            options=options,
            exclusive=self._flag("exclusive"),
            on_lost=self._on_lost(retry),
            variables=variables,
        )

    def _kind(self) -> tuple[Kind, str]:
        given = [kind for kind in _KINDS if kind in self._document]
        if len(given) != 1:
            raise InvalidInput(
                f"it needs one of {', '.join(_KINDS)}, and has {' and '.join(given) or 'none'}"
            )
        text = self._text(given[0])
        if text is None or not text.strip():
            raise InvalidInput(f"{given[0]} is empty")
        kind = Kind(given[0])
        if kind in (Kind.MODULE, Kind.PLAYBOOK) and (not text.isprintable() or text[0] == "-"):
            raise InvalidInput(f"{text[:80]!r} is no {kind}")
        return kind, text

    def _args(self, kind: Kind) -> Mapping[str, Any]:
        args = self._document.get("args")
        if args is None:
            return {}
        if kind is not Kind.MODULE:
            raise InvalidInput("args goes with module only")
        if isinstance(args, str):
            args = {"_raw_params": args}
        if not isinstance(args, dict):
            raise InvalidInput("args must be a mapping of the module's arguments")
        checked: Mapping[str, Any] = check_value(args, "args")
        return checked

    def _variables(self) -> dict[str, Variable]:
        declared = self._document.get("variables") or {}
        if not isinstance(declared, dict):
            raise InvalidInput("variables must be a mapping such as {version: {type: string}}")
        for name in declared:
            # `on` and `yes` without quotes are truth values in YAML.
            if not isinstance(name, str):
                raise InvalidInput(f"the variable name {name!r:.60} is no text", hint="quote it")
        return {name: parse_variable(name, value) for name, value in declared.items()}

    def _options(self, kind: Kind) -> AnsibleOptions:
        if kind is not Kind.PLAYBOOK:
            for key in _PLAYBOOK_ONLY:
                if self._document.get(key):
                    raise InvalidInput(f"{key} goes with playbook only")
        template = self._flag("template")
        if template and kind is not Kind.MODULE:
            raise InvalidInput("template goes with module only")
        return AnsibleOptions(
            forks=self._number("forks"),
            become=self._flag("become"),
            become_user=self._text("become_user"),
            become_method=self._text("become_method"),
            check=self._flag("check"),
            diff=self._flag("diff"),
            tags=self._texts("tags"),
            skip_tags=self._texts("skip_tags"),
            start_at_task=self._text("start_at_task"),
            verbosity=self._number("verbosity") or 0,
            remote_user=self._text("remote_user"),
            chdir=self._text("chdir"),
            template=template,
        )

    def _priority(self) -> int | None:
        given = self._document.get("priority")
        if given is None:
            return None
        words: dict[Any, int] = {word: number for number, word in LEVEL_NAMES.items()}
        level = words.get(given, given) if isinstance(given, str) else given
        if isinstance(level, bool) or not isinstance(level, int) or level not in LEVEL_NAMES:
            raise InvalidInput(f"priority must be 1 to 5 or {', '.join(words)}, not {given!r:.60}")
        return int(level)

    def _timeout(self) -> float | None:
        given = self._document.get("timeout")
        if given is None:
            return None
        try:
            # A number's own text: 90 and 1.5 are seconds.
            seconds = parse_duration(given if isinstance(given, str) else str(given))
        except InvalidInput as exc:
            raise InvalidInput(f"timeout: {exc.message}", hint=exc.hint) from exc
        if isinstance(given, bool) or not 0 < seconds <= LONGEST_SECONDS:
            raise InvalidInput("timeout must be longer than nothing")
        return seconds

    def _labels(self) -> dict[str, str]:
        given = self._document.get("labels") or {}
        if not isinstance(given, dict):
            raise InvalidInput("labels must be a mapping of texts")
        for name, value in given.items():
            if not isinstance(name, str) or not isinstance(value, str):
                raise InvalidInput(
                    f"the label {name}: {value!r:.60} must be a text", hint="quote it"
                )
        return dict(given)

    def _on_lost(self, retry: Mapping[str, Any]) -> OnLost | None:
        if not self._flag("idempotent"):
            return None
        if retry.get("onLost", OnLost.RETRY) is not OnLost.RETRY:
            raise InvalidInput(f"idempotent means onLost: retry, and retry says {retry['onLost']}")
        return OnLost.RETRY

    def _text(self, key: str) -> str | None:
        value = self._document.get(key)
        if value is None:
            return None
        if not isinstance(value, str):
            raise InvalidInput(f"{key} must be a text, not {value!r:.60}", hint="quote it")
        if len(value) > _TEXT_LIMIT:
            raise InvalidInput(f"{key} is longer than {_TEXT_LIMIT} characters")
        check_value(value, key)
        return value

    def _texts(self, key: str) -> tuple[str, ...]:
        value = self._document.get(key)
        given = [value] if isinstance(value, str) else value or []
        if not isinstance(given, list) or not all(isinstance(item, str) for item in given):
            raise InvalidInput(f"{key} must be a list of texts")
        if not all(given):
            raise InvalidInput(f"{key} holds an empty text")
        return tuple(given)

    def _flag(self, key: str) -> bool:
        value = self._document.get(key, False)
        if not isinstance(value, bool):
            raise InvalidInput(f"{key} must be true or false, not {value!r:.60}")
        return value

    def _number(self, key: str) -> int | None:
        value = self._document.get(key)
        if value is None:
            return None
        low, high = _NUMBERS[key]
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise InvalidInput(f"{key} must be a whole number from {low} to {high}")
        return value


def _check_placeholders(
    kind: Kind,
    text: str,
    args: Mapping[str, Any],
    variables: Mapping[str, Variable],
    *,
    is_template: bool,
) -> None:
    used: set[str] = set()
    if kind in (Kind.COMMAND, Kind.SHELL):
        for placeholder in find_words(text, variables, is_shell=kind is Kind.SHELL):
            used.add(placeholder.name)
            if variables[placeholder.name].type == "list" and not placeholder.stands_alone:
                raise InvalidInput(
                    f"{{{{ {placeholder.name} }}}} is a list: it must stand alone between spaces"
                )
    elif kind is Kind.MODULE and not is_template:
        for item in _args_texts(args):
            used.update(find_names(item, variables))
    for name in sorted(used):
        variable = variables[name]
        if not variable.is_required and variable.default is None:
            raise InvalidInput(
                f"variable {name} stands in the {kind}, so it needs a default or required: true"
            )


def _args_texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    items = value.values() if isinstance(value, Mapping) else value
    if not isinstance(value, Mapping | list):
        return []
    return [text for item in items for text in _args_texts(item)]
