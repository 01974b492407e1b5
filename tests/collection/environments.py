"""The virtual environments of the checks: one for each ansible-core, one for each set of tools."""

from __future__ import annotations

import hashlib
import shutil
import threading
import tomllib
from dataclasses import dataclass

from places import KEPT, ROOT, find_python
from running import Failed


@dataclass(frozen=True, kw_only=True)
class Environment:
    """What an environment holds.

    ``has_package`` says whether this checkout is installed in it, editable.
    """

    name: str
    python: str
    packages: tuple[str, ...]
    has_package: bool = False
    may_fail: bool = False

    @property
    def bin(self):
        return KEPT / self.name / "bin"


# What ansible-test's own way of running pytest takes, beside the group `test` of pyproject.toml.
TEST_TOOLS = ("pytest-mock",)


def _core(version, python, *more, wanted=None, may_fail=False):
    return Environment(
        name=version,
        python=python,
        packages=(wanted or f"ansible-core=={version}.*", *TEST_TOOLS, *more),
        has_package=True,
        may_fail=may_fail,
    )


CORES = {
    "2.19": _core("2.19", "3.11"),
    "2.20": _core("2.20", "3.12"),
    "2.21": _core("2.21", "3.12", "molecule>=25"),
    # A release candidate: its findings are shown, and fail nothing.
    "2.22": _core("2.22", "3.13", wanted="ansible-core>=2.22.0rc1,<2.23", may_fail=True),
}

LINT = Environment(
    name="lint",
    python="3.12",
    packages=(
        "ansible-builder>=3.1",
        "ansible-core==2.21.*",
        "ansible-lint>=25",
        "antsibull-changelog>=0.34",
        "antsibull-docs>=2.20",
        "distlib",
    ),
)
# Its pins disagree with everybody else's.
IMPORTER = Environment(name="importer", python="3.12", packages=("galaxy-importer>=0.4.30",))
# What a user has: the wheel and nothing of the checkout. The step that uses it installs the wheel.
USER = Environment(name="user", python="3.12", packages=("ansible-core==2.21.*",))

_LOCKS: dict[str, threading.Lock] = {}
_LOCKS_LOCK = threading.Lock()


def ready(environment, run, *, with_package=True):
    """Return the environment's ``bin`` directory; make the environment first where it must be.

    :param run: runs a command and keeps its output in the step's log.
    :param with_package: whether this checkout must be in it, where it can be.
    """
    with _LOCKS_LOCK:
        lock = _LOCKS.setdefault(environment.name, threading.Lock())
    with lock:
        _keep(environment, ".made-of", repr(environment), lambda: _make(environment, run))
        if environment.has_package and with_package:
            needs = repr((ROOT, _declared()))
            _keep(environment, ".package", needs, lambda: _install_package(environment, run))
    return environment.bin


def _keep(environment, name, made_of, make):
    """Do something to an environment unless that was done already, of the same."""
    mark = KEPT / environment.name / name
    digest = hashlib.sha256(made_of.encode()).hexdigest()
    if not mark.exists() or mark.read_text() != digest:
        make()
        mark.write_text(digest)


def _make(environment, run):
    python = find_python(environment.python)
    if python is None:
        raise Failed(f"no Python {environment.python} here")
    place = KEPT / environment.name
    shutil.rmtree(place, ignore_errors=True)
    run([python, "-m", "venv", place])
    run([*_pip(environment), "--upgrade", "pip>=25.1"])
    run([*_pip(environment), *environment.packages])
    # ansible-test switches the warnings off that it should show.
    (_libraries(environment) / "warnings-on.pth").write_text(
        'import os; os.environ["ANSIBLE_DEPRECATION_WARNINGS"] = "1"\n'
    )


def _install_package(environment, run):
    group = f"{ROOT / 'pyproject.toml'}:test"
    # The environment's own packages again, so that nothing replaces its ansible-core.
    run([*_pip(environment), "--editable", ROOT, "--group", group, *environment.packages])
    # The wheel's copy of the collection would grow old; each check says which it means.
    copy = _libraries(environment) / "ansible_collections" / "rediacc"
    shutil.rmtree(copy, ignore_errors=True)


def _pip(environment):
    return [environment.bin / "python", "-m", "pip", "install", "--quiet"]


def _libraries(environment):
    (found,) = (KEPT / environment.name).glob("lib/python*/site-packages")
    return found


def _declared():
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())
    return declared["project"], declared["dependency-groups"]["test"]
