"""A task that was not begun since its agent is not here is told from one that ended with what it asked of another."""

from __future__ import annotations

import pytest

from pools.address import parse
from pools.errors import AgentMoving, Failure, PoolError, UnknownAgent, failure_of
from pools.placement import Placement
from pools.spec import PoolSpec
from pools.whereabouts import is_elsewhere, moving, numbered, removed, unknown


@pytest.mark.parametrize("address", ["counter/1", "counter/alpha", "a/a-b.c:d"])
def test_what_is_said_of_its_own_agent_is_known_and_of_another_one_is_not(address: str) -> None:
    kind, key = parse(address)
    for error in (unknown(kind, key, "spawn it first"), numbered(kind, key), removed(kind, key), moving(kind, key)):
        assert is_elsewhere(failure_of(error), kind, key)
        for other in ("counter/11", "counter/alpha1", "other/1", f"{kind}/{key}0", f"x{kind}/{key}"):
            assert not is_elsewhere(failure_of(error), *parse(other))


@pytest.mark.parametrize(
    "error", [UnknownAgent("my own"), AgentMoving("my own"), UnknownAgent(""), PoolError("no agent counter/1; x")]
)
def test_what_an_agent_raises_in_its_own_words_is_its_end(error: PoolError) -> None:
    assert not is_elsewhere(failure_of(error), "counter", 1)
    assert not is_elsewhere(Failure("ValueError", str(unknown("counter", 1, "x"))), "counter", 1)


def test_a_place_that_is_asked_for_says_it_in_these_words() -> None:
    placement = Placement([PoolSpec("p1", agents=10)], 10)
    placement.add_range("counter", 1)
    with pytest.raises(UnknownAgent) as raised:
        placement.find("counter/7")
    assert is_elsewhere(failure_of(raised.value), "counter", 7)
