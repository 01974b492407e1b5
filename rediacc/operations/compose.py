"""From a request to a task that the queue can accept: everything resolved, checked, written out.

Read-only probes (inventories, ``--list-hosts``) happen here, before any transaction.
"""

from __future__ import annotations

import hashlib
import json
import re
import uuid
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

from rediacc.errors import InvalidInput, NotFound
from rediacc.operations.bounds import check_bounded_request, check_bounded_targets
from rediacc.operations.call import Gate
from rediacc.operations.checking import check_request, checked_uid
from rediacc.operations.shell_words import check_command
from rediacc.operations.sources import Sources
from rediacc.queue.policies import policy_to_json
from rediacc.queue.requests import options_to_json
from rediacc.queue.submit import NewTask
from rediacc.requests import TaskRequest
from rediacc.settings import Settings
from rediacc.teams.named_tasks import NamedTask, resolve_named_task
from rediacc.teams.patterns import resolve_patterns
from rediacc.teams.retry_policy import effective_policy
from rediacc.times import micros, seconds
from rediacc.values import DEFAULT_LEVEL, Kind, PolicyView
from rediacc.views import Placement

__all__ = ["Composed", "check_follow_up", "compose_task"]

_TITLE_LENGTH = 120


@dataclass(frozen=True, kw_only=True)
class Composed:
    """A task ready to be submitted, and what the person who asked should know.

    :param any_count: on so many of its machines it is still to be placed; ``None`` for all.
    :param placement: what was thought of each machine when it was.
    """

    task: NewTask
    policy: PolicyView
    notes: tuple[str, ...] = ()
    any_count: int | None = None
    placement: tuple[Placement, ...] = ()


@dataclass(frozen=True, kw_only=True)
class _Targets:
    machines: tuple[str, ...]
    patterns: tuple[str, ...]
    limit: str | None
    notes: tuple[str, ...] = ()
    fingerprint: str = ""


def compose_task(
    request: TaskRequest,
    *,
    settings: Settings,
    environment: Mapping[str, str],
    created_by: str,
    now: datetime,
    gate: Gate | None,
    sources: Sources | None = None,
    default_team: str | None = None,
) -> Composed:
    """Resolve and check `request`.

    :param gate: decides for the person who asks; ``None`` where the worker itself asks.
    :param sources: what several tasks are composed from; ``None`` reads all anew.
    :param default_team: the team where neither the request nor its targets tell which is meant.
    :raises AccessDenied: the person may not do this in the team, or not at this level.
    :raises InvalidInput: it cannot be meant.
    :raises NotFound: team, machine, playbook or named task do not exist.
    :raises Conflict: a machine's name is in several teams and no team is named.
    """
    sources = sources or Sources(settings, environment)
    named: NamedTask | None = None
    given = request
    if request.named is not None:
        named = sources.named_task(request.named)
        request = resolve_named_task(named, request.variables, request)
    check_request(request)
    kind, text = request.kind, request.text
    if kind is None or text is None:
        raise InvalidInput("nothing to run: give --command, --shell, --module or --playbook")
    if named is None and kind is Kind.COMMAND and not request.options.template:
        check_command(text)
    team = _team(request, sources, gate, default=default_team)
    is_bounded = gate is not None and gate.is_bounded(team)
    if is_bounded:
        check_bounded_request(given, home=settings.home)
    targets = _targets(request, kind, text, team, sources)
    if is_bounded and kind is not Kind.PLAYBOOK:
        check_bounded_targets(targets.machines, sources.inventory(team).hosts)
    sources.check_secrets(team, request.secrets.values())
    level = request.priority if request.priority is not None else DEFAULT_LEVEL
    if gate is not None:
        gate.check_level(team, level)
        check_follow_up(given.retry, gate=gate, environment=environment, team=team)
    if named is not None:
        _follow_up_of(named.retry, sources)
    policy = effective_policy(
        settings,
        request_retry=request.retry,
        named_retry=named.retry if named else {},
        named=named.name if named else None,
        kind=kind,
        team=team,
        priority=level,
        on_lost=request.on_lost,
        named_on_lost=named.on_lost if named else None,
    )
    document = {
        "text": text,
        "patterns": list(targets.patterns),
        "limit": targets.limit,
        "module_args": dict(request.module_args),
        "options": options_to_json(request.options),
        "variables": dict(request.variables),
        "fingerprint": targets.fingerprint,
        "secrets": dict(request.secrets),
    }
    task = NewTask(
        uid=checked_uid(request.retry.get("taskId")) or str(uuid.uuid4()),
        team=team,
        kind=kind,
        title=_title(kind, text, request.module_args),
        level=level,
        machines=targets.machines,
        request=document,
        policy=policy_to_json(policy),
        retries=policy.policy.retry_count,
        created_by=created_by,
        digest=_digest(request, team),
        eligible_at=micros(request.not_before or now),
        named=request.named,
        labels=dict(request.labels),
        timeout_seconds=request.timeout_seconds or settings.default_timeout_seconds,
        revision=sources.revision(),
        idempotency_key=request.idempotency_key,
        is_exclusive=request.exclusive,
        expires_at=_expires_at(request, now),
    )
    return Composed(task=task, policy=policy, notes=targets.notes, any_count=request.any_count)


def check_follow_up(
    retry: Mapping[str, Any], *, gate: Gate, environment: Mapping[str, str], team: str
) -> None:
    """Pass when the named task that a policy starts after a failure is one that the person may.

    :param retry: the policy's JSON object, as the person gave it.
    :param team: the team of the task that may fail; it is the follow-up's, too, where its own
        targets do not tell.
    :raises AccessDenied: they may not create tasks in its team, or none of its level.
    :raises NotFound: there is no such named task.
    """
    sources = Sources(gate.home_settings, environment)
    named = _follow_up_of(retry, sources)
    if named is None:
        return
    bare = resolve_named_task(named, {}, TaskRequest(named=named.name))
    found = gate.for_team(_found_team(bare, sources, default=team)).name
    gate.check_level(found, bare.priority or DEFAULT_LEVEL)


def _follow_up_of(retry: Mapping[str, Any], sources: Sources) -> NamedTask | None:
    """Return the named task that a policy starts after a failure, if it starts one.

    :raises NotFound: there is no such named task.
    """
    action = retry.get("failureAction")
    if not isinstance(action, str) or not action.startswith("run:"):
        return None
    return sources.named_task(action.removeprefix("run:"))


def _expires_at(request: TaskRequest, now: datetime) -> int | None:
    if request.expires_in_seconds is None:
        return None
    expires_at = micros(now) + seconds(request.expires_in_seconds)
    if request.not_before is not None and micros(request.not_before) >= expires_at:
        raise InvalidInput("--expires-in ends before --not-before: the task could never start")
    return expires_at


def _team(request: TaskRequest, sources: Sources, gate: Gate | None, *, default: str | None) -> str:
    """Return the name of the task's team, in which the person may create it."""
    if gate is not None and request.team is not None:
        return gate.for_team(request.team).name
    name = _found_team(request, sources, default=default)
    return name if gate is None else gate.for_team(name).name


def _found_team(request: TaskRequest, sources: Sources, *, default: str | None = None) -> str:
    settings = sources.settings
    if request.team is not None:
        return settings.team(request.team).name
    if len(settings.teams) == 1:
        return next(iter(settings.teams))
    if not settings.teams:
        raise NotFound("this home has no team yet", hint="rediacc create team NAME")
    literal = [name for name in request.machines if not set(name) & set("*?[]!&,:~")]
    found = {sources.team_of(name) for name in literal}
    for pattern in request.machines:
        if pattern not in literal and not set(pattern) & set("!&,:~"):
            found |= _teams_with_pattern(pattern, sources)
    for group in request.groups:
        found |= _teams_with_group(group, sources)
    if not request.machines and not request.groups and request.limit is not None:
        found = _teams_with_names(request.limit, sources)
    if default is not None and (not found or default in found):
        return default
    if not found:
        names = " or ".join(sorted(settings.teams))
        raise InvalidInput("which team? it does not follow from the target", hint=f"--team {names}")
    if len(found) > 1:
        raise InvalidInput(
            f"the target is in several teams: {', '.join(sorted(found))}",
            hint="one task is for machines of one team: say which with --team",
        )
    return found.pop()


def _teams_with_names(limit: str, sources: Sources) -> set[str]:
    """Return the teams that have the machines and groups that `limit` names in full."""
    names = {name for name in re.split("[,:]", limit) if name and not set(name) & set("*?[]!&~@")}
    found: set[str] = set()
    for team in sources.settings.teams:
        inventory = sources.inventory(team)
        if any(inventory.groups.get(name) or name in inventory.hosts for name in names - {"all"}):
            found.add(team)
    return found


def _teams_with_pattern(pattern: str, sources: Sources) -> set[str]:
    """Return the teams that have machines which a pattern of names matches."""
    found: set[str] = set()
    for team in sources.settings.teams:
        with suppress(NotFound):
            if resolve_patterns(sources.inventory(team), [pattern]):
                found.add(team)
    if not found:
        raise NotFound(f"no team has a machine that {pattern!r} matches")
    return found


def _teams_with_group(group: str, sources: Sources) -> set[str]:
    """Return the teams in which `group` has machines."""
    found: set[str] = set()
    for team in sources.settings.teams:
        inventory = sources.inventory(team)
        if inventory.groups.get(group):
            found.add(team)
    if not found and group.isidentifier():
        raise NotFound(f"no team has machines in a group {group!r}")
    return found


def _targets(request: TaskRequest, kind: Kind, text: str, team: str, sources: Sources) -> _Targets:
    patterns = (*request.machines, *request.groups, *(("all",) if request.all_machines else ()))
    if kind is Kind.PLAYBOOK:
        return _playbook_targets(request, text, patterns, team, sources)
    if not patterns and request.limit is not None:
        patterns, request = (request.limit,), replace(request, limit=None)
    if not patterns:
        raise InvalidInput("on which machines? give --machine, --group, --all or --limit")
    inventory = sources.inventory(team)
    for group in request.groups:
        if group not in inventory.groups and group.isidentifier():
            raise NotFound(
                f"team {team} has no group {group!r}",
                hint=f"groups: {', '.join(sorted(inventory.groups)[:20])}",
            )
    machines = resolve_patterns(inventory, patterns, limit=request.limit)
    if not machines:
        raise InvalidInput(f"{', '.join(patterns)} matches no machine of team {team}")
    is_literal = all(name in inventory.hosts for name in patterns) and request.limit is None
    return _Targets(machines=machines, patterns=() if is_literal else patterns, limit=request.limit)


def _playbook_targets(
    request: TaskRequest,
    playbook: str,
    patterns: Sequence[str],
    team: str,
    sources: Sources,
) -> _Targets:
    if patterns and request.limit is not None:
        raise InvalidInput(
            "a playbook takes --limit, or --machine and --group, not both",
            hint="its plays say the hosts; these options cut them down",
        )
    limit = ",".join(patterns) if patterns else request.limit
    found, fingerprint = sources.playbook(team, playbook, options=request.options, limit=limit)
    return _Targets(
        machines=found.machines,
        patterns=(),
        limit=limit,
        notes=found.notes,
        fingerprint=fingerprint,
    )


def _title(kind: Kind, text: str, module_args: Mapping[str, Any]) -> str:
    shown = text
    if kind is Kind.MODULE and module_args:
        shown = f"{text} {' '.join(f'{name}={value}' for name, value in module_args.items())}"
    line = " ".join("".join(c if c.isprintable() else " " for c in shown).split())
    return line if len(line) <= _TITLE_LENGTH else f"{line[: _TITLE_LENGTH - 1]}…"


def _digest(request: TaskRequest, team: str) -> str:
    """Name what was asked for: the same key with another digest is a conflict.

    The time is no part of it: `in ten minutes` means another one each time it is said.
    """
    bare = replace(request, team=team, idempotency_key=None, dry_run=False, not_before=None)
    content = asdict(bare)
    canonical = json.dumps(content, sort_keys=True, default=str)
    return hashlib.sha256(canonical.encode("utf-8", "surrogateescape")).hexdigest()
