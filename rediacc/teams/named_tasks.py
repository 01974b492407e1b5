"""Named tasks: files ``named_tasks/NAME.yml``, one kind of work each, with typed variables.

Variables reach the work as data. Playbooks, and modules with ``template: true``, get them as extra
variables whose texts Ansible does not evaluate; other modules' arguments, commands and shell lines
have placeholders ``{{ name }}``, filled in here and evaluated by nobody.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rediacc.errors import InvalidInput, NotFound, RediaccError
from rediacc.requests import TaskRequest
from rediacc.settings import Settings
from rediacc.teams.changes import read_file
from rediacc.teams.named_file import NamedTask, parse_named_task
from rediacc.teams.named_variables import check_variables, rendered
from rediacc.teams.names import check_named_task, did_you_mean
from rediacc.teams.placeholders import Placeholder, fill_data, fill_words, find_words
from rediacc.teams.safe_yaml import load_strict
from rediacc.values import AnsibleOptions, ExtraVariables, Kind

__all__ = [
    "DIRECTORY_NAME",
    "NamedTask",
    "NamedTaskError",
    "list_named_tasks",
    "load_named_task",
    "resolve_named_task",
]

DIRECTORY_NAME = "named_tasks"
_SUFFIX = ".yml"
_LIMIT_BYTES = 1 << 20


@dataclass(frozen=True, kw_only=True)
class NamedTaskError:
    """A file of ``named_tasks/`` that cannot be used, and why."""

    name: str
    path: Path
    message: str


def load_named_task(settings: Settings, name: str) -> NamedTask:
    """Return the named task `name`.

    :raises NotFound: there is no such file.
    :raises InvalidInput: the name or the file cannot be meant; the message names the file.
    """
    check_named_task(name)
    path = settings.home / DIRECTORY_NAME / f"{name}{_SUFFIX}"
    content = read_file(path)
    if content is None:
        known = [file.stem for file in _files(settings) if file.suffix == _SUFFIX]
        hint = did_you_mean(name, known) if known else f"none yet: write {DIRECTORY_NAME}/NAME.yml"
        if not hint.startswith("did you mean"):
            hint += f"; a command line is given with --command '{name} ...'"
        raise NotFound(f"there is no named task {name!r}", hint=hint)
    return _parsed(name, path, content, _shown(path))


def list_named_tasks(settings: Settings) -> tuple[NamedTask | NamedTaskError, ...]:
    """Return all named tasks by name; a file that cannot be used says why and hides no other."""
    return tuple(_listed(path) for path in _files(settings))


def resolve_named_task(
    named: NamedTask, variables: Mapping[str, Any], request: TaskRequest
) -> TaskRequest:
    """Return `request` with the named task's work and what else the request leaves open.

    What the request gives wins: its targets take the place of the file's, its options that of the
    file's options; labels are merged. The retry policy stays the request's own:
    :func:`rediacc.teams.retry_policy.effective_policy` takes both.

    :raises InvalidInput: a variable is unknown, missing or wrong; or the request names work too.
    """
    where = f"named task {named.name} ({_shown(named.path)})"
    if request.kind is not None or request.text is not None or request.module_args:
        raise InvalidInput(f"{where} brings its own work: give no command, module or playbook")
    options = _merged(named.options, request.options)
    if options.template and named.kind is not Kind.MODULE:
        raise InvalidInput(f"{where}: only modules can be templated")
    values = check_variables(named.variables, variables, where=where)
    text, args = named.text, named.module_args
    if named.kind in (Kind.COMMAND, Kind.SHELL):
        text = _filled(named, values, where)
    elif named.kind is Kind.MODULE and not options.template:
        args = fill_data(args, values, rendered)
    elif values:
        # Last, so that nothing unchecked takes the place of a checked value.
        extra = ExtraVariables(values={name: _inert(value) for name, value in values.items()})
        options = replace(options, extra_vars=(*options.extra_vars, extra))
    has_target = request.machines or request.groups or request.all_machines
    return replace(
        request,
        team=request.team or named.team,
        machines=request.machines if has_target else named.machines,
        groups=request.groups if has_target else named.groups,
        all_machines=request.all_machines if has_target else named.all_machines,
        limit=request.limit if request.limit is not None else named.limit,
        kind=named.kind,
        text=text,
        module_args=args,
        named=named.name,
        variables=values,
        options=options,
        priority=request.priority if request.priority is not None else named.priority,
        timeout_seconds=request.timeout_seconds
        if request.timeout_seconds is not None
        else named.timeout_seconds,
        labels={**named.labels, **request.labels},
        exclusive=request.exclusive or named.exclusive,
    )


def _files(settings: Settings) -> list[Path]:
    directory = settings.home / DIRECTORY_NAME
    try:
        entries = sorted(directory.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as exc:
        raise InvalidInput(f"cannot read {directory}: {exc.strerror}") from exc
    return [path for path in entries if path.suffix in (".yml", ".yaml") and path.name[0] != "."]


def _listed(path: Path) -> NamedTask | NamedTaskError:
    try:
        name = check_named_task(path.stem)
        if path.suffix != _SUFFIX:
            raise InvalidInput(f"{_shown(path)} must end in {_SUFFIX}")
        content = read_file(path)
        if content is None:
            raise InvalidInput(f"{_shown(path)} is a link that leads nowhere")
        return _parsed(name, path, content, _shown(path))
    except RediaccError as exc:
        message = f"{exc.message}; {exc.hint}" if exc.hint else exc.message
        return NamedTaskError(name=path.stem, path=path, message=message)


def _parsed(name: str, path: Path, content: bytes, shown: str) -> NamedTask:
    if len(content) > _LIMIT_BYTES:
        raise InvalidInput(f"{shown} is larger than {_LIMIT_BYTES >> 20} MiB")
    try:
        document = load_strict(content.decode(), shown)
    except UnicodeDecodeError as exc:
        raise InvalidInput(f"{shown} is not UTF-8") from exc
    try:
        return parse_named_task(name, path, document)
    except InvalidInput as exc:
        raise InvalidInput(f"{shown}: {exc.message}", hint=exc.hint) from exc


def _shown(path: Path) -> str:
    return f"{path.parent.name}/{path.name}"


def _merged(own: AnsibleOptions, given: AnsibleOptions) -> AnsibleOptions:
    """Take each option from the request where it says anything, else from the file."""
    silent = AnsibleOptions()
    said = {name: value for name, value in vars(given).items() if value != getattr(silent, name)}
    return replace(own, **said)


def _filled(named: NamedTask, values: Mapping[str, Any], where: str) -> str:
    def words(placeholder: Placeholder) -> list[str]:
        variable = named.variables[placeholder.name]
        value = values[placeholder.name]
        texts = [rendered(item) for item in (value if isinstance(value, list) else [value])]
        for text in texts:
            if placeholder.starts_word and text.startswith("-") and not variable.allows_dash:
                raise InvalidInput(
                    f"{where}: variable {variable.name} must not begin with '-': "
                    "it would be taken for an option",
                    hint="a pattern that begins with '-' in the file allows it",
                )
        return texts

    is_shell = named.kind is Kind.SHELL
    return fill_words(named.text, find_words(named.text, named.variables, is_shell=is_shell), words)


def _inert(value: Any) -> Any:
    """Mark texts so that Ansible, which reads the values as JSON, never evaluates them."""
    if isinstance(value, str):
        return {"__ansible_unsafe": value}
    if isinstance(value, list):
        return [_inert(item) for item in value]
    return value
