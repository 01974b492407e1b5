"""Make the pictures in this directory again: ``python docs/pictures/make.py``.

The one of ``rediacc top`` is Textual's own; the one of ``rediacc report`` needs Chromium on the
PATH. Both show a home that is made for the occasion, with no machine behind it.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "support")]

from busy_home import MACHINES, add_alert, add_sample, fill_busy, open_lab, write_home  # noqa: E402
from past_home import live_through  # noqa: E402

from rediacc.cli.session import Session  # noqa: E402
from rediacc.cli.top.app import TopApp  # noqa: E402
from rediacc.cli.top.source import Source  # noqa: E402
from rediacc.requests import OverviewRequest  # noqa: E402
from rediacc.times import micros, utc_now  # noqa: E402


def main() -> None:
    """Write both pictures."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        sys.exit("the report's picture needs chromium: apt-get install chromium")
    with tempfile.TemporaryDirectory() as scratch:
        asyncio.run(picture_of_top(make_home(Path(scratch) / "busy", days=0)))
        picture_of_report(make_home(Path(scratch) / "past", days=7), chromium)


def make_home(directory: Path, *, days: int) -> Path:
    """Make a home with a queue, and with a past of some days."""
    directory.mkdir()
    lab = open_lab(write_home(directory), now=micros(utc_now()))
    if days:
        live_through(lab, hours=24 * days)
    tasks = fill_busy(lab, has_worker=True)
    add_alert(lab, "task failed on db-02: connection to server failed", task_id=tasks["pg_dump"])
    for number, machine in enumerate(MACHINES["prod"]):
        add_sample(
            lab,
            "prod",
            machine,
            is_reachable=machine != "web-03",
            cpu_percent=None if machine == "web-03" else 12.0 + 17 * number,
            memory_percent=None if machine == "web-03" else 48.0 + 5 * number,
            disk_percent=None if machine == "web-03" else 97.0 if machine == "db-02" else 41.0,
        )
    lab.database.close()
    return directory


async def picture_of_top(home: Path) -> None:
    """Take Textual's own picture of the view."""
    session = Session(os.environ)
    session.home_option = str(home)
    with contextlib.closing(Source(session.open_office)) as source:
        first = source.perform("overview.read", OverviewRequest())
        app = TopApp(source, first, home="/srv/ansible")
        async with app.run_test(size=(132, 32)) as pilot:
            await pilot.press("tab")
            while "virtual" not in (picture := app.export_screenshot()):
                await pilot.pause(0.1)
    # Fonts from elsewhere have no place in a picture of ours.
    picture = re.sub(r"@font-face \{.*?\}\s*", "", picture, flags=re.DOTALL)
    picture = picture.replace("Fira Code", "DejaVu Sans Mono")
    (HERE / "top.svg").write_text(picture, encoding="utf-8")


def picture_of_report(home: Path, chromium: str) -> None:
    """Take Chromium's picture of the report's beginning."""
    page = home / "report.html"
    subprocess.run(
        [sys.executable, "-m", "rediacc", "--home", str(home), "report", "--out", str(page)],
        check=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    text = page.read_text(encoding="utf-8").replace(str(home), "/srv/ansible")
    page.write_text(text, encoding="utf-8")
    subprocess.run(
        [
            chromium,
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--hide-scrollbars",
            f"--user-data-dir={home / 'chromium'}",
            "--blink-settings=preferredColorScheme=1",
            "--window-size=1000,1180",
            f"--screenshot={HERE / 'report.png'}",
            page.as_uri(),
        ],
        check=True,
        capture_output=True,
    )


if __name__ == "__main__":
    main()
