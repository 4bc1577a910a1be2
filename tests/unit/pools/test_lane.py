"""Tasks wait in columns and leave as they came; what would not arrive as it is, is answered instead."""

from __future__ import annotations

import math
from random import Random
from typing import Any

import pytest

from pools.lane import Lane, Named, is_bare, is_name, methods_column, ready, refuse, sent_form, sound
from pools.link import Link
from tests.support.clocks import Clock
from tests.support.wires import Sink, fill


def lane_of(*tasks: tuple[Any, Any, Any, Any]) -> Lane:
    clock = Clock()
    lane = Lane(Link(window=10, clock=clock.s, later=clock.later), "counter", Sink())
    fill(lane, *tasks)
    return lane


def numbered(count: int) -> Lane:
    return lane_of(*((f"t{at}", at, "add", at * 10) for at in range(count)))


# -- arguments ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "sent"),
    [
        ((), None),
        ((5,), 5),
        ((0,), 0),
        ((True,), True),
        ((1.5,), 1.5),
        (("x",), "x"),
        (("",), ""),
        ((None,), [None]),
        (([1, 2],), [[1, 2]]),
        (({"x": 1},), [{"x": 1}]),
        ((1, 2), [1, 2]),
        ((None, None), [None, None]),
        ((Named(x=1, y=2),), {"x": 1, "y": 2}),
    ],
)
def test_arguments_are_sent_bare_listed_or_by_name(arguments: tuple[Any, ...], sent: Any) -> None:
    assert sent_form(arguments) == sent
    assert type(sent_form(arguments)) is type(sent)


def test_arguments_by_name_are_a_plain_object_of_their_own() -> None:
    given = Named(x=1)
    sent = sent_form((given,))
    assert type(sent) is dict
    assert sent is not given


@pytest.mark.parametrize(
    ("column", "bare"),
    [
        ([], True),
        ([None], True),
        ([None, None, None], True),
        ([None, 0, None], False),
        ([0, None, None], False),
        ([None, None, ""], False),
        ((None, None), True),
    ],
)
def test_a_column_without_any_argument_is_bare(column: Any, bare: bool) -> None:
    assert is_bare(column) is bare


# -- methods -----------------------------------------------------------------------------------------------------------


def test_one_method_for_all_is_named_once() -> None:
    assert methods_column(["add", "add"]) == "add"


def test_several_methods_are_named_once_each_in_the_order_they_came(chance: Random) -> None:
    methods = chance.choices(["add", "get", "ping"], k=50)
    names, codes = methods_column(["get", "add", *methods])
    assert [names[code] for code in codes] == ["get", "add", *methods]
    assert names[:2] == ["get", "add"]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("method", ["add", "é", ""])
def test_a_text_is_a_name(method: str) -> None:
    assert is_name(method)


@pytest.mark.parametrize("method", [None, 5, b"add", ["add"], {}, True, "\ud800", type("Text", (str,), {})("add")])
def test_what_is_no_whole_text_is_no_name(method: Any) -> None:
    assert not is_name(method)


# -- what leaves -------------------------------------------------------------------------------------------------------


def test_the_oldest_tasks_are_taken_first() -> None:
    lane = numbered(5)
    tokens, keys, methods, arguments = lane.take(2)
    assert (list(tokens), list(keys), methods, list(arguments or ())) == (["t0", "t1"], [0, 1], "add", [0, 10])
    assert len(lane) == 3
    assert list(lane.cut(10)[0]) == ["t2", "t3", "t4"]
    assert len(lane) == 0


def test_the_newest_tasks_are_dropped() -> None:
    lane = numbered(5)
    assert lane.drop(2) == ["t3", "t4"]
    assert list(lane.cut(5)[1]) == [0, 1, 2]
    assert numbered(3).drop(3) == ["t0", "t1", "t2"]


def test_tasks_that_are_meant_are_dropped_wherever_they_stand() -> None:
    lane = numbered(6)
    assert lane.drop_where(lambda token: token in ("t0", "t1", "t4")) == ["t0", "t1", "t4"]
    tokens, keys, methods, arguments = lane.cut(6)
    assert (tokens, keys, methods, arguments) == (["t2", "t3", "t5"], [2, 3, 5], ["add"] * 3, [20, 30, 50])
    assert lane.drop_where(lambda token: True) == []


def test_arguments_are_left_out_where_no_task_has_one() -> None:
    assert lane_of(("a", 1, "get", None), ("b", 2, "get", None)).take(2)[3] is None
    assert list(lane_of(("a", 1, "get", None), ("b", 2, "add", 0)).take(2)[3] or ()) == [None, 0]


# -- what does not arrive ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("argument", [math.nan, -math.inf, {1}, [math.nan], {"x": b""}, {"\ud800": 1}, [2**64], [["\udfff"]]])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_task_whose_argument_would_change_on_its_way_is_answered_and_the_others_are_taken(argument: Any, place: int) -> None:
    tasks = [("a", 1, "add", 1.5), ("b", 2, "add", None)]
    tasks.insert(place, ("bad", 9, "add", argument))
    lane = lane_of(*tasks)
    tokens, keys, methods, arguments = lane.take(3)
    assert (list(tokens), list(keys), methods, list(arguments or ())) == (["a", "b"], [1, 2], "add", [1.5, None])
    assert lane.sink.failed_with("BadArgument") == {"bad"}  # type: ignore[attr-defined]


@pytest.mark.parametrize("method", [None, 5, ["add"], {}, "\ud800"])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_task_whose_method_is_no_name_is_answered_and_the_others_are_taken(method: Any, place: int) -> None:
    tasks = [("a", 1, "add", 1), ("b", 2, "get", None)]
    tasks.insert(place, ("bad", 9, method, 1))
    lane = lane_of(*tasks)
    tokens, keys, methods, arguments = lane.take(3)
    assert (list(tokens), list(keys), list(arguments or ())) == (["a", "b"], [1, 2], [1, None])
    assert methods == [["add", "get"], [0, 1]]
    assert lane.sink.failed_with("BadArgument") == {"bad"}  # type: ignore[attr-defined]


def test_a_task_that_is_wrong_in_both_ways_is_answered_once() -> None:
    sink = Sink()
    assert ready(sink, (["bad"], [1], [["add"]], [math.nan])) == ([], [], [[], []], None)
    assert sink.failed_with("BadArgument") == {"bad"}


def test_columns_that_are_sound_are_handed_on_as_they_are() -> None:
    for arguments in ([1, None, "é", True], [1.5, 2, 3, 4], [[1], {"a": [None]}, 5, 6]):
        columns = (list("abcd"), [1, 2, 3, 4], ["add"] * 4, arguments)
        assert sound(Sink(), columns) is columns


def test_nobody_is_refused_where_there_is_nobody() -> None:
    class Deaf:
        def answered(self, *_answers: Any) -> None:
            raise AssertionError("nothing was to be said")

    refuse(Deaf(), [], None)  # type: ignore[arg-type]
