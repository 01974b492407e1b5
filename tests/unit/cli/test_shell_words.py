"""What ``--command`` refuses: everything that a shell and a word splitter read differently."""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rediacc.errors import InvalidInput
from rediacc.operations.shell_words import check_command, find_operator

PLAIN = [
    "uptime",
    "systemctl restart webserver",
    "echo 'a | b; c & d > e < f `g` $h * ? ~'",
    'echo "a | b; c & d > e < f * ? ~ # ( )"',
    r"find / -name \*.log",
    r"echo \$HOME \| \; \& \( \) \~",
    "git show HEAD~1",
    "echo a#b",
    "echo 'it'\\''s'",
    "[ -f /etc/motd ]",
    "[",
    r"ls file\[12]",
    "echo '[ab]'",
    'echo "[ab]"',
    "awk '{print $1}' /etc/passwd",
    "curl --data '{\"a\": 1}' http://localhost/",
    "echo {a,b}",
    "printf %s\\\\n x",
    "echo grüße",
    "mysql -e 'select * from t'",
    'say "she said \\"hi\\""',
    "env A=1 printenv A",
    "echo 100% !",
]

OPERATORS = [
    ("df | tail", "|"),
    ("a && b", "&"),
    ("a & b", "&"),
    ("a; b", ";"),
    ("echo x > /tmp/f", ">"),
    ("cat < /etc/motd", "<"),
    ("echo `id`", "`"),
    ("echo $HOME", "$"),
    ("echo $(id)", "$"),
    ('echo "$HOME"', "$"),
    ('echo "`id`"', "`"),
    (r'echo "\$HOME"', "$"),
    (r'echo "\`id"', "`"),
    ("a\nb", "\n"),
    ("a\\\nb", "\n"),
    ("a\rb", "\r"),
    ("ls *.log", "*"),
    ("ls a?c", "?"),
    ("ls ~", "~"),
    ("ls ~root", "~"),
    ("ls file[12]", "[]"),
    ("ls [ab]c", "[]"),
    ("echo x # note", "#"),
    ("# note", "#"),
    ("(cd /; ls)", "("),
    ("echo a)", ")"),
    ("echo 'a'|b", "|"),
    ("echo 'a' \"b\" *", "*"),
]


@pytest.mark.parametrize("text", PLAIN)
def test_plain_words_pass(text: str) -> None:
    check_command(text)
    assert find_operator(text) is None


@pytest.mark.parametrize(("text", "operator"), OPERATORS)
def test_operator_is_found_and_refused_with_the_hint(text: str, operator: str) -> None:
    assert find_operator(text) == operator
    with pytest.raises(InvalidInput, match="only a shell acts on") as refusal:
        check_command(text)
    assert "--shell" in refusal.value.hint
    assert "\n" not in refusal.value.message


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "empty"),
        ("  \t ", "empty"),
        ("echo 'a", "not closed"),
        ('echo "a', "not closed"),
        ("echo a\\", "backslash"),
        ("A=1 printenv A", "assignment"),
    ],
)
def test_what_cannot_be_words_is_refused(text: str, words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        check_command(text)


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(tail=st.text(alphabet="ab1 \t'\"\\|$*?~#[]()`;&<>{},=!%-\n\r", max_size=12))
def test_accepted_text_is_the_same_words_to_a_shell(tail: str, tmp_path: Path) -> None:
    text = f"printf %s\\\\0 {tail}"
    try:
        check_command(text)
    except InvalidInput:
        return
    for name in ("a", "b", "ab", "1"):
        (tmp_path / name).touch()
    words = shlex.split(text)
    split = subprocess.run(words, capture_output=True, cwd=tmp_path, check=False)
    shell = subprocess.run(["/bin/sh", "-c", text], capture_output=True, cwd=tmp_path, check=False)
    assert split.stdout == shell.stdout
