"""Lay out small homes for tests of what reads the user's Ansible."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

from rediacc.settings import Settings, TeamSettings

__all__ = ["clean_environment", "counted_ansible", "home_settings", "lay_out"]

OWN_BIN = Path(sys.executable).parent


def lay_out(root: Path, files: Mapping[str, str]) -> Path:
    """Write `files` under `root`; those that start with ``#!`` become executable."""
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
        if content.startswith("#!"):
            path.chmod(0o755)
    root.mkdir(parents=True, exist_ok=True)
    return root


def home_settings(
    home: Path,
    teams: Mapping[str, str] | None = None,
    *,
    ansible_directory: Path | None = None,
    pass_environment: tuple[str, ...] = (),
    inventory_ttl_seconds: float = 60.0,
) -> Settings:
    """Return settings as ``rediacc.toml`` would say them."""
    return Settings(
        home=home,
        teams={
            name: TeamSettings(name=name, inventory=inventory)
            for name, inventory in (teams or {}).items()
        },
        database_url="",
        ansible_directory=ansible_directory,
        pass_environment=pass_environment,
        inventory_ttl_seconds=inventory_ttl_seconds,
    )


def clean_environment(directory: Path) -> dict[str, str]:
    """Return an environment whose HOME holds no Ansible configuration of its own."""
    directory.mkdir(parents=True, exist_ok=True)
    return {
        "PATH": f"{OWN_BIN}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        "HOME": str(directory),
        "LANG": "C.UTF-8",
    }


def counted_ansible(directory: Path) -> Path:
    """Make a directory of Ansible's programs that note each start in the file ``calls``."""
    directory.mkdir(parents=True)
    for name in ("ansible", "ansible-config", "ansible-inventory", "ansible-playbook"):
        real = shutil.which(name, path=str(OWN_BIN))
        program = directory / name
        program.write_text(f'#!/bin/sh\necho {name} >> "{directory}/calls"\nexec "{real}" "$@"\n')
        program.chmod(0o755)
    return directory
