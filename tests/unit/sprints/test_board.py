"""A board knows who may leave, who waits for whom, and who never will be done."""

from __future__ import annotations

from sprints.board import Board
from tests.support.backlogs import item


def board(*items_after: tuple[str, ...], done: tuple[str, ...] = ()) -> Board:
    made = Board({name: item(name, *after) for name, *after in items_after}, done)
    made.enter([name for name, *_ in items_after])
    return made


def test_the_first_ones_leave_first_and_no_more_than_are_asked_for() -> None:
    made = board(("b",), ("a",), ("c",))
    assert made.next_ready(2) == ["b", "a"]
    made.send(["b", "a"])
    assert (made.next_ready(9), made.next_ready(9)) == (["c"], [])


def test_who_is_freed_leaves_in_the_order_in_which_it_came_not_in_that_in_which_it_was_freed() -> None:
    made = board(("a",), ("late", "a"), ("b",), ("c",))
    assert made.next_ready(1) == ["a"]
    made.send(["a"])
    made.end("a", is_done=True)
    assert made.next_ready(9) == ["late", "b", "c"]


def test_who_waits_for_several_is_free_once_all_are_done() -> None:
    made = board(("a",), ("b",), ("c", "a", "b", "earlier"), done=("earlier",))
    made.send(made.next_ready(9))
    made.end("a", is_done=True)
    assert made.next_ready(9) == []
    made.end("b", is_done=True)
    assert made.next_ready(9) == ["c"]


def test_what_waits_for_something_that_failed_is_blocked_with_all_behind_it() -> None:
    made = board(("a",), ("b", "a"), ("c", "b"), ("d",))
    made.send(made.next_ready(9))
    made.end("a", is_done=False)
    assert made.left() == {"blocked": ["b", "c"], "out": ["d"]}
    made.end("d", is_done=True)
    assert made.is_still()


def test_who_comes_behind_something_that_failed_before_is_blocked_at_once() -> None:
    made = Board({"a": item("a"), "b": item("b", "a")})
    made.enter(["a"])
    made.send(made.next_ready(1))
    made.end("a", is_done=False)
    made.enter(["b"])
    assert made.left() == {"blocked": ["b"]}


def test_an_answer_counts_once_and_only_of_what_is_out() -> None:
    made = board(("a",))
    assert not made.answer("a")
    made.send(made.next_ready(1))
    assert (made.answer("a"), made.answer("a"), made.answer("nobody")) == (True, False, False)
    assert (made.out(), made.open(), made.awaits("a")) == (0, 1, True)
    made.end("a", is_done=True)
    assert (made.open(), made.awaits("a"), made.sent()) == (0, False, [])


def test_a_board_is_not_still_while_a_verdict_may_free_somebody() -> None:
    made = board(("a",), ("b", "a"), ("c", "nobody"))
    made.send(made.next_ready(9))
    assert not made.is_still()
    made.answer("a")
    assert not made.is_still()
    made.end("a", is_done=True)
    assert not made.is_still()
    made.send(made.next_ready(9))
    made.end("b", is_done=True)
    assert made.is_still()  # c waits for somebody who never comes


def test_what_was_carried_is_left_no_more() -> None:
    made = board(("a",), ("b",))
    made.send(made.next_ready(1))
    assert made.sent() == ["a"]
    made.carry(["a", "b"])
    assert (made.left(), made.sent(), "a" in made, made.answer("a")) == ({}, [], True, False)
