"""One SSH machine in pure Python, for computers without OpenSSH's server.

It behaves as OpenSSH's server does where tests could tell: commands run through the account's
shell, a session ends when the command has ended and its output is closed, and a command whose
connection drops is left running with broken pipes.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import subprocess
from typing import IO, Any

import asyncssh

__all__ = ["serve"]

_CHUNK_BYTES = 65536


def serve(spec: dict[str, Any]) -> None:
    """Serve the machine that `spec` describes until the process is killed."""
    logging.basicConfig(filename=spec["log"], level=logging.INFO)
    # It would log every command, secrets and all.
    asyncssh.set_log_level(logging.WARNING)
    os.chdir(spec["environment"]["HOME"])
    asyncio.run(_listen(spec))


async def _listen(spec: dict[str, Any]) -> None:
    async def run(process: asyncssh.SSHServerProcess[bytes]) -> None:
        await _run(process, spec)

    await asyncssh.listen(
        spec["address"],
        spec["port"],
        server_factory=lambda: _Server(spec),
        server_host_keys=[spec["host_key"]],
        process_factory=run,
        encoding=None,
        sftp_factory=_Sftp,
        allow_scp=True,
        # Clients that insist on a terminal are told that they have one; commands get pipes.
        line_editor=False,
        agent_forwarding=False,
    )
    await asyncio.Event().wait()


class _Server(asyncssh.SSHServer):
    """Lets one account in with one key, and through to other machines (jump hosts)."""

    def __init__(self, spec: dict[str, Any]) -> None:
        self._spec = spec
        self._user = ""

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._connection = conn

    def begin_auth(self, username: str) -> bool:
        self._user = username
        if username == self._spec["user"]:
            self._connection.set_authorized_keys(self._spec["authorized_keys"])
        return True

    def auth_completed(self) -> None:
        logging.info("Accepted publickey for %s", self._user)

    def connection_requested(self, *_endpoints: object) -> bool:
        return True


class _Sftp(asyncssh.SFTPServer):
    """Ends with an exit status as OpenSSH's does: through a shared connection it is asked for."""

    def exit(self) -> None:
        self.channel.exit(0)


async def _run(process: asyncssh.SSHServerProcess[bytes], spec: dict[str, Any]) -> None:
    child = subprocess.Popen(
        _command(process, spec["shell"]),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        bufsize=0,
        cwd=spec["environment"]["HOME"],
        env=_environment(process, spec),
        start_new_session=True,
    )
    # Neither asyncio's subprocesses, which kill a child that is alive when they are thrown away,
    # nor asyncssh's redirection, which loses the end of an output now and then.
    assert child.stdin is not None
    assert child.stdout is not None
    assert child.stderr is not None
    feeding = asyncio.ensure_future(_feed(process.stdin, child.stdin))
    try:
        await asyncio.gather(
            _pass_on(child.stdout, process.stdout), _pass_on(child.stderr, process.stderr)
        )
        code = await _wait(child)
    finally:
        feeding.cancel()
    if code < 0:
        process.exit_with_signal(signal.Signals(-code).name.removeprefix("SIG"))
    else:
        process.exit(code)


async def _feed(source: asyncssh.SSHReader[bytes], pipe: IO[bytes]) -> None:
    """Carry what the client sends to the command, until either has enough."""
    loop = asyncio.get_running_loop()
    transport, protocol = await loop.connect_write_pipe(asyncio.streams.FlowControlMixin, pipe)
    writer = asyncio.StreamWriter(transport, protocol, None, loop)
    try:
        while data := await source.read(_CHUNK_BYTES):
            writer.write(data)
            await writer.drain()
    except (OSError, asyncssh.Error):
        return
    finally:
        writer.close()


async def _pass_on(pipe: IO[bytes], target: asyncssh.SSHWriter[bytes]) -> None:
    """Carry one output of the command to the client, until its end or the connection's."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    transport, _rest = await loop.connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), pipe
    )
    try:
        while data := await reader.read(_CHUNK_BYTES):
            target.write(data)
            await target.drain()
    except (OSError, asyncssh.Error):
        return
    finally:
        transport.close()


def _command(process: asyncssh.SSHServerProcess[bytes], shell: str) -> list[bytes | str]:
    if process.command is None:
        return [shell]
    return [shell, "-c", process.command]


def _environment(process: asyncssh.SSHServerProcess[bytes], spec: dict[str, Any]) -> dict[str, str]:
    client = process.get_extra_info("peername")
    server = process.get_extra_info("sockname")
    return {
        "USER": spec["user"],
        "LOGNAME": spec["user"],
        "SHELL": spec["shell"],
        "SSH_CLIENT": f"{client[0]} {client[1]} {server[1]}",
        "SSH_CONNECTION": f"{client[0]} {client[1]} {server[0]} {server[1]}",
        **spec["environment"],
    }


async def _wait(child: subprocess.Popen[bytes]) -> int:
    """Wait for `child` without a thread and without a signal handler."""
    loop = asyncio.get_running_loop()
    ended = loop.create_future()
    descriptor = os.pidfd_open(child.pid)
    loop.add_reader(descriptor, lambda: ended.done() or ended.set_result(None))
    try:
        await ended
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)
    return child.wait()
