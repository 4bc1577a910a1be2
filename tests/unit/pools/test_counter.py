"""The counter of the first page counts, and takes the shortest way there is."""

from __future__ import annotations

from pools.counter import Counter
from pools.kind import Kind
from tests.support.rigs import Rig


def test_a_counter_adds_and_tells_its_total() -> None:
    rig = Rig(Counter)
    assert rig.run("counter", (1, "add", 5), (1, "add"), (1, "get"), (2, "get"), (2, "ping")) == [5, 6, 6, 0, "pong"]


def test_a_counter_takes_numbers_only() -> None:
    rig = Rig(Counter)
    answers = rig.run("counter", (1, "add", "5"), (1, "add", 1.5), (1, "add", [1, 2]), (1, "get"))
    assert [getattr(answer, "type", answer) for answer in answers] == ["BadArgument"] * 3 + [0]


def test_a_counter_is_as_light_as_an_agent_can_be() -> None:
    kind = Kind(Counter)
    assert kind.is_light
    assert kind.whole is int
    assert (kind.methods["add"].only, kind.methods["add"].is_bare, kind.methods["get"].is_bare) == (int, True, True)


def test_the_signatures_are_what_a_person_reads() -> None:
    assert [method.signature() for _, method in sorted(Kind(Counter).methods.items())] == ["add(x: int = 1)", "get()", "ping()"]
