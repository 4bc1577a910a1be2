"""What comes into the log: for everything, for events, for agents."""

from __future__ import annotations

import pytest

from engine.logs.levels import KNOWN, RULES, Levels
from pools.errors import BadArgument
from pools.events import LEVELS, Event


def said(level: str = "info", agent: str = "", name: str = "agent.print") -> Event:
    return Event(name, "", 1.0, level, agent=agent)


@pytest.mark.parametrize("least", LEVELS)
@pytest.mark.parametrize("level", LEVELS[:-1])
def test_what_matters_less_is_left_out(least: str, level: str) -> None:
    assert Levels(least).passes(said(level)) is (LEVELS.index(level) >= LEVELS.index(least))


def test_the_level_of_an_event_that_says_none_is_that_of_its_name() -> None:
    levels = Levels("error")
    assert levels.passes(Event("worker.down", "", 1.0))
    assert not levels.passes(Event("worker.died", "", 1.0))


def test_an_agent_goes_before_an_event_and_that_before_the_rest() -> None:
    levels = Levels()
    levels.set("error", event="agent.*")
    assert not levels.passes(said("warning", "loud/1"))
    assert levels.passes(said("info", name="worker.ready"))
    levels.set("debug", agent="loud/1")
    assert levels.passes(said("debug", "loud/1"))
    assert not levels.passes(said("warning", "loud/2"))
    levels.set("off", agent="loud/*")
    assert not levels.passes(said("error", "loud/1"))


def test_of_two_that_fit_the_one_that_was_set_last_counts() -> None:
    levels = Levels()
    levels.set("off", agent="loud/*")
    levels.set("debug", agent="*/1")
    assert levels.passes(said("debug", "loud/1"))
    levels.set("off", agent="loud/*")
    assert not levels.passes(said("error", "loud/1"))
    assert [rule.pattern for rule in levels.rules] == ["*/1", "loud/*"]


def test_it_is_taken_back() -> None:
    levels = Levels("warning")
    levels.set("debug")
    levels.set("off", agent="loud/*")
    assert levels.facts() == {"level": "debug", "rules": [{"what": "agent", "pattern": "loud/*", "level": "off"}]}
    levels.reset()
    assert levels.facts() == {"level": "warning", "rules": []}
    assert levels.passes(said("warning", "loud/1"))


def test_what_is_remembered_is_bounded() -> None:
    levels = Levels()
    levels.set("debug", agent="loud/*")
    for number in range(KNOWN + 10):
        assert levels.passes(said("debug", f"loud/{number}"))
    assert len(levels._known) <= KNOWN
    for number in range(RULES - 1):
        levels.set("debug", event=f"x{number}")
    with pytest.raises(BadArgument, match="reset"):
        levels.set("debug", event="one.more")
    levels.set("error", event="x0")  # one that is set already


@pytest.mark.parametrize("facts", [{"agent": "a", "event": "b"}, {"agent": ""}, {"event": "x" * 201}])
def test_what_cannot_be_meant_is_refused(facts: dict[str, str]) -> None:
    with pytest.raises(BadArgument):
        Levels().set("info", **facts)


def test_a_level_that_there_is_not_is_refused() -> None:
    with pytest.raises(BadArgument, match="debug, info, warning, error, off"):
        Levels().set("loud")
