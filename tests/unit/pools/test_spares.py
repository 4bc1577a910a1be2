"""Processes that were started ahead are used first, and ended where nobody took them."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest

from pools.channel import Channel
from pools.gauges import DONE
from pools.message import STATUS, Message
from pools.process import WorkerProcess
from pools.spares import Spares
from tests.support.processes import children, ended_within, is_alive


@pytest.fixture
def spares() -> Iterator[Spares]:
    made = Spares(3, os.environ)
    yield made
    made.close()


def release(*processes: WorkerProcess) -> None:
    """End processes that were taken, and what this process holds of them."""
    for process in processes:
        process.discard()


def test_processes_started_ahead_are_taken_in_their_order_and_then_new_ones_are_started(spares: Spares) -> None:
    before = set(children())
    spares.launch(2)
    ahead = set(children()) - before
    in_order = [process.pid for process in spares._waiting]
    assert set(in_order) == ahead
    taken = [spares.take() for _ in range(3)]
    release(*taken)
    assert [process.pid for process in taken][:2] == in_order
    assert taken[2].pid not in ahead


def test_nothing_is_started_before_it_is_asked_for() -> None:
    before = children()
    Spares(3, os.environ).close()
    assert children() == before


async def test_a_spare_waits_for_its_orders_and_counts_in_the_table_that_all_share(spares: Spares) -> None:
    spares.launch(1)
    process = spares.take()
    row = spares.gauges.row(2)
    answered: asyncio.Queue[Message] = asyncio.Queue()
    ended = asyncio.get_running_loop().create_future()
    process.watch(asyncio.get_running_loop(), ended.set_result)
    channel = Channel(lambda _channel, message: answered.put_nowait(message), lambda _channel, _error: None, time.time)
    await asyncio.get_running_loop().create_connection(lambda: channel, sock=process.socket)
    setup = {"pool": "p", "row": 2, "shards": 1, "owned": [0], "mailbox": 10, "sleep_after_s": None, "paths": []}
    channel.send(STATUS, {"verb": "setup", "id": 1, "kinds": ["pools.counter:Counter"], **setup})
    channel.send(STATUS, {"verb": "range", "id": 2, "kind": "counter", "start": 0, "stop": 5})
    channel.send("t", [{"n": 1, "k": "counter", "i": [1, 4], "m": "add", "a": [2, 3]}])
    async with asyncio.timeout(20):
        first, second, third = [await answered.get() for _ in range(3)]
    assert first.data["value"] == {"pid": process.pid, "loop": "uvloop"}
    assert second.data == {"verb": "done", "id": 2, "value": 5}
    assert third.data == [{"n": 1, "v": [2, 3]}]
    assert row[DONE] == 2
    channel.close()
    async with asyncio.timeout(20):
        assert await ended == 0
    row.release()


def test_what_nobody_took_is_ended_and_so_are_the_gauges() -> None:
    before = set(children())
    made = Spares(3, os.environ)
    made.launch(2)
    started = set(children()) - before
    processes = list(made._waiting)
    made.close()
    assert ended_within(sorted(started), 0)
    assert not any(map(is_alive, started))
    assert made.gauges.descriptor == -1
    made.close()
    for process in processes:
        process.socket.close()
        with suppress(OSError):
            os.close(process._pidfd)


def test_every_process_gets_the_same_table_environment_and_output(monkeypatch: pytest.MonkeyPatch) -> None:
    given = []
    monkeypatch.setattr("pools.spares.WorkerProcess", lambda **facts: given.append(facts))
    made = Spares(3, {"SPARES_TEST": "given"}, output=7)
    made.launch(1)
    made.take()
    made.take()
    facts = {"gauges": made.gauges.descriptor, "rows": 3, "environ": {"SPARES_TEST": "given"}, "output": 7}
    assert given == [facts, facts]
    made.close()


def test_an_interpreter_that_cannot_be_started_is_an_error(spares: Spares, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nonexistent/python")
    with pytest.raises(OSError, match="nonexistent"):
        spares.launch(2)
    with pytest.raises(OSError, match="nonexistent"):
        spares.take()
