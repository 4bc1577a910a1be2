"""Which workers are first, and what is wrong with the code that they run, are counted from their gauges."""

from __future__ import annotations

from typing import Any

import pytest

from pools.code import Code
from pools.gauges import CELLS, DONE, FAILED, REFUSAL
from pools.refusal import FULL
from pools.roll import Roll
from pools.verdict import Tasks


class Seat:
    """As much of a worker's place as is looked at."""

    def __init__(self, share: float, number: int = 1) -> None:
        self.share = share
        self.number = number
        self.restarts = 0
        self.cells = memoryview(bytearray(CELLS * 8)).cast("Q")


def roll(*seats: Seat) -> Roll:
    async def never(_code: Code, _station: Any) -> Any:
        raise AssertionError

    return Roll(list(seats), Code(), Code(2), {}, never)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("shares", "canary", "first"),
    [
        ([0.1] * 10, 0.1, 1),
        ([0.1] * 10, 0.35, 3),
        ([0.5, 0.5], 0.1, 1),  # whole workers, at least one
        ([1.0], 0.1, 1),
        ([0.25] * 4, 1.0, 4),
        ([0.0, 0.0, 1.0], 0.5, 1),  # those without agents show nothing by themselves
    ],
)
def test_the_first_workers_have_no_more_than_the_share_or_are_one(shares: list[float], canary: float, first: int) -> None:
    seats = [Seat(share) for share in shares]
    chosen, rest = roll(*seats).divided(lambda seat: seat.share, canary)  # type: ignore[attr-defined]
    assert (len(chosen), len(chosen) + len(rest)) == (first, len(seats))
    assert max(seat.share for seat in chosen) > 0  # type: ignore[attr-defined]


def test_tasks_are_counted_from_when_a_worker_has_the_new_code_and_deaths_too() -> None:
    old, new = Seat(0.5), Seat(0.5)
    new.cells[DONE] = 1_000
    made = roll(old, new)
    made._moved[new] = Tasks(1_000, 0)  # type: ignore[index]
    made._restarts[new] = 0  # type: ignore[index]
    old.cells[DONE], new.cells[DONE], new.cells[FAILED] = 500, 1_300, 3
    assert made.tasks() == (Tasks(300, 3), Tasks(500, 0))
    assert made.wrong(0.05) == ""
    new.cells[FAILED] = 100
    assert "25.0% of 400 tasks failed with the new code, 0.0% of 500 with the old" in made.wrong(0.05)
    new.cells[FAILED], new.restarts = 0, 3
    assert made.wrong(0.05) == "a worker with the new code died 3 times"


def test_the_workers_that_run_the_new_code_are_told_by_their_number() -> None:
    seats = [Seat(0.5), Seat(0.5, number=2)]
    assert roll(*seats).fresh == [seats[1]]


def test_what_fails_while_a_store_takes_no_changes_says_nothing_of_the_code() -> None:
    old, new = Seat(0.5), Seat(0.5)
    made = roll(old, new)
    made._moved[new] = Tasks()  # type: ignore[index]
    made._restarts[new] = 0  # type: ignore[index]
    new.cells[FAILED], new.restarts = 100, 3
    new.cells[REFUSAL] = FULL
    assert made.wrong(0.05) == ""
    new.cells[FAILED] = 200
    new.cells[REFUSAL] = 0
    assert made.wrong(0.05) == ""  # what failed since the last look is not counted either
    assert made.tasks() == (Tasks(), Tasks())
    new.cells[FAILED] = 300
    assert "100.0% of 100 tasks failed" in made.wrong(0.05)
