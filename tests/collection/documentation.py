"""What ansible-doc says of each plugin."""

from __future__ import annotations

import json

from ansible_test import variables
from environments import ready
from places import copied_tree
from running import Failed

# Directory below plugins/ and the word of ansible-doc for what lies there.
KINDS = {
    "modules": "module",
    "callback": "callback",
    "filter": "filter",
    "inventory": "inventory",
    "lookup": "lookup",
    "test": "test",
    "vars": "vars",
}
_COMPLAINTS = ("[WARNING]", "[ERROR]", "[DEPRECATION WARNING]")
RETURNING = ("module", "filter", "lookup", "test")


def documented(environment):
    """Return the check that ansible-doc renders every plugin, with what belongs to it."""

    def check(log, _select):
        program = ready(environment, log.run) / "ansible-doc"
        count = 0
        with copied_tree() as tree:
            env = {
                **variables(environment),
                "ANSIBLE_COLLECTIONS_PATH": str(tree.parents[2]),
                "ANSIBLE_NOCOLOR": "1",
            }
            for kind, names in _plugins(tree).items():
                texts = log.run([program, "-t", kind, *names], cwd=tree, env=env)
                values = log.run([program, "-j", "-t", kind, *names], cwd=tree, env=env)
                _check(kind, names, texts, values)
                count += len(names)
        return f"{count} plugins and roles"

    return check


def _plugins(tree):
    """Return the full names by kind."""
    found = {}
    for directory, kind in KINDS.items():
        stems = {
            path.stem
            for path in tree.glob(f"plugins/{directory}/*")
            if path.suffix in (".py", ".yml")
        }
        names = sorted(f"rediacc.core.{stem}" for stem in stems if not stem.startswith("_"))
        if names:
            found[kind] = names
    roles = sorted(f"rediacc.core.{path.name}" for path in tree.glob("roles/*") if path.is_dir())
    return {**found, **({"role": roles} if roles else {})}


def _check(kind, names, texts, values):
    for line in (texts + values).splitlines():
        # Ansible says the first of a collection inside itself, in some versions.
        if line.startswith(_COMPLAINTS) and "/_protomatter" not in line:
            raise Failed(f"ansible-doc -t {kind}: {line}")
    told = json.loads(values[values.index("\n{") : values.rindex("}") + 1])
    for name in names:
        if name not in told:
            raise Failed(f"ansible-doc knows no {kind} {name}")
        if kind == "role":
            _check_role(name, told[name])
            continue
        if not told[name].get("examples"):
            raise Failed(f"{kind} {name} has no examples")
        if kind in RETURNING and not told[name].get("return"):
            raise Failed(f"{kind} {name} does not say what it returns")


def _check_role(name, told):
    if not told.get("entry_points"):
        raise Failed(f"role {name} has no argument specification")
