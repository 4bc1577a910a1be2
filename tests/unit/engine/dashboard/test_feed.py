"""Which question is asked when."""

from __future__ import annotations

from engine.dashboard.feed import KEPT, PATIENCE_S, Feed
from engine.dashboard.source import EMPTY, Document, want

STATS, PS = want("stats"), want("ps")


def test_a_verb_is_on_its_way_once_at_most() -> None:
    feed = Feed(1.0)
    first, second = want("agents", skip=0), want("agents", skip=200)
    assert feed.due([STATS, first, second], 0.0) == [STATS, first]
    feed.begin(first, 0.0)
    assert feed.due([second], 100.0) == []
    feed.end(first, Document(1, 0.0))
    assert feed.due([second], 0.1) == [second]


def test_the_same_is_asked_again_after_the_interval_and_something_else_at_once() -> None:
    feed = Feed(1.0)
    feed.begin(PS, 10.0)
    feed.end(PS, Document([], 10.4))
    assert feed.due([PS], 10.9) == []
    assert feed.due([PS], 11.0) == [PS]
    assert feed.due([want("ps", pool="p1")], 10.5) == [want("ps", pool="p1")]


def test_an_answer_may_come_for_a_while_before_the_engine_is_waited_for() -> None:
    feed = Feed(1.0)
    assert not feed.has_just_asked("ps", 0.1)
    feed.begin(PS, 10.0)
    assert feed.has_just_asked("ps", 10.0 + PATIENCE_S / 2)
    assert not feed.has_just_asked("ps", 10.0 + PATIENCE_S)
    feed.end(PS, Document([], 10.1))
    assert not feed.has_just_asked("ps", 10.1)


def test_a_clock_that_was_set_back_stops_nothing() -> None:
    feed = Feed(1.0)
    feed.begin(PS, 10_000.0)
    feed.end(PS, Document([], 10_000.0))
    assert feed.due([PS], 5.0) == [PS]


def test_a_failure_leaves_the_answer_before_it_with_why() -> None:
    feed = Feed(1.0)
    assert feed[PS] == EMPTY
    feed.end(PS, Document([1], 3.0))
    error = OSError("gone")
    feed.end(PS, Document(None, 0.0, error))
    assert feed[PS] == Document([1], 3.0, error)
    feed.end(PS, Document([2], 5.0))
    assert feed[PS] == Document([2], 5.0)


def test_after_an_action_everything_is_asked_at_once() -> None:
    feed = Feed(60.0)
    for one in (STATS, PS):
        feed.begin(one, 0.0)
        feed.end(one, Document(0, 0.0))
    feed.again("ps")
    assert feed.due([STATS, PS], 1.0) == [PS]
    feed.again()
    assert feed.due([STATS, PS], 1.0) == [STATS, PS]


def test_answers_to_old_questions_are_forgotten() -> None:
    feed = Feed(1.0)
    for skip in range(10 * KEPT):
        feed.end(want("agents", skip=skip), Document(skip, 0.0))
    assert feed[want("agents", skip=0)] == EMPTY
    assert feed[want("agents", skip=10 * KEPT - 1)].value == 10 * KEPT - 1


def test_the_order_of_facts_does_not_matter() -> None:
    assert want("agents", skip=1, kind="a") == want("agents", kind="a", skip=1)
