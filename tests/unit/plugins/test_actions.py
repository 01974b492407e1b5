# Copyright (c) 2026 the rediacc authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every action that works in a home: its options are those that its module documents."""

from __future__ import annotations

import re
from importlib import import_module
from typing import Any

import pytest
import yaml

from .conftest import ROOT

FRAGMENTS = {
    "rediacc.core.home.module": ("home", "MODULE"),
    "rediacc.core.waiting": ("waiting", "DOCUMENTATION"),
    "rediacc.core.waiting.wait": ("waiting", "WAIT"),
    "rediacc.core.waiting.ids": ("waiting", "IDS"),
}
# As ansible-core warns of in modules, which it does not do for actions.
SOUNDS_SECRET = re.compile(r"pass(?!ive)|secret|token|cred|(?<!pass)key(?!s?_id)")
ACTIONS = sorted(
    path.stem
    for path in (ROOT / "plugins" / "action").glob("*.py")
    if "HomeAction" in path.read_text() or "TaskAction" in path.read_text()
)


def _documented(name: str) -> dict[str, Any]:
    module = import_module(f"ansible_collections.rediacc.core.plugins.modules.{name}")
    document = yaml.safe_load(module.DOCUMENTATION)
    options: dict[str, Any] = dict(document.get("options", {}))
    for fragment in document["extends_documentation_fragment"]:
        if fragment in FRAGMENTS:
            file, part = FRAGMENTS[fragment]
            place = import_module(f"ansible_collections.rediacc.core.plugins.doc_fragments.{file}")
            options |= yaml.safe_load(getattr(place.ModuleDocFragment, part))["options"]
    return options


@pytest.mark.parametrize("name", ACTIONS)
def test_documentation_says_what_the_action_takes(name: str) -> None:
    action = import_module(f"ansible_collections.rediacc.core.plugins.action.{name}")
    base = import_module("ansible_collections.rediacc.core.plugins.plugin_utils._action")
    taken = {**base.HOME_OPTIONS, **action.ActionModule.ARGUMENTS}
    documented = _documented(name)
    _compare(taken, documented, name)


def _compare(taken: dict[str, Any], documented: dict[str, Any], where: str) -> None:
    assert set(taken) == set(documented), where
    for option, spec in taken.items():
        described = documented[option]
        for key in ("type", "default", "choices", "aliases", "elements", "required"):
            assert spec.get(key) == described.get(key), f"{where}.{option}: {key}"
        _compare(spec.get("options", {}), described.get("suboptions", {}), f"{where}.{option}")


@pytest.mark.parametrize("name", ACTIONS)
def test_rules_name_options_that_there_are(name: str) -> None:
    action = import_module(f"ansible_collections.rediacc.core.plugins.action.{name}").ActionModule
    rules = action.RULES
    assert set(rules) <= {
        "mutually_exclusive",
        "required_by",
        "required_if",
        "required_one_of",
        "required_together",
    }
    named: set[str] = set()
    for kind in ("mutually_exclusive", "required_one_of", "required_together"):
        named.update(*rules.get(kind, ()))
    for option, value, needed, *_any_of in rules.get("required_if", ()):
        named.update((option, *needed))
        assert value in action.ARGUMENTS[option].get("choices", (value,)), option
    for option, needed in rules.get("required_by", {}).items():
        named.update((option, *([needed] if isinstance(needed, str) else needed)))
    assert named <= set(action.ARGUMENTS)


@pytest.mark.parametrize("name", ACTIONS)
def test_options_whose_names_sound_secret_are_not_logged(name: str) -> None:
    action = import_module(f"ansible_collections.rediacc.core.plugins.action.{name}").ActionModule
    base = import_module("ansible_collections.rediacc.core.plugins.plugin_utils._action")
    for option, spec in {**base.HOME_OPTIONS, **action.ARGUMENTS}.items():
        if SOUNDS_SECRET.search(option) and spec["type"] != "bool":
            assert "no_log" in spec, f"{option}: say no_log, True or False"


@pytest.mark.parametrize("name", ACTIONS)
def test_module_defaults_of_the_group_reach_it(name: str) -> None:
    runtime = yaml.safe_load((ROOT / "meta" / "runtime.yml").read_text())
    assert name in runtime["action_groups"]["rediacc"]
