"""Who makes a worker grow is charged for it, only while memory is short."""

from __future__ import annotations

import mmap

from pools.scales import HEAVIEST, WEIGHED, Scales
from pools.usage import resident_bytes

MB = 1_000_000


def weighing() -> Scales:
    scales = Scales()
    assert scales.turn({"on": True}) is True
    return scales


def test_nobody_is_weighed_while_there_is_memory() -> None:
    scales = Scales()
    assert scales.is_on is False
    assert scales.weigh("a", 1, "do") is None
    assert scales.heaviest({}) == []


def test_what_the_process_grew_by_is_charged_to_the_task_that_ran() -> None:
    scales = weighing()
    charge = scales.weigh("a", 1, "do")
    assert charge is not None
    kept = mmap.mmap(-1, 20 * MB)
    for _ in range(20):
        kept.write(bytes(MB))
    charge()
    [[agent, method, size_bytes, together]] = scales.heaviest({})
    assert (agent, method) == ("a/1", "do")
    assert len(kept) * 0.9 < size_bytes == together < len(kept) * 1.5


def test_the_heaviest_are_told_with_what_all_together_grew_by() -> None:
    scales = weighing()
    for number in range(HEAVIEST + 3):
        for _ in range(2):
            scales.charge(resident_bytes() - (number + 1) * 10 * MB, "a", number, "do")
    heaviest = scales.heaviest({})
    assert [agent for agent, *_ in heaviest] == [f"a/{number}" for number in range(HEAVIEST + 2, 2, -1)]
    assert heaviest[0][2] >= 2 * (HEAVIEST + 3) * 10 * MB * 0.9
    together = heaviest[0][3]
    assert together > sum(one[2] for one in heaviest)
    assert {one[3] for one in heaviest} == {together}


def test_methods_of_an_agent_are_told_apart() -> None:
    scales = weighing()
    scales.charge(0, "a", "x", "good")
    scales.charge(0, "a", "x", "bad")
    scales.charge(0, "a", "x", "bad")
    assert [one[:2] for one in scales.heaviest({})] == [["a/x", "bad"], ["a/x", "good"]]


def test_who_gives_memory_back_is_charged_nothing() -> None:
    scales = weighing()
    scales.charge(resident_bytes() + 100 * MB, "a", 1, "do")
    assert scales.heaviest({}) == []


def test_turning_the_scales_forgets_what_was_weighed() -> None:
    scales = weighing()
    scales.charge(0, "a", 1, "do")
    assert scales.turn({"on": False}) is False
    assert scales.heaviest({}) == []
    assert scales.weigh("a", 1, "do") is None


def test_no_more_agents_are_remembered_than_may_be_and_the_heaviest_stay() -> None:
    scales = weighing()
    scales.charge(0, "heavy", 0, "do")
    size_bytes = resident_bytes()
    for number in range(WEIGHED + 100):
        scales.charge(size_bytes - 10 * MB, "a", number, "do")
    assert len(scales._grown) <= WEIGHED
    assert scales.heaviest({})[0][0] == "heavy/0"
