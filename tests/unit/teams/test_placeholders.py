"""A placeholder's value is one word, whatever it holds, for real shells and for shlex."""

from __future__ import annotations

import shlex
import shutil
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rediacc.errors import InvalidInput
from rediacc.teams.placeholders import fill_words, find_words

SHELLS = [shell for shell in ("sh", "bash", "dash") if shutil.which(shell)]
NASTY = [
    "",
    " ",
    "a b",
    "$(touch /nope)",
    "`id`",
    "a'b",
    "'\"'",
    "\\",
    "\\'",
    "a\nb",
    "; exit 3",
    "$HOME",
    "*",
    "~",
    "A=b",
    "if",
    "#",
    "{{ x }}",
    "{a,b}",
    "!!",
    "ä\t€",
]


def _filled(text: str, value: str, *, is_shell: bool) -> str:
    return fill_words(text, find_words(text, {"x"}, is_shell=is_shell), lambda _: [value])


def _printed(shell: str, text: str) -> str:
    done = subprocess.run([shell, "-c", text], capture_output=True, text=True, check=True)
    return done.stdout


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("printf '<%s>' {{ x }}", "<{}>"),
        ("printf '<%s>' a{{x}}b {{ x }}{{x}}", "<a{0}b><{0}{0}>"),
        ("v={{ x }}; printf '%s' \"$v\"", "{}"),
        ('printf \'<%s>\' "it\'s" {{ x }} "$(echo "(")"', "<it's><{}><(>"),
        ("printf %s $(printf A >/dev/null; printf B; : {{ x }})", "B"),
        ("# don't\nprintf %s {{ x }}", "{}"),
        ("printf %s \\'{{ x }}", "'{}"),
        ("printf %s $((1+2)){{ x }}", "3{}"),
        ("printf %s ${#}{{ x }}", "0{}"),
        ("printf %s '{{.Names}}'{{ x }}", "{{{{.Names}}}}{}"),
        ("(printf %s {{ x }})", "{}"),
        ("case a in a) printf %s {{ x }};; esac", "{}"),
    ],
)
def test_shells_see_the_value_and_nothing_of_it(shell: str, text: str, expected: str) -> None:
    for value in NASTY:
        assert _printed(shell, _filled(text, value, is_shell=True)) == expected.format(value)


@settings(max_examples=40, deadline=None)
@given(st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0\r"), max_size=30))
def test_any_text_is_one_word(value: str) -> None:
    assert shlex.split(_filled("a {{ x }} b={{x}}", value, is_shell=False)) == [
        "a",
        value,
        f"b={value}",
    ]
    assert _printed("sh", _filled("printf '<%s>' {{ x }}", value, is_shell=True)) == f"<{value}>"


@pytest.mark.parametrize(
    "text",
    [
        "echo '{{ x }}'",
        'echo "{{ x }}"',
        "echo `echo {{ x }}`",
        'echo "$(echo {{ x }})"',
        "echo $(( {{ x }} ))",
        "(( {{ x }} ))",
        "echo ${y:-{{ x }}}",
        "echo $'a\\' {{ x }}'",
        "echo ${{ x }}",
        "echo \\{{ x }}",
        "echo a # {{ x }}",
        "# {{ x }}\necho",
        "cat <<EOF\n{{ x }}\nEOF\n",
        "cat <<-'EOF'\nEOF\necho {{ x }}",
    ],
)
def test_places_where_a_value_could_break_out_are_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="break out"):
        find_words(text, {"x"}, is_shell=True)


@pytest.mark.parametrize("text", ["a '{{ x }}'", 'a "{{ x }}"', "a \\{{ x }}", 'a "\\"{{ x }}"'])
def test_commands_have_quotes_too(text: str) -> None:
    with pytest.raises(InvalidInput, match="break out"):
        find_words(text, {"x"}, is_shell=False)


def test_commands_know_no_comments_and_no_substitutions() -> None:
    text = "a # `b $( {{ x }}"
    assert shlex.split(_filled(text, "v w", is_shell=False)) == ["a", "#", "`b", "$(", "v w"]


@pytest.mark.parametrize(
    "text", ["{{ y }}", "'{{ y }}'", "{{ x | upper }}", "{{- x }}", "{{ x.y }}"]
)
def test_unknown_names_and_expressions_are_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        find_words(text, {"x"}, is_shell=True)


def test_other_braces_are_literal() -> None:
    for text in ("docker ps --format '{{.Names}}'", "{{ 1 }}", "{{json .}} ${a} {b,c}", "{{}}"):
        assert find_words(text, {"x"}, is_shell=True) == ()
