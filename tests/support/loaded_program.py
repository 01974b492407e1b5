"""The program's modules, loaded once for all processes that a test forks to type commands into.

Loading what one command needs costs up to a second: thousands of them in one run of the tests.
"""

from __future__ import annotations

import functools
import pkgutil
from importlib import import_module

import rediacc
from rediacc.storage.engine import sqlite_driver

__all__ = ["load_program"]

# They bring the terminal's widgets, which few commands show.
_LEFT_OUT = ("rediacc.cli.top", "rediacc.storage.migrations")


@functools.cache
def load_program() -> None:
    """Load every module that a command or a worker may come to import."""
    for found in pkgutil.walk_packages(rediacc.__path__, "rediacc."):
        if not found.name.startswith(_LEFT_OUT) and not found.name.endswith("__main__"):
            import_module(found.name)
    sqlite_driver()
    import_module("email.parser")  # for versions of installed packages
