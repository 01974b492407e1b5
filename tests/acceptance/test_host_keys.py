"""Host keys are checked unless the repository's own files say otherwise."""

from __future__ import annotations

from collections.abc import Callable

from live_homes import Home

QUESTION = "Are you sure you want to continue connecting"


def test_unknown_key_is_refused_until_it_is_trusted_and_a_changed_one_always(
    make_home: Callable[[], Home],
) -> None:
    home = make_home().make()
    home.known_hosts.write_text("")
    logins = home.machines.connections("prod-01")
    environment = {"ANSIBLE_HOST_KEY_CHECKING": "False", "ANSIBLE_SSH_HOST_KEY_CHECKING": "False"}
    # The caller's environment is not the repository: it switches nothing off.
    refused = home.type("run", "-m", "prod-01", "--shell", "echo ran >> keys", **environment)
    assert refused.rc == 11, refused
    assert "host key" in refused.stderr
    assert QUESTION not in refused.stdout + refused.stderr
    assert home.lines("prod-01", "keys") == []
    assert home.machines.connections("prod-01") == logins

    trusted = home.type("trust", "machine", "--unknown", "--team", "prod", "--yes")
    assert trusted.rc == 0, trusted
    assert len(home.known_hosts.read_text().splitlines()) == 3
    done = home.type("run", "-m", "prod-01", "--shell", "echo ran >> keys")
    assert done.rc == 0, done

    home.machines.swap_host_key("prod-02")
    changed = home.type("run", "-m", "prod-02", "--shell", "echo ran >> keys")
    assert changed.rc == 11, changed
    assert "host key" in changed.stderr
    assert home.lines("prod-02", "keys") == []
    again = home.type("trust", "machine", "prod-02", "--yes")
    assert again.rc != 0, again
    assert "changed" in (again.stdout + again.stderr).lower()


def test_the_repository_may_switch_the_check_off_and_doctor_says_so(
    make_home: Callable[[], Home],
) -> None:
    home = make_home().make(files={"ansible.cfg": "[defaults]\nhost_key_checking = False\n"})
    home.known_hosts.write_text("")
    done = home.type("run", "-m", "prod-01", "--shell", "echo ran >> keys")
    assert done.rc == 0, done
    doctor = home.type("doctor", "-o", "json")
    told = [item for item in doctor.json["items"] if "host key" in str(item).lower()]
    assert told, doctor
    assert {item["status"] for item in told} == {"warn"}
    assert any("ansible.cfg" in str(item) for item in told)
