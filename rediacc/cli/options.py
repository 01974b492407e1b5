"""Options that several commands share, as decorators."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from rediacc.cli.completing import (
    complete_groups,
    complete_levels,
    complete_machines,
    complete_named_tasks,
    complete_playbooks,
    complete_teams,
)
from rediacc.cli.session import OUTPUTS, Session

__all__ = [
    "answer_options",
    "creation_options",
    "display_options",
    "home_option",
    "keep_home",
    "machines_option",
    "named_option",
    "output_option",
    "pipeline_options",
    "retry_options",
    "sample_option",
    "schedule_options",
    "team_option",
    "waiting_options",
    "yes_option",
]

Function = TypeVar("Function", bound=Callable[..., Any])
_Decorator = Callable[[Any], Any]


def _stack(*decorators: _Decorator) -> Callable[[Function], Function]:
    """Return one decorator that applies all, so that help shows them in this order."""

    def apply(function: Function) -> Function:
        for decorator in reversed(decorators):
            function = decorator(function)
        return function

    return apply


def keep_home(ctx: click.Context, _param: click.Parameter, value: str | None) -> None:
    """Keep the home that ``--home`` names, before or after the command."""
    session = ctx.find_object(Session)
    if session is not None and value is not None:
        session.home_option = value


home_option = click.option(
    "--home", metavar="DIR", hidden=True, expose_value=False, callback=keep_home
)
output_option = _stack(
    click.option("-o", "--output", type=click.Choice(OUTPUTS), help="How to print the answer."),
    home_option,
)
team_option = click.option(
    "-T", "--team", metavar="TEAM", shell_complete=complete_teams, help="The team."
)
machines_option = click.option(
    "-m",
    "--machine",
    "machines",
    multiple=True,
    metavar="NAME",
    shell_complete=complete_machines,
    help="A machine, or a pattern of names; may be repeated.",
)
sample_option = click.option(
    "--sample-every",
    metavar="TIME",
    help="Look at machines' CPU, memory and disk so often: 60s; 0 for never.",
)
yes_option = click.option(
    "-y", "--yes", "--confirm", "--force", "yes", is_flag=True, help="Do not ask."
)
display_options = _stack(
    output_option,
    click.option("--columns", metavar="A,B,...", help="Which columns, in which order."),
    click.option("--sort", metavar="[-]COLUMN", help="Sort by a column; - for descending."),
    click.option("-q", "--quiet", is_flag=True, help="Print no more than names and numbers."),
    click.option("--no-headers", is_flag=True, help="Leave out the header line."),
)
answer_options = _stack(
    output_option,
    click.option("-q", "--quiet", is_flag=True, help="Print no more than names and numbers."),
)

payload_options = _stack(
    click.option("--command", metavar="TEXT", help="Run a program; - reads standard input."),
    click.option("--shell", metavar="TEXT", help="Run a shell line; - reads standard input."),
    click.option("--module", metavar="NAME", help="Call an Ansible module."),
    click.option("-a", "--args", metavar="ARGS", help="The module's arguments: k=v, JSON, YAML."),
    click.option(
        "--playbook",
        metavar="PATH",
        shell_complete=complete_playbooks,
        help="Run a playbook: a file or its name.",
    ),
)

target_options = _stack(
    machines_option,
    click.option(
        "-g",
        "--group",
        "groups",
        multiple=True,
        metavar="GROUP",
        shell_complete=complete_groups,
        help="A group.",
    ),
    click.option("--all", "all_machines", is_flag=True, help="All machines of the team."),
    click.option("-l", "--limit", metavar="PATTERN", help="Only those that match the pattern."),
    click.option(
        "--any",
        "any_count",
        type=click.IntRange(1, 1000),
        is_flag=False,
        flag_value=1,
        metavar="[N]",
        help="Only N of them (1), those with least work and in good health.",
    ),
    team_option,
)

ansible_options = _stack(
    click.option(
        "-e",
        "--extra-vars",
        multiple=True,
        metavar="VARS",
        help="Variables: k=v, JSON, YAML or @FILE; may be repeated.",
    ),
    click.option("-b", "--become", is_flag=True, help="Become another user, root by default."),
    click.option("--become-user", metavar="USER", help="The user to become."),
    click.option("--become-method", metavar="METHOD", help="How to become that user."),
    click.option("-u", "--user", metavar="USER", help="Log in as this user."),
    click.option("-C", "--check", is_flag=True, help="Change nothing; predict what would."),
    click.option("-D", "--diff", is_flag=True, help="Show differences in files."),
    click.option("-t", "--tags", multiple=True, metavar="TAGS", help="Only tasks so tagged."),
    click.option("--skip-tags", multiple=True, metavar="TAGS", help="Not the tasks so tagged."),
    click.option("--start-at-task", metavar="NAME", help="Start the playbook at this task."),
    click.option(
        "-f", "--forks", type=click.IntRange(1, 1000), metavar="N", help="Machines at once."
    ),
    click.option(
        "--secret",
        "secrets",
        multiple=True,
        metavar="ENV=KEY",
        help="Give the command a secret's value in a variable of its environment.",
    ),
    click.option("--chdir", metavar="DIR", help="Change to this directory on the machine."),
    click.option("--template", is_flag=True, help="Let Ansible template the text."),
    click.option(
        "-v", "--verbose", count=True, type=click.IntRange(0, 4), help="Ansible's -v to -vvvv."
    ),
)

retry_options = _stack(
    click.option("--retry", metavar="JSON|FILE|-", help="The retry policy as JSON."),
    click.option(
        "--retry-count",
        "--max-retries",
        "retry_count",
        type=click.IntRange(0, 100),
        metavar="N",
        help="Retries after the first attempt.",
    ),
    click.option("--retry-delay", metavar="TIME", help="Pause before the first retry."),
    click.option("--backoff", type=float, metavar="X", help="Factor on the pause for each more."),
    click.option("--max-delay", metavar="TIME", help="Upper limit of the pause."),
    click.option("--jitter", type=float, metavar="X", help="Random share of the pause, 0 to 1."),
    click.option(
        "--retry-on",
        multiple=True,
        metavar="WHAT",
        help="failed, unreachable, timed_out, syntax, auth.",
    ),
    click.option("--failure-action", metavar="WHAT", help="alert, none, lower or run:NAMED_TASK."),
)

schedule_options = _stack(
    click.option(
        "-p",
        "--priority",
        metavar="LEVEL",
        shell_complete=complete_levels,
        help="1 to 5, or critical, high, normal, low, minimal.",
    ),
    click.option("--timeout", metavar="TIME", help="How long the task may run: 30s, 5m, 1h30m."),
    click.option("--not-before", metavar="TIME", help="Start no sooner: ISO time, +10m, or now."),
)

creation_options = _stack(
    payload_options,
    target_options,
    schedule_options,
    ansible_options,
    retry_options,
    click.option(
        "--on-lost",
        type=click.Choice(("hold", "retry", "fail")),
        help="When a started run's end is unknown.",
    ),
    click.option(
        "--expires-in", metavar="TIME", help="Fail (exit 14) if it has not started by then."
    ),
    click.option("--exclusive", is_flag=True, help="Alone on its machines."),
    click.option("--label", "labels", multiple=True, metavar="K=V", help="A label."),
    click.option("--idempotency-key", metavar="KEY", help="The same key twice is one task."),
)

waiting_options = _stack(
    click.option("--wait-timeout", metavar="TIME", help="How long to wait; then exit 124."),
    click.option("--exit-code", is_flag=True, help="With --check: exit 20 when it would change."),
    click.option(
        "--exit-status",
        type=click.Choice(("task", "remote")),
        default="task",
        help="remote: exit with the command's own code.",
    ),
)

pipeline_options = _stack(
    click.option("--junit", metavar="FILE", help="Write the outcome there as JUnit XML."),
    click.option("--summary", metavar="FILE", help="Write the outcome there as Markdown."),
    click.option(
        "--ci",
        type=click.Choice(("auto", "github", "gitlab", "none")),
        default="auto",
        help="For which runner; auto asks GITHUB_ACTIONS and GITLAB_CI.",
    ),
    click.option(
        "--on-signal",
        type=click.Choice(("cancel", "detach")),
        help="What Ctrl-C, SIGTERM and SIGHUP do: detach, with --ci github and gitlab cancel.",
    ),
)

named_option = click.option(
    "--named", metavar="NAME", shell_complete=complete_named_tasks, help="Run a named task."
)
