"""The checks: what each shows and on which versions of ansible-core."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from ansible_test import ansible_test, variables
from contents import contents
from documentation import documented
from environments import CORES, ready
from galaxy import imported, installed
from linting import changelog, docs_lint, lint
from places import copied_tree
from running import Failed

# One target of each kind of plugin; the newest supported version runs all of them.
SOME_TARGETS = (
    "batch",
    "callback_results",
    "filter_outcomes",
    "inventory_team",
    "lookup_secret",
    "machine",
    "secret",
    "task",
    "team_info",
)


@dataclass(frozen=True, kw_only=True)
class Step:
    """One check.

    ``check`` gets the log and the arguments that the caller gave for ansible-test, and returns one
    line with figures.
    """

    name: str
    check: Callable
    may_fail: bool = False


def sanity(core):
    """ansible-test sanity over the whole repository, with every Python that it asks for."""

    def check(log, select):
        with copied_tree() as tree:
            ignored = sorted(path.name for path in tree.glob("tests/sanity/ignore*"))
            if ignored:
                raise Failed(f"findings are ignored: {' '.join(ignored)}")
            output = ansible_test(CORES[core], tree, ["sanity", "--color", "no", *select], log)
        tests = set(re.findall(r'Running sanity test "([^"]+)"', output))
        pythons = set(re.findall(r"Running sanity test .* on Python (\d\.\d+)", output))
        numbers = sorted(pythons, key=lambda version: int(version.partition(".")[2]))
        return f"{len(tests)} tests, Python {' '.join(numbers)}"

    return Step(name=f"sanity-{core}", check=check, may_fail=CORES[core].may_fail)


def units(core):
    """ansible-test units over the tests of the plugins; the package's are plain pytest's.

    Those that start whole playbooks (``test_results_*``) share one run among many tests, but
    ansible-test gives each test a process of its own, and so a run: ``make test`` has them.
    """

    def check(log, select):
        python = CORES[core].python
        words = ["units", "--local", "--python", python, "--color", "no"]
        with copied_tree() as tree:
            if not select:
                for path in tree.glob("tests/unit/plugins/test_results_*.py"):
                    path.unlink()
            output = ansible_test(
                CORES[core], tree, [*words, *(select or ["tests/unit/plugins/"])], log
            )
        passed = sum(map(int, re.findall(r"(\d+) passed", output)))
        if not passed:
            raise Failed("no test ran")
        return f"{passed} tests"

    return Step(name=f"units-{core}", check=check)


def integration(core, *some):
    """ansible-test integration over every target or some, with deprecation warnings on."""

    def check(log, select):
        words = ["integration", "--local", "--python", CORES[core].python, "--color", "no", "-v"]
        words += ["--continue-on-error"]
        with copied_tree() as tree:
            if not select:
                _every_plugin_has_a_target(tree)
            output = ansible_test(CORES[core], tree, [*words, *(select or some)], log)
        # Once per target: its name stands before what it runs.
        targets = set(re.findall(r"Running (\S+) integration test", output))
        if "[DEPRECATION WARNING]" in output:
            raise Failed("a deprecation warning; search the log for [DEPRECATION WARNING]")
        if not targets:
            raise Failed("no target ran")
        return f"{len(targets)} targets, no deprecation warning"

    return Step(name=f"integration-{core}", check=check)


def molecule(log, select):
    """The scenarios of roles and playbooks, on machines that they start themselves."""
    environment = CORES["2.21"]
    ready(environment, log.run)
    with copied_tree() as tree:
        program = tree / "extensions" / "molecule" / "run"
        scenarios = {path.parent.name for path in tree.glob("extensions/molecule/*/verify.yml")}
        output = log.run(["sh", program, *select], cwd=tree, env=variables(environment))
    plain = re.sub(r"\x1b\[[0-9;]*m", "", output)
    # The arrow is drawn only where the locale has one.
    done = set(re.findall(r"(\w+) (?:➜|>) verify: Executed: Successful", plain))
    if done != (set(select) or scenarios):
        raise Failed(f"not all scenarios were verified, only: {' '.join(sorted(done))}")
    return f"{len(done)} scenarios"


def _every_plugin_has_a_target(tree):
    targets = {path.parent.name for path in tree.glob("tests/integration/targets/*/aliases")}
    wanted = {path.stem for path in tree.glob("plugins/modules/*.py")}
    for kind in ("callback", "filter", "inventory", "lookup", "test"):
        wanted |= {f"{kind}_{path.stem}" for path in tree.glob(f"plugins/{kind}/*.py")}
    missing = sorted(wanted - targets)
    if missing:
        raise Failed(f"no integration target for: {' '.join(missing)}")


# What takes longest begins first.
STEPS = (
    integration("2.21"),
    integration("2.19", *SOME_TARGETS),
    Step(name="molecule", check=molecule),
    *map(sanity, CORES),
    *(units(core) for core in CORES if not CORES[core].may_fail),
    *(
        Step(name=f"docs-{core}", check=documented(CORES[core]))
        for core in CORES
        if not CORES[core].may_fail
    ),
    Step(name="contents", check=contents),
    Step(name="lint", check=lint),
    Step(name="docs-lint", check=docs_lint),
    Step(name="changelog", check=changelog),
    Step(name="galaxy-importer", check=imported),
    Step(name="installed", check=installed),
)
