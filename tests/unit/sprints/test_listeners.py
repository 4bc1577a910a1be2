"""Who listens hears what it asked for, and harms nobody."""

from __future__ import annotations

import pytest

from sprints.listeners import LISTENERS, Listeners, Stepped


def test_a_listener_hears_what_its_pattern_names_until_it_ends() -> None:
    listeners, heard = Listeners(), []
    end = listeners.subscribe("report:*", heard.append)
    listeners.tell(Stepped("report:write", 1.0))
    listeners.tell(Stepped("other:write", 1.0))
    end()
    listeners.tell(Stepped("report:write", 2.0))
    assert [event.name for event in heard] == ["report:write"]


def test_it_is_known_whether_anybody_listens() -> None:
    listeners = Listeners()
    assert not listeners.is_heard
    first, second = listeners.subscribe("a:*", print), listeners.subscribe("a:*", print)
    first()
    assert listeners.is_heard
    second()
    second()
    assert not listeners.is_heard


def test_it_is_known_whether_anybody_means_one_of_some_steps() -> None:
    listeners = Listeners()
    assert not listeners.hears(["a:b"])
    listeners.subscribe("a:*", print)
    assert listeners.hears(["x:b", "a:b"])
    assert not listeners.hears(["x:b"])


def test_who_keeps_the_listeners_is_told_of_one_that_raised() -> None:
    told: list[str] = []
    listeners = Listeners(told.append)
    listeners.subscribe("a:*", lambda event: event.nothing)
    listeners.tell(Stepped("a:b", 1.0))
    assert len(told) == 1
    assert "a listener of a:* raised AttributeError" in told[0]


def test_a_listener_that_raises_is_taken_off_and_the_others_hear_on() -> None:
    listeners, heard = Listeners(), []

    def broken(_event: Stepped) -> None:
        raise KeyError("mine")

    listeners.subscribe("a:*", broken)
    listeners.subscribe("a:*", heard.append)
    with pytest.warns(RuntimeWarning, match="KeyError.*hears nothing more"):
        listeners.tell(Stepped("a:b", 1.0))
    listeners.tell(Stepped("a:c", 2.0))
    assert [event.name for event in heard] == ["a:b", "a:c"]


def test_a_pattern_names_flow_and_step() -> None:
    with pytest.raises(ValueError, match="report:\\*"):
        Listeners().subscribe("report", print)


def test_there_is_an_end_to_listeners() -> None:
    listeners = Listeners()
    for _ in range(LISTENERS):
        listeners.subscribe("a:*", print)
    with pytest.raises(ValueError, match="already"):
        listeners.subscribe("a:*", print)
