"""A loop in a thread: what comes back to who waits, what an interruption takes back, and how it ends."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import Iterator

import pytest

from engine.loopthread import LoopThread
from pools.errors import LinkClosed


@pytest.fixture
def thread() -> Iterator[LoopThread]:
    made = LoopThread("test")
    yield made
    made.close()
    assert "test" not in {one.name for one in threading.enumerate()}


async def forever() -> None:
    await asyncio.get_running_loop().create_future()


def test_a_coroutine_runs_in_the_thread_and_its_outcome_comes_back(thread: LoopThread) -> None:
    async def name() -> str:
        await asyncio.sleep(0)
        return threading.current_thread().name

    async def fail() -> None:
        raise ValueError("as told")

    assert thread.run(name) == "test"
    with pytest.raises(ValueError, match="as told"):
        thread.run(fail)


async def test_it_works_where_a_loop_runs_already(thread: LoopThread) -> None:
    async def seven() -> int:
        return 7

    assert thread.run(seven) == 7


def test_a_call_within_its_own_loop_is_refused_and_not_waited_for(thread: LoopThread) -> None:
    async def nested() -> None:
        thread.run(forever)

    with pytest.raises(RuntimeError, match="within"):
        thread.run(nested)


def test_an_interruption_cancels_what_runs_and_leaves_the_loop(thread: LoopThread) -> None:
    began, ended = threading.Event(), threading.Event()

    async def wait() -> None:
        began.set()
        try:
            await forever()
        finally:
            ended.set()

    def interrupt() -> None:
        began.wait(10)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=interrupt).start()
    with pytest.raises(KeyboardInterrupt):
        thread.run(wait)
    assert ended.wait(10)

    async def one() -> int:
        return 1

    assert thread.run(one) == 1


def test_who_waits_when_it_is_closed_hears_of_it_and_nobody_comes_after() -> None:
    thread = LoopThread("test")
    began = threading.Event()
    caught: list[BaseException] = []

    async def wait() -> None:
        began.set()
        await forever()

    def call() -> None:
        try:
            thread.run(wait)
        except LinkClosed as error:
            caught.append(error)

    waiting = threading.Thread(target=call)
    waiting.start()
    assert began.wait(10)
    thread.close()
    thread.close()
    waiting.join(10)
    assert len(caught) == 1
    with pytest.raises(LinkClosed, match="closed"):
        thread.run(wait)


def test_a_process_that_was_forked_is_told_so_instead_of_waiting(thread: LoopThread, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as forked:
        forked.setattr(os, "getpid", lambda: -1)
        with pytest.raises(LinkClosed, match="fork"):
            thread.run(forever)
        thread.close()  # it is not this process's to end
    assert "test" in {one.name for one in threading.enumerate()}
