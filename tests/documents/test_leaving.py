"""docs/leaving.md: what rediacc wrote is used by an Ansible beside which there is no rediacc."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from importlib import metadata
from pathlib import Path

import pytest
from documents_home import BLOCK, ROOT, as_installed
from packaging.requirements import Requirement

TEXT = (ROOT / "docs" / "leaving.md").read_text(encoding="utf-8")
PROGRAMS = ("ansible", "ansible-inventory", "ansible-playbook", "ansible-vault")
PLAYBOOK = """\
- name: Use what the vault holds
  hosts: web
  connection: local
  gather_facts: false
  tasks:
    - name: Say it
      ansible.builtin.debug:
        msg: "{{ inventory_hostname }} has {{ db_password }}"
"""


@pytest.fixture(scope="module")
def ansible_alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a virtual environment with ansible-core and what that needs, and nothing else.

    Its packages are those that are installed here, by links; so no package index is needed.
    """
    made = tmp_path_factory.mktemp("alone")
    venv.create(made, with_pip=False, symlinks=True)
    variables = {"base": str(made), "platbase": str(made)}
    packages = Path(sysconfig.get_path("purelib", vars=variables))
    for name in _needed("ansible-core", set()):
        for file in metadata.files(name) or ():
            top = file.parts[0]
            source, link = Path(str(file.locate())), packages / top
            if top != ".." and not link.exists():
                link.symlink_to(source.parents[len(file.parts) - 2] if file.parts[1:] else source)
    for name in PROGRAMS:
        program = made / "bin" / name
        module = {"ansible": "adhoc"}.get(name, name.removeprefix("ansible-"))
        program.write_text(
            f"#!{made}/bin/python -I\nimport sys\n"
            f"from ansible.cli.{module} import main\nsys.exit(main())\n"
        )
        program.chmod(0o755)
    return made


def _needed(name: str, seen: set[str]) -> set[str]:
    """Return a distribution and those that it needs here."""
    if name.lower() in seen:
        return seen
    seen.add(name.lower())
    for text in metadata.requires(name) or ():
        requirement = Requirement(text)
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
            _needed(requirement.name, seen)
    return seen


def test_ansible_alone_works_with_what_rediacc_wrote(tmp_path: Path, ansible_alone: Path) -> None:
    home, account = tmp_path / "home", tmp_path / "account"
    home.mkdir()
    account.mkdir()
    (home / "site.yml").write_text(PLAYBOOK)
    blocks = [body for language, body in BLOCK.findall(TEXT) if language == "console"]
    with_rediacc = {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "HOME": str(account),
        "LANG": "C.UTF-8",
    }
    usual = os.pathsep.join(("/usr/local/bin", "/usr/bin", "/bin"))
    without = {"PATH": f"{ansible_alone}/bin:{usual}", "HOME": str(account), "LANG": "C.UTF-8"}
    assert shutil.which("rediacc", path=without["PATH"]) is None
    missing = [f"{ansible_alone}/bin/python", "-I", "-c", "import ansible, rediacc"]
    done = subprocess.run(missing, capture_output=True, text=True, check=False)
    assert "No module named 'rediacc'" in done.stderr

    for line in _lines(blocks[0]):
        _run(as_installed(line), home, with_rediacc)
    printed = {line: _run(line, home, without) for body in blocks[1:] for line in _lines(body)}

    def after(words: str) -> str:
        return next(text for line, text in printed.items() if words in line)

    assert "lab-01" in after("--graph")
    assert "lab-01 has correct horse" in after("ansible-playbook")
    assert "battery staple" in after("ansible-vault view")
    public = (home / "vaults" / "lab" / "ssh_key.pub").read_text().split()[:2]
    assert after("ssh-keygen").split()[:2] == public
    assert not (home / ".rediacc").exists()
    # With the key that was made meanwhile, and nothing of rediacc's left.
    assert '"db_password": "correct horse"' in after("--list")


def _lines(body: str) -> list[str]:
    return [line[2:] for line in body.splitlines() if line.startswith("$ ")]


def _run(line: str, directory: Path, environment: dict[str, str]) -> str:
    done = subprocess.run(
        ["bash", "-c", line],
        cwd=directory,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert done.returncode == 0, f"{line}: {done.stdout}{done.stderr}"
    return done.stdout
