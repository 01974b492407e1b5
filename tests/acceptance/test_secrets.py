"""No secret value is stored, logged or shown, and no variable reaches a run that nobody passed."""

from __future__ import annotations

import base64
import secrets
import signal
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from urllib.parse import quote

import psutil
import pytest
from ansible.parsing.vault import VaultLib, VaultSecret
from live_homes import Home, wait_until

INLINE, WHOLE = (f"{word}-{secrets.token_hex(8)}'\\n&:%" for word in ("inline", "whole"))
EXTRA = f"extra-{secrets.token_hex(8)}"
PASSWORD = f"password-{secrets.token_hex(8)}"

PLAYBOOKS = {
    "show.yml": """\
- hosts: prod-01
  gather_facts: false
  tasks:
    - name: positive control
      ansible.builtin.copy:
        content: "{{ inline_secret }}{{ whole_secret }}"
        dest: "{{ ansible_env_home }}/secret"
        mode: "0600"
      diff: true
    - name: "a name with {{ whole_secret }}"
      ansible.builtin.shell: 'printf %s "$V"; printf %s "$V" | base64; printf %s "$V" >&2'
      environment: {V: "{{ inline_secret }}"}
      register: printed
    - ansible.builtin.debug: {var: printed}
    - ansible.builtin.debug: {msg: "{{ {'key': whole_secret} | to_json }}"}
    - ansible.builtin.debug: {msg: "{{ inline_secret | b64encode }}"}
    - ansible.builtin.shell: 'echo begun > begun; while [ ! -e go ]; do sleep 0.1; done'
      when: waits | default(false)
    - ansible.builtin.shell: 'printf %s {{ whole_secret | quote }}; exit 3'
      ignore_errors: true
    - ansible.builtin.fail: {msg: "it is {{ inline_secret }} and {{ extra_secret | default('') }}"}
""",
}


def encrypted(text: str) -> str:
    vault = VaultLib([("default", VaultSecret(PASSWORD.encode()))])
    return vault.encrypt(text.encode()).decode()


def spellings(value: str) -> set[bytes]:
    raw = value.encode()
    return {
        raw,
        raw.split(b"'")[0],
        base64.b64encode(raw)[:-4],
        raw.hex().encode(),
        quote(value).encode(),
    }


@pytest.fixture(scope="module")
def own(make_home: Callable[[], Home]) -> Home:
    home = make_home()
    inline = encrypted(INLINE).replace("\n", "\n  ")
    own_home = home.machines.machine("prod-01").home
    files = {
        **PLAYBOOKS,
        "ansible.cfg": "[defaults]\nvault_password_file = ./vault-password\n",
        "vault-password": f"{PASSWORD}\n",
        "inventories/prod/group_vars/all/plain.yml": (
            f"ansible_env_home: {own_home}\ninline_secret: !vault |\n  {inline}\n"
        ),
        "inventories/prod/group_vars/all/vault.yml": encrypted(f"whole_secret: {_yaml(WHOLE)}\n"),
        "extra.yml": encrypted(f"extra_secret: {EXTRA}\n"),
    }
    settings = (
        "[worker]\nkeep_runs = true\nstop_grace = 1\n"
        '[ansible]\npass_environment = ["PASSED_CANARY"]\n'
    )
    return home.make(settings=settings, files=files)


def _yaml(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


@pytest.fixture
def place(home: Home, own: Home) -> Home:
    """A home of its own with vaulted variables; the machines are swept."""
    del home
    own.empty_queue()
    return own


def finds(home: Home, values: Mapping[str, str], *, more: bytes = b"") -> list[str]:
    """Return where one of the secrets stands: in stored files, runs, logs, or what was printed."""
    found = []
    for path in _stored(home):
        content = path.read_bytes()
        found += [
            f"{name} in {path}: {content[max(0, content.find(spelling) - 80) :][:200]!r}"
            for name, value in values.items()
            for spelling in spellings(value)
            if spelling in content
        ]
    found += [
        f"{name} was printed"
        for name, value in values.items()
        for spelling in spellings(value)
        if spelling in more
    ]
    return found


def _stored(home: Home) -> Iterator[Path]:
    places = [home.directory / ".rediacc", home.runs, *home.directory.glob("worker-*.log")]
    for place in places:
        for path in [place] if place.is_file() else place.rglob("*"):
            if path.is_file() and not path.is_symlink() and "collections" not in path.parts:
                yield path


def test_vaulted_values_are_stored_and_shown_nowhere(place: Home) -> None:
    playbook = ("--playbook", "show.yml", "--team", "prod")
    line = (
        'printf "%s\\n" {{ inline_secret | quote }}; printf %s {{ whole_secret | quote }} | base64'
    )
    with place.worker() as worker:
        loud = place.start("run", *playbook, "-vvv", "--diff", "-e", "@extra.yml")
        shown = loud.wait()
        assert shown.rc == 10, shown
        ad_hoc = place.start("run", "-m", "prod-01", "--shell", f"{line}; exit 3", "--template")
        told = ad_hoc.wait()
        assert told.rc == 10, told
        killed = place.create(*playbook, "-e", '{"waits": true}', "-e", "@extra.yml")
        wait_until(lambda: place.on("prod-01", "begun").exists(), "the playbook's wait")
        place.supervisor(killed).send_signal(signal.SIGKILL)
        place.wait_for_state(killed, "pending", "held: lost")
        # While the database is open, its log of writes is there too.
        values = {"inline": INLINE, "whole": WHOLE, "extra": EXTRA, "password": PASSWORD}
        assert any(path.name.endswith("-wal") for path in _stored(place))
        assert finds(place, values) == []
        assert worker.poll() is None
    printed = shown.raw + shown.stderr.encode() + told.raw + told.stderr.encode()
    for words in (
        ("logs", "1"),
        ("logs", "1", "--raw"),
        ("logs", "2", "-o", "json"),
        ("inspect", "task", "1", "2", "3", "-o", "json"),
        ("inspect", "task", "1", "2", "3"),
        ("list", "tasks", "-o", "yaml"),
    ):
        done = place.type(*words)
        assert done.rc == 0, done
        printed += done.raw + done.stderr.encode()
    assert finds(place, values, more=printed) == []
    assert b"********" in printed
    # The machine has what the playbook was to write there.
    assert place.on("prod-01", "secret").read_text() == INLINE + WHOLE


def test_secrets_and_foreign_variables_are_in_no_environment(place: Home) -> None:
    canary, passed = f"canary-{secrets.token_hex(8)}", f"passed-{secrets.token_hex(8)}"
    environment = {"SOME_TOKEN": canary, "ANSIBLE_FOO": canary, "PASSED_CANARY": passed}
    line = "env > environment; while [ ! -e go ]; do sleep 0.1; done"
    with place.worker(**environment) as worker:
        ad_hoc = place.shell("prod-02", line)
        playbook = place.create("--playbook", "show.yml", "--team", "prod", "-e", '{"waits": true}')
        wait_until(lambda: place.on("prod-02", "environment").exists(), "the command")
        wait_until(lambda: place.on("prod-01", "begun").exists(), "the playbook's wait")
        seen = [one for task in (ad_hoc, playbook) for one in _environments(place.supervisor(task))]
        has_canary = canary.encode() in Path(f"/proc/{worker.pid}/environ").read_bytes()
        for machine in ("prod-01", "prod-02"):
            place.on(machine, "go").touch()
        assert place.wait_for(ad_hoc) == 0
        assert place.wait_for(playbook) == 10
    assert has_canary
    assert len(seen) >= 6
    assert not [one for one in seen if canary.encode() in one]
    assert [one for one in seen if passed.encode() in one]
    for value in (INLINE, WHOLE, PASSWORD):
        # But in the very process that the playbook meant it for, which has ended by now.
        assert not [one for one in seen if value.encode() in one]
    assert canary not in place.on("prod-02", "environment").read_text()
    assert finds(place, {"canary": canary}) == []


def _environments(supervisor: psutil.Process) -> list[bytes]:
    found = []
    for process in (supervisor, *supervisor.children(recursive=True)):
        try:
            found += [
                Path(f"/proc/{process.pid}/{name}").read_bytes() for name in ("environ", "cmdline")
            ]
        except OSError:  # it has ended meanwhile
            continue
    return found
