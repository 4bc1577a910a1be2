"""What was kept of a deploy tells a start which code to begin with, and what is left to do."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pools.code import Code
from pools.plan import Plan
from pools.spec import BOUND
from pools.standing import BACK, IDLE, ROLLED, ROLLING, Standing
from pools.verdict import Tasks

NEW = Code(2, ["/second"], {"shop:Till": "shop:Till"}, [], {"till": "aa"})


def plan(*, back: bool = False, is_one_way: bool = False) -> Plan:
    ways = {"till": ["total"]} if back else {}
    return Plan("shop", NEW, {}, {}, ways, is_one_way, 0.1, 0.2, 60.0)


def kept(phase: str, **facts: bool) -> Standing:
    row: dict[str, Any] = json.loads(json.dumps(Standing(Code(), NEW, phase, plan(**facts), Tasks(5, 1)).as_row()))
    return Standing.of_row(row)


@pytest.mark.parametrize(
    ("phase", "facts", "begins", "follows"),
    [
        (ROLLING, {}, 1, IDLE),
        (BACK, {}, 1, IDLE),
        (ROLLED, {}, 2, ROLLED),
        (ROLLING, {"back": True}, 2, ROLLING),  # only the new code can read all states: it goes back from there
        (BACK, {"back": True}, 2, BACK),
        (ROLLED, {"back": True}, 2, ROLLED),
        (ROLLING, {"is_one_way": True}, 2, IDLE),
    ],
)
def test_a_start_begins_with_the_code_that_can_read_what_is_kept(
    phase: str, facts: dict[str, bool], begins: int, follows: str
) -> None:
    found = kept(phase, **facts)
    assert ((found.next or found.now).number, found.phase) == (begins, follows)


def test_what_it_is_watched_by_and_when_it_is_confirmed_is_kept() -> None:
    found = kept(ROLLED)
    assert found.plan is not None
    assert (found.plan.bound, found.plan.confirm_after_s, found.old) == (0.2, 60.0, Tasks(5, 1))


def test_a_row_that_does_not_tell_of_it_is_watched_as_usual() -> None:
    row = Standing(Code(), NEW, ROLLED, plan()).as_row()
    for name in ("bound", "confirm_after_s", "old"):
        del row[name]
    found = Standing.of_row(row)
    assert found.plan is not None
    assert (found.plan.bound, found.plan.confirm_after_s, found.old) == (BOUND, None, Tasks())


def test_nothing_kept_is_the_first_code_and_what_is_confirmed_is_the_code_that_counts() -> None:
    assert Standing.of_row({}) == Standing()
    assert Standing.of_row(Standing(NEW, None, IDLE, plan()).as_row()) == Standing(NEW, None, IDLE)
