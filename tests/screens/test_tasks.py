"""Accepted tasks and dead letters of a real engine on their screen, and what is done with them there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.dashboard.rows import Rows
from tests.support.attached import KIND, Attached, attached
from tests.support.closeups import close
from tests.support.commands import Commands, commands
from tests.support.glass import shown, watching

pytestmark = pytest.mark.timeout(180)


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Commands]:
    """An engine with a task of each sort: done, failed, running, and one that waits for that."""
    with commands(tmp_path) as made:
        (tmp_path / "kind.py").write_text(KIND)
        assert made("spawn", "scout", "--count", "10", "--use", "kind.py:Scout").returncode == 0
        lines = [
            {"id": "good", "agent": "scout/1", "method": "visit", "args": ["/a"]},
            {"id": "bad", "agent": "scout/2", "method": "crash", "args": ["/gone"], "retries": 1},
            {"id": "long", "agent": "scout/3", "method": "wait", "args": [600]},
            {"id": "behind", "agent": "scout/3", "method": "visit", "args": ["/b"], "after": ["long"]},
        ]
        assert made("submit", made.file("tasks.jsonl", *lines)).returncode == 0
        yield made


async def settled(at: Attached) -> None:
    """Wait until what is to fail has failed."""
    for name, state in (("bad", "failed"), ("good", "done"), ("long", "running")):
        while (await at.says("task", task=name))["state"] != state:
            await at.pilot.pause(0.05)


async def chosen(at: Attached, task: str) -> None:
    """Move to a task."""
    table = at.pilot.app.screen.query_one(Rows)
    identifier = (await at.says("task", task=task))["id"]
    await at.until(lambda: identifier in table.keys)
    table.move_cursor(row=table.keys.index(identifier))
    await at.pilot.pause()


async def test_tasks_are_listed_with_why_they_stand_so_and_chosen_by_state(engine: Commands) -> None:
    async with attached(engine, "4") as at:
        await settled(at)
        await at.sees(
            "KeyError: '/gone'", "showing 4 of 4 that are known", "open 2", "done 1", "failed 1", "waits for long", "behind",
            "running",
        )  # fmt: skip
        await at.press(*"fff")
        await at.sees("state running")
        await at.until(lambda: at.pilot.app.screen.query_one(Rows).row_count == 1)
        await at.press("escape")
        await at.until(lambda: at.pilot.app.screen.query_one(Rows).row_count == 4)
        await at.press("slash", *"state:done", "enter")
        await at.until(lambda: at.pilot.app.screen.query_one(Rows).row_count == 1)
        await at.sees("good")


async def test_one_task_is_shown_with_its_story_and_leads_to_its_agent(engine: Commands) -> None:
    async with attached(engine, "4") as at:
        await settled(at)
        await chosen(at, "bad")
        await at.press("enter")
        await at.sees(
            "WHERE ITS TIME WENT", "TASK bad", "failed", "KeyError: '/gone'", "scout/2", "ATTEMPTS", " 1  ", " 2  ",
            "between attempts", '"/gone"',
        )  # fmt: skip
        await at.press("a")
        await at.sees("CHECKPOINTS", "scout/2")
        await at.press("escape", "escape")
        await at.sees("showing 4")


async def test_a_task_is_cancelled_after_a_question_and_no_other(engine: Commands) -> None:
    async with attached(engine, "4") as at:
        await settled(at)
        await chosen(at, "long")
        await at.press("x")
        await at.sees("Cancel task long?", "This cannot be undone.")
        await at.press("n")
        assert (await at.says("task", task="long"))["state"] == "running"
        await at.press("x")
        await at.sees("Cancel task long?")
        await at.press("y")
        await at.hears("Cancel task long: task long is cancelled")
        assert (await at.says("task", task="long"))["state"] == "cancelled"
        assert (await at.says("task", task="good"))["state"] == "done"


async def test_what_cannot_be_done_is_not_offered(engine: Commands) -> None:
    async with attached(engine, "4") as at:
        await settled(at)
        await chosen(at, "good")
        assert "Retry" not in shown(at.pilot)
        await at.press("r", "x", "X")
        assert len(at.pilot.app.screen_stack) == 1
        await chosen(at, "bad")
        await at.sees("r Retry")


async def test_a_failed_task_is_tried_again(engine: Commands) -> None:
    async with attached(engine, "4") as at:
        await settled(at)
        await chosen(at, "bad")
        await at.press("r")
        await at.sees("Retry task bad?")
        await at.press("enter")
        await at.hears("it is accepted again as")
        again = (await at.says("task", task="bad"))["id"]
        assert (await at.says("task", task=again))["requeue_of"]


async def test_dead_letters_are_listed_dropped_and_tried_again(engine: Commands) -> None:
    async with attached(engine, "4") as at:
        await settled(at)
        letters = (await at.says("dlq"))["total"]
        await at.press("d")
        await at.sees(f"showing {letters} of {letters} dead letters")
        await at.press("R")
        await at.sees(f"Retry all {letters} dead letter")
        await at.press("y")
        await at.hears("accepted again")
        await at.until(lambda: "KeyError" in shown(at.pilot))
        await at.press("X")
        await at.sees("Drop dead letter")
        await at.press("enter")  # which is no, where it cannot be undone
        await at.pilot.pause(0.2)
        assert (await at.says("dlq"))["total"]
        while (await at.says("dlq"))["total"] != 1:
            await at.pilot.pause(0.05)
        await at.press("X")
        await at.sees("Drop dead letter")
        await at.press("y")
        await at.hears("1 dead letter dropped")
        assert (await at.says("dlq"))["total"] == 0


async def test_words_that_choose_nothing_are_told_of() -> None:
    async with watching(close(), "4", "slash", *"gone") as pilot:
        assert "gone chooses nothing: say of what, kind: tag: tenant: state:" in shown(pilot)
