"""What people type and what machines print is data: on the controller and on the terminal."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
from live_homes import Home

# Each of these is a whole command: what YAML, Ansible or a command line would read into it.
WHOLE_COMMANDS = ("false", "1.10", "'~'", "{x}", "-x", "!unsafe", "null")

HAZARDS = """\
'single' "double" `backtick` $(dollar) $HOME ${HOME} #hash & | ; < > * ? [a-z]
{{ 7 * 7 }} {% if true %}x{% endif %} {# gone #} {{ lookup('pipe', 'touch CANARY') }}
!unsafe !vault |
  $ANSIBLE_VAULT;1.1;AES256
creates=/etc/passwd removes=/nothing chdir=/ warn=no _raw_params=x
back\\slash \\n \\\\ \\x41 tab\there trailing blanks   \n
--- ... - item: value, &anchor *alias %TAG
unicode: äöü ßłŚ 中文 \U0001f680 \u202ebidi\u202c \ufeff \u2028 end
~ null false 1.10 0x10 12:30:45
"""


@pytest.fixture
def tools(home: Home) -> Iterator[None]:
    """Programs on the machines' PATH that note under which words they were called."""
    made = []
    for machine in ("prod-01", "prod-02", "prod-03"):
        for name in ("note", *WHOLE_COMMANDS):
            program = home.on(machine, "bin") / name.strip("'")
            program.write_text(
                "#!/usr/bin/python3\nimport json, os, sys\n"
                'with open(os.environ["HOME"] + "/called", "a") as stream:\n'
                "    words = [os.path.basename(sys.argv[0]), *sys.argv[1:]]\n"
                '    stream.write(json.dumps(words) + "\\n")\n'
            )
            program.chmod(0o755)
            made.append(program)
    yield
    for program in made:
        program.unlink()


@pytest.mark.usefixtures("tools")
def test_commands_reach_the_machine_as_typed(home: Home, tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    hazards = HAZARDS.replace("CANARY", str(canary))
    filler = "".join(f"line {number} of many {{{{ {number} }}}}\n" for number in range(2400))
    assert len(filler) > 60 << 10
    shell = (
        "creates=/etc/passwd cat /proc/$$/cmdline > got\n"
        f": <<'END OF TEXT'\n{hazards}{filler}END OF TEXT\n"
    )
    command = f"note {shlex.quote(hazards)} two\\ words 'it''s' \"a \\\" b\" {{{{ 1 + 1 }}}}"
    tasks = {"shell": home.shell("prod-01", shell)}
    tasks["command"] = home.create("-m", "prod-02", f"--command={command}")
    for number, text in enumerate(WHOLE_COMMANDS):
        home.create("-m", f"prod-0{1 + number % 3}", f"--command={text}")
    home.work()

    assert [home.state(task)[0] for task in tasks.values()] == ["succeeded"] * 2
    seen = home.on("prod-01", "got").read_bytes().split(b"\0")
    assert seen[2].decode() == shell
    assert home.detail(tasks["shell"])["text"] == shell
    called = [
        json.loads(line)
        for machine in ("prod-01", "prod-02", "prod-03")
        for line in home.lines(machine, "called")
    ]
    assert ["note", *shlex.split(command)[1:]] in called
    assert sorted(words[0] for words in called if words[0] != "note") == sorted(
        text.strip("'") for text in WHOLE_COMMANDS
    )
    assert not canary.exists()


def test_only_template_lets_ansible_read_the_text(home: Home, tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    lookup = f"{{{{ lookup('pipe', 'touch {canary}') }}}}"
    path = home.on("prod-01", "copied")
    pairs = home.create(
        *("-m", "prod-01", "--module", "ansible.builtin.copy"),
        *("-a", f'content="{lookup} k=v" dest={path}'),
    )
    document = {"content": f"!unsafe {lookup}", "dest": str(home.on("prod-02", "copied"))}
    mapping = home.create("-m", "prod-02", "--module", "copy", "-a", json.dumps(document))
    home.work()
    assert [home.state(task) for task in (pairs, mapping)] == [("succeeded", "done")] * 2
    assert path.read_text() == f"{lookup} k=v"
    assert home.on("prod-02", "copied").read_text() == document["content"]
    assert not canary.exists()

    chosen = home.shell("prod-01", "echo {{ inventory_hostname }}" + lookup, "--template")
    home.work()
    assert home.results(chosen)["prod-01"]["stdout"] == "prod-01\n"
    assert canary.exists()


def test_bytes_from_machines_are_kept_and_never_steer_the_terminal(home: Home) -> None:
    hostile = (
        b"\xff\xfe\x80 \x1b[2J\x1b]0;title\x07\x1b]8;;http://x\x07 \x9b31m \xe2\x80\xae bidi "
        b"\xe2\x81\xa6 \r\b\x7f \xc2\x9b31m end\n"
    )
    octal = "".join(f"\\{byte:03o}" for byte in hostile)
    line = f"printf '{octal}'; printf '{octal}' >&2; exit 3"
    done = home.type("run", "-m", "prod-01", "--shell", line)
    assert done.rc == 10, done
    task = str(home.type("list", "tasks", "-o", "json").json["items"][0]["id"])
    raw = home.type("logs", task, "--raw")
    assert raw.raw == hostile
    shown = [done, home.type("logs", task)]
    shown += [home.type("logs", task, "-o", output) for output in ("json", "jsonl", "yaml")]
    shown += [home.type("inspect", "task", task, "-o", output) for output in ("table", "json")]
    shown += [home.type("list", "tasks"), home.type("list", "queue")]
    for answer in shown:
        printed = answer.raw + answer.stderr.encode()
        assert not set(printed) & {0x1B, 0x07, 0x08, 0x0D, 0x7F, 0x9B, 0xFF}, printed
        for character in ("\u202e", "\u2066", "\x9b"):
            assert character not in answer.stdout + answer.stderr
    for answer in shown[:2]:
        assert "\\x1b" in answer.stdout or "\\u001b" in answer.stdout, answer
