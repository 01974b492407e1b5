"""Check everything that Galaxy and its certification ask of the collection.

Usage: check.py [STEP ...] [-- ARGUMENT ...]
A step can be named by its start (``sanity`` means all of them); the arguments go to ansible-test.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import os
import re
import resource
import sys
import time

from places import LOGS
from running import Failed, Log
from steps import STEPS

# "Location ... is ignored" is what pip says of places where it looked for packages.
_FINDING = re.compile(
    r"\b(ERROR|FATAL|FAILED|fatal:|DEPRECATION|WARNING(?!: Location|: Using locale))"
)


def main(arguments):
    """Run the steps side by side; return the exit code."""
    wanted, select = _split(arguments)
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("steps", nargs="*", metavar="STEP", help="; ".join(s.name for s in STEPS))
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    given = parser.parse_args(wanted)
    chosen = [step for step in STEPS if _is_chosen(step, given.steps)]
    if not chosen:
        parser.error(f"no step is named so; there are: {' '.join(step.name for step in STEPS)}")
    started = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(max_workers=given.jobs) as pool:
        running = [pool.submit(_run, step, select) for step in chosen]
        failed = [done.result() for done in concurrent.futures.as_completed(running)]
    names = sorted(name for name in failed if name)
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(
        f"{len(chosen)} steps in {time.monotonic() - started:.0f} s"
        f" ({spent.ru_utime + spent.ru_stime:.0f} s of processor time)"
        + (f"; failed: {' '.join(names)}" if names else "")
    )
    return 1 if names else 0


def _split(arguments):
    if "--" not in arguments:
        return arguments, []
    at = arguments.index("--")
    return arguments[:at], arguments[at + 1 :]


def _is_chosen(step, names):
    return not names or any(step.name.startswith(name) for name in names)


def _run(step, select):
    """Return the step's name where it failed, and that matters."""
    log = Log(LOGS / f"{step.name}.log")
    started = time.monotonic()
    try:
        said, good = step.check(log, select), True
    except Failed as exc:
        said, good = str(exc), False
    finally:
        log.close()
    seconds = time.monotonic() - started
    word = "ok" if good else "failed, as it may" if step.may_fail else "FAILED"
    lines = [f"{step.name:<22} {word}: {said} ({seconds:.0f} s)"]
    if not good:
        lines += [f"    {line}" for line in _telling(log.text().splitlines())]
        lines.append(f"    all of it: {log.path}")
    print("\n".join(lines), flush=True)
    return step.name if not good and not step.may_fail else None


def _telling(lines):
    """Return the lines in which tools say what they found, and the last ones."""
    found = [line for line in lines[:-30] if _FINDING.search(line)]
    return [*found[-150:], *lines[-30:]]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
