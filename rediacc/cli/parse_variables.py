"""``-e``: ``key=value`` text, a JSON or YAML mapping, or ``@file``, by Ansible's rules."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from rediacc.cli.parse_documents import LARGEST_DOCUMENT, NotPlain, parse_mapping
from rediacc.cli.parse_key_values import parse_key_values
from rediacc.errors import InvalidInput
from rediacc.values import ExtraVariables

__all__ = ["merged_values", "parse_variables"]

_VAULT_HEADER = "$ANSIBLE_VAULT;"


def parse_variables(texts: Iterable[str], *, directory: Path) -> tuple[ExtraVariables, ...]:
    """Return what each ``-e`` gives, in order.

    A file is read now, so that a later change of it changes no queued task. A file that is
    encrypted, or that holds encrypted or other tagged values, stays a reference: its secrets are
    read only where the task runs.

    :param directory: what relative file names are relative to.
    :raises InvalidInput: one is broken, or a file cannot be read.
    """
    return tuple(_parse(text, directory) for text in texts)


def merged_values(variables: Iterable[ExtraVariables]) -> dict[str, object]:
    """Return the values of all, the later ones winning; for the variables of a named task.

    :raises InvalidInput: one is an encrypted file, whose values nobody can check.
    """
    merged: dict[str, object] = {}
    for one in variables:
        if one.values is None:
            raise InvalidInput(
                f"-e @{one.file}: a named task's variables are checked, so they cannot come from "
                "an encrypted file"
            )
        merged.update(one.values)
    return merged


def _parse(text: str, directory: Path) -> ExtraVariables:
    stripped = text.strip()
    if not stripped:
        raise InvalidInput("-e: is empty")
    if stripped.startswith("@"):
        return _parse_file(stripped[1:], directory)
    if stripped[0] in "{[":
        try:
            return ExtraVariables(values=parse_mapping(stripped, where="-e"))
        except NotPlain as exc:
            raise InvalidInput(f"-e: {exc} values can only be given in a file: -e @FILE") from exc
    if stripped[0] in "/.":
        raise InvalidInput(f"-e: {text!r} looks like a file", hint=f"write -e @{stripped}")
    pairs, left_over = parse_key_values(text, option="-e")
    if left_over.strip():
        raise InvalidInput(
            f"-e: {left_over.split()[0]!r} is not key=value",
            hint="a value with spaces needs quotes of its own, as for Ansible: -e 'key=\"a b\"'",
        )
    return ExtraVariables(values=pairs)


def _parse_file(name: str, directory: Path) -> ExtraVariables:
    if not name:
        raise InvalidInput("-e @: names no file")
    path = (directory / Path(name).expanduser()).absolute()
    where = f"-e @{name}"
    try:
        if not path.is_file():
            raise InvalidInput(f"{where}: there is no such file")
        with path.open("rb") as stream:
            content = stream.read(LARGEST_DOCUMENT + 1)
    except OSError as exc:
        raise InvalidInput(f"{where}: cannot be read: {exc.strerror}") from exc
    if len(content) > LARGEST_DOCUMENT:
        raise InvalidInput(f"{where}: larger than 1 MiB")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        raise InvalidInput(f"{where}: is not UTF-8 text") from exc
    if text.lstrip().startswith(_VAULT_HEADER):
        return ExtraVariables(file=str(path))
    try:
        return ExtraVariables(values=parse_mapping(text, where=where))
    except NotPlain:
        return ExtraVariables(file=str(path))
