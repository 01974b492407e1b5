"""A task's plays never reach a machine that it was not shown to target."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from live_homes import Home, wait_until

PLAYBOOKS = {
    "all_web.yml": """\
- hosts: web
  gather_facts: false
  tasks:
    - ansible.builtin.shell: echo ran >> trace
""",
    "delegating.yml": """\
- hosts: prod-01
  gather_facts: false
  tasks:
    - name: on a neighbour
      ansible.builtin.shell: echo delegated >> trace
      delegate_to: prod-02
""",
    "elsewhere.yml": """\
- hosts: prod-01
  gather_facts: false
  tasks:
    - ansible.builtin.add_host: {name: alias, ansible_host: "{{ address }}"}
    - ansible.builtin.shell: echo delegated >> trace
      delegate_to: "{{ elsewhere }}"
""",
}


@pytest.fixture(scope="module")
def own(make_home: Callable[[], Home]) -> Home:
    return make_home().make(files=PLAYBOOKS)


@pytest.fixture
def place(home: Home, own: Home) -> Home:
    """A home of its own, because these tests change its inventory; the machines are swept."""
    del home
    own.empty_queue()
    own.write("inventories/prod/hosts", narrow(own))
    return own


def narrow(home: Home) -> str:
    lines = home.inventory("prod").splitlines(keepends=True)
    return "".join(line for line in lines if not line.startswith("prod-03"))


def test_wider_target_than_was_shown_refuses_to_start(place: Home) -> None:
    refused = [
        place.create("--group", "web", "--team", "prod", "--shell", "echo ran >> trace"),
        place.create("--all", "--team", "prod", "--command", "true"),
        place.create("--playbook", "all_web.yml", "--team", "prod"),
    ]
    exact = place.shell("prod-01", "echo exact >> trace")
    assert place.task(refused[2])["machines"] == ["prod-01", "prod-02"]
    place.write("inventories/prod/hosts", place.inventory("prod"))
    connections = place.machines.connections("prod-03")
    place.work()
    assert [place.state(task) for task in refused] == [("failed", "targets changed")] * 3
    assert "prod-03" in place.detail(refused[0])["message"]
    assert place.state(exact) == ("succeeded", "done")
    assert place.lines("prod-01", "trace") == ["exact"]
    assert place.lines("prod-02", "trace") == place.lines("prod-03", "trace") == []
    assert place.machines.connections("prod-03") == connections


def test_playbook_keeps_to_its_limit_and_a_gone_machine_refuses(place: Home) -> None:
    limited = place.create("--playbook", "all_web.yml", "--team", "prod", "--limit", "prod-02")
    gone = place.shell("prod-01", "echo ran >> trace")
    lines = place.inventory("prod").splitlines(keepends=True)
    place.write("inventories/prod/hosts", "".join(lines[0:1] + lines[2:]))
    place.work()
    assert place.task(limited)["machines"] == ["prod-02"]
    assert place.state(limited) == ("succeeded", "done")
    assert place.lines("prod-02", "trace") == ["ran"]
    assert place.state(gone) == ("failed", "targets changed")
    assert place.lines("prod-01", "trace") == place.lines("prod-03", "trace") == []


def test_delegation_is_recorded_and_to_another_team_refused(place: Home) -> None:
    staging = place.machines.machine("staging-01")
    within = place.create("--playbook", "delegating.yml", "--team", "prod")
    words = ("--playbook", "elsewhere.yml", "--team", "prod", "-e", f"address={staging.address}")
    # By its name, by its address, and by an alias that the play gives its address.
    across = [
        place.create(*words, "-e", f"elsewhere={name}")
        for name in ("staging-01", staging.address, "alias")
    ]
    connections = place.machines.connections("staging-01")
    place.work()
    assert place.state(within) == ("succeeded", "done")
    assert place.results(within)["prod-01"]["delegated_to"] == ["prod-02"]
    assert "prod-02" in place.type("inspect", "task", str(within)).stdout
    for task in across:
        assert place.state(task)[0] == "failed", place.detail(task)
        assert "another team" in place.results(task)["prod-01"]["message"]
    assert place.lines("prod-02", "trace") == ["delegated"]
    assert place.lines("staging-01", "trace") == []
    assert place.machines.connections("staging-01") == connections


def test_wait_sees_the_refusal(place: Home) -> None:
    task = place.create("--all", "--team", "prod", "--command", "true", "--retry-count", "3")
    place.write("inventories/prod/hosts", place.inventory("prod"))
    with place.worker():
        wait_until(lambda: place.state(task)[0] == "failed", "the refusal")
        assert place.type("wait", str(task)).rc == 10
        assert len(place.detail(task)["attempts"]) == 1
