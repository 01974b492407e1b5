"""Where the checks of the collection find what they need, and keep what they make.

Everything lasting lies under ``.venv-collection``: virtual environments, a home directory for
ansible-test, logs. The copies of the tree that it checks are temporary.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
KEPT = Path(os.environ.get("COLLECTION_VENV") or ROOT / ".venv-collection")
LOGS = KEPT / "logs"
PYTHONS = KEPT / "pythons"

VERSIONS_TO_OFFER = ("3.8", "3.9", "3.10", "3.11", "3.12", "3.13", "3.14")


def tracked_files():
    """Return what is in the repository or would be added to it, as paths below ROOT."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        check=True,
    )
    names = sorted(set(listed.stdout.decode().split("\0")) - {""})
    return [name for name in names if os.path.lexists(ROOT / name)]


@contextlib.contextmanager
def copied_tree():
    """Yield a real copy of the repository at ``ansible_collections/rediacc/core``.

    ansible-test refuses to work anywhere else, and follows links to where they lead.
    """
    with tempfile.TemporaryDirectory(prefix="rediacc-collection-") as above:
        tree = Path(above, "ansible_collections", "rediacc", "core")
        for name in tracked_files():
            target = tree / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target, follow_symlinks=False)
        yield tree


def find_python(version):
    """Return the interpreter of a version such as ``3.12``, or None: on the PATH, or of pyenv."""
    name = f"python{version}"
    on_path = shutil.which(name)
    if on_path and _runs(on_path):
        return Path(on_path)
    pyenv = shutil.which("pyenv")
    if pyenv is None:
        return None
    told = subprocess.run([pyenv, "root"], stdout=subprocess.PIPE, check=True, text=True)
    kept = Path(told.stdout.strip(), "versions").glob(f"{version}.*/bin/{name}")
    newest = sorted(kept, key=lambda path: int(path.parents[1].name.rpartition(".")[2]))
    return newest[-1] if newest else None


def offered_pythons():
    """Return a directory with every Python that is here, for ansible-test to find on its PATH."""
    PYTHONS.mkdir(parents=True, exist_ok=True)
    for version in VERSIONS_TO_OFFER:
        link = PYTHONS / f"python{version}"
        found = find_python(version)
        if found is not None and not link.exists():
            link.unlink(missing_ok=True)
            link.symlink_to(found.resolve())
    return PYTHONS


def _runs(program):
    """Tell whether it does: pyenv puts names on the PATH that only tell to choose a version."""
    return subprocess.run([program, "-c", ""], capture_output=True, check=False).returncode == 0
