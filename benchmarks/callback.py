"""What recording a play that somebody starts by hand costs the play, as a ratio.

    python benchmarks/callback.py [--rounds N] [--ara DIRECTORY]

A play of 50 tasks on 4 local hosts runs without any callback, with rediacc.core.results, and with
ARA's offline client where it lies in a directory (``pip install --target DIRECTORY ara[server]``).
The cases are interleaved; each figure is the median over the rounds of user plus system CPU
seconds of ansible-playbook and its children, and of wall time. The process that brings the records
into the history is not waited for and so not in them: its CPU seconds are measured by themselves.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

_ROOT = Path(__file__).resolve().parent.parent
_PROGRAMS = Path(sys.executable).parent
_TASKS = 50
_HOSTS = 4
_WITHOUT, _WITH, _ARA = "without", "rediacc.core.results", "ARA, offline"


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--ara", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        home = Path(directory)
        _make_home(home)
        cases = _cases(home, ara=options.ara)
        figures: dict[str, list[tuple[float, float]]] = {name: [] for name in cases}
        for _turn in range(options.rounds):
            for name, extra in cases.items():
                figures[name].append(_measure(_play(), extra, home))
                # Out of the way of the next case.
                _bring_in(home)
        bringing = _measure_bringing(home, cases[_WITH])
    _print(figures, rounds=options.rounds)
    print(f"bringing the records into the history: {bringing:.2f} CPU s, beside the play")


def _print(figures: dict[str, list[tuple[float, float]]], *, rounds: int) -> None:
    bare = [statistics.median(column) for column in zip(*figures[_WITHOUT], strict=True)]
    print(f"{'case':<24} {'CPU s':>7} {'ratio':>6} {'wall s':>7} {'ratio':>6}   ({rounds} rounds)")
    for name, values in figures.items():
        cpu, wall = (statistics.median(column) for column in zip(*values, strict=True))
        print(f"{name:<24} {cpu:7.2f} {cpu / bare[0]:6.3f} {wall:7.2f} {wall / bare[1]:6.3f}")


def _play() -> list[str]:
    return [str(_PROGRAMS / "ansible-playbook"), "-i", "hosts", "site.yml"]


def _make_home(home: Path) -> None:
    hosts = "".join(f"web-{number}\n" for number in range(_HOSTS))
    (home / "hosts").write_text(f"{hosts}[all:vars]\nansible_connection=local\n", encoding="utf-8")
    tasks = "".join(
        f"    - name: say {number}\n      ansible.builtin.debug:\n        msg: this is {number}\n"
        for number in range(_TASKS)
    )
    site = f"- hosts: all\n  gather_facts: false\n  tasks:\n{tasks}"
    (home / "site.yml").write_text(site, encoding="utf-8")
    tree = home / "collections" / "ansible_collections" / "rediacc"
    tree.mkdir(parents=True)
    (tree / "core").symlink_to(_ROOT)
    init = [sys.executable, "-m", "rediacc", "init", str(home), "--team", "web=hosts"]
    subprocess.run(init, check=True, capture_output=True, env=_environment(home, {}))


def _cases(home: Path, *, ara: Path | None) -> dict[str, dict[str, str]]:
    """Return what each case adds to the environment."""
    # Found at the end, so that only the play is measured: the file waits.
    late = {"REDIACC_PROGRAM": "true"}
    cases = {_WITHOUT: {}, _WITH: {"ANSIBLE_CALLBACKS_ENABLED": "rediacc.core.results", **late}}
    if ara is not None:
        cases[_ARA] = {
            "ANSIBLE_CALLBACK_PLUGINS": str(ara / "ara" / "plugins" / "callback"),
            "ARA_BASE_DIR": str(home / "ara"),
            "PYTHONPATH": f"{_ROOT}{os.pathsep}{ara}",
        }
    return cases


def _environment(home: Path, extra: dict[str, str]) -> dict[str, str]:
    return {
        "PATH": f"{_PROGRAMS}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(home),
        "PYTHONPATH": str(_ROOT),
        "LANG": "C.UTF-8",
        "ANSIBLE_COLLECTIONS_PATH": str(home / "collections"),
        **extra,
    }


def _measure(command: list[str], extra: dict[str, str], home: Path) -> tuple[float, float]:
    """Return CPU seconds and wall seconds of a command and its children."""
    before, begin = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    subprocess.run(
        command, cwd=home, env=_environment(home, extra), check=True, capture_output=True
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return cpu, time.monotonic() - begin


def _bring_in(home: Path) -> float:
    """Bring in what waits; return the CPU seconds that it took."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        [sys.executable, "-m", "rediacc", "perform", "history.record"],
        cwd=home, env=_environment(home, {}), input=b"{}", check=True, capture_output=True,
    )  # fmt: skip
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _measure_bringing(home: Path, extra: dict[str, str]) -> float:
    _measure(_play(), extra, home)
    return _bring_in(home)


if __name__ == "__main__":
    main()
