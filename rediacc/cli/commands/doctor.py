"""``doctor``."""

from __future__ import annotations

from typing import Any

import click

from rediacc.cli.options import display_options
from rediacc.cli.session import Session
from rediacc.errors import ExitCode

__all__ = ["doctor"]


@click.command("doctor", epilog="\b\nExample:\n  rediacc doctor --machines")
@click.option("--fix", is_flag=True, help="Mend what can be mended safely.")
@click.option("--machines", is_flag=True, help="Try to reach every machine too.")
@display_options
@click.pass_obj
def doctor(session: Session, /, *, fix: bool, machines: bool, **display: Any) -> int:
    """Check this home; exit 1 when a check fails.

    Shown is what needs you, with how to mend it; -o wide shows what passed too.
    """
    from rediacc.cli.render.checks import check_lines
    from rediacc.cli.render.columns import CHECK_COLUMNS
    from rediacc.cli.render.output import print_items, print_lines
    from rediacc.requests import DoctorRequest

    view = session.view(**display)
    checks = session.perform("doctor.check", DoctorRequest(fix=fix, machines=machines))
    if view.is_for_people and not (view.is_quiet or view.columns or view.sort):
        print_lines(check_lines(checks, shows_all=view.output == "wide"))
    else:
        print_items(
            view, checks, kind="checks", columns=CHECK_COLUMNS, name=lambda check: check.name
        )
    has_failed = any(check.status == "fail" for check in checks)
    return int(ExitCode.GENERAL if has_failed else ExitCode.DONE)
