"""Who comes through sudo and is no maintainer cannot make rediacc act for them as the account."""

from __future__ import annotations

import os
import pwd
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from world import World

from rediacc import requests
from rediacc.access import binding
from rediacc.cli import main
from rediacc.errors import AccessDenied, ExitCode
from rediacc.operations.bounds import check_bounded_targets
from rediacc.operations.homes import initialise_home
from rediacc.operations.office import Office, open_office
from rediacc.requests import MemberCreate, MemberUpdate, TaskRequest
from rediacc.values import AnsibleOptions, ExtraVariables, Kind

SOMEBODY = pwd.getpwnam("nobody")
COMMAND = TaskRequest(kind=Kind.COMMAND, text="true", machines=("web1",), team="prod")
SITE = "- hosts: all\n  gather_facts: false\n  tasks: []\n"


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    directory = tmp_path_factory.mktemp("account")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(binding, "_account_home", lambda: str(directory))
        yield directory


@pytest.fixture(scope="module")
def person(world: World, account: Path) -> Iterator[Office]:
    """The door of an operator of prod who comes through sudo."""
    (world.home / "site.yml").write_text(SITE)
    (world.home / "named_tasks").mkdir(exist_ok=True)
    (world.home / "named_tasks" / "mend.yml").write_text(
        "shell: echo {{ word }}\nteam: prod\nmachines: [web1]\n"
        "variables:\n  word:\n    type: str\n    default: x\n"
    )
    (world.home / "named_tasks" / "other.yml").write_text(
        "command: 'true'\nteam: staging\nmachines: [db1]\n"
    )
    (world.home / "named_tasks" / "say.yml").write_text(
        "module: ansible.builtin.debug\nargs:\n  msg: x\nteam: prod\nmachines: [web1]\n"
    )
    (world.home / "named_tasks" / "anywhere.yml").write_text("command: 'true'\nmachines: [db1]\n")
    world.office(HOME=str(account)).perform(
        "member.create", MemberCreate(name=SOMEBODY.pw_name, role="operator", teams=("prod",))
    )
    yield world.office(SUDO_UID=str(SOMEBODY.pw_uid))
    world.owner("member.delete", requests.MemberDelete(name=SOMEBODY.pw_name))


def _with(**options: Any) -> TaskRequest:
    return replace(COMMAND, options=AnsibleOptions(**options))


def _variables(**values: Any) -> TaskRequest:
    extra = (ExtraVariables(values=values),)
    return replace(
        COMMAND,
        kind=Kind.PLAYBOOK,
        text="site.yml",
        machines=(),
        options=AnsibleOptions(extra_vars=extra),
    )


def _module(module: str, **arguments: Any) -> TaskRequest:
    return replace(COMMAND, kind=Kind.MODULE, text=module, module_args=arguments)


def _follow_up(name: str) -> TaskRequest:
    return replace(COMMAND, retry={"failureAction": f"run:{name}"})


ALLOWED = {
    "a command": COMMAND,
    "a shell line": replace(COMMAND, kind=Kind.SHELL, text="echo {{ x }}"),
    "another user there": _with(become=True, become_user="root", remote_user="deploy"),
    "a module that works on the machine": _module("ansible.builtin.service", name="x"),
    "the same by its short name": _module("ping"),
    "a playbook of the home": replace(COMMAND, kind=Kind.PLAYBOOK, text="site.yml", machines=()),
    "its variables": _variables(version="1.2", items=["a", {"b": 1}]),
    "a named task": TaskRequest(named="mend", variables={"word": "{{ lookup('env') }}"}),
    "a follow-up in the team": _follow_up("mend"),
}
DENIED = {
    "templates": replace(_module("debug", msg="{{ 1 }}"), options=AnsibleOptions(template=True)),
    "a named task with templates": replace(
        TaskRequest(named="say"), options=AnsibleOptions(template=True)
    ),
    "a template in a variable": _variables(x="{{ lookup('pipe', 'id') }}"),
    "one deep inside": _variables(x=[{"y": ("{% if 1 %}",)}]),
    "one in a key": _variables(x={"{{ y }}": 1}),
    "a program for the connection": _variables(ansible_ssh_executable="/tmp/x"),
    "another connection": _variables(ansible_connection="local"),
    "a file of variables": _with(extra_vars=(ExtraVariables(file="/etc/shadow"),)),
    "a module that reads files here": _module("copy", src="/etc/shadow", dest="/tmp/x"),
    "one that starts programs here": _module("ansible.posix.synchronize", src="/"),
    "one that writes files here": _module("ansible.builtin.fetch", src="/x", dest="/y"),
    "one of an unknown collection": _module("some.where.ping"),
    "one with a name like a safe one": _module("ansible.legacy.script", _raw_params="/x"),
    "a playbook elsewhere": replace(COMMAND, kind=Kind.PLAYBOOK, text="/tmp/site.yml", machines=()),
    "the controller": replace(COMMAND, machines=("localhost",)),
    "the controller's address": replace(COMMAND, machines=("127.0.0.1",)),
    "a follow-up in another team": _follow_up("other"),
    "one whose team follows from its machine": _follow_up("anywhere"),
    "another team": replace(COMMAND, team="staging", machines=("db1",)),
}


@pytest.mark.parametrize("request_", ALLOWED.values(), ids=list(ALLOWED))
def test_operator_through_sudo_does_their_work(person: Office, request_: TaskRequest) -> None:
    person.perform("task.create", replace(request_, dry_run=True))


@pytest.mark.parametrize("request_", DENIED.values(), ids=list(DENIED))
def test_operator_through_sudo_cannot_become_the_account(
    world: World, person: Office, request_: TaskRequest
) -> None:
    before = world.picture()
    with pytest.raises(AccessDenied):
        person.perform("task.create", request_)
    assert world.picture() == before
    assert world.entries("task.create")[-1].outcome == "denied"


def test_follow_up_is_checked_where_a_policy_changes(world: World, person: Office) -> None:
    number = world.task()
    update = requests.TaskUpdate(ids=(number,), retry={"failureAction": "run:other"})
    with pytest.raises(AccessDenied):
        person.perform("task.update", update)


def test_maintainer_through_sudo_may_all_that_ansible_can(world: World, person: Office) -> None:
    change = MemberUpdate(name=SOMEBODY.pw_name, role="maintainer", teams=("prod",))
    world.owner("member.update", change)
    try:
        request = DENIED["a module that reads files here"]
        person.perform("task.create", replace(request, dry_run=True))
    finally:
        world.owner("member.update", replace(change, role="operator"))


def test_machine_with_a_local_connection_is_the_controller() -> None:
    hosts: dict[str, dict[str, Any]] = {"here": {"ansible_connection": "local"}, "there": {}}
    check_bounded_targets(["there"], hosts)
    with pytest.raises(AccessDenied, match="machine here"):
        check_bounded_targets(["there", "here"], hosts)


# -- other ways around


@pytest.mark.usefixtures("person")
def test_home_of_somebody_else_is_not_served(world: World, tmp_path: Path) -> None:
    """Its settings would name databases, inventories and playbooks of their own."""
    own = tmp_path / "own"
    own.mkdir()
    (own / "rediacc.toml").write_text('database = "sqlite:////proc/none/x.db"\n')
    environment = {**world.environment, "SUDO_UID": str(SOMEBODY.pw_uid)}
    if os.getuid() == 0:  # only root can give a directory away
        os.chown(own, SOMEBODY.pw_uid, -1)
        with pytest.raises(AccessDenied, match="is no home of this account"):
            open_office(own, environment=environment)
    with pytest.raises(AccessDenied, match="may not make a home"):
        initialise_home(requests.InitRequest(directory=str(tmp_path)), environment=environment)
    assert not (tmp_path / "rediacc.toml").exists()


@pytest.mark.usefixtures("person")
def test_second_home_of_the_account_is_no_way_around(world: World, tmp_path: Path) -> None:
    """Nobody is listed there; but the account binds who comes through sudo in all its homes."""
    initialise_home(requests.InitRequest(directory=str(tmp_path)), environment=world.environment)
    environment = {**world.environment, "SUDO_UID": str(SOMEBODY.pw_uid)}
    with (
        open_office(tmp_path, environment=environment) as office,
        pytest.raises(AccessDenied, match="is no member of this home"),
    ):
        office.perform("caller.show", requests.Nothing())


@pytest.mark.usefixtures("person")
def test_environment_of_the_person_is_not_believed(tmp_path: Path) -> None:
    evil = {
        "PATH": f"{tmp_path}:/usr/bin",
        "HOME": str(tmp_path),
        "REDIACC_DATABASE_URL": f"sqlite:///{tmp_path}/own.db",
        "REDIACC_RUNTIME_DIR": str(tmp_path),
        "REDIACC_DEBUG": "1",
        "ANSIBLE_CONFIG": str(tmp_path / "ansible.cfg"),
        "ANSIBLE_LIBRARY": str(tmp_path),
        "PYTHONPATH": str(tmp_path),
        "LD_PRELOAD": "x",
        "EDITOR": "sh",
        "PAGER": "sh",
        "SSH_AUTH_SOCK": "x",
        "_REDIACC_COMPLETE": "bash_source",
        "SUDO_UID": str(SOMEBODY.pw_uid),
        "REDIACC_HOME": "/srv/ansible",
        "LANG": "C.UTF-8",
    }
    believed = binding.bounded_environment(evil)
    assert set(believed) <= {"PATH", "HOME", "USER", "LOGNAME", "SUDO_UID", "REDIACC_HOME", "LANG"}
    assert str(tmp_path) not in believed["PATH"]
    assert believed["HOME"] == pwd.getpwuid(os.getuid()).pw_dir


@pytest.mark.usefixtures("person")
@pytest.mark.parametrize(
    "words",
    [
        "create task -m web1 --playbook site.yml -e @/etc/shadow",
        "create task -m web1 --command true --retry /etc/shadow",
        "update task 1 --retry /etc/shadow",
        "export audit --out /etc/x",
        "verify audit --file /etc/shadow",
        "report --out /etc/x",
        "metrics --textfile /etc/x",
        "create tasks --from /etc/shadow",
        "set secret key --team prod --file /etc/shadow",
        "edit secret key --team prod",
        "worker --once",
        "init /tmp/of-mine",
    ],
)
def test_command_line_opens_no_file_and_starts_no_worker(
    world: World, words: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(world.home)
    code = main.run(
        words.split(), environment=dict(world.environment, SUDO_UID=str(SOMEBODY.pw_uid))
    )
    assert code == ExitCode.NOT_ALLOWED
    said = capsys.readouterr().err
    assert said.startswith("rediacc: error: ")
    assert said.count("\n") == 1


def test_token_through_sudo_is_bounded_too(world: World, person: Office) -> None:
    made = world.owner(
        "member.create",
        MemberCreate(name=world.fresh("ci"), role="operator", teams=("prod",), token=True),
    )
    office = world.office(token=made.token, SUDO_UID=person.environment["SUDO_UID"])
    caller = office.perform("caller.show", requests.Nothing())
    assert (caller.name, caller.is_bounded) == (made.name, True)
    with pytest.raises(AccessDenied):
        office.perform("task.create", DENIED["templates"])
    # With the account itself a token guards against mistakes only, and may what Ansible can.
    free = world.office(token=made.token)
    free.perform("task.create", replace(DENIED["the controller"], dry_run=True))


def test_denials_are_in_the_audit_under_the_persons_name(world: World, person: Office) -> None:
    with pytest.raises(AccessDenied):
        person.perform("team.delete", requests.TeamDelete(name="prod"))
    with world.database.read() as connection:
        query = text("SELECT actor, outcome FROM audit ORDER BY seq DESC LIMIT 1")
        assert connection.execute(query).one() == (SOMEBODY.pw_name, "denied")
