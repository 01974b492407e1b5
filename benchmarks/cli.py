"""What the command line costs, as ratios to a bare interpreter's start, all in one run.

    python benchmarks/cli.py [--rounds N]

The cases are interleaved; each figure is the median over the rounds of user plus system CPU
seconds of the whole process, which a loaded machine disturbs less than wall time.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

_ROOT = Path(__file__).resolve().parent.parent
_REDIACC = [sys.executable, "-m", "rediacc"]


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as home:
        cases = _cases(Path(home))
        times: dict[str, list[float]] = {name: [] for name in cases}
        for _turn in range(rounds):
            for name, (command, extra) in cases.items():
                times[name].append(_cpu_seconds(command, extra, home))
    bare = statistics.median(times["python -c pass"])
    print(f"{'case':<34} {'CPU ms':>8} {'min':>8} {'max':>8} {'ratio':>7}   ({rounds} rounds)")
    for name, values in times.items():
        median = statistics.median(values)
        print(
            f"{name:<34} {median * 1e3:8.1f} {min(values) * 1e3:8.1f} {max(values) * 1e3:8.1f} "
            f"{median / bare:6.1f}x"
        )


def _cases(home: Path) -> dict[str, tuple[list[str], dict[str, str]]]:
    """Return the commands with the environment that each adds."""
    (home / "inventory").write_text("[web]\nweb-1\nweb-2\n", encoding="utf-8")
    subprocess.run(
        [*_REDIACC, "init", str(home), "--team", "web=inventory"],
        check=True,
        capture_output=True,
        env=_environment({}),
    )
    completion = {"_REDIACC_COMPLETE": "bash_complete", "COMP_CWORD": "1"}
    create = ["create", "task", "--machine", "web-1", "--command", "true"]
    return {
        "python -c pass": ([sys.executable, "-c", "pass"], {}),
        "import click": ([sys.executable, "-c", "import click"], {}),
        "rediacc --help": ([*_REDIACC, "--help"], {}),
        "rediacc create task --help": ([*_REDIACC, "create", "task", "--help"], {}),
        "completion of a verb": (_REDIACC, {**completion, "COMP_WORDS": "rediacc cre"}),
        "completion of an option": (
            _REDIACC,
            {**completion, "COMP_WORDS": "rediacc create task --pri", "COMP_CWORD": "3"},
        ),
        "rediacc bogus (an error)": ([*_REDIACC, "bogus"], {}),
        "import sqlmodel": ([sys.executable, "-c", "import sqlmodel"], {}),
        "rediacc create task": ([*_REDIACC, *create], {}),
        "rediacc list tasks": ([*_REDIACC, "list", "tasks"], {}),
    }


def _cpu_seconds(command: list[str], extra: dict[str, str], home: str) -> float:
    """Run `command` and return its CPU seconds, children included."""
    null = subprocess.DEVNULL
    process = subprocess.Popen(command, stdout=null, stderr=null, cwd=home, env=_environment(extra))
    _pid, _status, usage = os.wait4(process.pid, 0)
    process.returncode = 0
    return usage.ru_utime + usage.ru_stime


def _environment(extra: dict[str, str]) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(_ROOT), **extra}


if __name__ == "__main__":
    main()
