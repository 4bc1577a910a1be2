"""Ten tasks an agent, until something is measured: of each kind by itself."""

from __future__ import annotations

from typing import Any

import pytest

from sprints.backlog import Role
from sprints.capacity import Rate, capacities_of, capacity_of, rates_of
from sprints.chronicle import chronicle_of
from tests.support.backlogs import Played, backlog_of, item

RECEIPT = {"e": "receipt", "s": 0.0, "item": "a", "role": "worker", "verdict": "done"}


def rate_of(played: Played, kind: str = "worker") -> Rate:
    return rates_of(chronicle_of(played.ledger), played.backlog)[kind]


def test_ten_an_agent_while_nothing_was_measured() -> None:
    assert capacity_of(1_000, 720) == 10_000
    assert capacity_of(0, 720) == 1


def test_each_sprint_moves_it_half_the_way_and_never_far() -> None:
    assert capacity_of(100, 720, [Rate(10 / 720)]) == 1_000
    assert capacity_of(100, 720, [Rate(16 / 720)]) == 1_300
    assert capacity_of(100, 720, [Rate(1_000 / 720)]) == 2_000
    assert capacity_of(100, 720, [Rate(0.0001)]) == 504
    assert capacity_of(100, 720, [Rate(0.0)]) == 500
    assert capacity_of(100, 720, [Rate(20 / 720)] * 20) == pytest.approx(2_000, abs=1)


def test_who_had_nothing_left_to_do_is_not_slow() -> None:
    assert capacity_of(100, 720, [Rate(1 / 720, is_least=True)]) == 1_000
    assert capacity_of(100, 720, [Rate(16 / 720, is_least=True)]) == 1_300


def test_a_sprint_of_another_length_has_another_capacity() -> None:
    assert capacity_of(100, 1_440, [Rate(10 / 720)] * 20) == pytest.approx(2_000, abs=1)


def test_roles_of_one_kind_share_its_agents_and_those_of_another_have_their_own() -> None:
    backlog = backlog_of(item("a"), roles=("dev", "qa", "ops"))
    backlog.roles["dev"], backlog.roles["qa"] = Role("coder", 30), Role("coder", 10)  # type: ignore[index]
    rates = {"coder": [Rate(20 / 720)], "gone": [Rate(1.0)]}
    assert capacities_of(backlog, 720, rates) == {"coder": 600, "ops": 100}


def test_the_rate_is_of_what_ended_while_exec_ran() -> None:
    played = Played(backlog_of(*map(item, "abcd"), agents=2))
    played.after(100)
    played.finish("a", "b", "c")
    played.after(100)
    played.finish("d", verdict="failed")
    played.after(50)
    played.ship()
    assert rate_of(played) == (pytest.approx(4 / 2 / 200), True)


def test_a_kind_that_was_done_early_is_measured_by_its_own_time_and_one_that_was_not_by_all_of_it() -> None:
    items = [item("a", role="fast"), *(item(f"s{at}", role="slow") for at in range(3))]
    played = Played(backlog_of(*items, agents=1, roles=("fast", "slow")))
    played.after(60)
    played.finish("a")
    played.after(240)
    played.finish("s0")
    played.after(420)  # the time is up
    played.after(60)
    played.ship()
    assert rate_of(played, "fast") == (pytest.approx(1 / 60), True)
    assert rate_of(played, "slow") == (pytest.approx(1 / 720), False)


def test_what_waits_for_others_makes_nobody_slow() -> None:
    items = [item("a", role="dev"), item("b", role="dev"), item("t", "a", "b", role="qa"), item("u", role="qa")]
    played = Played(backlog_of(*items, agents=1, roles=("dev", "qa")))
    played.after(30)
    played.finish("u")
    played.after(750)
    played.after(60)
    played.ship()
    told = rates_of(chronicle_of(played.ledger), played.backlog)
    assert told == {"qa": (pytest.approx(1 / 30), True)}


def test_the_time_of_a_pause_is_no_time() -> None:
    played = Played(backlog_of(item("a"), agents=1))
    played.after(10)
    played.take(played.sprint.pause(played.now_s))
    played.after(1_000)
    played.take(played.sprint.resume(played.now_s))
    played.after(30)
    played.finish("a")
    played.ship()
    assert rate_of(played) == (pytest.approx(1 / 40), True)


def test_a_sprint_that_was_aborted_in_its_pause_counts_what_it_had() -> None:
    played = Played(backlog_of(item("a"), item("b"), agents=1))
    played.after(10)
    played.finish("a")
    played.take(played.sprint.pause(played.now_s))
    played.after(1_000)
    played.take(played.sprint.abort("enough", played.now_s))
    assert rate_of(played) == (pytest.approx(1 / 10), False)


@pytest.mark.parametrize("events", [[], [{"e": "sprint", "s": 0.0, "agents": 5}], [RECEIPT]])
def test_a_ledger_that_tells_nothing_gives_no_rate(events: list[dict[str, Any]]) -> None:
    assert rates_of(chronicle_of(events), backlog_of(item("a"))) == {}
