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


def _core(version, python, *, wanted=None, may_fail=False):
    return Environment(
        name=version,
        python=python,
        packages=(wanted or f"ansible-core=={version}.*", *TEST_TOOLS),
        has_package=True,
        may_fail=may_fail,
    )


CORES = {
    "2.19": _core("2.19", "3.11"),
    "2.20": _core("2.20", "3.12"),
    "2.21": _core("2.21", "3.12"),
    # A release candidate: its findings are shown, and fail nothing.
    "2.22": _core("2.22", "3.13", wanted="ansible-core>=2.22.0rc1,<2.23", may_fail=True),
}

LINT = Environment(
    name="lint",
    python="3.12",
    packages=(
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


def ready(environment, run):
    """Return the environment's ``bin`` directory; make the environment first where it must be.

    :param run: runs a command and keeps its output in the step's log.
    """
    with _LOCKS_LOCK:
        lock = _LOCKS.setdefault(environment.name, threading.Lock())
    with lock:
        mark = KEPT / environment.name / ".made-of"
        made_of = _digest(environment)
        if not (mark.exists() and mark.read_text() == made_of):
            _make(environment, run)
            mark.write_text(made_of)
    return environment.bin


def _make(environment, run):
    python = find_python(environment.python)
    if python is None:
        raise Failed(f"no Python {environment.python} here")
    place = KEPT / environment.name
    shutil.rmtree(place, ignore_errors=True)
    run([python, "-m", "venv", place])
    pip = [environment.bin / "python", "-m", "pip", "install", "--quiet"]
    run([*pip, "--upgrade", "pip>=25.1"])
    ours = ["--editable", ROOT, "--group", f"{ROOT / 'pyproject.toml'}:test"]
    what = ours if environment.has_package else []
    run([*pip, *what, *environment.packages])
    (packages,) = place.glob("lib/python*/site-packages")
    # The wheel's copy of the collection would grow old; each check says which it means.
    shutil.rmtree(packages / "ansible_collections" / "rediacc", ignore_errors=True)
    # ansible-test switches the warnings off that it should show.
    (packages / "warnings-on.pth").write_text(
        'import os; os.environ["ANSIBLE_DEPRECATION_WARNINGS"] = "1"\n'
    )


def _digest(environment):
    text = repr(environment)
    if environment.has_package:
        declared = tomllib.loads((ROOT / "pyproject.toml").read_text())
        text += repr((declared["project"], declared["dependency-groups"]["test"]))
    return hashlib.sha256(text.encode()).hexdigest()
