"""ansible-lint, antsibull-docs and antsibull-changelog."""

from __future__ import annotations

from ansible_test import variables
from environments import LINT, ready
from places import copied_tree
from running import Failed

LINTED = ("playbooks", "roles", "examples", "extensions")


def lint(log, _select):
    """ansible-lint with the profile for production, warnings counting as errors."""
    program = ready(LINT, log.run) / "ansible-lint"
    with copied_tree() as tree:
        places = [place for place in LINTED if (tree / place).is_dir()]
        output = log.run(
            [program, "--profile", "production", "--strict", "--offline", "--nocolor", *places],
            cwd=tree,
            env=_variables(tree),
        )
    line = next((line for line in output.splitlines() if line.startswith("Passed:")), None)
    if line is None:
        raise Failed("ansible-lint does not say that it passed")
    return line


def docs_lint(log, _select):
    """antsibull-docs: every reference, link and type in the documentation."""
    program = ready(LINT, log.run) / "antsibull-docs"
    with copied_tree() as tree:
        log.run(
            [
                program,
                "lint-collection-docs",
                "--plugin-docs",
                "--validate-collection-refs=all",
                "--disallow-unknown-collection-refs",
                "--skip-rstcheck",
                ".",
            ],
            cwd=tree,
            env=_variables(tree),
        )
    return "no finding"


def changelog(log, _select):
    """antsibull-changelog over the fragments and what was released."""
    program = ready(LINT, log.run) / "antsibull-changelog"
    with copied_tree() as tree:
        log.run([program, "lint"], cwd=tree, env=_variables(tree))
        log.run([program, "lint-changelog-yaml", "--strict", "changelogs/changelog.yaml"], cwd=tree)
    return "no finding"


def _variables(tree):
    return {
        **variables(LINT),
        "ANSIBLE_COLLECTIONS_PATH": str(tree.parents[2]),
        "ANSIBLE_HOME": str(tree.parents[2] / "ansible-home"),
    }
