"""Every command: its verb, its noun, where its code is, and one line of help.

Verb-first and noun-first grammars, help, completion, suggestions and the reference are all made
from this table, so they cannot disagree. The table names code and imports none of it.
"""

from __future__ import annotations

from typing import NamedTuple

__all__ = [
    "ENTRIES",
    "HIDDEN_NOUNS",
    "LEAVES",
    "NOUN_ALIASES",
    "NOUN_LEAVES",
    "NOUN_ORDER",
    "NUMBERED",
    "OWN_ALIASES",
    "VERBS",
    "VERBS_AND_NOUNS",
    "VERB_ALIASES",
    "Entry",
    "entries_of_noun",
    "entries_of_verb",
]


class Entry(NamedTuple):
    """One command.

    :param noun: the word as shown in help; empty for a command without a noun.
    :param target: ``module:attribute`` under ``rediacc.cli.commands``.
    """

    verb: str
    noun: str
    target: str
    help: str


ENTRIES = (
    Entry("create", "task", "create_task:create_task", "Queue a task."),
    Entry("create", "tasks", "create_tasks:create_tasks", "Queue many tasks from a file."),
    Entry("create", "team", "teams:create_team", "Make a team, or name an inventory one."),
    Entry("create", "machine", "machines:create_machine", "Add a machine to a team."),
    Entry("create", "member", "members:create_member", "Give somebody a role, or make a token."),
    Entry("list", "tasks", "tasks:list_tasks", "List tasks, newest first."),
    Entry("list", "queue", "tasks:list_queue", "List pending tasks in the order of their start."),
    Entry("list", "steps", "tasks:list_steps", "List what Ansible's tasks did on each machine."),
    Entry("list", "teams", "teams:list_teams", "List teams and their inventories."),
    Entry("list", "machines", "machines:list_machines", "List machines."),
    Entry("list", "workers", "workers:list_workers", "List workers and what they run."),
    Entry("list", "archives", "archives:list_archives", "List the files of the archive."),
    Entry("list", "named-tasks", "named_tasks:list_named_tasks", "List the files in named_tasks/."),
    Entry("list", "members", "members:list_members", "List members and their roles."),
    Entry("list", "permissions", "members:list_permissions", "List what each role allows."),
    Entry("list", "audit", "audit:list_audit", "List who did what, newest first."),
    Entry("inspect", "task", "tasks:inspect_task", "Show all there is to know about a task."),
    Entry("inspect", "team", "teams:inspect_team", "Show one team."),
    Entry("inspect", "machine", "machines:inspect_machine", "Show one machine."),
    Entry("update", "task", "tasks:update_task", "Change pending tasks."),
    Entry("update", "team", "teams:update_team", "Change a team's settings."),
    Entry("update", "machine", "machines:update_machine", "Change machines, or their state."),
    Entry("update", "member", "members:update_member", "Change a member's roles or token."),
    Entry("delete", "team", "teams:delete_team", "Remove a team."),
    Entry("delete", "machine", "machines:delete_machine", "Remove machines from a team."),
    Entry("delete", "member", "members:delete_member", "Take all roles from a member."),
    Entry("cancel", "task", "tasks:cancel_task", "Cancel tasks; stop what runs of them."),
    Entry("retry", "task", "tasks:retry_task", "Queue finished tasks again."),
    Entry("release", "task", "tasks:release_task", "Decide what becomes of held tasks."),
    Entry("list", "alerts", "alerts:list_alerts", "List what is wrong, open alerts first."),
    Entry("inspect", "alert", "alerts:inspect_alert", "Show one alert and its messages."),
    Entry("ack", "alert", "alerts:ack_alert", "Say that you look after alerts."),
    Entry("resolve", "alert", "alerts:resolve_alert", "Say that alerts are over."),
    Entry("test", "alert", "alerts:test_alert", "Send a test message through each channel."),
    Entry("check", "alert", "alerts:check_alert", "Look at everything now, without a worker."),
    Entry("create", "silence", "alerts:create_silence", "Send nothing of alerts for a time."),
    Entry("list", "silences", "alerts:list_silences", "List what is silenced, and until when."),
    Entry("delete", "silence", "alerts:delete_silence", "End silences."),
    Entry("set", "secret", "secrets:set_secret", "Set a secret in a team's vault."),
    Entry("get", "secret", "secrets:get_secret", "Print a secret's value."),
    Entry("list", "secrets", "secrets:list_secrets", "List the names of secrets."),
    Entry("edit", "secret", "secrets:edit_secret", "Edit a secret with your editor."),
    Entry("delete", "secret", "secrets:delete_secret", "Delete a secret."),
    Entry("trust", "machine", "trust:trust_machine", "Show and record host keys."),
    Entry("install", "service", "services:install_service", "Have systemd run the worker."),
    Entry("uninstall", "service", "services:uninstall_service", "Remove the worker's service."),
    Entry("status", "service", "services:service_status", "Show the service and the workers."),
    Entry("verify", "archive", "archives:verify_archive", "Check the archive, byte by byte."),
    Entry("export", "audit", "audit:export_audit", "Write the audit with its hashes to a file."),
    Entry("verify", "audit", "audit:verify_audit", "Recompute the audit's hash chain."),
)

LEAVES = (
    Entry("init", "", "init:init", "Make this directory a home; no existing file is changed."),
    Entry("run", "", "run:run", "Queue a task, follow it, exit with its outcome."),
    Entry("wait", "", "wait:wait", "Wait until tasks have ended."),
    Entry("logs", "", "logs:logs", "Show a task's output."),
    Entry("depth", "", "monitoring:depth", "Show how deep the queue is and how long starts wait."),
    Entry("metrics", "", "monitoring:metrics", "Print metrics for Prometheus."),
    Entry("whoami", "", "members:whoami", "Show who you are here and what your roles are."),
    Entry("silence", "", "alerts:create_silence", "Send nothing of alerts for a time."),
    Entry("worker", "", "workers:worker", "Run the queue's tasks."),
    Entry("archive", "", "archives:archive", "Move what is over to the archive."),
    Entry("report", "", "report:report", "Write a page with charts about a period."),
    Entry("top", "", "top:top", "Watch the queue and the fleet, and act, on a full screen."),
    Entry("doctor", "", "doctor:doctor", "Check this home and say what to mend."),
    Entry("completion", "", "completion:completion", "Print the completion script of a shell."),
    Entry(
        "vault-client",
        "",
        "vault_client:vault_client",
        "Print the path of the client for Ansible's --vault-id.",
    ),
    Entry("perform", "", "perform:perform", "Perform one operation: JSON in, JSON out."),
    Entry("version", "", "version:version", "Print versions."),
)

VERBS = {
    "create": "Make a task, a team, a machine, a member or a silence.",
    "list": "List tasks, the queue, teams, machines, workers, members, alerts, archives, audit.",
    "inspect": "Show one task, team, machine or alert.",
    "update": "Change a pending task, a team, a machine or a member.",
    "delete": "Remove a team, a machine, a member or a silence.",
    "cancel": "Cancel tasks.",
    "retry": "Queue finished tasks again.",
    "release": "Decide what becomes of held tasks.",
    "trust": "Record host keys.",
    "verify": "Check the audit or the archive.",
    "export": "Export the audit.",
    "ack": "Look after alerts.",
    "resolve": "Close alerts.",
    "test": "Test the channels of alerts.",
    "check": "Look for what is wrong, now.",
    "set": "Set a secret.",
    "get": "Print a secret's value; for other nouns the same as list.",
    "edit": "Edit a secret.",
    "install": "Have systemd run the worker.",
    "uninstall": "Remove the worker's service.",
    "status": "Show the worker's service.",
}

VERB_ALIASES = {
    "get": "list",
    "ls": "list",
    "describe": "inspect",
    "show": "inspect",
    "rm": "delete",
}

# A noun's other spellings. `queue` stands for tasks where it has no command of its own.
NOUN_ALIASES = {
    "task": ("task", "tasks", "queue"),
    "tasks": ("tasks", "task"),
    "queue": ("queue",),
    "steps": ("steps", "step"),
    "team": ("team", "teams"),
    "teams": ("teams", "team"),
    "machine": ("machine", "machines"),
    "machines": ("machines", "machine"),
    "alert": ("alert", "alerts"),
    "alerts": ("alerts", "alert"),
    "silence": ("silence", "silences"),
    "silences": ("silences", "silence"),
    "workers": ("workers", "worker"),
    "member": ("member", "members"),
    "members": ("members", "member"),
    "permissions": ("permissions", "permission"),
    "audit": ("audit",),
    "named-tasks": ("named-tasks", "named-task"),
    "archive": ("archive", "archives"),
    "service": ("service",),
    "archives": ("archives", "archive"),
    "secret": ("secret", "vault"),
    "secrets": ("secrets", "secret", "vault", "vaults"),
}

NOUN_ORDER = (
    "task",
    "queue",
    "step",
    "team",
    "machine",
    "worker",
    "named-task",
    "member",
    "permission",
    "audit",
    "archive",
    "alert",
    "silence",
    "secret",
    "service",
)

# An alias that is a verb of its own for some nouns: `get tasks` lists, `get secret KEY` prints.
OWN_ALIASES = frozenset({"get"})
HIDDEN_NOUNS = {
    "secrets": "secret",
    "vault": "secret",
    "vaults": "secret",
    "tasks": "task",
    "steps": "step",
    "teams": "team",
    "machines": "machine",
    "alerts": "alert",
    "silences": "silence",
    "workers": "worker",
    "named-tasks": "named-task",
    "archives": "archive",
    "members": "member",
    "permissions": "permission",
}

# Words that are a command by themselves and a noun before a verb: `rediacc worker list`.
VERBS_AND_NOUNS = frozenset({"worker", "archive", "silence"})

# Commands without a noun that also answer after one: `rediacc task logs 42`.
NOUN_LEAVES = {"task": ("run", "wait", "logs"), "queue": ("depth",)}

# Verbs whose noun may be left out before a number, and what it means: `rediacc cancel 42`.
NUMBERED = {
    **dict.fromkeys(("inspect", "update", "cancel", "retry", "release"), "task"),
    **dict.fromkeys(("ack", "resolve"), "alert"),
}

# `queue` means tasks only where a person would say it.
_QUEUE_VERBS = frozenset({"inspect", "cancel"})


def _nouns(entry: Entry) -> tuple[str, ...]:
    """Return every spelling of the entry's noun, the one shown first."""
    # `create task` and `create tasks` are two commands: neither is a spelling of the other.
    others = {one.noun for one in ENTRIES if one.verb == entry.verb} - {entry.noun}
    names = tuple(name for name in NOUN_ALIASES[entry.noun] if name not in others)
    if entry.verb in _QUEUE_VERBS:
        return names
    return tuple(name for name in names if name == entry.noun or name != "queue")


def entries_of_verb(verb: str) -> dict[str, tuple[Entry, tuple[str, ...]]]:
    """Return the commands of a verb by their noun, each with its noun's other spellings.

    A verb that is another's alias too has that one's commands after its own.
    """
    verbs = (verb, *((VERB_ALIASES[verb],) if verb in OWN_ALIASES else ()))
    return {
        entry.noun: (entry, _nouns(entry)[1:])
        for wanted in verbs
        for entry in ENTRIES
        if entry.verb == wanted
    }


def entries_of_noun(noun: str, *, spelling: str = "") -> dict[str, tuple[Entry, tuple[str, ...]]]:
    """Return the commands of a noun (singular) by their verb, each with the verb's aliases.

    :param spelling: the noun as typed; a command with just that noun comes before another.
    """
    found: dict[str, tuple[Entry, tuple[str, ...]]] = {}
    own = {entry.verb for entry in ENTRIES if noun in _nouns(entry)}
    for entry in ENTRIES:
        is_meant = noun in _nouns(entry) and entry.verb not in found
        if is_meant or entry.noun == spelling:
            aliases = tuple(
                name
                for name, verb in VERB_ALIASES.items()
                if verb == entry.verb and name not in own
            )
            found[entry.verb] = (entry, aliases)
    for entry in LEAVES:
        if entry.verb in NOUN_LEAVES.get(noun, ()):
            found[entry.verb] = (entry, ())
    return found
