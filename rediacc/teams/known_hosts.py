"""Host keys of a team's machines: which are unknown, what the machines show, and recording them.

The user's own ssh decides where a machine is reached and which known_hosts file holds its key, so
that what is recorded here serves ``ssh`` and ``ansible-playbook`` by hand as well.
"""

from __future__ import annotations

import logging
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from rediacc.errors import Conflict, InvalidInput, NotFound
from rediacc.settings import Settings
from rediacc.teams.host_keys import (
    Key,
    Record,
    append_lines,
    hashed_name,
    parse_key,
    parse_records,
    status,
)
from rediacc.teams.names import did_you_mean
from rediacc.teams.ssh_setup import Endpoint, SshSetup
from rediacc.views import HostKey

__all__ = ["scan_host_keys", "trust", "unknown_machines"]

_log = logging.getLogger(__name__)

_CONNECT_SECONDS = 5
_WORKERS = 8
_SCANNED_AT_ONCE = 256
_ANY_FAMILY = {"inet": "-4", "inet6": "-6"}

# For the connection that only shows its key: nothing is authenticated, reused, asked or run.
_SHOW_KEY_OPTIONS = (
    "StrictHostKeyChecking=accept-new",
    "GlobalKnownHostsFile=/dev/null",
    "KnownHostsCommand=none",
    "HashKnownHosts=no",
    "UpdateHostKeys=no",
    "VerifyHostKeyDNS=no",
    "BatchMode=yes",
    "PreferredAuthentications=none",
    "PubkeyAuthentication=no",
    "ControlMaster=no",
    "ControlPath=none",
    "ClearAllForwardings=yes",
    "ForwardAgent=no",
    "PermitLocalCommand=no",
    "RemoteCommand=none",
    "RequestTTY=no",
    "LogLevel=ERROR",
    f"ConnectTimeout={_CONNECT_SECONDS}",
)


def scan_host_keys(
    settings: Settings, team: str, machines: Sequence[str], *, environment: Mapping[str, str]
) -> tuple[HostKey, ...]:
    """Return the host keys that `machines` show now, and how each compares with what is recorded.

    Machines that Ansible does not reach by ssh are left out. One that shows no key stands there
    once, as ``unreachable``. Nothing is recorded.

    :raises NotFound: no such team or machine.
    :raises InvalidInput: an address or option must not reach ssh, or ssh refuses it.
    """
    setup = SshSetup(settings, team, environment=environment)
    endpoints = _endpoints(setup, _named(setup, machines))
    direct = [endpoint for endpoint in endpoints if endpoint.is_direct]
    shown = _scan_direct(setup, direct)
    with ThreadPoolExecutor(_WORKERS) as pool:
        records = dict(
            zip(endpoints, pool.map(lambda each: _records(setup, each), endpoints), strict=True)
        )
        behind = [endpoint for endpoint in endpoints if not endpoint.is_direct]
        keys = pool.map(lambda each: _ask_by_ssh(setup, each, records[each]), behind)
        shown.update(zip(behind, keys, strict=True))
    return tuple(
        key
        for endpoint in endpoints
        for key in _host_keys(
            team, endpoint, shown[endpoint], _counting(setup, endpoint, records, shown)
        )
    )


def unknown_machines(
    settings: Settings,
    team: str,
    *,
    environment: Mapping[str, str],
    machines: Sequence[str] | None = None,
) -> tuple[str, ...]:
    """Return the machines of a team whose host key nobody recorded, without connecting to any.

    :param machines: only of these; ``None`` for all.
    :raises NotFound: no such team or machine.
    :raises InvalidInput: an address or option must not reach ssh, or ssh refuses it.
    """
    setup = SshSetup(settings, team, environment=environment)
    names = tuple(setup.hosts) if machines is None else _named(setup, machines)
    endpoints = _endpoints(setup, names)
    with ThreadPoolExecutor(_WORKERS) as pool:
        known = pool.map(lambda each: bool(_records(setup, each)), endpoints)
        return tuple(
            endpoint.machine
            for endpoint, is_known in zip(endpoints, known, strict=True)
            if not is_known
        )


def trust(settings: Settings, keys: Sequence[HostKey], *, environment: Mapping[str, str]) -> int:
    """Record the keys as given, in each machine's own known_hosts file; return how many were new.

    Everything is checked before anything is written: each key again against what is recorded now.

    :raises Conflict: a key contradicts a recorded one; that is for a person to look into.
    :raises InvalidInput: a key is none, or its machine keeps no known_hosts file.
    """
    new: dict[tuple[Path, str, Key], bool] = {}
    by_team: defaultdict[str, list[HostKey]] = defaultdict(list)
    for given in keys:
        by_team[given.team].append(given)
    for team, members in by_team.items():
        setup = SshSetup(settings, team, environment=environment)
        for endpoint, key in _new_keys(setup, members):
            new[endpoint.files[0], endpoint.lookup, key] = endpoint.hashes_names
    lines: defaultdict[Path, list[str]] = defaultdict(list)
    for (path, name, key), hashes in new.items():
        lines[path].append(f"{hashed_name(name) if hashes else name} {key.type} {key.text}")
    for path, added in lines.items():
        append_lines(path, added)
    return len(new)


def _named(setup: SshSetup, machines: Iterable[str]) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(machines))
    for name in names:
        if name not in setup.hosts:
            raise NotFound(
                f"there is no machine {name[:80]!r}", hint=did_you_mean(name, setup.hosts)
            )
    return names


def _endpoints(setup: SshSetup, machines: Sequence[str]) -> list[Endpoint]:
    with ThreadPoolExecutor(_WORKERS) as pool:
        found = list(pool.map(setup.endpoint, machines))
    return [endpoint for endpoint in found if endpoint is not None]


def _records(setup: SshSetup, endpoint: Endpoint, name: str | None = None) -> tuple[Record, ...]:
    """Return what the machine's known_hosts files say, asked from ``ssh-keygen``."""
    found: list[Record] = []
    for path in (*endpoint.files, *endpoint.global_files):
        if path.is_file():
            _code, output, _error = setup.probe(
                "ssh-keygen", "-F", name or endpoint.lookup, "-f", str(path)
            )
            found.extend(parse_records(output))
    return tuple(found)


def _counting(
    setup: SshSetup,
    endpoint: Endpoint,
    records: Mapping[Endpoint, tuple[Record, ...]],
    shown: Mapping[Endpoint, tuple[Key, ...]],
) -> tuple[Record, ...]:
    """Add what ssh takes as a second chance: the same key under the name without the port."""
    own = records[endpoint]
    if own or endpoint.has_alias or endpoint.port == 22:
        return own
    without_port = _records(setup, endpoint, endpoint.hostname)
    return tuple(record for record in without_port if record.key in shown[endpoint])


def _scan_direct(setup: SshSetup, endpoints: Sequence[Endpoint]) -> dict[Endpoint, tuple[Key, ...]]:
    groups: defaultdict[tuple[int, str], list[Endpoint]] = defaultdict(list)
    for endpoint in endpoints:
        groups[endpoint.port, endpoint.family].append(endpoint)
    shown: dict[Endpoint, tuple[Key, ...]] = {}
    for (port, family), members in groups.items():
        hosts = list(dict.fromkeys(member.hostname for member in members))
        keys: dict[str, list[Key]] = {}
        for start in range(0, len(hosts), _SCANNED_AT_ONCE):
            keys.update(_keyscan(setup, hosts[start : start + _SCANNED_AT_ONCE], port, family))
        shown.update({member: tuple(keys.get(member.hostname, ())) for member in members})
    return shown


def _keyscan(setup: SshSetup, hosts: Sequence[str], port: int, family: str) -> dict[str, list[Key]]:
    with tempfile.NamedTemporaryFile("w", prefix="rediacc-scan-") as names:
        # By file: names are never arguments here.
        names.write("".join(f"{host}\n" for host in hosts))
        names.flush()
        _code, output, _error = setup.probe(
            *("ssh-keyscan", "-T", str(_CONNECT_SECONDS), "-p", str(port)),
            *([_ANY_FAMILY[family]] if family in _ANY_FAMILY else []),
            *("-f", names.name),
            timeout_seconds=30 + len(hosts) * _CONNECT_SECONDS / 4,
        )
    found: dict[str, list[Key]] = {host: [] for host in hosts}
    for name, key in _shown_keys(output):
        host = name[1 : name.rindex("]")] if name.startswith("[") and "]" in name else name
        if key not in found.setdefault(host.lower(), []):
            found[host.lower()].append(key)
    return found


def _shown_keys(output: str) -> Iterator[tuple[str, Key]]:
    """Yield name and key of each line; a machine's nonsense is no key."""
    for line in output.splitlines():
        fields = line.split()
        if len(fields) < 3 or fields[0].startswith(("#", "@")):
            continue
        try:
            yield fields[0], parse_key(fields[1], fields[2])
        except InvalidInput:
            continue


def _ask_by_ssh(setup: SshSetup, endpoint: Endpoint, records: Sequence[Record]) -> tuple[Key, ...]:
    """Let the user's own ssh go the whole way and write down the key that it is shown.

    It shows one key only: of a recorded type where the machine still has such a key.
    """
    recorded = dict.fromkeys(record.key.type for record in records)
    if recorded:
        algorithms = ",".join(name for kind in recorded for name in _algorithms(kind))
        keys = _show_key(setup, endpoint, (f"HostKeyAlgorithms={algorithms}",))
        if keys:
            return keys
    return _show_key(setup, endpoint, ())


def _show_key(setup: SshSetup, endpoint: Endpoint, more: Sequence[str]) -> tuple[Key, ...]:
    with tempfile.TemporaryDirectory(prefix="rediacc-scan-") as directory:
        path = Path(directory) / "known_hosts"
        options = (f"UserKnownHostsFile={path}", *_SHOW_KEY_OPTIONS, *more)
        flags = [argument for option in options for argument in ("-o", option)]
        argv = ("ssh", "-n", "-T", *flags, *endpoint.arguments, "--", endpoint.target, "true")
        try:
            setup.probe(*argv, timeout_seconds=30)
        except InvalidInput:
            # A proxy that hangs is a machine out of reach, as a refusal is: the file alone says.
            _log.info("ssh to %s did not end in time", endpoint.machine)
        if not path.is_file():
            return ()
        written = path.read_text(encoding="utf-8", errors="replace")
    return tuple(dict.fromkeys(key for _rest, key in _shown_keys(written)))


def _algorithms(key_type: str) -> tuple[str, ...]:
    if key_type == "ssh-rsa":
        return ("rsa-sha2-512", "rsa-sha2-256", "ssh-rsa")
    return (key_type,)


def _host_keys(
    team: str, endpoint: Endpoint, shown: Sequence[Key], records: Sequence[Record]
) -> Iterator[HostKey]:
    if not shown:
        yield _host_key(team, endpoint, None, "unreachable")
    statuses = [status(key, shown, records) for key in shown]
    for key, own in zip(shown, statuses, strict=True):
        # One key that contradicts the record spoils them all: it may be another machine.
        yield _host_key(team, endpoint, key, "changed" if "changed" in statuses else own)


def _host_key(team: str, endpoint: Endpoint, key: Key | None, word: str) -> HostKey:
    return HostKey(
        machine=endpoint.machine,
        team=team,
        address=endpoint.hostname,
        port=endpoint.port,
        key_type=key.type if key else "",
        fingerprint=key.fingerprint if key else "",
        status=word,
        line=f"{endpoint.lookup} {key.type} {key.text}" if key else "",
    )


def _new_keys(setup: SshSetup, keys: Sequence[HostKey]) -> Iterator[tuple[Endpoint, Key]]:
    by_machine: defaultdict[str, list[HostKey]] = defaultdict(list)
    for given in keys:
        by_machine[given.machine].append(given)
    _named(setup, by_machine)
    for machine, members in by_machine.items():
        endpoint = setup.endpoint(machine)
        if endpoint is None:
            raise InvalidInput(f"machine {machine} is not reached by ssh: it has no host key")
        if not endpoint.files:
            raise InvalidInput(
                f"machine {machine}: its ssh set-up keeps no known_hosts file",
                hint="see UserKnownHostsFile in your ssh configuration",
            )
        shown = [_given_key(given, endpoint) for given in members]
        records = _records(setup, endpoint)
        for given, key in zip(members, shown, strict=True):
            word = status(key, shown, records)
            if "changed" in (given.status, word):
                raise Conflict(
                    f"the host key of {machine} is not the recorded one: {key.fingerprint}",
                    hint="find out why; then remove the old key: "
                    f"ssh-keygen -R '{endpoint.lookup}' -f {endpoint.files[0]}",
                )
            if word == "unknown":
                yield endpoint, key


def _given_key(given: HostKey, endpoint: Endpoint) -> Key:
    """Return the key in `given`, which may come from outside, when it is what it says."""
    fields = given.line.split()
    if len(fields) != 3:
        raise InvalidInput(f"machine {given.machine} showed no host key")
    key = parse_key(fields[1], fields[2])
    if key.fingerprint != given.fingerprint or fields[0] != endpoint.lookup:
        raise InvalidInput(
            f"the host key given for {given.machine} is not for {endpoint.lookup}",
            hint=f"scan again: rediacc trust machine {given.machine}",
        )
    return key
