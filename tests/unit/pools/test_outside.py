"""A target outside that fails again and again is not called for a while."""

from __future__ import annotations

import asyncio
from random import Random
from typing import Any

import pytest

from pools.breaker import CLOSED, OPEN, BreakerSpec
from pools.errors import BadArgument, CircuitOpen
from pools.outside import TARGETS, Outside
from tests.support.clocks import Clock

HOST = "api.example.com"


class Setup:
    """A table with a clock by hand, and what it said."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.said: list[dict[str, Any]] = []
        self.table = Outside(self.said.append, spec=BreakerSpec(), clock=self.clock.s, chance=Random(1))

    def call(self, name: str = HOST, error: BaseException | None = None) -> None:
        with self.table.call(name):
            if error is not None:
                raise error

    def fail(self, times: int = 5) -> None:
        for _ in range(times):
            with pytest.raises(OSError, match="refused"):
                self.call(error=OSError("refused"))


def test_a_target_that_fails_is_not_called_and_says_when_it_may_be() -> None:
    setup = Setup()
    setup.fail()
    entered = False
    said = r"api\.example\.com is not called now: 5 calls failed"
    with pytest.raises(CircuitOpen, match=said) as caught, setup.table.call(HOST):
        entered = True
    assert not entered
    assert caught.value.retry_after_s is not None
    assert 0 < caught.value.retry_after_s <= 1.2
    setup.call("other.example.com")


def test_probes_that_go_well_close_it_and_no_more_than_those_pass() -> None:
    setup = Setup()
    setup.fail()
    setup.clock.pass_s(1.3)
    blocks = [setup.table.call(HOST) for _ in range(4)]
    for block in blocks[:3]:
        block.__enter__()
    with pytest.raises(CircuitOpen):
        blocks[3].__enter__()
    for block in blocks[:3]:
        block.__exit__(None, None, None)
    setup.call()
    assert [said["event"] for said in setup.said] == ["breaker.opened", "breaker.half_open", "breaker.closed"]
    assert {said["target"] for said in setup.said} == {HOST}


async def test_a_call_that_was_taken_back_says_nothing_of_its_target() -> None:
    setup = Setup()
    setup.fail(4)

    async def hang() -> None:
        async with setup.table.call(HOST):
            await asyncio.sleep(60)

    for _ in range(10):
        task = asyncio.ensure_future(hang())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert setup.said == []
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0), setup.table.call(HOST):
            raise TimeoutError
    assert [said["event"] for said in setup.said] == ["breaker.opened"]


def test_calls_are_not_reported_changes_are() -> None:
    setup = Setup()
    for _ in range(100):
        setup.call()
    assert setup.said == []


def test_many_targets_are_bounded_and_one_that_is_cut_off_is_not_forgotten_for_them() -> None:
    setup = Setup()
    setup.fail()
    for number in range(2 * TARGETS):
        setup.call(f"host{number}")
    with pytest.raises(CircuitOpen):
        setup.call()
    assert len(setup.table._targets) == TARGETS


@pytest.mark.parametrize("name", ["", "x" * 201, "a\nb", 7, None])
def test_a_target_has_a_name(name: Any) -> None:
    with pytest.raises(BadArgument, match="1 to 200 printable characters"):
        Outside().call(name)


def test_what_an_operator_holds_open_is_not_called_and_what_he_holds_closed_always() -> None:
    setup = Setup()
    setup.table.force(HOST, OPEN)
    setup.clock.pass_s(1_000)
    with pytest.raises(CircuitOpen, match="an operator opened it") as caught:
        setup.call()
    assert caught.value.retry_after_s
    setup.table.force(HOST, CLOSED)
    setup.fail(50)
    setup.call()
    setup.table.force(HOST, None)
    setup.fail()
    with pytest.raises(CircuitOpen, match="5 calls failed"):
        setup.call()
    states = [(said["event"], said["facts"]["state"], said["facts"]["mode"]) for said in setup.said]
    assert states == [
        ("breaker.opened", "open", "forced open"),
        ("breaker.closed", "closed", "forced closed"),
        (None, "closed", "auto"),
        ("breaker.opened", "open", "auto"),
    ]


def test_a_call_that_was_under_way_changes_nothing_of_what_is_held() -> None:
    setup = Setup()
    block = setup.table.call(HOST)
    block.__enter__()
    setup.table.force(HOST, OPEN)
    block.__exit__(None, None, None)
    with pytest.raises(CircuitOpen):
        setup.call()


def test_what_is_held_is_never_forgotten_for_others() -> None:
    setup = Setup()
    setup.table.force(HOST, OPEN)
    for number in range(TARGETS + 10):
        setup.call(f"host {number}")
    assert len(setup.table._targets) == TARGETS
    with pytest.raises(CircuitOpen):
        setup.call()


def test_a_fork_holds_what_is_held_and_knows_nothing_else() -> None:
    setup = Setup()
    setup.table.force("held", OPEN)
    setup.fail()
    told = len(setup.said)
    apart = setup.table.apart()
    with pytest.raises(CircuitOpen), apart.call("held"):
        pass
    with apart.call(HOST):
        pass
    assert len(setup.said) == told
