"""SSH machines for the scenarios: ``machines.py start DIRECTORY NAME…``, ``… stop DIRECTORY``.

As root each machine is a namespace of its own: a copy of this host's file system that exists in
memory only (overlayfs), its own processes, its own host name, and an OpenSSH server on a loopback
address. Users, packages and files that a scenario makes there never reach this host. What such a
machine lacks is systemd as its first process: ``systemctl`` and ``shutdown`` are labelled
stand-ins.

As another user a machine is an OpenSSH server that lets only that user in, with a home directory
of its own; scenarios that need root are not for such machines.

``start`` writes DIRECTORY/inventory.yml; without names, one that knows this host alone. Standard
library only.
"""

from __future__ import annotations

import json
import os
import pwd
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
SSHD = next((path for path in ("/usr/sbin/sshd", "/sbin/sshd") if os.access(path, os.X_OK)), "sshd")
SFTP = "/usr/lib/openssh/sftp-server"
WAIT_SECONDS = 20.0
LOCALHOST = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}


def main(arguments: list[str]) -> int:
    match arguments:
        case ["start", directory, *names]:
            return start(Path(directory).absolute(), names)
        case ["stop", directory]:
            return stop(Path(directory).absolute())
    print(__doc__, file=sys.stderr)
    return 2


def start(directory: Path, names: list[str]) -> int:
    """Start one machine a name and write the inventory; machines that run already are kept."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    make_key(directory / "id_ed25519")
    hosts: dict[str, dict[str, object]] = {"localhost": LOCALHOST}
    known = []
    for name in names:
        own = directory / name
        if not is_running(own):
            launch(own, name)
        address, port = (own / "endpoint").read_text().split()
        known.append(f"[{address}]:{port} {(own / 'host_key.pub').read_text()}")
        hosts[name] = {
            "ansible_host": address,
            "ansible_port": int(port),
            "ansible_user": pwd.getpwuid(os.getuid()).pw_name,
            "ansible_ssh_private_key_file": str(directory / "id_ed25519"),
            "ansible_python_interpreter": "/usr/bin/python3",
            "ansible_ssh_common_args": "-o IdentitiesOnly=yes -o StrictHostKeyChecking=yes "
            f"-o UserKnownHostsFile={directory / 'known_hosts'}",
            "machine_is_own": os.getuid() == 0,
        }
    (directory / "known_hosts").write_text("".join(known))
    # JSON is YAML.
    (directory / "inventory.yml").write_text(json.dumps({"all": {"hosts": hosts}}, indent=2) + "\n")
    return 0


def stop(directory: Path) -> int:
    """End the machines of a directory and everything that runs on them."""
    for path in directory.glob("*/pid"):
        if is_running(path.parent):
            os.killpg(int(path.read_text()), signal.SIGKILL)
        path.unlink()
    return 0


def launch(own: Path, name: str) -> None:
    (own / "home").mkdir(mode=0o700, parents=True, exist_ok=True)
    make_key(own / "host_key")
    address, port = free_endpoint()
    (own / "endpoint").write_text(f"{address} {port}\n")
    configure(own, address, port)
    if os.getuid() == 0:
        # Killing the process that unshare stays in ends the machine's first process with it, and
        # the kernel ends the rest; its mounts are gone with its last process.
        words = ["unshare", "--mount", "--pid", "--ipc", "--uts", "--fork", "--kill-child"]
        words += [
            "--propagation",
            "private",
            str(HERE / "machine-init"),
            str(own),
            name.replace("_", "-"),
        ]
    else:
        words = [SSHD, "-D", "-e", "-f", str(own / "sshd_config")]
    with (own / "log").open("ab") as log:
        process = subprocess.Popen(
            words, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )
    (own / "pid").write_text(str(process.pid))
    deadline = time.monotonic() + WAIT_SECONDS
    while not answers(address, port):
        if process.poll() is not None or time.monotonic() > deadline:
            sys.exit(f"machine {name} did not start:\n{(own / 'log').read_text(errors='replace')}")
        time.sleep(0.05)


def configure(own: Path, address: str, port: int) -> None:
    """Write what the machine's SSH server reads; a machine of root has it below /etc/machine."""
    is_root = os.getuid() == 0
    place = Path("/etc/machine") if is_root else own
    keys = own.parent / "id_ed25519.pub"
    lines = [
        f"ListenAddress {address}:{port}",
        f"HostKey {place / 'host_key'}",
        "AuthenticationMethods publickey",
        "PermitRootLogin prohibit-password",
        "PidFile none",
        "UseDNS no",
        "MaxSessions 50",
        "MaxStartups 100",
        f"Subsystem sftp {SFTP}",
    ]
    if is_root:
        # The machine's own accounts, also those that a scenario makes, log in with their own keys.
        lines += ["UsePAM yes", "AuthorizedKeysFile .ssh/authorized_keys", "StrictModes yes"]
        (own / "authorized_keys").write_text(keys.read_text())
    else:
        lines += ["UsePAM no", f"AuthorizedKeysFile {keys}", "StrictModes no"]
        lines += [
            f"AllowUsers {pwd.getpwuid(os.getuid()).pw_name}",
            f'SetEnv "HOME={own / "home"}"',
        ]
    (own / "sshd_config").write_text("\n".join(lines) + "\n")


def is_running(own: Path) -> bool:
    """Whether the process that keeps a machine is alive, and is the machine's."""
    try:
        pid = int((own / "pid").read_text())
        return str(own).encode() in Path(f"/proc/{pid}/cmdline").read_bytes()
    except (OSError, ValueError):
        return False


def make_key(path: Path) -> None:
    if not path.exists():
        words = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", path.name, "-f", str(path)]
        subprocess.run(words, check=True, stdin=subprocess.DEVNULL)


def free_endpoint() -> tuple[str, int]:
    """Draw a loopback address and a port below the ephemeral ones that nobody listens on."""
    draw = random.SystemRandom()
    while True:
        address = f"127.0.{draw.randint(1, 254)}.{draw.randint(1, 254)}"
        port = draw.randint(20000, 32000)
        with socket.socket() as probe:
            try:
                probe.bind((address, port))
            except OSError:
                continue
            return address, port


def answers(address: str, port: int) -> bool:
    try:
        with socket.create_connection((address, port), timeout=1) as link:
            return link.recv(4) == b"SSH-"
    except OSError:
        return False


if __name__ == "__main__":
    if not shutil.which("ssh-keygen") or not shutil.which(SSHD):
        sys.exit("the scenarios' machines need OpenSSH: ssh-keygen and sshd")
    sys.exit(main(sys.argv[1:]))
