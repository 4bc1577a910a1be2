"""Ten tasks an agent, until something is measured."""

from __future__ import annotations

from typing import Any

import pytest

from sprints.capacity import capacity_of, rate_of
from sprints.chronicle import chronicle_of
from tests.support.backlogs import Played, backlog_of, item

RECEIPT = {"e": "receipt", "s": 0.0, "item": "a", "verdict": "done"}


def test_ten_an_agent_while_nothing_was_measured() -> None:
    assert capacity_of(1_000, 720) == 10_000
    assert capacity_of(0, 720) == 1


def test_each_sprint_moves_it_half_the_way_and_never_far() -> None:
    assert capacity_of(100, 720, [10 / 720]) == 1_000
    assert capacity_of(100, 720, [16 / 720]) == 1_300
    assert capacity_of(100, 720, [1_000 / 720]) == 2_000
    assert capacity_of(100, 720, [0.0001]) == 504
    assert capacity_of(100, 720, [0.0]) == 500
    assert capacity_of(100, 720, [20 / 720] * 20) == pytest.approx(2_000, abs=1)


def test_a_sprint_of_another_length_has_another_capacity() -> None:
    assert capacity_of(100, 1_440, [10 / 720] * 20) == pytest.approx(2_000, abs=1)


def test_the_rate_is_of_what_ended_while_exec_ran() -> None:
    played = Played(backlog_of(*map(item, "abcd"), agents=2))
    played.after(100)
    played.finish("a", "b", "c")
    played.after(100)
    played.finish("d", verdict="failed")
    played.after(50)
    played.ship()
    assert rate_of(chronicle_of(played.ledger)) == pytest.approx(4 / 2 / 200)


def test_the_time_of_a_pause_is_no_time() -> None:
    played = Played(backlog_of(item("a"), agents=1))
    played.after(10)
    played.take(played.sprint.pause(played.now_s))
    played.after(1_000)
    played.take(played.sprint.resume(played.now_s))
    played.after(30)
    played.finish("a")
    played.ship()
    assert rate_of(chronicle_of(played.ledger)) == pytest.approx(1 / 40)


def test_a_sprint_that_was_aborted_in_its_pause_counts_what_it_had() -> None:
    played = Played(backlog_of(item("a"), item("b"), agents=1))
    played.after(10)
    played.finish("a")
    played.take(played.sprint.pause(played.now_s))
    played.after(1_000)
    played.take(played.sprint.abort("enough", played.now_s))
    assert rate_of(chronicle_of(played.ledger)) == pytest.approx(1 / 10)


@pytest.mark.parametrize("events", [[], [{"e": "sprint", "s": 0.0, "agents": 5}], [RECEIPT]])
def test_a_ledger_that_tells_nothing_gives_no_rate(events: list[dict[str, Any]]) -> None:
    assert rate_of(chronicle_of(events)) is None
