"""Edges at which something gave way once: values, names and processes that nobody meant to be so."""

from __future__ import annotations

import asyncio
import os
from typing import Any

import pytest

from engine.client import Client
from pools.address import ANY, Key, parse, valid_kind
from pools.agent import Agent
from pools.complaints import say
from pools.errors import BadAddress, BadArgument
from pools.lane import Lane
from pools.link import Link
from pools.local import LocalLink
from pools.ranked import NORMAL
from pools.spares import Spares
from pools.stream import Stream
from tests.support.clocks import Clock
from tests.support.processes import descriptors, pool, running, until
from tests.support.rigs import Rig
from tests.support.wires import Sink, Wire, fill
from tests.unit.pools.test_seat import Setup as SeatSetup
from tests.unit.pools.test_stream import Setup as StreamSetup


@pytest.mark.parametrize("method", [None, 5, ["get"], {}])
async def test_an_ask_for_what_is_no_method_fails_alone_and_no_worker_dies_of_it(method: Any) -> None:
    async with running([pool(1)]) as engine:
        await engine.spawn("tally", 10)
        with pytest.raises(BadArgument):
            await engine.ask("tally/1", method)
        assert await engine.ask("tally/1", "get") == 0
        assert engine.swarm.seats[0].restarts == 0


@pytest.mark.parametrize("method", [["get"], {}])
def test_a_method_that_cannot_be_hashed_is_refused_alone_beside_a_new_name(method: Any) -> None:
    setup = StreamSetup()
    setup.send(("counter/1", "get"), ("counter/1", method))
    assert setup.failed() == {1: "BadArgument"}
    assert setup.stream.open == 0


def test_an_agent_named_none_is_not_taken_for_any_agent() -> None:
    for order in (0, 1):
        wire, clock = Wire(), Clock()
        link = Link(window=10, clock=clock.s, later=clock.later)
        link.attach(wire)

        def resolve(address: str, link: Link = link) -> tuple[Link, str, Key]:
            return (link, valid_kind(address), ANY) if "/" not in address else (link, *parse(address))

        stream = Stream(resolve, 100, lambda: None, lambda *_: None)
        tasks = [("counter", "get"), ("counter/None", "get")]
        stream.send([0, 1], tasks[::-1] if order else tasks)
        assert wire.keys == (["None", None] if order else [None, "None"])


def test_tasks_that_lead_nowhere_leave_nothing_behind() -> None:
    setup = StreamSetup()
    for first in range(0, 1_000, 10):
        setup.send(*(("unknown/1", "get") for _ in range(10)), first=first)
        setup.take()
    assert len(setup.stream._chutes[NORMAL]._others) <= 10


class Gauge(Agent):
    total: int = 0

    def size(self, text: str) -> int:
        return len(text)

    def is_big(self, x: int) -> bool:
        return x > 2**64


def test_scalars_that_could_not_travel_are_refused_in_the_same_worker_too() -> None:
    rig, sink = Rig(Gauge), Sink()
    link = LocalLink(rig.executor, rig.kinds, rig.cells)
    lane = Lane(link, "gauge", sink)
    fill(lane, ("a", 1, "size", "\ud800"), ("b", 1, "is_big", 2**70))
    link.offer([lane])
    assert sink.failed_with("BadArgument") == {"a", "b"}


async def test_tasks_for_a_worker_that_cannot_be_started_again_are_answered() -> None:
    setup = await SeatSetup(0).run()
    setup.refusal = OSError("no more processes")
    setup.process.end(1)
    setup.offer("waits")
    await until(lambda: setup.seat.state == "down")
    setup.offer("late")
    try:
        assert setup.sink.failed_with("PoolUnavailable") == {"waits", "late"}
    finally:
        await setup.close()


async def test_a_process_that_is_dead_before_it_is_connected_swallows_no_task_and_kills_nobody() -> None:
    setup = SeatSetup(0, 0, 0)
    setup.offer("a", "b")
    setup.seat.start()
    asyncio.get_running_loop().call_soon(setup.process.end, 1)
    await until(lambda: len(setup.processes) == 2)
    second = setup.processes[1]
    try:
        async with asyncio.timeout(1):
            await until(lambda: not second.is_alive or any(message.letter == "t" for message in second.listen()))
        assert second.is_alive
    finally:
        await setup.close()


def test_closing_gives_every_descriptor_back() -> None:
    before = descriptors()
    made = Spares(2, os.environ)
    made.launch(2)
    made.close()
    assert {name for name in descriptors() - before if "gauges" not in name} == set()


def test_a_process_without_a_standard_error_can_complain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stderr", None)
    say("a line")


@pytest.mark.parametrize("address", [5, None, ["counter/1"], b"counter/1"])
async def test_what_is_no_address_is_refused_by_a_client_as_by_the_engine(address: Any) -> None:
    client = Client(environ={"ENGINE_HOME": "/nowhere"})
    with pytest.raises(BadAddress):
        client._resolve(address)
