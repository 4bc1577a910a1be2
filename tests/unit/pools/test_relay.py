"""What a process hands over is all that its agents have become, in pages, and in the fields of who reads it."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from pools import relay
from pools.agent import Agent
from pools.errors import StateUnreadable
from pools.kind import Kind
from pools.relay import pages
from pools.residents import Residents


class Old(Agent, kind="till"):
    """The till before."""

    total: int = 0

    def add(self, n: int) -> int:
        """Add."""
        self.total += n
        return self.total


class New(Agent, kind="till"):
    """The till that follows."""

    cents: int = 0
    notes: list[str]

    def add(self, n: int) -> int:
        """Add."""
        self.cents += n
        return self.cents

    @staticmethod
    def upgrade(state: dict[str, Any]) -> dict[str, Any]:
        """From the one before."""
        return {"cents": state["total"] * 100, "notes": ["old"]}

    @classmethod
    def downgrade(cls, state: dict[str, Any]) -> dict[str, Any]:
        """To the one before."""
        return {"total": state["cents"] // 100}


def living(made: type[Agent], count: int = 10) -> Residents:
    residents = Residents(Kind(made), owned=frozenset({0}), shards=1)
    residents.add_range(0, count)
    return residents


def test_only_states_that_differ_are_handed_over_awake_or_asleep() -> None:
    residents = living(Old)
    for key, total in ((1, 5), (2, 0), (3, 7)):
        agent: Any = residents.wake(key)
        agent.total = total
    residents.evict(3)
    (page,) = pages({"till": residents}, {}, pytest.fail)
    assert (page["kind"], page["names"]) == ("till", ["total"])
    assert dict(zip(page["keys"], page["rows"], strict=True)) == {1: [5], 3: [7]}


def test_what_was_handed_over_wakes_with_its_state_and_is_handed_on_unread() -> None:
    residents = living(Old)
    residents.take_in(["total"], [4], [[9]])
    (page,) = pages({"till": residents}, {}, pytest.fail)
    assert (page["keys"], page["rows"]) == ([4], [[9]])
    agent: Any = residents.wake(4)
    assert agent.total == 9


def test_a_state_of_other_fields_is_upgraded_as_it_wakes_or_is_handed_on() -> None:
    residents = living(New)
    residents.take_in(["total"], [4, 5], [[9], [1]])
    agent: Any = residents.wake(4)
    assert (agent.cents, agent.notes) == (900, ["old"])
    (page,) = pages({"till": residents}, {}, pytest.fail)
    assert dict(zip(page["keys"], page["rows"], strict=True)) == {4: [900, ["old"]], 5: [100, ["old"]]}


def test_states_go_back_in_the_fields_of_the_code_before() -> None:
    residents = living(New)
    agent: Any = residents.wake(2)
    agent.cents = 777
    (page,) = pages({"till": residents}, {"till": ["total"]}, pytest.fail)
    assert (page["names"], page["keys"], page["rows"]) == (["total"], [2], [[7]])


class Torn(New, kind="till"):
    """One whose ways are not for all states."""

    @staticmethod
    def upgrade(state: dict[str, Any]) -> dict[str, Any]:
        """From the one before, unless it has 7."""
        if state["total"] == 7:
            raise LookupError("seven")
        return New.upgrade(state)

    @classmethod
    def downgrade(cls, state: dict[str, Any]) -> dict[str, Any]:
        """To the one before: of some states nothing that it could have."""
        odd: dict[int, dict[str, Any]] = {3: {}, 4: {"total": float("nan")}, 5: {"total": {1, 2}}}
        return odd.get(state["cents"], {"total": state["cents"]})


def test_a_state_that_cannot_be_converted_is_handed_over_as_it_is_and_told() -> None:
    residents = living(Torn)
    for key in range(1, 8):
        agent: Any = residents.wake(key)
        agent.cents = key
    told: list[str] = []
    found = {
        key: (page["is_own"], dict(zip(page["names"], row, strict=True)))
        for page in pages({"till": residents}, {"till": ["total"]}, told.append)
        for key, row in zip(page["keys"], page["rows"], strict=True)
    }
    assert {key: state for key, (is_own, state) in found.items() if not is_own} == {key: {"total": key} for key in (1, 2, 6, 7)}
    assert {key: state["cents"] for key, (is_own, state) in found.items() if is_own} == {3: 3, 4: 4, 5: 5}
    assert [line.partition(": ")[0] for line in told] == ["till/3", "till/4", "till/5"]
    assert "KeyError" in told[0]
    assert "nan" in told[1]
    assert "set" in told[2]


def test_a_state_that_cannot_be_upgraded_is_handed_on_in_its_old_fields() -> None:
    residents = living(Torn)
    residents.take_in(["total"], [1, 2], [[7], [8]])
    found = [
        (page["names"], page["keys"], page["rows"], page["is_own"])
        for page in pages({"till": residents}, {"till": ["total"]}, pytest.fail)
    ]
    assert found == [(["total"], [1, 2], [[7], [800]], False)]


def test_what_no_class_has_checked_is_checked_when_it_wakes() -> None:
    residents = living(Old)
    residents.take_in(["total"], [1], [["many"]], is_own=False)
    with pytest.raises(StateUnreadable, match="total must be int, is str"):
        residents.wake(1)
    assert residents.status(1) == "asleep"


def test_a_page_has_so_many_states_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relay, "PAGE_STATES", 3)
    residents = living(Old)
    residents.take_in(["total"], list(range(7)), [[key + 1] for key in range(7)])
    sizes = [len(page["keys"]) for page in pages({"till": residents}, {}, pytest.fail)]
    assert sizes == [3, 3, 1]
    monkeypatch.setattr(relay, "PAGE_BYTES", 1)
    assert [len(page["keys"]) for page in pages({"till": residents}, {}, pytest.fail)] == [1] * 7


def test_a_method_that_is_called_like_a_conversion_is_none() -> None:
    class Lift(Agent):
        level: int = 0

        def upgrade(self) -> int:
            """Go up."""
            self.level += 1
            return self.level

    kind = Kind(Lift)
    assert (kind.upgrade, kind.downgrade, list(kind.methods)) == (None, None, ["upgrade"])
    assert Kind(New).downgrade is not None
    assert orjson.loads(orjson.dumps(Kind(New).downgrade({"cents": 250}))) == {"total": 2}
