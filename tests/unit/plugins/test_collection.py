# Copyright (c) 2026 the rediacc authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The collection as it is shipped: what is in it, and what it says of itself."""

from __future__ import annotations

import os
import subprocess
import tarfile
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

import rediacc

from .conftest import COLLECTIONS, PROGRAMS, ROOT, Project

PLUGINS = [
    ("module", "authorized_key"),
    ("module", "batch"),
    ("module", "log_archive"),
    ("module", "machine_health"),
    ("module", "stop"),
    ("callback", "results"),
]


def test_version_is_the_packages() -> None:
    assert yaml.safe_load((ROOT / "galaxy.yml").read_text())["version"] == rediacc.__version__
    required = (ROOT / "meta" / "ee-requirements.txt").read_text().split()
    assert required == [f"rediacc=={rediacc.__version__}"]
    described = yaml.safe_load((ROOT / "meta" / "execution-environment.yml").read_text())
    assert described["dependencies"]["python"] == "meta/ee-requirements.txt"


def test_ansible_core_that_the_collection_asks_for_is_the_packages() -> None:
    runtime = yaml.safe_load((ROOT / "meta" / "runtime.yml").read_text())
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    (wanted,) = (one for one in project["dependencies"] if one.startswith("ansible-core"))
    (lowest, _upper) = wanted.removeprefix("ansible-core").split(",")
    assert runtime["requires_ansible"] == f"{lowest}.0"


def test_each_queue_module_is_in_the_action_group() -> None:
    runtime = yaml.safe_load((ROOT / "meta" / "runtime.yml").read_text())
    actions = {path.stem for path in (ROOT / "plugins" / "action").glob("*.py")}
    modules = {path.stem for path in (ROOT / "plugins" / "modules").glob("*.py")}
    assert sorted(runtime["action_groups"]["rediacc"]) == sorted(actions)
    assert actions <= modules


def test_no_finding_of_the_sanity_tests_is_ignored() -> None:
    assert not list((ROOT / "tests").glob("sanity/ignore*"))


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    pytest.importorskip("distlib")
    target = tmp_path_factory.mktemp("build")
    subprocess.run(
        [PROGRAMS / "ansible-galaxy", "collection", "build", ROOT, "--output-path", target],
        env={**os.environ, "HOME": str(target), "ANSIBLE_HOME": str(target)},
        check=True,
        capture_output=True,
    )
    (tarball,) = target.glob("*.tar.gz")
    with tarfile.open(tarball) as archive:
        return archive.getnames()


def test_tarball_holds_the_collection_and_nothing_else(shipped: list[str]) -> None:
    allowed = {
        "CHANGELOG.md",
        "CODE_OF_CONDUCT.md",
        "CONTRIBUTING.md",
        "FILES.json",
        "LICENSE",
        "MANIFEST.json",
        "README.md",
        "changelogs",
        "meta",
        "playbooks",
        "plugins",
        "roles",
    }
    assert {Path(name).parts[0] for name in shipped} <= allowed
    for _kind, name in PLUGINS:
        assert any(Path(each).name == f"{name}.py" for each in shipped), name
    assert "LICENSE" in shipped
    for name in ("runtime.yml", "execution-environment.yml", "ee-requirements.txt"):
        assert f"meta/{name}" in shipped
    assert not [name for name in shipped if "__pycache__" in name]


@pytest.mark.parametrize(("kind", "name"), PLUGINS)
def test_documentation_renders(kind: str, name: str) -> None:
    done = subprocess.run(
        [PROGRAMS / "ansible-doc", "-t", kind, f"rediacc.core.{name}"],
        env={**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(COLLECTIONS)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "OPTIONS" in done.stdout


def test_every_plugin_file_has_its_licence() -> None:
    for path in sorted((ROOT / "plugins").rglob("*.py")):
        if path.name != "__init__.py":
            assert "# SPDX-License-Identifier: GPL-3.0-or-later" in path.read_text(), path


def test_playbook_reports_python_and_space(new_project: Callable[[str], Project]) -> None:
    run = new_project("check").play(
        "- {ansible.builtin.import_playbook: rediacc.core.check_machines}"
    )
    assert run.status == 0, run.stdout + run.stderr
    message = run.result("Report")["message"]
    assert message.startswith("Python 3.")
    assert "free on /" in message
    assert all(counts["changed"] == 0 for counts in run.records[-1]["hosts"].values())
