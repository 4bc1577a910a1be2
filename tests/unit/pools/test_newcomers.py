"""An agent that nobody spawned has its place, its record and its worker before its first task."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pools.errors import PoolUnavailable, TooManyAgents, UnknownAgent, UnknownKind
from pools.events import Event
from pools.newcomers import Newcomers
from pools.placement import Placement
from pools.spec import PoolSpec

UNKNOWN = UnknownAgent("no such agent")


class Seat:
    """Notes what its worker is told."""

    def __init__(self, log: list[Any], name: str) -> None:
        self._log, self._name = log, name

    def request_if_up(self, verb: str, **facts: Any) -> None:
        """As a seat's."""
        self._log.append((self._name, verb, facts["kind"], facts["names"]))


class Pool:
    """A pool with two workers."""

    def __init__(self, log: list[Any], name: str) -> None:
        self.seats = [Seat(log, f"{name}.{number}") for number in range(2)]


class House:
    """Newcomers with everything around them by hand. log: what happened, in order."""

    def __init__(self, limit: int = 100) -> None:
        self.log: list[Any] = []
        self.events: list[Event] = []
        self.confirmed: list[str] = []
        self.known: list[str] = []
        self.placement = Placement([PoolSpec("a", agents=2, workers=2), PoolSpec("b", agents=2, workers=2)], limit)
        pools: Any = [Pool(self.log, "a"), Pool(self.log, "b")]
        self.going: set[str] = set()
        self.newcomers = Newcomers(self.placement, pools, check_kind=self._check, on_event=self.events.append)
        self.newcomers.is_going = self.going.__contains__
        self.newcomers.roster = self  # type: ignore[assignment]
        self.newcomers.on_use = {"memory"}
        self.newcomers.is_complete = True

    def _check(self, kind: str) -> None:
        if kind not in ("memory", "book"):
            raise UnknownKind(kind)

    def spawned(self, kind: str, key: Any) -> None:
        """An agent makes another one."""
        self.newcomers.spawned(kind, key, lambda: self.confirmed.append(f"{kind}/{key}"))

    def classes(self) -> dict[str, Any]:
        """As the roster's."""
        return dict.fromkeys(self.known)

    def confirm(self, _kind: str, _name: str, call: Callable[[], None]) -> None:
        """As the roster's, which has kept everything."""
        call()

    def note(self, kind: str, placed: dict[int, list[str]], _on_event: Any) -> None:
        """As the roster's."""
        self.log.append(("roster", kind, placed))


def test_an_agent_of_a_kind_that_is_made_on_use_is_recorded_and_then_its_workers_are_told() -> None:
    house = House()
    pool = house.newcomers.used("memory", "plans", UNKNOWN)
    name = "ab"[pool]
    told = [(f"{name}.{number}", "names", "memory", ["plans"]) for number in range(2)]
    assert house.log == [("roster", "memory", {pool: ["plans"]}), *told]
    assert house.placement.pool_of("memory", "plans") == pool


@pytest.mark.parametrize(("kind", "key"), [("book", "x"), ("stranger", "x"), ("book", 7)])
def test_an_agent_of_another_kind_stays_unknown(kind: str, key: Any) -> None:
    house = House()
    with pytest.raises(UnknownAgent) as raised:
        house.newcomers.used(kind, key, UNKNOWN)
    assert raised.value is UNKNOWN
    assert (house.log, house.placement.count) == ([], 0)


def test_before_all_kinds_are_known_nobody_is_called_unknown() -> None:
    house = House()
    house.newcomers.is_complete = False
    with pytest.raises(PoolUnavailable, match="book/x is not known yet"):
        house.newcomers.used("book", "x", UNKNOWN)
    house.newcomers.used("memory", "x", UNKNOWN)


def test_a_number_is_no_name() -> None:
    house = House()
    with pytest.raises(UnknownAgent, match="memory/7: numbered agents are spawned as a range"):
        house.newcomers.used("memory", 7, UNKNOWN)
    assert house.placement.count == 0


def test_a_limit_holds_for_who_comes_by_itself_too() -> None:
    house = House(limit=1)
    house.newcomers.used("memory", "x", UNKNOWN)
    before = len(house.log)
    with pytest.raises(TooManyAgents, match="limit of 1"):
        house.newcomers.used("memory", "y", UNKNOWN)
    assert (len(house.log), house.placement.count) == (before, 1)


def test_nobody_is_made_while_agents_of_its_kind_are_removed() -> None:
    house = House()
    house.going.add("book")
    house.spawned("book", "x")
    assert (house.log, house.events, house.confirmed) == ([], [], [])  # it is asked for again
    house.newcomers.on_use.add("book")
    with pytest.raises(PoolUnavailable, match="being removed"):
        house.newcomers.used("book", "x", UnknownAgent("no"))
    assert not house.placement.has("book", "x")
    house.going.clear()
    house.spawned("book", "x")
    assert house.placement.has("book", "x")
    assert house.confirmed == ["book/x"]


def test_an_agent_that_an_agent_makes_is_recorded_once() -> None:
    house = House()
    house.spawned("book", "x")
    house.spawned("book", "x")
    assert [entry[0] for entry in house.log if entry[0] == "roster"] == ["roster"]
    assert house.placement.has("book", "x")
    assert (house.events, house.confirmed) == ([], ["book/x", "book/x"])


def test_where_nothing_is_kept_nobody_asks_again_so_it_is_an_event() -> None:
    house = House()
    house.newcomers.roster = None
    house.going.add("book")
    house.spawned("book", "x")
    assert [event.name for event in house.events] == ["spawn.refused"]


def test_while_the_engine_starts_a_kind_that_the_roster_knows_is_known() -> None:
    house = House()
    house.known.append("later")
    house.spawned("later", "x")
    assert (house.events, house.confirmed) == ([], ["later/x"])


@pytest.mark.parametrize(
    ("kind", "key", "said"),
    [
        ("stranger", "x", "stranger/x"),
        ("book", 7, "numbered agents are spawned as a range"),
        ("Book", "x", "cannot name a kind"),
    ],
)
def test_what_an_agent_cannot_make_is_an_event(kind: str, key: Any, said: str) -> None:
    house = House()
    house.spawned(kind, key)
    (event,) = house.events
    assert (event.name, said in event.text) == ("spawn.refused", True)
    assert house.log == []
    assert house.confirmed == [f"{kind}/{key}"]  # it is not asked for again


def test_a_number_that_is_there_already_needs_nothing() -> None:
    house = House()
    house.placement.add_range("book", 2)
    house.spawned("book", 1)
    assert (house.events, house.log) == ([], [])
