"""GitHub Actions: annotations, outputs, groups, and a runner that obeys nothing but these."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from pipeline_runs import HOSTILE, RUNS, hostile_run
from runners import GitHubLog, read_outputs

from rediacc.cli.pipeline.github import GitHubMarks, annotation_lines, outputs
from rediacc.cli.pipeline.model import Step

GOLDEN = Path(__file__).parent / "golden"


@pytest.mark.parametrize("name", RUNS)
def test_annotations_are_what_the_golden_file_says(name: str) -> None:
    home = Path("/srv/job/repo/ansible")
    lines = annotation_lines(RUNS[name], home=home, workspace=Path("/srv/job/repo"))
    assert "".join(f"{line}\n" for line in lines) == (GOLDEN / f"{name}.github").read_text()


@pytest.mark.parametrize(
    ("file", "named"),
    [
        ("site.yml", "ansible/site.yml"),
        ("roles/a,b:c%/x.yml", "ansible/roles/a,b:c%/x.yml"),
        ("../other.yml", "other.yml"),
        ("/etc/ansible/roles/x.yml", None),
        ("../../secret.yml", None),
        ("", None),
    ],
)
def test_only_files_of_the_checkout_are_named(file: str, named: str | None, tmp_path: Path) -> None:
    (tmp_path / "repo" / "ansible").mkdir(parents=True)
    step = Step(machine="m", play="p", task="t", status="failed", file=file, line=7)
    report = replace(RUNS["failed"], steps=(step,), machines=())
    lines = annotation_lines(
        report, home=tmp_path / "repo" / "ansible", workspace=tmp_path / "repo"
    )
    (command,) = GitHubLog("\n".join(lines)).obeyed
    assert command.properties.get("file") == named
    assert command.properties.get("line") == ("7" if named else None)
    (command,) = GitHubLog(
        "\n".join(annotation_lines(report, home=tmp_path, workspace=None))
    ).obeyed
    assert "file" not in command.properties


def test_file_behind_a_link_out_of_the_checkout_is_not_named(tmp_path: Path) -> None:
    repository = tmp_path / "repo"
    repository.mkdir()
    (tmp_path / "elsewhere").mkdir()
    (repository / "roles").symlink_to(tmp_path / "elsewhere")
    step = Step(machine="m", play="p", task="t", status="failed", file="roles/x.yml", line=7)
    report = replace(RUNS["failed"], steps=(step,), machines=())
    (line,) = annotation_lines(report, home=repository, workspace=repository)
    assert "file=" not in line


def test_no_more_annotations_than_github_shows() -> None:
    steps = tuple(
        Step(machine=f"web-{n}", play="Site", task="Break it", status="failed") for n in range(50)
    )
    report = replace(RUNS["failed"], steps=steps, machines=())
    lines = annotation_lines(report, home=Path("/x"), workspace=None)
    assert len(lines) == 10
    assert "41 more" in lines[-1]


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_hostile_text_is_data_in_annotations_and_outputs(text: str) -> None:
    report = hostile_run(text)
    lines = annotation_lines(report, home=Path("/x"), workspace=Path("/x"))
    log = GitHubLog("\n".join(lines))
    assert [command.name for command in log.obeyed] == ["error"] * len(lines)
    assert not log.shown
    assert {key for command in log.obeyed for key in command.properties} <= {
        "file", "line", "title",
    }  # fmt: skip
    values = read_outputs(outputs(report, delimiter="rediacc_token"))
    assert set(values) == {
        "task-id", "task-uuid", "state", "reason", "exit-code", "changed", "failed-machines",
    }  # fmt: skip
    assert values["task-id"] == "7"
    assert values["exit-code"] == "10"


def test_within_a_group_nothing_is_obeyed_until_the_token() -> None:
    marks = GitHubMarks("s3cret")
    text = "::error::no\n##[error]no\n::stop-commands::x\n::x::\n::error::no\n::S3CRE::\n"
    log = GitHubLog(marks.begin("web-01", 1) + text + marks.end("web-01", 1) + "::notice::yes\n")
    assert [command.name for command in log.obeyed] == ["group", "endgroup", "notice"]
    assert log.is_listening
    bare = GitHubLog(marks.begin("", 1) + text + marks.end("", 1))
    assert not bare.obeyed
    assert bare.is_listening
