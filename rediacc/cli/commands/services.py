"""``service install|uninstall|status``."""

from __future__ import annotations

from typing import Any

import click

from rediacc.cli.options import answer_options
from rediacc.cli.session import Session

__all__ = ["install_service", "service_status", "uninstall_service"]


def _scope_options(function: Any) -> Any:
    function = click.option("--system", "scope", flag_value="system", help="Of the system.")(
        function
    )
    return click.option(
        "--user", "scope", flag_value="user", default=True, help="Of your account's own systemd."
    )(function)


@click.command(
    "service",
    epilog="\b\nExamples:\n  rediacc service install --dry-run\n"
    "  sudo rediacc service install --system",
)
@_scope_options
@click.option("--account", metavar="NAME", help="Whom --system runs it as; else the home's owner.")
@click.option("--no-login-test", is_flag=True, help="Log in to no machine first.")
@click.option("--force", is_flag=True, help="Replace a unit that somebody edited.")
@click.option("--dry-run", is_flag=True, help="Write and start nothing; show the unit.")
@answer_options
@click.pass_obj
def install_service(
    session: Session,
    /,
    *,
    scope: str,
    account: str | None,
    no_login_test: bool,
    force: bool,
    dry_run: bool,
    output: str | None,
    quiet: bool,
) -> int:
    """Have systemd run this home's worker, now and at each boot.

    First a login to one machine of each team is tried as the service's account, without your agent
    and your variables. A stop of the service leaves running tasks alone; the next start goes on
    with them.
    """
    from rediacc.cli.installing import install
    from rediacc.requests import ServiceInstall

    view = session.view(output=output, quiet=quiet)
    request = ServiceInstall(
        is_system=scope == "system", account=account, force=force, dry_run=dry_run
    )
    return install(session, view, request, tests_login=not no_login_test)


@click.command("service", epilog="\b\nExample:\n  rediacc service uninstall")
@_scope_options
@click.option("--force", is_flag=True, help="Remove a unit that somebody edited.")
@click.option("--dry-run", is_flag=True, help="Stop and remove nothing; say what would be.")
@answer_options
@click.pass_obj
def uninstall_service(
    session: Session,
    /,
    *,
    scope: str,
    force: bool,
    dry_run: bool,
    output: str | None,
    quiet: bool,
) -> None:
    """Stop the service and remove its unit; tasks that run go on to their end."""
    from rediacc.cli.render.output import print_item
    from rediacc.requests import ServiceRef

    view = session.view(output=output, quiet=quiet)
    request = ServiceRef(is_system=scope == "system", force=force, dry_run=dry_run)
    answer = session.perform("service.uninstall", request)
    words = "would be removed" if dry_run else "removed"
    lines = [f"service {answer.unit} {words}: {answer.path}"]
    print_item(view, answer, kind="service", name=answer.unit, lines=lambda: lines)


@click.command("service", epilog="\b\nExample:\n  rediacc service status")
@_scope_options
@answer_options
@click.pass_obj
def service_status(session: Session, /, *, scope: str, output: str | None, quiet: bool) -> int:
    """Show the service's unit and the workers that live; exit 1 when it does not run."""
    from rediacc.cli.installing import service_lines
    from rediacc.cli.render.output import print_item
    from rediacc.errors import ExitCode
    from rediacc.requests import ServiceRef

    view = session.view(output=output, quiet=quiet)
    answer = session.perform("service.status", ServiceRef(is_system=scope == "system"))
    print_item(view, answer, kind="service", name=answer.unit, lines=lambda: service_lines(answer))
    return int(ExitCode.DONE if answer.state == "active" else ExitCode.GENERAL)
