"""One value of many: what it is of numbers, of failures and of nobody, whatever the order in which answers come."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from engine.reduction import LIST_MOST, WAYS, Reduced, Reduction
from pools.errors import BadArgument, Failure
from pools.result import Batch

FAILED = Failure("ValueError", "as told")


def reduced(way: str, *batches: Batch, asked: int | None = None, **facts: Any) -> Reduced:
    count = sum(map(len, batches)) if asked is None else asked
    reduction = Reduction(way, count, **facts)
    for batch in batches:
        reduction.add(batch)
    return reduction.reduced(lambda place: f"x/{place}")


@pytest.mark.parametrize(
    ("way", "value"),
    [("sum", 10), ("count", 4), ("list", [4, 1, 3, 2]), ("min", 1), ("max", 4), ("mean", 2.5)],
)
def test_each_way_makes_its_value_of_batches_that_come_in_any_order(way: str, value: Any) -> None:
    assert reduced(way, Batch([2, 1], [3, 1]), Batch([0], [4]), Batch([3], [2])) == Reduced(value, 4, 4, 0, {}, None)


@pytest.mark.parametrize(
    ("way", "value"), [("sum", 0), ("count", 0), ("list", []), ("min", None), ("max", None), ("mean", None)]
)
def test_nobody_has_a_value_too(way: str, value: Any) -> None:
    assert reduced(way).value == value


def test_floats_are_added_exactly_so_that_their_order_changes_nothing(chance: Random) -> None:
    values: list[Any] = [1e16, 1.0, -1e16, 0.1, 3, True] * 50
    found = set()
    for _ in range(5):
        chance.shuffle(values)
        found.add(reduced("sum", *(Batch([at], [value]) for at, value in enumerate(values))).value)
    assert found == {255.0}


def test_whole_numbers_stay_whole_and_exact() -> None:
    value = reduced("sum", Batch([0, 1, 2], [2**53, 1, 1])).value
    assert (value, type(value)) == (2**53 + 2, int)
    assert reduced("sum", Batch([0, 1, 2], [3, 0.5, True])).value == 4.5


def test_failures_are_counted_by_type_and_the_first_is_that_of_the_first_agent() -> None:
    late = Batch([5, 6], [None, 7], [(0, Failure("KeyError", "late"))])
    early = Batch([1, 2], [None, 2], [(0, FAILED)])
    outcome = reduced("sum", late, early, Batch([3], [None], [(0, FAILED)]))
    assert outcome == Reduced(9, 5, 2, 3, {"KeyError": 1, "ValueError": 2}, ("x/1", FAILED))
    assert outcome.as_dict()["first"] == {"agent": "x/1", "type": "ValueError", "message": "as told"}


@pytest.mark.parametrize("way", ["sum", "min", "max", "mean"])
@pytest.mark.parametrize("odd", ["a text", None, [1], {"a": 1}])
def test_a_value_that_is_no_number_is_a_failure_of_its_agent(way: str, odd: Any) -> None:
    outcome = reduced(way, Batch([0, 1], [odd, 5]))
    assert (outcome.value, outcome.answered, outcome.failures) == (5, 1, {"BadReply": 1})
    assert outcome.first is not None
    assert outcome.first[0] == "x/0"
    assert way in outcome.first[1].message


def test_every_value_counts_and_stands_in_a_list() -> None:
    assert reduced("list", Batch([1, 0], [None, "a"])).value == ["a", None]
    assert reduced("count", Batch([1, 0], [None, "a"])).value == 2


def test_who_says_nothing_has_failed() -> None:
    reduction = Reduction("sum", 3)
    reduction.add(Batch([1], [4]))
    reduction.silent(Failure("TaskExpired", "late"))
    outcome = reduction.reduced(lambda place: "x/*" if place < 0 else f"x/{place}")
    assert outcome == Reduced(4, 3, 1, 2, {"TaskExpired": 2}, ("x/*", Failure("TaskExpired", "late")))


def test_a_list_is_bounded_before_anybody_is_asked() -> None:
    with pytest.raises(BadArgument, match=r"10,001 agents .* larger limit"):
        Reduction("list", LIST_MOST + 1)
    Reduction("list", LIST_MOST + 1, LIST_MOST + 1)
    Reduction("sum", LIST_MOST + 1)


@pytest.mark.parametrize("way", ["median", "", None, 3, ["sum"]])
def test_another_way_is_refused_with_those_that_there_are(way: Any) -> None:
    with pytest.raises(BadArgument, match=", ".join(WAYS[:-1])):
        Reduction(way, 1)


@pytest.mark.parametrize("most", [0, -1, True, 1.5, "9"])
def test_a_limit_is_a_number_of_values(most: Any) -> None:
    with pytest.raises(BadArgument, match="limit"):
        Reduction("list", 1, most)
