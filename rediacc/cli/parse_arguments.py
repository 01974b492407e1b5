"""``--args`` of a module: ``key=value`` text or a JSON or YAML mapping."""

from __future__ import annotations

from typing import Any

from rediacc.cli.parse_documents import NotPlain, parse_mapping
from rediacc.cli.parse_key_values import parse_key_values
from rediacc.errors import InvalidInput

__all__ = ["is_free_form", "parse_arguments"]

_FREE_FORM_NAMES = frozenset({"command", "shell", "raw", "script"})
_FREE_FORM_PREFIXES = ("", "ansible.builtin.", "ansible.legacy.")
_FREE_FORM_WINDOWS = frozenset({"win_command", "win_shell"})
_WINDOWS_PREFIXES = ("", "ansible.windows.", "ansible.legacy.")


def parse_arguments(text: str, *, module: str) -> dict[str, Any]:
    """Return the module arguments in `text`; a free-form module's text is ``_raw_params``.

    :raises InvalidInput: it is broken, or a word is not ``key=value`` and `module` takes none.
    """
    if text.lstrip().startswith("{"):
        try:
            return parse_mapping(text, where="--args")
        except NotPlain as exc:
            raise InvalidInput(f"--args: {exc} values cannot be given here") from exc
    free_form = is_free_form(module)
    pairs, left_over = parse_key_values(text, option="--args", free_form=free_form)
    if not left_over.strip():
        return dict(pairs)
    if not free_form:
        raise InvalidInput(
            f"--args: {left_over.split()[0]!r} is not key=value, and {module} takes no free text"
        )
    return {**pairs, "_raw_params": left_over}


def is_free_form(module: str) -> bool:
    """Say whether the module takes its text as it stands, as ``command`` does."""
    prefix, _separator, name = module.rpartition(".")
    prefix = f"{prefix}." if prefix else ""
    if name in _FREE_FORM_NAMES:
        return prefix in _FREE_FORM_PREFIXES
    return name in _FREE_FORM_WINDOWS and prefix in _WINDOWS_PREFIXES
