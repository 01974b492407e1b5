# Copyright (c) 2026 the rediacc authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every action that works in a home: its options are those that its module documents."""

from __future__ import annotations

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
    assert set(taken) == set(documented)
    for option, spec in taken.items():
        described = documented[option]
        for key in ("type", "default", "choices", "aliases", "elements", "required"):
            assert spec.get(key) == described.get(key), f"{option}: {key}"


@pytest.mark.parametrize("name", ACTIONS)
def test_module_defaults_of_the_group_reach_it(name: str) -> None:
    runtime = yaml.safe_load((ROOT / "meta" / "runtime.yml").read_text())
    assert name in runtime["action_groups"]["rediacc"]
