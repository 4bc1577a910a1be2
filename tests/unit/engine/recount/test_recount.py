"""Each cell is right, wrong or unavailable with why; a document of the past is compared with what was so then."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from checkpoints.store import open_store, states_part
from engine.overview import Measured, overview
from engine.recount.cell import DIFFERS, OK, UNAVAILABLE, Cell
from engine.recount.recount import TRIES, Places, Shown, recount
from tests.unit.engine.test_overview import stats

COUNTS = ("accepted", "done", "failed", "cancelled", "expired", "open")


@pytest.fixture
def places(tmp_path: Path) -> Places:
    """A journal with three tasks, of which one is done at 900 s and one fails at 999 s; and five agents."""
    for name in ("_roster", "_journal"):
        (tmp_path / name).mkdir()
    journal = open_store(str(tmp_path / "_journal"), shards=1, chance=os.urandom, is_synced=False)
    journal.commit([states_part("task", ["accepted_s", "name"], [1, 2, 3], [[1.0, None]] * 3)], 3)
    journal.commit([states_part("end", ["state", "ended_s"], [1, 2], [["done", 900.0], ["failed", 999.0]])], 2)
    journal.close()
    roster = open_store(str(tmp_path / "_roster"), shards=1, chance=os.urandom, is_synced=False)
    roster.commit([states_part("agents", ["ranges", "names"], ["x"], [[[["p", 0, 5]], []]])], 1)
    roster.close()
    return Places(tmp_path / "_roster", tmp_path / "_journal", tmp_path / "sprints")


def shown(*counts: int, attached: int = 0, is_past: bool = False, agents: int = 5, **more: Any) -> Shown:
    """What an engine shows. counts: of accepted tasks.  attached: tasks done whose sender waited."""
    detached = dict(zip(COUNTS, counts, strict=True))
    tasks = detached | {"accepted": detached["accepted"] + attached, "done": detached["done"] + attached}
    known = {"total": agents, "live": 0, "asleep": 0, "dormant": agents}
    healing = {"sick": 0, "errors_per_min": 0, "recoveries_per_min": 0}
    document = stats(detached=detached, tasks=tasks, agents=known, healing=healing, **more)
    return Shown(document, overview(document, Measured()).as_dict(), is_past)


def verdicts(cells: list[Cell]) -> dict[str, str]:
    return {f"{cell.cell} {cell.part}".strip(): cell.verdict for cell in cells if cell.cell.startswith(("tasks", "agents.t"))}


def no_sleep(_seconds: float) -> None:
    """Time stands still."""


def test_what_is_shown_is_what_there_is(places: Places) -> None:
    cells = recount(places, lambda: shown(3, 1, 1, 0, 0, 1), sleep=no_sleep)
    assert set(verdicts(cells).values()) == {OK}
    assert [cell.recounted for cell in cells if cell.cell == "tasks.success"] == [0.5]
    assert {cell.verdict for cell in cells if cell.cell.startswith(("performance", "resources", "cost", "top"))} == {
        UNAVAILABLE
    }
    assert all(cell.reason for cell in cells if cell.verdict == UNAVAILABLE)


def test_a_difference_is_looked_at_again_and_stays_one(places: Places) -> None:
    looks: list[Shown] = []

    def look() -> Shown:
        looks.append(shown(3, 2, 1, 0, 0, 0))
        return looks[-1]

    cells = recount(places, look, sleep=no_sleep)
    assert len(looks) >= 2 * TRIES
    assert {name for name, verdict in verdicts(cells).items() if verdict == DIFFERS} == {
        "tasks.complete",
        "tasks.queue",
        "tasks.success",
    }


def test_a_count_that_comes_late_is_none(places: Places) -> None:
    documents = [shown(3, 0, 1, 0, 0, 2)] * 3 + [shown(3, 1, 1, 0, 0, 1)] * 20
    cells = recount(places, lambda: documents.pop(0), sleep=no_sleep)
    assert set(verdicts(cells).values()) == {OK}


def test_others_tasks_leave_no_record(places: Places) -> None:
    found = verdicts(recount(places, lambda: shown(3, 1, 1, 0, 0, 1, attached=7), sleep=no_sleep))
    assert found == {
        "agents.total": OK,
        "tasks.accepted accepted": OK,
        "tasks.accepted others": UNAVAILABLE,
        "tasks.queue": OK,
        "tasks.complete accepted": OK,
        "tasks.complete others": UNAVAILABLE,
        "tasks.failed": OK,
        "tasks.cancelled": OK,
        "tasks.success": UNAVAILABLE,
    }


def test_an_overview_that_is_not_of_its_stats_differs(places: Places) -> None:
    wrong = shown(3, 1, 1, 0, 0, 1)
    wrong.overview["tasks"]["complete"] += 1
    found = verdicts(recount(places, lambda: wrong, sleep=no_sleep))
    assert found["tasks.complete"] == DIFFERS
    assert found["tasks.failed"] == OK


def test_a_document_of_the_past_is_compared_with_what_was_so_then(places: Places) -> None:
    def past(*counts: int, **more: Any) -> dict[str, str]:
        return verdicts(recount(places, lambda: shown(*counts, is_past=True, **more), sleep=no_sleep))

    assert past(3, 1, 0, 0, 0, 2, time_s=950.0)["tasks.failed"] == OK, "it failed later"
    assert past(3, 1, 1, 0, 0, 1, time_s=950.0)["tasks.failed"] == DIFFERS
    assert past(3, 1, 0, 0, 0, 2, time_s=1_000.0)["tasks.failed"] == OK, "it was not shown yet"
    assert past(3, 1, 1, 0, 0, 1, time_s=1_000.0)["tasks.failed"] == OK
    assert past(3, 1, 0, 0, 0, 2, time_s=1_002.0)["tasks.failed"] == DIFFERS


def test_where_agents_came_after_the_document_nobody_knows_how_many_there_were(places: Places) -> None:
    found = verdicts(recount(places, lambda: shown(3, 1, 1, 0, 0, 1, agents=4, is_past=True), sleep=no_sleep))
    assert found["agents.total"] == UNAVAILABLE
    for file in places.roster.glob("*.log"):
        os.utime(file, (900.0, 900.0))
    found = verdicts(recount(places, lambda: shown(3, 1, 1, 0, 0, 1, agents=4, is_past=True), sleep=no_sleep))
    assert found["agents.total"] == DIFFERS


def test_with_memory_there_is_nothing_to_count(places: Places) -> None:
    cells = recount(places, lambda: shown(3, 1, 1, 0, 0, 1, durability="memory"), sleep=no_sleep)
    assert set(verdicts(cells).values()) == {UNAVAILABLE}
