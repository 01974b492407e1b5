# Copyright (c) 2026 the rediacc authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one place where plugins on the controller meet the package ``rediacc``.

Where this Python cannot import it, the program of the same name serves: the same operations, the
same answers. An office is opened where it is used and never before a fork, because SQLite
connections must not cross one; the package is imported when this module is, so that the processes
that Ansible forks for each task find it loaded.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

try:
    import rediacc as _package
    from rediacc.errors import RediaccError
    from rediacc.operations.plain import open_plain_office
except ImportError:
    _package = None

MINIMUM_VERSION = "0.1.0"


class RediaccFailure(Exception):
    """An operation could not be done.

    :param code: rediacc's word for it, such as C(not_found); C(no_answer) where the program
        ended without one, so that nobody knows whether it was done.
    """

    def __init__(self, message, *, code="error", hint=""):
        super().__init__(f"{message} ({hint})" if hint else message)
        self.message = message
        self.code = code
        self.hint = hint


@contextlib.contextmanager
def open_rediacc(options, *, start=None):
    """Open a home; yield an object with ``perform(operation, values)``, answers plain values.

    :param options: the values of C(rediacc_home), C(rediacc_token), C(rediacc_program).
    :param start: the directory from which the home is looked for upward; else the present one.
    :raises RediaccFailure: rediacc is not there, is too old, or there is no home; and by
        ``perform`` what the operation refuses.
    """
    start = Path(start or os.getcwd())
    environment = dict(os.environ)
    home, token = options.get("rediacc_home"), options.get("rediacc_token")
    if home:
        environment["REDIACC_HOME"] = str(Path(start, os.path.expanduser(home)))
    if token:
        environment["REDIACC_TOKEN"] = token
    program = options.get("rediacc_program")
    if _package is None or program:
        yield _Program(_find_program(program), start=start, environment=environment)
        return
    _check_version(_package.__version__, sys.executable)
    with _translated():
        office = open_plain_office(start, environment=environment)
    with office:
        yield _Imported(office)


class _Imported:
    """The package, in this process."""

    def __init__(self, office):
        self._office = office

    @property
    def home(self):
        """The directory of the home."""
        return str(self._office.home)

    def perform(self, operation, values):
        """Return the answer of an operation."""
        with _translated():
            return self._office.perform(operation, values)


class _Program:
    """The program, a process for each operation."""

    def __init__(self, path, *, start, environment):
        self._path = path
        self._start = start
        self._environment = environment

    @property
    def home(self):
        """The directory of the home."""
        return self.perform("caller.show", {})["home"]

    def perform(self, operation, values):
        """Return the answer of an operation."""
        try:
            request = json.dumps(values).encode()
        except (TypeError, ValueError) as exc:
            message = f"a request holds only JSON values: {exc}"
            raise RediaccFailure(message, code="invalid_input") from None
        ended = subprocess.run(
            [self._path, "-o", "json", "perform", operation],
            input=request,
            capture_output=True,
            cwd=self._start,
            env=self._environment,
            check=False,
        )
        if ended.returncode == 0:
            return json.loads(ended.stdout)["item"]
        raise _failure_of(self._path, ended)


def _failure_of(path, ended):
    """Return the failure that the program told, or that it told none."""
    last = ended.stderr.decode("utf-8", "replace").strip().rpartition("\n")[2]
    try:
        error = json.loads(last)["error"]
        return RediaccFailure(error["message"], code=error["code"], hint=error["hint"])
    except (ValueError, LookupError, TypeError):
        message = f"{path} ended with code {ended.returncode}: {last[:500]}"
        return RediaccFailure(message, code="no_answer")


def _find_program(named):
    path = shutil.which(os.path.expanduser(named) if named else "rediacc")
    if path is None and named:
        raise RediaccFailure(f"rediacc_program: {named} is no program")
    if path is None:
        raise RediaccFailure(
            f"rediacc is not installed for {sys.executable}, nor is its program on the PATH",
            hint=f'{sys.executable} -m pip install "rediacc>={MINIMUM_VERSION}"',
        )
    return path


def _check_version(found, place):
    if _numbers(found) < _numbers(MINIMUM_VERSION):
        raise RediaccFailure(
            f"this collection needs rediacc {MINIMUM_VERSION} or newer, {place} has {found}",
            hint=f'{place} -m pip install "rediacc>={MINIMUM_VERSION}"',
        )


def _numbers(version):
    digits = ("".join(filter(str.isdigit, part)) for part in version.split(".")[:3])
    return tuple(int(part or 0) for part in digits)


@contextlib.contextmanager
def _translated():
    """Turn rediacc's errors into the one that plugins know."""
    try:
        yield
    except RediaccError as exc:
        raise RediaccFailure(exc.message, code=exc.code, hint=exc.hint) from exc
