"""The list of the collection's content in the README, from what the content says of itself.

Usage: contents.py    (writes it anew)
"""

from __future__ import annotations

import ast
import re
import sys

from places import ROOT
from running import Failed

BEGIN, END = "<!-- included: content -->\n", "<!-- end of the content -->\n"
KINDS = {
    "modules": "modules",
    "inventory": "inventory plugins",
    "lookup": "lookups",
    "callback": "callbacks",
    "filter": "filters",
}


def contents(_log, _select):
    """The README lists every plugin, playbook and role."""
    text = (ROOT / "README.md").read_text()
    if text != _renewed(text):
        raise Failed("the README's list is old: python3 tests/collection/contents.py")
    return f"{_listed().count('`') // 2} names in the README"


def _renewed(text):
    before, _begin, rest = text.partition(BEGIN)
    _old, _end, after = rest.rpartition(END)
    return f"{before}{BEGIN}{_listed()}{END}{after}"


def _listed():
    """Return a table for each kind."""
    rows = []
    for directory, kind in KINDS.items():
        plugins = sorted((ROOT / "plugins" / directory).glob("[!_]*.py"))
        rows += [(kind, path.stem, _short(_documentation(path))) for path in plugins]
    playbooks = sorted((ROOT / "playbooks").glob("*.yml"))
    rows += [("playbooks", path.stem, _comment(path)) for path in playbooks]
    roles = sorted((ROOT / "roles").glob("*/meta/argument_specs.yml"))
    rows += [("roles", path.parents[1].name, _short(path.read_text())) for path in roles]
    lines = ["", "| kind | name | what it does |", "|---|---|---|"]
    last = None
    for kind, name, words in rows:
        lines.append(f"| {kind if kind != last else ''} | `{name}` | {words} |")
        last = kind
    return "\n".join([*lines, "", ""])


def _documentation(path):
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "DOCUMENTATION":
            return ast.literal_eval(node.value)
    raise Failed(f"{path} has no DOCUMENTATION")


def _short(document):
    found = re.search(r"^ *short_description: *(.+)$", document, re.MULTILINE)
    if found is None:
        raise Failed("a plugin or role has no short_description")
    return found[1].strip("'\"").removesuffix(".")


def _comment(path):
    """Return the first sentence of the comment that a playbook begins with."""
    lines = path.read_text().splitlines()
    words = " ".join(line[1:].strip() for line in lines if line.startswith("#"))
    if not words:
        raise Failed(f"{path} does not begin with a comment on what it does")
    return re.split(r"\. |\.$|: ", words)[0]


if __name__ == "__main__":
    readme = ROOT / "README.md"
    readme.write_text(_renewed(readme.read_text()))
    sys.exit(0)
