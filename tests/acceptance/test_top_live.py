"""``rediacc top`` over real machines: output while it comes, and a key that truly stops a run."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from typing import Any

from live_homes import DEADLINE, Home

from rediacc.cli.session import Session
from rediacc.cli.top.app import TopApp
from rediacc.cli.top.source import Source
from rediacc.requests import OverviewRequest

PLAY = """\
- hosts: prod-01
  gather_facts: false
  tasks:
    - ansible.builtin.debug:
        msg: the first piece of output
    - ansible.builtin.command: sleep 600
"""


def test_output_is_seen_while_it_comes_and_cancelling_truly_stops_the_run(home: Home) -> None:
    home.write("slow.yml", PLAY)
    task = home.create("--playbook", "slow.yml", "-T", "prod")
    session = Session(home.environment)
    session.home_option = str(home.directory)

    async def watch(source: Source, first: Any) -> None:
        app = TopApp(source, first, home=str(home.directory), every_seconds=0.3)
        async with app.run_test(size=(160, 40)) as pilot:

            async def until(holds: Callable[[str], bool], what: str) -> None:
                deadline = time.monotonic() + DEADLINE
                while True:
                    strips = app.screen._compositor.render_strips(app.size)
                    text = "\n".join(strip.text for strip in strips)
                    if holds(text):
                        return
                    assert time.monotonic() < deadline, f"{what} did not come:\n{text}"
                    await pilot.pause(0.05)

            await until(lambda text: "NO WORKER IS ALIVE: 1 task waits" in text, "the alarm")
            with home.worker():
                await until(lambda text: "the first piece of output" in text, "the output")
                assert home.state(task)[0] == "running"
                await until(lambda _: bool(home.runs_on("prod-01", "600")), "the command")
                await pilot.press("tab", "c")
                await until(lambda text: f"Cancel task {task}?" in text, "the question")
                await pilot.press("y")
                await until(lambda text: "cancelled" in text and "RUNNING  0" in text, "the end")
                assert home.state(task)[0] == "cancelled"
                assert not home.runs_on("prod-01", "600")

    with contextlib.closing(Source(session.open_office)) as source:
        asyncio.run(watch(source, source.perform("overview.read", OverviewRequest())))
