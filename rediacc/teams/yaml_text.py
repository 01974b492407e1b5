"""New YAML as people would type it, but read back as exactly the given values by any reader."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import yaml

from rediacc.teams.names import is_address
from rediacc.teams.safe_yaml import Tagged

__all__ = ["block_lines", "flow_text", "unsafe_document"]

_PLAIN = re.compile(r"[A-Za-z_/][A-Za-z0-9_./-]*")
_IPV4 = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}")
# Words that YAML 1.1 readers other than PyYAML, or those of 1.2, take for something else.
_WORDS = {"y", "n", "yes", "no", "on", "off", "true", "false", "null", "none", "nan", "inf"}
_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "\r": "\\r"}
_STR = "tag:yaml.org,2002:str"


def block_lines(key: str, value: Any, *, indent: int, step: int) -> list[str]:
    """Return the lines of one entry of a block mapping, without line ends."""
    start = f"{' ' * indent}{_text(key)}:"
    if value is None:
        return [start]
    if isinstance(value, Mapping) and value:
        lines = [start]
        for name, item in value.items():
            lines.extend(block_lines(name, item, indent=indent + step, step=step))
        return lines
    return [f"{start} {flow_text(value)}"]


def flow_text(value: Any) -> str:
    """Return `value` as one line, fit for flow collections as well."""
    if value is None:
        return "null"
    if isinstance(value, Tagged):
        return f"!{value[0]} {_quoted(str(value[1]))}"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return _number(value)
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, Mapping):
        entries = (f"{_text(key)}: {flow_text(item)}" for key, item in value.items())
        return "{" + ", ".join(entries) + "}"
    return "[" + ", ".join(flow_text(item) for item in value) + "]"


def unsafe_document(variables: Mapping[str, Any]) -> str:
    """Return variables for Ansible, whose texts it must never evaluate as templates."""
    return "".join(
        f"{name}: !unsafe {_always_quoted(value)}\n" for name, value in variables.items()
    )


def _always_quoted(value: Any) -> str:
    if isinstance(value, Mapping):
        entries = (f"{_quoted(str(key))}: {_always_quoted(one)}" for key, one in value.items())
        return "{" + ", ".join(entries) + "}"
    return _quoted(str(value))


def _number(value: float) -> str:
    # YAML 1.1 wants the dot: PyYAML reads 1e+20 as text.
    text = repr(value)
    return text.replace("e", ".0e") if "e" in text and "." not in text else text


def _text(text: str) -> str:
    """Return `text` plain where no reader can mistake it, else in double quotes."""
    if _IPV4.fullmatch(text) and is_address(text):
        return text
    if _PLAIN.fullmatch(text) and text.lower() not in _WORDS and _resolved(text) == _STR:
        return text
    return _quoted(text)


def _quoted(text: str) -> str:
    return '"' + "".join(map(_escaped, text)) + '"'


def _resolved(text: str) -> str:
    """Return the tag that PyYAML gives to plain `text`: what its reader would make of it."""
    node = yaml.compose(text, Loader=yaml.SafeLoader)
    return str(node.tag) if isinstance(node, yaml.ScalarNode) else ""


def _escaped(char: str) -> str:
    if char in _ESCAPES:
        return _ESCAPES[char]
    if char.isprintable():
        return char
    number = ord(char)
    if number <= 0xFF:
        return f"\\x{number:02x}"
    return f"\\u{number:04x}" if number <= 0xFFFF else f"\\U{number:08x}"
