"""What a process hands over is all that its agents have become, in pages, and in the fields of who reads it."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from pools import relay
from pools.agent import Agent
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
    (page,) = pages({"till": residents}, {})
    assert (page["kind"], page["names"]) == ("till", ["total"])
    assert dict(zip(page["keys"], page["rows"], strict=True)) == {1: [5], 3: [7]}


def test_what_was_handed_over_wakes_with_its_state_and_is_handed_on_unread() -> None:
    residents = living(Old)
    residents.take_in(["total"], [4], [[9]])
    (page,) = pages({"till": residents}, {})
    assert (page["keys"], page["rows"]) == ([4], [[9]])
    agent: Any = residents.wake(4)
    assert agent.total == 9


def test_a_state_of_other_fields_is_upgraded_as_it_wakes_or_is_handed_on() -> None:
    residents = living(New)
    residents.take_in(["total"], [4, 5], [[9], [1]])
    agent: Any = residents.wake(4)
    assert (agent.cents, agent.notes) == (900, ["old"])
    (page,) = pages({"till": residents}, {})
    assert dict(zip(page["keys"], page["rows"], strict=True)) == {4: [900, ["old"]], 5: [100, ["old"]]}


def test_states_go_back_in_the_fields_of_the_code_before() -> None:
    residents = living(New)
    agent: Any = residents.wake(2)
    agent.cents = 777
    (page,) = pages({"till": residents}, {"till": ["total"]})
    assert (page["names"], page["keys"], page["rows"]) == (["total"], [2], [[7]])


def test_a_page_has_so_many_states_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relay, "PAGE_STATES", 3)
    residents = living(Old)
    residents.take_in(["total"], list(range(7)), [[key + 1] for key in range(7)])
    sizes = [len(page["keys"]) for page in pages({"till": residents}, {})]
    assert sizes == [3, 3, 1]
    monkeypatch.setattr(relay, "PAGE_BYTES", 1)
    assert [len(page["keys"]) for page in pages({"till": residents}, {})] == [1] * 7


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
