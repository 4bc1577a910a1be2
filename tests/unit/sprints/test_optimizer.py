"""The advice goes the right way on sprints whose fault is known, by one step, and says why; else it is as before."""

from __future__ import annotations

from random import Random

from sprints.item import Item
from sprints.optimizer import LEAST_OUT, MOST_OUT, optimize_next
from sprints.spec import ITEMS_OUT_AN_AGENT
from tests.support.ledgers import told_of

ROLES = {"maker": 10, "tester": 10}


def items(maker: int, tester: int) -> list[Item]:
    """Open items of two roles."""
    return [
        Item(f"{role}{at}", "", role, "do") for role, count in (("maker", maker), ("tester", tester)) for at in range(count)
    ]


def ran(role: str, count: int, ran_s: float, waited_s: float = 0.0, verdict: str = "done") -> list[dict[str, object]]:
    """Receipts of a role."""
    return [{"role": role, "ran_s": ran_s, "waited_s": waited_s, "verdict": verdict}] * count


def test_the_role_with_more_work_left_gets_agents_of_the_other_half_the_way() -> None:
    history = [told_of([*ran("maker", 5, 3.0), *ran("tester", 5, 1.0)])]
    advice = optimize_next(history, items(100, 100), ROLES, 900)
    assert advice.allocation["maker"] > 10 > advice.allocation["tester"]
    assert sum(advice.allocation.values()) == 20
    assert advice.allocation["maker"] in (12, 13)  # half the way from 10 to 15
    assert "maker" in advice.reasons["allocation"] or "tester" in advice.reasons["allocation"]
    assert "75%" in advice.reasons["allocation"] or "25%" in advice.reasons["allocation"]


def test_every_role_keeps_an_agent_however_little_is_left_for_it() -> None:
    advice = optimize_next([told_of(ran("maker", 5, 1.0))], items(1_000, 0), {"maker": 2, "tester": 2}, 900)
    assert min(advice.allocation.values()) >= 1
    assert sum(advice.allocation.values()) == 4


def test_without_a_measure_the_estimates_of_the_items_count() -> None:
    left = [Item("a", "", "maker", "do", size_s=9.0), Item("b", "", "tester", "do", size_s=1.0)]
    assert optimize_next([], left, ROLES, 900).allocation["maker"] > 10


def test_what_others_wait_for_goes_up_and_what_fails_again_and_again_goes_down() -> None:
    root = Item("root", "", "maker", "do")
    behind = [Item(f"b{at}", "", "maker", "do", after=("root",)) for at in range(3)]
    twice = Item("twice", "", "maker", "do", priority="critical")
    bad = Item("bad", "", "maker", "do", priority="low")
    worse = Item("worse", "", "maker", "do")
    failed = [{"item": name, "verdict": "failed"} for name in ("bad", "worse")]
    history = [told_of(failed, carried={"the time was up": ["twice"]}) for _ in range(3)]
    advice = optimize_next(history, [root, *behind, twice, bad, worse], ROLES, 900)
    assert advice.priorities == {"root": "high", "worse": "low"}  # none is above critical, none below low
    assert "1 items go up" in advice.reasons["priorities"]


def test_a_sprint_that_left_items_for_want_of_time_gets_more_and_an_idle_one_less() -> None:
    late = told_of(
        ran("maker", 8, 1.0), planned=[f"t{at}" for at in range(10)], exec_s=720, carried={"the time was up": ["t8", "t9"]}
    )
    assert optimize_next([late], [], ROLES, 900).seconds == 1_125
    assert "20%" in optimize_next([late], [], ROLES, 900).reasons["seconds"]
    assert optimize_next([late], [], ROLES, 1_800).seconds == 1_800
    idle = told_of(ran("maker", 8, 1.0), exec_s=100)
    assert optimize_next([idle], [], ROLES, 1_200).seconds == 960
    assert optimize_next([idle], [], ROLES, 900).seconds == 900
    busy = told_of(ran("maker", 8, 1.0), exec_s=700)
    assert optimize_next([busy], [], ROLES, 1_200).seconds == 1_200


def test_a_queue_before_busy_agents_halves_what_is_out_and_room_doubles_it() -> None:
    queued = told_of(ran("maker", 20, 10.0, 50.0), exec_s=100)
    assert optimize_next([queued], [], ROLES, 900).out_an_agent == ITEMS_OUT_AN_AGENT // 2
    assert optimize_next([queued], [], ROLES, 900, LEAST_OUT).out_an_agent == LEAST_OUT
    room = told_of(ran("maker", 5, 10.0, 0.1), exec_s=100, carried={"the time was up": ["x"]})
    assert optimize_next([room], [], ROLES, 900).out_an_agent == 2 * ITEMS_OUT_AN_AGENT
    assert optimize_next([room], [], ROLES, 900, MOST_OUT).out_an_agent == MOST_OUT
    fine = told_of(ran("maker", 20, 10.0, 1.0), exec_s=100)
    assert optimize_next([fine], [], ROLES, 900).out_an_agent == ITEMS_OUT_AN_AGENT


def test_with_nothing_to_learn_from_nothing_changes_and_the_report_says_so() -> None:
    advice = optimize_next([], [], ROLES, 900)
    assert (advice.allocation, advice.priorities, advice.seconds, advice.out_an_agent) == (ROLES, {}, 900, ITEMS_OUT_AN_AGENT)
    assert set(advice.reasons) == {"allocation", "priorities", "seconds", "out_an_agent"}
    assert all(reason.endswith(".") for reason in advice.reasons.values())


def test_whatever_was_measured_the_advice_keeps_its_bounds(chance: Random) -> None:
    for _ in range(200):
        receipts = [
            {
                "role": chance.choice(["maker", "tester", "gone"]),
                "ran_s": chance.choice([0.0, 1e-6, 1.0, 1e6]),
                "waited_s": chance.choice([0.0, 1.0, 1e6]),
                "verdict": chance.choice(["done", "failed", "unproven", "expired"]),
            }
            for _ in range(chance.randrange(20))
        ]
        told = told_of(
            receipts, exec_s=chance.choice([0.0, 1.0, 1e4]), carried={"the time was up": ["x"] * chance.randrange(9)}
        )
        seconds, out = chance.choice([1.0, 900.0, 5_000.0]), chance.randrange(1, 70)
        roles = {"maker": chance.randrange(1, 50), "tester": chance.randrange(1, 50)}
        advice = optimize_next([told], items(chance.randrange(30), chance.randrange(30)), roles, seconds, out)
        assert sum(advice.allocation.values()) == sum(roles.values())
        assert min(advice.allocation.values()) >= 1
        assert seconds / 1.25 <= advice.seconds <= seconds * 1.25
        assert out / 2 <= advice.out_an_agent + 0.5
        assert advice.out_an_agent <= out * 2
