"""ansible-test, in a copy of the tree and with a home directory of its own."""

from __future__ import annotations

import os
import re
from pathlib import Path

from environments import ready
from places import KEPT, offered_pythons
from running import Failed

# Written where ansible-test would keep the bootstrap script of pip that it cannot fetch.
BOOTSTRAP = '''\
"""Install the pip that comes with this Python, where no other can be fetched."""

import ensurepip

ensurepip.bootstrap()
'''


def ansible_test(environment, tree, arguments, log):
    """Run ansible-test; return its output.

    It makes environments of its own under its home directory, and for those it fetches a script
    that installs pip. Where its address cannot be reached, it names the file at which it looks
    for the script first: put one there and run it again.

    :raises Failed: it found something.
    """
    is_run = arguments[0] != "sanity"
    program = ready(environment, log.run, with_package=is_run) / "ansible-test"
    env = variables(environment)
    # One script for each Python family, at most.
    for _attempt in range(3):
        output = log.run([program, *arguments], cwd=tree, env=env, may_fail=True)
        wanted = re.search(r"manually downloaded and saved to: (\S+get_pip\S+\.py)", output)
        if wanted is None:
            break
        Path(wanted[1]).write_text(BOOTSTRAP)
    if not re.search(r"\[code 0, \d+ s\]\s*\Z", output):
        raise Failed(f"ansible-test {arguments[0]} on ansible-core {environment.name} found fault")
    return output


def variables(environment):
    """Return the environment variables for ansible-test.

    Its caches lie in a home directory that is only for it; the settings of pip of the person who
    runs it hold all the same.
    """
    home = KEPT / "home" / environment.name
    home.mkdir(parents=True, exist_ok=True)
    env = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("ANSIBLE_", "REDIACC_"))
        and name not in ("PYTHONPATH", "VIRTUAL_ENV")
    }
    for mine in (Path.home() / ".config/pip/pip.conf", Path.home() / ".pip/pip.conf"):
        if mine.exists():
            env.setdefault("PIP_CONFIG_FILE", str(mine))
    path = [str(environment.bin), str(offered_pythons()), env["PATH"]]
    return {**env, "HOME": str(home), "PATH": os.pathsep.join(path)}
