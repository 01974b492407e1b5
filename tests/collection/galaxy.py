"""What is shipped: the tarball for Galaxy and the wheel, built, compared, and used elsewhere."""

from __future__ import annotations

import contextlib
import json
import tarfile
import tempfile
import zipfile
from pathlib import Path

from ansible_test import variables
from environments import IMPORTER, LINT, USER, ready
from places import copied_tree, tracked_files
from running import Failed

# What a user of the collection gets; MANIFEST.json and FILES.json list it in the tarball.
SHIPPED_DIRECTORIES = ("meta", "playbooks", "plugins", "roles")
SHIPPED_FILES = (
    "CHANGELOG.md",
    "CODE_OF_CONDUCT.md",
    "CONTRIBUTING.md",
    "LICENSE",
    "README.md",
    "changelogs/changelog.yaml",
    "changelogs/config.yaml",
)
MADE = ("FILES.json", "MANIFEST.json")
IN_WHEEL = "ansible_collections/rediacc/core/"

INVENTORY = """\
all:
  vars:
    ansible_connection: local
    ansible_python_interpreter: "{{ ansible_playbook_python }}"
  hosts:
    elsewhere-01:
"""
PLAYBOOK = """\
- name: Use the collection from a repository that knows nothing of its checkout
  hosts: localhost
  gather_facts: false
  module_defaults:
    group/rediacc.core.rediacc:
      rediacc_home: "{{ playbook_dir }}"
  tasks:
    - name: Read the teams
      rediacc.core.team_info:
      register: teams

    - name: Queue a task
      rediacc.core.task:
        team: elsewhere
        command: uptime
        machines: [elsewhere-01]
      register: queued

    - name: Say what came of it
      ansible.builtin.assert:
        that:
          - teams.teams | map(attribute='name') == ['elsewhere']
          - queued.state == 'pending'
"""


@contextlib.contextmanager
def _built(log):
    """Yield the tarball and the wheel of this checkout."""
    programs = ready(LINT, log.run)
    with copied_tree() as tree, tempfile.TemporaryDirectory(prefix="rediacc-built-") as place:
        out = Path(place)
        galaxy = [programs / "ansible-galaxy", "collection", "build", "--output-path", out]
        log.run(galaxy, cwd=tree, env=variables(LINT))
        pip = [programs / "python", "-m", "pip", "wheel", "--quiet", "--no-deps", "-w", out, "."]
        log.run(pip, cwd=tree, env=variables(LINT))
        (tarball,) = out.glob("*.tar.gz")
        (wheel,) = out.glob("*.whl")
        yield tarball, wheel


def imported(log, _select):
    """galaxy-importer, as Galaxy runs it on what is published."""
    python = ready(IMPORTER, log.run) / "python"
    with _built(log) as (tarball, _wheel):
        said = log.run(
            [python, "-m", "galaxy_importer.main", tarball],
            cwd=tarball.parent,
            env={**variables(IMPORTER), "PYTHONWARNINGS": "ignore"},
        )
        result = tarball.parent / "importer_result.json"
        if not result.exists():
            raise Failed("galaxy-importer wrote no result")
        told = json.loads(result.read_text())
    complaints = [line for line in said.splitlines() if line.startswith(("WARNING", "ERROR"))]
    if complaints:
        raise Failed(f"galaxy-importer complains {len(complaints)} times, first: {complaints[0]}")
    return f"{len(told['contents'])} contents, no warning"


def installed(log, _select):
    """The two ways to have the collection: with the package, and from Galaxy beside it."""
    programs = ready(USER, log.run)
    with _built(log) as (tarball, wheel):
        count = _same_files(tarball, wheel)
        pip = [programs / "python", "-m", "pip", "install", "--quiet"]
        log.run([*pip, wheel])
        log.run([*pip, "--force-reinstall", "--no-deps", wheel])
        with tempfile.TemporaryDirectory(prefix="rediacc-elsewhere-") as place:
            _use(log, programs, Path(place), {}, origin=programs.parent)
        with tempfile.TemporaryDirectory(prefix="rediacc-elsewhere-") as place:
            path = Path(place, "collections")
            here = {"ANSIBLE_COLLECTIONS_PATH": str(path)}
            # Forced, because ansible-galaxy sees that the wheel has it already.
            install = ["collection", "install", "--offline", "--force", "-p", path, tarball]
            log.run([programs / "ansible-galaxy", *install], env={**_plain(Path(place)), **here})
            _needs_the_package(log, path)
            _use(log, programs, Path(place), here, origin=path)
    return f"{count} files, the same in both; used from the wheel alone and from the tarball"


def _needs_the_package(log, path):
    """See that ansible-builder finds what an execution environment needs."""
    program = ready(LINT, log.run) / "ansible-builder"
    told = log.run([program, "introspect", path])
    if "rediacc==" not in told:
        raise Failed("ansible-builder does not find that the package is needed")


def _same_files(tarball, wheel):
    """Compare what is in both with what is meant to be; return how many files that is."""
    meant = {
        name
        for name in tracked_files()
        if name.startswith(tuple(f"{each}/" for each in SHIPPED_DIRECTORIES))
        or name in SHIPPED_FILES
    }
    with tarfile.open(tarball) as archive:
        in_tarball = {entry.name for entry in archive if entry.isfile()}
    _compare("the tarball", in_tarball, meant | set(MADE))
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    in_wheel = {name.removeprefix(IN_WHEEL) for name in names if name.startswith(IN_WHEEL)}
    parts = {name for name in meant if name.startswith(SHIPPED_DIRECTORIES)}
    _compare("the wheel", in_wheel, parts | {"galaxy.yml"})
    return len(meant)


def _compare(where, found, meant):
    if found != meant:
        raise Failed(
            f"{where} lacks {sorted(meant - found)} and has {sorted(found - meant)} too many"
        )


def _use(log, programs, place, more, *, origin):
    """Make a home in a repository elsewhere; use modules, inventory, callback and a playbook.

    :param origin: the directory that the collection must come from.
    """
    env = {**_plain(place), **more, "PATH": f"{programs}:/usr/local/bin:/usr/bin:/bin"}
    (place / "hosts.yml").write_text(INVENTORY)
    (place / "site.yml").write_text(PLAYBOOK)
    (place / "elsewhere.rediacc.yml").write_text("plugin: rediacc.core.team\nteams: [elsewhere]\n")

    def run(program, *words):
        return log.run([programs / program, *words], cwd=place, env=env)

    said = run("ansible-doc", "-t", "module", "-j", "rediacc.core.task")
    filename = json.loads(_object(said))["rediacc.core.task"]["doc"]["filename"]
    if not Path(filename).is_relative_to(origin):
        raise Failed(f"{filename} is not below {origin}")
    run("rediacc", "init", "--team", "elsewhere=hosts.yml")
    run("ansible-playbook", "-i", "hosts.yml", "site.yml")
    # A worker of its own runs both tasks; their results come through the callback.
    run("rediacc", "run", "--team", "elsewhere", "--all", "--command", "uptime")
    listed = json.loads(_object(run("ansible-inventory", "-i", "elsewhere.rediacc.yml", "--list")))
    if "elsewhere-01" not in listed["_meta"]["hostvars"]:
        raise Failed("the inventory plugin does not know the machine")
    run("ansible-playbook", "-i", "hosts.yml", "rediacc.core.check_machines")


def _plain(place):
    """Return the variables of somebody who set none, with a home directory that is new."""
    kept = {name: value for name, value in variables(USER).items() if name.startswith("PIP_")}
    return {**kept, "HOME": str(place), "LANG": "C.UTF-8", "PATH": "/usr/local/bin:/usr/bin:/bin"}


def _object(output):
    """Return the JSON object among the lines of a log."""
    return output[output.index("\n{") : output.rindex("}") + 1]
