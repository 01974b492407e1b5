"""``create|list|inspect|update|delete machine``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import click

from rediacc.cli.completing import complete_groups, complete_machines
from rediacc.cli.options import answer_options, display_options, team_option, yes_option
from rediacc.cli.session import Office, Session, View

if TYPE_CHECKING:
    from rediacc.views import MachineList

__all__ = [
    "create_machine",
    "delete_machine",
    "inspect_machine",
    "list_machines",
    "update_machine",
]

_JSON = ("json", "jsonl")
_state = click.Choice(("online", "maintenance", "offline"))


@click.command(
    "machine",
    epilog="\b\nExample:\n"
    "  rediacc create machine web-01 --team dev --host 192.0.2.10 --user deploy --group app",
)
@click.argument("name_argument", required=False, metavar="NAME")
@click.option("--name", help="The same as NAME.", metavar="NAME")
@team_option
@click.option("--host", "--ip", "host", metavar="ADDRESS", help="Its address; else its name.")
@click.option("-u", "--user", metavar="USER", help="Log in as this user.")
@click.option("--port", type=click.IntRange(1, 65535), metavar="PORT", help="SSH's port.")
@click.option("-g", "--group", "groups", multiple=True, metavar="GROUP", help="A group.")
@click.option("--var", "variables", multiple=True, metavar="K=V", help="A host variable.")
@click.option(
    "--state", "--status", "state", type=_state, help="Whether it takes work; else it does."
)
@answer_options
@click.pass_obj
def create_machine(
    session: Session,
    /,
    *,
    name_argument: str | None,
    name: str | None,
    team: str | None,
    variables: tuple[str, ...],
    groups: tuple[str, ...],
    state: str | None,
    output: str | None,
    quiet: bool,
    **address: Any,
) -> None:
    """Add a machine to a team whose inventory rediacc keeps."""
    from rediacc.cli.naming import one_name
    from rediacc.cli.parse_words import parse_pairs
    from rediacc.requests import MachineCreate
    from rediacc.values import MachineState

    view = session.view(output=output, quiet=quiet)
    chosen = one_name(name_argument, name, noun="machine")
    with session.open_office() as office:
        request = MachineCreate(
            name=chosen,
            team=team or _only_team(office, chosen),
            groups=groups,
            variables=parse_pairs(variables, option="--var"),
            state=MachineState(state or "online"),
            **address,
        )
        created = office.perform("machine.create", request)
    _print_all(
        view, [created], lambda machine: f"machine {machine.name} created in team {machine.team}"
    )


@click.command(
    "machines",
    epilog="\b\nExamples:\n  rediacc list machines --team prod\n"
    "  rediacc list machines --health --sort -cpu",
)
@team_option
@click.option(
    "-g", "--group", metavar="GROUP", shell_complete=complete_groups, help="Only of this group."
)
@click.option("--state", "--status", "state", type=_state, help="Only in this state.")
@click.option("--health", is_flag=True, help="Show CPU, load, memory, disk, uptime and their age.")
@display_options
@click.pass_obj
def list_machines(
    session: Session,
    /,
    *,
    team: str | None,
    group: str | None,
    state: str | None,
    health: bool,
    **display: Any,
) -> int:
    """List machines, what runs on them and how much waits for them."""
    from rediacc.cli.complaints import Complaint, complain
    from rediacc.cli.render.columns import MACHINE_COLUMNS
    from rediacc.cli.render.measures import HEALTH_COLUMNS
    from rediacc.cli.render.output import print_items
    from rediacc.errors import ExitCode
    from rediacc.requests import MachineFilter
    from rediacc.values import MachineState

    view = session.view(**display)
    wanted = None if state is None else MachineState(state)
    request = MachineFilter(team=team, group=group, state=wanted, health=health)
    answer: MachineList = session.perform("machine.list", request)
    machines = answer.machines
    print_items(
        view,
        machines,
        kind="machines",
        columns=HEALTH_COLUMNS if health else MACHINE_COLUMNS,
        name=lambda machine: machine.name,
        empty="" if answer.unreadable else "no machines",
    )
    if health and machines and all(machine.health is None for machine in machines):
        session.tell(
            "none of them is sampled: set sample_every = 60 in its team's table of rediacc.toml, "
            "and have a worker running"
        )
    for why in answer.unreadable.values():
        complain(Complaint(why, code="unreadable", exit_code=1), as_json=view.output in _JSON)
    return int(ExitCode.GENERAL if answer.unreadable else ExitCode.DONE)


@click.command("machine", epilog="\b\nExample:\n  rediacc inspect machine web-01")
@click.argument("name", shell_complete=complete_machines)
@team_option
@answer_options
@click.pass_obj
def inspect_machine(
    session: Session, /, *, name: str, team: str | None, output: str | None, quiet: bool
) -> None:
    """Show one machine."""
    from rediacc.cli.render.detail import machine_lines
    from rediacc.cli.render.output import print_item
    from rediacc.requests import MachineRef

    view = session.view(output=output, quiet=quiet)
    machine = session.perform("machine.inspect", MachineRef(name=name, team=team))
    print_item(
        view, machine, kind="machine", name=machine.name, lines=lambda: machine_lines(machine)
    )


@click.command(
    "machine",
    epilog="\b\nExamples:\n  rediacc update machine web-01 --state maintenance\n"
    "  rediacc update machine web-01 --group app --var tier=front",
)
@click.argument(
    "names", nargs=-1, required=True, metavar="NAME...", shell_complete=complete_machines
)
@team_option
@click.option("--state", "--status", "state", type=_state, help="Whether it takes work.")
@click.option("--host", "--ip", "host", metavar="ADDRESS", help="Another address.")
@click.option("-u", "--user", metavar="USER", help="Log in as this user.")
@click.option("--port", type=click.IntRange(1, 65535), metavar="PORT", help="SSH's port.")
@click.option("-g", "--group", "add_groups", multiple=True, metavar="GROUP", help="A group more.")
@click.option("--remove-group", "remove_groups", multiple=True, metavar="GROUP", help="One less.")
@click.option("--var", "variables", multiple=True, metavar="K=V", help="Set a host variable.")
@click.option(
    "--remove-var", "remove_variables", multiple=True, metavar="K", help="Take a variable out."
)
@answer_options
@click.pass_obj
def update_machine(
    session: Session,
    /,
    *,
    names: tuple[str, ...],
    team: str | None,
    state: str | None,
    variables: tuple[str, ...],
    output: str | None,
    quiet: bool,
    **changes: Any,
) -> None:
    """Change whether machines take work, or what a team that rediacc keeps says of them.

    What runs on them goes on. Address, groups and variables stand in the team's hosts file, where
    everything else stays as people wrote it.
    """
    from rediacc.cli.parse_words import parse_pairs
    from rediacc.cli.render.detail import updated_machine_line
    from rediacc.errors import InvalidInput
    from rediacc.requests import MachineUpdate
    from rediacc.values import MachineState

    view = session.view(output=output, quiet=quiet)
    if state is None and not variables and not any(changes.values()):
        raise InvalidInput(
            "nothing to change",
            hint="give --state online|maintenance|offline, --host, --group, --var ...",
        )
    wanted = None if state is None else MachineState(state)
    pairs = parse_pairs(variables, option="--var")
    with session.open_office() as office:
        changed = [
            office.perform(
                "machine.update",
                MachineUpdate(
                    name=name, team=machine.team, state=wanted, variables=pairs, **changes
                ),
            )
            for name, machine in _existing(office, names, team).items()
        ]
    _print_all(view, changed, updated_machine_line)


@click.command("machine", epilog="\b\nExample:\n  rediacc delete machine web-01 --team dev --yes")
@click.argument(
    "names", nargs=-1, required=True, metavar="NAME...", shell_complete=complete_machines
)
@team_option
@yes_option
@answer_options
@click.pass_obj
def delete_machine(
    session: Session,
    /,
    *,
    names: tuple[str, ...],
    team: str | None,
    yes: bool,
    output: str | None,
    quiet: bool,
) -> None:
    """Remove machines that have no work from a team whose inventory rediacc keeps."""
    from rediacc.requests import MachineDelete

    view = session.view(output=output, quiet=quiet)
    session.home()
    listed = ", ".join(dict.fromkeys(names))
    session.confirm(f"Delete machine {listed}?", is_agreed=yes)
    with session.open_office() as office:
        deleted = [
            office.perform("machine.delete", MachineDelete(name=name, team=machine.team))
            for name, machine in _existing(office, names, team).items()
        ]
    _print_all(view, deleted, lambda machine: f"machine {machine.name} deleted")


def _only_team(office: Office, machine: str) -> str:
    """Return the team that a machine without --team can only be meant for."""
    from rediacc.errors import InvalidInput
    from rediacc.requests import Nothing

    names = [team.name for team in office.perform("team.list", Nothing())]
    if len(names) == 1:
        return str(names[0])
    hint = f"--team {' or '.join(names)}" if names else "rediacc create team NAME"
    raise InvalidInput(f"which team is {machine!r} of?", hint=hint)


def _existing(office: Office, names: Sequence[str], team: str | None) -> dict[str, Any]:
    """Return the machines by name; a name that is misspelt is found before any is changed."""
    from rediacc.requests import MachineRef

    return {
        name: office.perform("machine.inspect", MachineRef(name=name, team=team))
        for name in dict.fromkeys(names)
    }


def _print_all(view: View, machines: Sequence[Any], line: Callable[[Any], str]) -> None:
    """Print one machine as an item, several as a list."""
    from rediacc.cli.render.columns import MACHINE_COLUMNS
    from rediacc.cli.render.output import print_item, print_items, print_lines

    if len(machines) == 1:
        only = machines[0]
        print_item(view, only, kind="machine", name=only.name, lines=lambda: [line(only)])
    elif view.is_for_people and not view.is_quiet:
        print_lines(line(machine) for machine in machines)
    else:
        print_items(
            view,
            machines,
            kind="machines",
            columns=MACHINE_COLUMNS,
            name=lambda machine: machine.name,
        )
