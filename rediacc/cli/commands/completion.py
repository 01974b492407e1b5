"""``completion``."""

from __future__ import annotations

import click

__all__ = ["completion"]


@click.command(
    "completion",
    epilog="""\b
Examples:
  eval "$(rediacc completion bash)"
  rediacc completion fish > ~/.config/fish/completions/rediacc.fish
""",
)
@click.argument("shell", type=click.Choice(("bash", "zsh", "fish")))
def completion(shell: str) -> None:
    """Print the script that teaches a shell to complete rediacc's words."""
    from click.shell_completion import get_completion_class

    from rediacc.cli.main import build_root

    kind = get_completion_class(shell)
    assert kind is not None
    complete = kind(build_root(), {}, "rediacc", "_REDIACC_COMPLETE")
    # The script itself; asking the class for its source would start the shell to learn its age.
    click.echo(complete.source_template % complete.source_vars())
