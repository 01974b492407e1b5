"""``version``."""

from __future__ import annotations

import click

from rediacc.cli.options import output_option
from rediacc.cli.session import Session

__all__ = ["version"]

_PACKAGES = ("ansible-core", "ansible-runner", "click", "sqlmodel")


@click.command("version", epilog="\b\nExample:\n  rediacc version -o json")
@output_option
@click.pass_obj
def version(session: Session, /, *, output: str | None) -> None:
    """Print the versions of rediacc, of Python and of what they rest on."""
    import platform
    from importlib.metadata import PackageNotFoundError
    from importlib.metadata import version as installed

    from rediacc import __version__
    from rediacc.cli.render.document import envelope
    from rediacc.cli.render.output import print_document

    view = session.view(output=output)
    found = {"rediacc": __version__, "python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = installed(package)
        except PackageNotFoundError:
            found[package] = ""
    if view.output == "name":
        click.echo(__version__)
    elif view.is_for_people:
        for name, number in found.items():
            click.echo(f"{name:<15} {number or 'not installed'}")
    else:
        print_document(view, envelope("version", item=found))
