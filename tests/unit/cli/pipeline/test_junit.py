"""JUnit XML: golden files, the schema, another reader, and texts that XML forbids."""

from __future__ import annotations

from pathlib import Path

import pytest
from junitparser import Error, Failure, JUnitXml, Skipped
from lxml import etree
from pipeline_runs import HOSTILE, RUNS, hostile_run

from rediacc.cli.pipeline.junit import junit_xml

HERE = Path(__file__).parent
SCHEMA = etree.XMLSchema(etree.parse(HERE / "junit.xsd"))


def cases(content: bytes) -> list[tuple[str, str, str, str]]:
    """Return suite, machine, name and what became of it, as another program reads them."""
    return [
        (
            suite.name,
            case.classname,
            case.name,
            type(case.result[0]).__name__ if case.result else "",
        )
        for suite in JUnitXml.fromstring(content)
        for case in suite
    ]


@pytest.mark.parametrize("name", RUNS)
def test_run_is_written_as_the_golden_file_says(name: str) -> None:
    written = junit_xml(RUNS[name])
    SCHEMA.assertValid(etree.fromstring(written))
    assert written.decode() == (HERE / "golden" / f"{name}.xml").read_text()


@pytest.mark.parametrize("name", RUNS)
def test_what_went_wrong_is_never_all_green(name: str) -> None:
    found = JUnitXml.fromstring(junit_xml(RUNS[name]))
    broken = sum(suite.failures + suite.errors for suite in found)
    assert (broken > 0) == (RUNS[name].exit_code != 0)


def test_suites_are_plays_and_cases_are_machines_and_tasks() -> None:
    assert cases(junit_xml(RUNS["succeeded"])) == [
        ("Site", "web-01", "Install it", ""),
        ("Site", "web-02", "Install it", ""),
        ("Site", "web-01", "Restart it", ""),
        ("Site", "web-02", "Restart it", "Skipped"),
        ("Checks", "web-01", "Look at it", ""),
    ]


def test_failure_names_machine_file_and_line_and_ends_with_the_output() -> None:
    suite = next(iter(JUnitXml.fromstring(junit_xml(RUNS["failed"]))))
    unreachable, fine, broken = list(suite)
    assert isinstance(unreachable.result[0], Error)
    assert not fine.result
    (failure,) = broken.result
    assert isinstance(failure, Failure)
    assert failure.message == "site.yml:9: non-zero return code"
    assert "machine web-02" in failure.text
    assert failure.text.rstrip().endswith("no such file")
    assert (suite.tests, suite.failures, suite.errors) == (3, 1, 1)


def test_machines_that_no_step_tells_of_have_cases_of_their_own() -> None:
    assert cases(junit_xml(RUNS["timed-out"])) == [
        ("rediacc", "web-01", "sleep 100 on web-01", "Error")
    ]


def test_wait_that_ran_out_shows_what_is_known_and_that_it_ran_out() -> None:
    found = JUnitXml.fromstring(junit_xml(RUNS["wait-ran-out"]))
    known, whole = list(found)
    assert [case.name for case in known] == ["Install it"]
    (case,) = whole
    assert case.result[0].message == "the wait ran out; task 42 goes on (running)"


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_hostile_text_leaves_the_document_whole(text: str) -> None:
    written = junit_xml(hostile_run(text))
    SCHEMA.assertValid(etree.fromstring(written))
    assert len(written) < 400_000
    found = [what for *_names, what in cases(written)]
    assert found == ["Failure", "", "Skipped", "Error"]
    for character in "\x00\x1b\r\u202e\ufffe\udc80":
        assert character not in written.decode()


def test_skipped_case_is_no_failure() -> None:
    suites = JUnitXml.fromstring(junit_xml(RUNS["succeeded"]))
    skipped = [case for suite in suites for case in suite if case.result]
    assert [type(case.result[0]) for case in skipped] == [Skipped]
