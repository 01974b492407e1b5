from __future__ import annotations

import os
from pathlib import Path

import pytest
from ansible_homes import clean_environment, counted_ansible, home_settings, lay_out

from rediacc.errors import InvalidInput
from rediacc.teams.ansible_command import (
    find_user_ansible,
    locate_ansible,
    read_configuration,
    run_environment,
)
from rediacc.teams.probes import error_line, run_probe


def fake_ansible(directory: Path, version: str, *, programs: tuple[str, ...] = ()) -> Path:
    names = programs or ("ansible", "ansible-config", "ansible-inventory", "ansible-playbook")
    script = f'#!/bin/sh\necho run >> "{directory}/calls"\necho "{{}} [core {version}]"\n'
    lay_out(directory, {name: script.replace("{}", name) for name in names})
    return directory


def test_environment_holds_only_what_is_allowed(tmp_path: Path) -> None:
    settings = home_settings(tmp_path, pass_environment=("AWS_PROFILE",))
    given = {
        "PATH": "/bin",
        "HOME": "/h",
        "AWS_PROFILE": "p",
        "AWS_SECRET_ACCESS_KEY": "s",
        "DISPLAY": ":0",
        "ANSIBLE_CONFIG": "conf/a.cfg",
        "LANG": "de_DE.UTF-8",
    }
    assert run_environment(settings, given) == {
        "PATH": "/bin",
        "HOME": "/h",
        "AWS_PROFILE": "p",
        "ANSIBLE_CONFIG": "conf/a.cfg",
        "LANG": "de_DE.UTF-8",
        "SSH_ASKPASS": "/bin/false",
        "SSH_ASKPASS_REQUIRE": "force",
    }


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, {"LANG": "C.UTF-8"}),
        ({"LANG": "C"}, {"LANG": "C.UTF-8"}),
        ({"LC_ALL": "POSIX", "LANG": "en_US.utf8"}, {"LANG": "en_US.utf8"}),
        ({"LC_ALL": "de_DE.ISO-8859-1"}, {"LANG": "C.UTF-8"}),
        ({"LC_CTYPE": "C.UTF-8"}, {"LC_CTYPE": "C.UTF-8"}),
        ({"LANG": "ca_ES.UTF-8@valencia"}, {"LANG": "ca_ES.UTF-8@valencia"}),
    ],
)
def test_environment_always_says_utf8(
    tmp_path: Path, given: dict[str, str], expected: dict[str, str]
) -> None:
    made = run_environment(home_settings(tmp_path), given)
    assert {name: made[name] for name in made if name.startswith("L")} == expected
    assert made["PATH"]
    assert made["HOME"]


def test_own_ansible_is_found_beside_the_interpreter(tmp_path: Path) -> None:
    found = locate_ansible(home_settings(tmp_path), {})
    assert (found.directory / "ansible-playbook").is_file()
    assert found.version.startswith("2.")


def test_recorded_ansible_is_asked_for_its_version_once_until_it_changes(tmp_path: Path) -> None:
    directory = fake_ansible(tmp_path / "bin", "2.20.1")
    settings = home_settings(tmp_path / "home", ansible_directory=directory)
    assert locate_ansible(settings, {}).version == "2.20.1"
    assert locate_ansible(settings, {}).version == "2.20.1"
    assert (directory / "calls").read_text() == "run\n"
    fake_ansible(directory, "2.21.99")
    assert locate_ansible(settings, {}).version == "2.21.99"


@pytest.mark.parametrize("version", ["2.18.9", "2.23.0", "3.0.0", "2.9.27"])
def test_unsupported_version_is_refused(tmp_path: Path, version: str) -> None:
    directory = fake_ansible(tmp_path / "bin", version)
    with pytest.raises(InvalidInput, match=f"ansible-core {version} .* is not supported"):
        locate_ansible(home_settings(tmp_path, ansible_directory=directory), {})
    assert find_user_ansible({"PATH": str(directory)}) is None


def test_missing_and_silent_ansible_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="no ansible-playbook in"):
        locate_ansible(home_settings(tmp_path, ansible_directory=tmp_path / "none"), {})
    lay_out(tmp_path, {"bin/ansible-playbook": "#!/bin/sh\necho broken >&2\nexit 1\n"})
    with pytest.raises(InvalidInput, match="does not say its version: broken"):
        locate_ansible(home_settings(tmp_path, ansible_directory=tmp_path / "bin"), {})


def test_user_ansible_is_the_first_on_the_path_with_all_its_programs(tmp_path: Path) -> None:
    whole = fake_ansible(tmp_path / "whole", "2.19.14rc1")
    lone = fake_ansible(tmp_path / "lone", "2.19.0", programs=("ansible-playbook",))
    linked = tmp_path / "linked"
    linked.mkdir()
    (linked / "ansible-playbook").symlink_to(whole / "ansible-playbook")
    assert find_user_ansible({"PATH": f"{tmp_path}:{whole}"}) == whole
    assert find_user_ansible({"PATH": str(linked)}) == whole
    assert find_user_ansible({"PATH": str(lone)}) is None
    assert find_user_ansible({"PATH": str(tmp_path)}) is None


def test_configuration_is_read_once_and_again_when_its_file_changes(tmp_path: Path) -> None:
    directory = counted_ansible(tmp_path / "bin")
    home = lay_out(
        tmp_path / "home",
        {
            "ansible.cfg": "[defaults]\ninventory = inv/prod\nforks = 7\nverbosity = 3\n"
            "callbacks_enabled = ansible.posix.timer\n[ssh_connection]\nhost_key_checking = no\n"
            "pipelining = no\n"
        },
    )
    settings = home_settings(home, ansible_directory=directory)
    environment = clean_environment(tmp_path / "user")
    installation = locate_ansible(settings, environment)
    configuration = read_configuration(settings, installation, environment)
    assert configuration.config_file == str(home / "ansible.cfg")
    assert configuration.is_from_repository
    assert not configuration.host_key_checking
    assert configuration.pipelining is False
    assert configuration.inventory == (str(home / "inv/prod"),)
    assert configuration.callbacks_enabled == ("ansible.posix.timer",)
    assert configuration.forks == 7
    assert configuration.collections_paths[0] == f"{environment['HOME']}/.ansible/collections"
    calls = (directory / "calls").read_text()
    assert read_configuration(settings, installation, environment) == configuration
    assert (directory / "calls").read_text() == calls
    (home / "ansible.cfg").write_text("[defaults]\n")
    changed = read_configuration(settings, installation, environment)
    assert changed.host_key_checking
    assert changed.pipelining is None


def test_only_a_file_inside_the_home_switches_host_key_checking_off(tmp_path: Path) -> None:
    lay_out(tmp_path, {"elsewhere/ansible.cfg": "[defaults]\nhost_key_checking = False\n"})
    settings = home_settings(
        lay_out(tmp_path / "home", {}), pass_environment=("ANSIBLE_HOST_KEY_CHECKING",)
    )
    environment = clean_environment(tmp_path / "user") | {
        "ANSIBLE_CONFIG": "../elsewhere/ansible.cfg",
        "ANSIBLE_HOST_KEY_CHECKING": "False",
    }
    configuration = read_configuration(settings, locate_ansible(settings, environment), environment)
    assert configuration.config_file == str(tmp_path / "elsewhere/ansible.cfg")
    assert not configuration.is_from_repository
    assert configuration.host_key_checking


def test_broken_configuration_is_told_with_the_words_of_ansible(tmp_path: Path) -> None:
    settings = home_settings(lay_out(tmp_path / "home", {"ansible.cfg": "forks = 3\n"}))
    environment = clean_environment(tmp_path / "user")
    with pytest.raises(InvalidInput, match=r"cannot read its configuration: .*section header"):
        read_configuration(settings, locate_ansible(settings, environment), environment)


@pytest.mark.parametrize(
    ("stderr", "line"),
    [
        ("", "it gave no reason"),
        ("Traceback\n  x\nValueError: bad\n\n", "ValueError: bad"),
        ("[WARNING]: a\n[ERROR]: no vault secrets found.\n", "no vault secrets found."),
        (
            "[ERROR]: first\n[ERROR]: While parsing\na flow.\nOrigin: /p.yml:3:1\n\n3 - x\n",
            "While parsing a flow. (/p.yml:3:1)",
        ),
        ("[ERROR]: a\n\n<<< caused by >>>\n\nb\nOrigin: <plugin>\n", "a"),
        ("ERROR! \x1b[31mred\n", "?[31mred"),
    ],
)
def test_error_line_folds_the_last_error_of_ansible(stderr: str, line: str) -> None:
    assert error_line(stderr) == line


def test_probe_that_hangs_is_ended_with_all_its_children(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    script = f"sleep 600 & echo $! > {pid_file}; wait"
    with pytest.raises(InvalidInput, match=r"did not answer within 0\.5 seconds"):
        run_probe(["/bin/sh", "-c", script], tmp_path, {"PATH": "/usr/bin:/bin"}, 0.5)
    stat = Path(f"/proc/{pid_file.read_text().strip()}/stat")
    assert not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] == "Z"


def test_probe_has_no_terminal_and_no_input(tmp_path: Path) -> None:
    script = "read line; echo $?; (: < /dev/tty) 2>/dev/null; echo $?"
    answer = run_probe(["/bin/sh", "-c", script], tmp_path, dict(os.environ), 10)
    assert answer.stdout.split()[0] == b"1"
    assert answer.stdout.split()[-1] != b"0"
