"""Stopping is true: what counts as cancelled or timed out runs nowhere any more."""

from __future__ import annotations

import os
from collections.abc import Callable

from live_homes import Home, wait_until

PLAYBOOK = """\
- hosts: prod-02
  gather_facts: false
  tasks:
    - name: wait here
      ansible.builtin.shell: echo begun > begun; sleep 3004 & sleep 3005
"""
ASYNC_PLAYBOOK = """\
- hosts: prod-03
  gather_facts: false
  tasks:
    - name: in the background
      ansible.builtin.shell: echo begun > begun; sleep 3006
      async: 1000
      poll: 1
"""
BECOMING_PLAYBOOK = """\
- hosts: {machine}
  gather_facts: false
  tasks:
    - name: as somebody else
      become: true
      ansible.builtin.shell: echo begun > begun; sleep {seconds}
"""
# Stands for sudo: it runs what it is given as whoever called it, or refuses.
BECOME = """\
#!/bin/sh
[ ! -e "$HOME/refuse" ] || exit 1
echo became >> "$HOME/became"
while [ "$1" != /bin/sh ]; do shift; done
exec "$@"
"""
TREE = (
    "sleep 3001 & (trap '' TERM; sleep 3002) & "
    "setsid sh -c 'exec sleep 3003 >/dev/null 2>&1 </dev/null' & echo begun > begun; wait"
)
SLEEPS = tuple(str(number) for number in range(3001, 3010))


def left(home: Home) -> list[str]:
    """Return what of these tests' commands still runs, on any machine."""
    return [
        line
        for name in ("prod-01", "prod-02", "prod-03")
        for line in home.commands(name)
        if {*SLEEPS} & {*line.split()}
    ]


def test_cancel_ends_commands_children_daemons_and_playbooks(home: Home) -> None:
    home.write("wait.yml", PLAYBOOK)
    home.write("async.yml", ASYNC_PLAYBOOK)
    tree = home.shell("prod-01", TREE)
    playbook = home.create("--playbook", "wait.yml", "--team", "prod")
    in_background = home.create("--playbook", "async.yml", "--team", "prod")
    tasks = [tree, playbook, in_background]
    with home.worker():
        wait_until(
            lambda: all(home.on(f"prod-0{n}", "begun").exists() for n in (1, 2, 3)), "the commands"
        )
        wait_until(lambda: len(left(home)) >= 6, "all sleeps")
        asked = home.type("cancel", "task", *map(str, tasks))
        assert asked.rc == 0, asked
        assert "being stopped" in asked.stdout + asked.stderr
        for task in tasks:
            home.wait_for_state(task, "cancelled")
            if task == tree:
                left_of_it = [line.split() for line in home.commands("prod-01")]
                assert not [words for words in left_of_it if {"3001", "3002", "3003"} & {*words}]
        assert left(home) == []
        assert home.type("wait", *map(str, tasks)).rc == 12
    for task in tasks:
        assert home.state(task) == ("cancelled", "cancelled")
        assert {one["outcome"] for one in home.results(task).values()} <= {"cancelled"}
    again = home.type("cancel", "task", str(tree))
    assert again.rc == 6, again


def test_time_limit_ends_commands_and_playbooks(home: Home) -> None:
    home.write("wait.yml", PLAYBOOK)
    tree = home.shell("prod-01", TREE, "--timeout", "2s")
    playbook = home.create("--playbook", "wait.yml", "--team", "prod", "--timeout", "8s")
    with home.worker("--drain"):
        assert home.wait_for(tree, playbook) == 13
        assert [home.state(task) for task in (tree, playbook)] == [("failed", "timed out")] * 2
        survivors = left(home)
    assert survivors == []
    assert home.on("prod-02", "begun").exists()
    told = home.results(tree)["prod-01"]
    assert (told["outcome"], told["rc"]) == ("timed out", None)


def test_cancel_of_pending_tasks_starts_nothing(home: Home) -> None:
    tasks = [home.shell("prod-01", "echo ran >> trace") for _turn in range(2)]
    later = home.shell("prod-01", "echo ran >> trace", "--not-before", "+1h")
    done = home.type("cancel", "task", *map(str, (*tasks, later, 999)), "-o", "json")
    assert done.rc == 5, done
    told = {one["id"]: one["changed"] for one in done.json["items"]}
    assert told == {**{str(task): True for task in (*tasks, later)}, "999": False}
    home.work()
    assert [home.state(task) for task in (*tasks, later)] == [("cancelled", "cancelled")] * 3
    assert home.detail(tasks[0])["attempts"] == []
    assert home.lines("prod-01", "trace") == []


def test_stop_that_nobody_confirmed_is_not_called_certain(home: Home) -> None:
    task = home.shell("prod-02", "echo begun > begun; sleep 3007", "--retry-count", "3")
    with home.worker():
        wait_until(lambda: home.on("prod-02", "begun").exists(), "the command")
        run = home.run_directory(task)
        assert home.type("cancel", "task", str(task)).rc == 0
        wait_until((run / "stop").exists, "the word to stop")
        home.machines.stop("prod-02")
        try:
            home.wait_for_state(task, "cancelled")
        finally:
            home.machines.start("prod-02")
    assert home.state(task) == ("cancelled", "cancelled, not confirmed")
    assert "prod-02" in home.detail(task)["message"]
    assert home.runs_on("prod-02", "3007") != []
    assert home.type("wait", str(task)).rc == 12
    home.end("prod-02", "3007")
    home.work()
    assert len(home.detail(task)["attempts"]) == 1


def test_playbook_that_becomes_another_user_by_itself_is_stopped_as_that_user(
    make_home: Callable[[], Home],
) -> None:
    names = ("prod-01", "prod-02", "prod-03")
    home = make_home()
    exe = home.write("become", BECOME)
    exe.chmod(0o755)
    home.make(
        settings="[worker]\nstop_grace = 1\n",
        files={
            # Ansible becomes nobody who logged in already.
            "inventories/prod/group_vars/all.yml": f"ansible_become_exe: {exe}\n"
            "ansible_become_user: nobody\n",
            **{
                f"{name}.yml": BECOMING_PLAYBOOK.format(machine=name, seconds=seconds)
                for seconds, name in enumerate(names, start=3021)
            },
        },
    )
    tasks = [home.create("--playbook", f"{name}.yml", "--team", "prod") for name in names]
    obeyed, refused, lost = tasks
    with home.worker() as first:
        wait_until(lambda: all(home.on(name, "begun").exists() for name in names), "the commands")
        home.on("prod-02", "refuse").touch()
        assert home.type("cancel", "task", str(obeyed), str(refused)).rc == 0
        home.wait_for_state(obeyed, "cancelled")
        home.wait_for_state(refused, "cancelled")
        supervisor = home.supervisor(lost)
        first.kill()
    # Only root sees what others run: who becomes anybody else is not sure.
    certain = "cancelled" if os.geteuid() == 0 else "cancelled, not confirmed"
    assert home.state(obeyed) == ("cancelled", certain)
    assert home.lines("prod-01", "became") == ["became", "became"]
    assert home.state(refused) == ("cancelled", "cancelled, not confirmed")
    assert "prod-02" in home.detail(refused)["message"]

    supervisor.kill()
    home.work()
    assert home.state(lost) == ("pending", "held: lost")
    home.on("prod-03", "refuse").touch()
    assert home.type("cancel", "task", str(lost)).rc == 0
    home.work()
    assert home.state(lost) == ("cancelled", "cancelled, not confirmed")
    # What the login's own user runs is ended all the same.
    assert [home.runs_on(name, str(3021 + n)) for n, name in enumerate(names)] == [[], [], []]
