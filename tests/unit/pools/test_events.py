"""An event says what happened, for people and for programs."""

from __future__ import annotations

import pytest

from pools.events import LEVELS, Event, rank_of


def test_an_event_has_a_name_a_text_and_a_time() -> None:
    event = Event("worker.died", "p1: exit status 1", 1_795_219_200.5)
    assert event[:3] == ("worker.died", "p1: exit status 1", 1_795_219_200.5)
    known = {"name": "worker.died", "text": "p1: exit status 1", "time_s": 1_795_219_200.5, "level": "warning"}
    assert event.as_dict() == known
    assert event._replace(agent="counter/1").as_dict() == {**known, "agent": "counter/1"}


def test_an_event_without_a_text_has_an_empty_one() -> None:
    assert Event("agent.print", "", 1.0).as_dict()["text"] == ""


@pytest.mark.parametrize(
    ("name", "level"),
    [("worker.ready", "info"), ("worker.died", "warning"), ("worker.down", "error"), ("task.failed", "error"), ("x", "info")],
)
def test_its_name_says_how_much_it_matters_where_it_does_not_say_so_itself(name: str, level: str) -> None:
    assert Event(name, "", 1.0).matters == level
    assert Event(name, "", 1.0, "debug").matters == "debug"


def test_levels_are_in_order() -> None:
    assert [rank_of(level) for level in LEVELS] == [0, 1, 2, 3, 4]
    with pytest.raises(ValueError, match="not in tuple"):
        rank_of("loud")
