"""A stand-in for systemctl on the scenarios' machines, whose first process is not systemd.

It starts what a unit of /etc/systemd/system says as the account that it names, and stops it as
KillMode says; it knows as much of units as rediacc writes. Of the hardening it takes away new
privileges and capabilities; of the rest only what systemd-analyze says is known here.
"""

import os
import pwd
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

STATE = Path("/run/units")
UNITS = Path("/etc/systemd/system")


def say(text, stream=sys.stdout):
    print(f"systemctl: stand-in of the scenarios' machines: {text}", file=stream)


def settings(unit):
    found = {}
    for path in [UNITS / unit, *sorted((UNITS / f"{unit}.d").glob("*.conf"))]:
        for line in path.read_text().splitlines():
            name, equals, value = line.partition("=")
            if equals and not line.startswith("#"):
                found.setdefault(name, []).append(value)
    return found


def words(text):
    return [word.replace("$$", "$").replace("%%", "%") for word in shlex.split(text)]


def main_pid(unit):
    try:
        pid = int((STATE / unit).read_text())
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        return 0 if state == "Z" else pid
    except (OSError, ValueError):
        return 0


def stop(unit):
    pid = main_pid(unit)
    if not pid:
        return
    only_main = settings(unit).get("KillMode") == ["process"]
    os.kill(pid, signal.SIGTERM) if only_main else os.killpg(pid, signal.SIGKILL)
    deadline = time.monotonic() + float(settings(unit).get("TimeoutStopSec", ["90"])[0])
    while main_pid(unit):
        if time.monotonic() > deadline:
            os.kill(pid, signal.SIGKILL)
        time.sleep(0.02)


def start(unit):
    if main_pid(unit):
        return
    said = settings(unit)
    account = pwd.getpwnam(said.get("User", ["root"])[0])
    environment = {"HOME": account.pw_dir, "USER": account.pw_name, "LANG": "C.UTF-8"}
    for value in said.get("Environment", []):
        for word in words(value):
            name, _equals, text = word.partition("=")
            environment[name] = text
    rights = ["setpriv", f"--reuid={account.pw_uid}", f"--regid={account.pw_gid}", "--clear-groups"]
    if said.get("NoNewPrivileges") == ["yes"]:
        rights.append("--no-new-privs")
    if said.get("CapabilityBoundingSet") == [""]:
        rights += ["--bounding-set=-all", "--inh-caps=-all"]
    with (STATE / f"{unit}.log").open("ab") as log:
        process = subprocess.Popen(
            [*rights, "--", *words(said["ExecStart"][0])],
            cwd=said.get("WorkingDirectory", ["/"])[0].replace("%%", "%"),
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            umask=0o077,
            start_new_session=True,
        )
    (STATE / unit).write_text(str(process.pid))


def main(arguments):
    verb, *rest = [word for word in arguments if not word.startswith("-")] or ["help"]
    STATE.mkdir(exist_ok=True)
    with (STATE / "said").open("a") as stream:
        stream.write(" ".join(arguments) + "\n")
    unit = rest[0] if rest else ""
    if verb in ("daemon-reload", "reset-failed"):
        say(f"{verb}: nothing to do")
        return 0
    if verb == "is-system-running":
        print("running")
        return 0
    is_there = (UNITS / unit).is_file()
    # The state of a link that systemd makes: it outlives a restart of the machine.
    link = UNITS / "multi-user.target.wants" / unit
    if verb == "show":
        pid = main_pid(unit)
        print(f"LoadState={'loaded' if is_there else 'not-found'}\nMainPID={pid}\nNRestarts=0")
        print(f"ActiveState={'active' if pid else 'inactive'}")
        print(f"UnitFileState={'enabled' if link.is_symlink() else 'disabled'}")
        return 0
    if verb in ("is-enabled", "is-active"):
        holds = link.is_symlink() if verb == "is-enabled" else bool(main_pid(unit))
        print({True: verb[3:], False: "disabled"}[holds])
        return 0 if holds else 1
    if not is_there:
        say(f"unit {unit} not found", sys.stderr)
        return 5
    if verb == "enable":
        link.parent.mkdir(exist_ok=True)
        if not link.is_symlink():
            link.symlink_to(UNITS / unit)
    elif verb == "disable":
        if "--now" in arguments:
            stop(unit)
        link.unlink(missing_ok=True)
    elif verb in ("start", "stop", "restart"):
        if verb != "start":
            stop(unit)
        if verb != "stop":
            start(unit)
    else:
        say(f"does not know {verb!r}", sys.stderr)
        return 1
    return 0


sys.exit(main(sys.argv[1:]))
