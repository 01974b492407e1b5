"""The page for programs is made from the operations, and is current."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

from rediacc.cli import programs
from rediacc.operations.catalogue import OPERATIONS

PAGE = Path(__file__).resolve().parents[3] / "docs" / "programs.md"


def test_page_is_current() -> None:
    written = PAGE.read_text(encoding="utf-8")
    assert written == programs.page(), "run: python -m rediacc.cli.programs > docs/programs.md"


def test_page_names_every_operation_with_all_its_fields() -> None:
    parts = re.split(r"^#{2,3} ", programs.page(), flags=re.MULTILINE)
    by_title = {part.partition("\n")[0]: part for part in parts}
    for name, operation in OPERATIONS.items():
        for field in fields(operation.request_type):
            assert f"| `{field.name}` |" in by_title[name], (name, field.name)


def test_every_link_of_the_page_leads_to_a_heading() -> None:
    page = programs.page()
    titles = {title.lower() for title in re.findall(r"^### (\w+)$", page, re.MULTILINE)}
    links = set(re.findall(r"\]\(#(\w+)\)", page))
    assert links
    assert links <= titles
