"""Processes that were started ahead are used first, and ended where nobody took them."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict
from typing import Any

import pytest

from pools.breaker import BreakerSpec
from pools.channel import Channel
from pools.gauges import DONE
from pools.message import STATUS, Message
from pools.spares import Spares
from tests.support.processes import children, ended_within, is_alive, until


@pytest.fixture
def spares() -> Iterator[Spares]:
    made = Spares(3, os.environ)
    yield made
    made.close()


def test_processes_started_ahead_are_taken_in_their_order_and_then_new_ones_are_started(spares: Spares) -> None:
    spares.launch(2)
    ahead = list(spares._waiting)
    taken = [spares.take() for _ in range(3)]
    assert taken[:2] == ahead
    assert taken[2] not in ahead
    for process in taken:
        process.discard()
    assert len({process.pid for process in taken}) == 3
    assert ended_within([process.pid for process in taken if process.pid is not None], 0)


def test_nothing_is_started_before_it_is_asked_for() -> None:
    before = children()
    made = Spares(3, os.environ)
    assert made.forks_from is None
    made.close()
    assert children() == before


async def test_a_spare_waits_for_its_orders_and_counts_in_the_table_that_all_share(spares: Spares) -> None:
    loop = asyncio.get_running_loop()
    spares.launch(1)
    spares.watch(loop)
    process = spares.take()
    row = spares.gauges.row(2)
    answered: asyncio.Queue[Message] = asyncio.Queue()
    born, ended = loop.create_future(), loop.create_future()
    process.watch(loop, born.set_result, ended.set_result)
    channel = Channel(lambda _channel, message: answered.put_nowait(message), lambda _channel, _error: None, time.time)
    await loop.create_connection(lambda: channel, sock=process.socket)
    setup = {"pool": "p", "worker": "p", "row": 2, "shards": 1, "owned": [0], "mailbox": 10, "sleep_after_s": None, "paths": []}
    setup["breaker"] = asdict(BreakerSpec())
    channel.send(STATUS, {"verb": "setup", "id": 1, "kinds": ["pools.counter:Counter"], **setup})
    channel.send(STATUS, {"verb": "ranges", "id": 2, "kind": "counter", "ranges": [[0, 2], [2, 5]]})
    channel.send("t", [{"n": 1, "k": "counter", "i": [1, 4], "m": "add", "a": [2, 3]}])
    async with asyncio.timeout(20):
        first, second, third = [await answered.get() for _ in range(3)]
        assert first.data["value"].pop("sample") > 2
        assert first.data["value"] == {"pid": await born, "loop": "uvloop", "found": None}
    assert second.data == {"verb": "done", "id": 2, "value": 2}
    assert third.data == [{"n": 1, "v": [2, 3]}]
    assert row[DONE] == 2
    channel.close()
    async with asyncio.timeout(20):
        assert await ended == 0
    row.release()


async def test_what_nobody_took_is_ended_and_so_are_the_gauges() -> None:
    before = set(children())
    made = Spares(3, os.environ)
    made.launch(2)
    waiting = list(made._waiting)
    made.watch(asyncio.get_running_loop())
    await until(lambda: all(process.pid for process in waiting))
    started = [*(set(children()) - before), *(process.pid for process in waiting if process.pid is not None)]
    assert len(started) == 3
    assert all(map(is_alive, started))
    made.close()
    assert ended_within(started, 0)
    assert made.gauges.descriptor == -1
    made.close()


def test_every_process_gets_the_same_table_environment_and_output(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[dict[str, Any]] = []
    monkeypatch.setattr("pools.spares.ForkServer", lambda **facts: given.append(facts))
    made = Spares(3, {"SPARES_TEST": "given"}, is_kept=True)
    shared = {"gauges": made.gauges.descriptor, "rows": 3, "environ": {"SPARES_TEST": "given"}, "is_kept": True}
    assert given == [{**shared, "output": made.hearing.descriptor, "is_heard": True}]
    with suppress(AttributeError):  # there is no fork server to close
        made.close()
    made.gauges.close()
    made.hearing.close()


def test_an_interpreter_that_cannot_be_started_is_an_error(spares: Spares, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nonexistent/python")
    with pytest.raises(OSError, match="nonexistent"):
        spares.launch(2)
    with pytest.raises(OSError, match="nonexistent"):
        spares.take()
