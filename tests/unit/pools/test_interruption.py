"""A task that hangs is ended by an error within it: in the agent's code only, in that task only."""

from __future__ import annotations

import asyncio
import faulthandler
import gc
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, cast

import pytest

import pools.agent
from pools.agent import Agent
from pools.errors import Failure, Interrupted
from pools.gauges import HUNG, pulse_of
from pools.interruption import INTERRUPT, SAMPLE_BYTES, STACK, Interruption, sample_of
from tests.support.rigs import Rig

#: The gauges of the rig under test, for agents that interrupt themselves.
CELLS: list[memoryview] = []


def interrupt() -> None:
    """Do as the supervisor does when a task hangs, from within it."""
    CELLS[0][HUNG] = pulse_of(CELLS[0])
    signal.raise_signal(INTERRUPT)


def _ours() -> dict[str, Any]:
    """A function that stands in a file of the engine, as far as anybody can see."""
    names: dict[str, Any] = {}
    file = Path(pools.agent.__file__).with_name("none.py")
    exec(compile("def ours(send):\n    send()\n    return 'went on'\n", str(file), "exec"), names)
    return names


class Patient(Agent):
    """Is interrupted in many places."""

    total: int = 0
    notes: list[int]

    def add(self, x: int) -> int:
        self.total += x
        return self.total

    def spin(self) -> None:
        self.total += 100
        self.notes.append(1)
        interrupt()
        while True:
            pass

    def catch(self) -> None:
        self.total += 100
        try:
            interrupt()
            time.sleep(60)
        except Exception:
            self.total += 1_000
            time.sleep(60)

    def swallow(self) -> str:
        try:
            interrupt()
        except BaseException as error:
            return type(error).__name__
        return "nothing"

    def deep(self, depth: int) -> Any:
        return self.deep(depth - 1) if depth else self.spin()

    def hide(self) -> None:
        self = None  # noqa: F841
        interrupt()

    def late(self) -> str:
        """What was said of another task is not heard by this one."""
        CELLS[0][HUNG] = pulse_of(CELLS[0]) ^ 1
        for _ in range(100):
            signal.raise_signal(INTERRUPT)
        return "well"

    def inside(self) -> str:
        """Is in a function of the engine's own when it is interrupted."""
        CELLS[0][HUNG] = pulse_of(CELLS[0])
        return str(_ours()["ours"](partial(signal.raise_signal, INTERRUPT)))

    def work(self, x: int) -> int:
        """Take a while."""
        self.total += x
        for _ in range(3_000):
            pass
        return self.total

    async def wait(self) -> None:
        self.total += 100
        await asyncio.sleep(0)
        interrupt()

    async def gather(self) -> None:
        self.total += 100
        await asyncio.gather(self._part(), asyncio.sleep(0))

    async def _part(self) -> None:
        await asyncio.sleep(0)
        interrupt()

    async def stranger(self) -> None:
        await asyncio.gather(strangers_part())


async def strangers_part() -> None:
    interrupt()


@contextmanager
def listening(cells: memoryview) -> Iterator[list[tuple[str, str, str]]]:
    """Obey the signals; what was found."""
    found: list[tuple[str, str, str]] = []
    before = signal.getsignal(INTERRUPT)
    interruption = Interruption(cells, lambda *facts: found.append(facts))
    interruption.listen()
    CELLS[:] = [cells]
    try:
        yield found
    finally:
        faulthandler.unregister(STACK)
        signal.signal(INTERRUPT, before if before is not None else signal.SIG_IGN)
        os.close(interruption.sample)


@pytest.mark.parametrize("method", ["spin", "catch"])
def test_a_task_that_hangs_ends_with_an_error_that_names_it_and_changes_nothing(method: str) -> None:
    rig = Rig(Patient)
    with listening(rig.cells) as found:
        assert rig.run("patient", (1, "add", 5)) == [5]
        [failure] = rig.run("patient", (1, method))
        assert failure == Failure(
            "TaskHung", f"patient/1 {method}: it ran for too long without an end, and was interrupted", None
        )
        assert found == [("patient/1", method, "2.0")]
        assert rig.run("patient", (1, "add", 1)) == [6]


def test_the_tasks_before_and_after_it_in_its_section_are_done() -> None:
    rig = Rig(Patient)
    with listening(rig.cells) as found:
        answers = rig.run("patient", (1, "add", 1), (2, "spin"), (1, "add", 1), (2, "add", 1))
    assert [answer.type if isinstance(answer, Failure) else answer for answer in answers] == [1, "TaskHung", 2, 1]
    assert found == [("patient/2", "spin", "1.1")]


def test_the_method_that_was_asked_for_is_named_however_deep_it_is() -> None:
    rig = Rig(Patient)
    with listening(rig.cells) as found:
        [failure] = rig.run("patient", (3, "deep", 200))
    assert failure.type == "TaskHung"
    assert found == [("patient/3", "deep", "1.0")]


def test_a_task_is_interrupted_once_for_each_time_that_it_is_told() -> None:
    rig = Rig(Patient)
    with listening(rig.cells) as found:
        assert rig.run("patient", (1, "swallow")) == ["Interrupted"]
        assert rig.cells[HUNG] == 0
        assert len(found) == 1


def test_a_task_that_ended_meanwhile_leaves_the_next_one_alone() -> None:
    rig = Rig(Patient)
    with listening(rig.cells) as found:
        assert rig.run("patient", (1, "late")) == ["well"]
    assert found == []


def test_code_that_does_not_say_whose_it_is_is_interrupted_without_a_name() -> None:
    rig = Rig(Patient)
    with listening(rig.cells) as found:
        [failure] = rig.run("patient", (1, "hide"))
    assert (failure.type, found) == ("TaskHung", [("", "hide", "1.0")])


@pytest.mark.parametrize(
    ("method", "agent", "named"),
    [("wait", "patient/1", "wait"), ("gather", "patient/1", "_part"), ("stranger", "", "strangers_part")],
)
async def test_a_task_that_waits_is_interrupted_in_its_steps_and_those_it_made(method: str, agent: str, named: str) -> None:
    from pools.watched import watch_tasks

    rig = Rig(Patient)
    loop = asyncio.get_running_loop()
    watch_tasks(loop, rig.cells, rig.clock.ns)
    try:
        with listening(rig.cells) as found:
            [failure] = await rig.wait("patient", (1, method))
            assert failure.type == "TaskHung"
            assert found == [(agent, named, "1.0")]
            assert await rig.wait("patient", (1, "add", 1)) == [1]
    finally:
        loop.set_task_factory(None)


def test_it_is_never_raised_in_a_function_of_the_engine_that_an_agent_calls() -> None:
    rig = Rig(Patient)
    with listening(rig.cells) as found:
        assert rig.run("patient", (1, "inside")) == ["went on"]
        assert rig.cells[HUNG] != 0  # so that it is told again, a moment later
    assert found == []


class Ticking:
    """The clock of a worker as it is: no Python code, which would be taken for an agent's where the engine calls it."""

    ns = staticmethod(time.monotonic_ns)


def test_a_storm_of_signals_ends_tasks_only_and_none_by_half() -> None:
    """Whatever runs is told to end, all the time: each task is done, or failed and taken back, and the engine goes on."""
    rig = Rig(Patient, agents=1, clock=cast("Any", Ticking()))
    done = threading.Event()

    def storm() -> None:
        main = threading.main_thread().ident
        assert main is not None
        while not done.is_set():
            rig.cells[HUNG] = pulse_of(rig.cells)
            signal.pthread_kill(main, INTERRUPT)
            time.sleep(1e-4)  # more of them than can be handled would leave no time for anything else

    interval_s = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    gc.disable()  # what others are told of its runs is Python code too
    with listening(rig.cells) as found:
        thread = threading.Thread(target=storm)
        thread.start()
        counts = {"ok": 0, "TaskHung": 0}
        try:
            deadline_s = time.monotonic() + 20
            while counts["TaskHung"] < 20 or counts["ok"] < 100:
                assert time.monotonic() < deadline_s, counts
                for answer in rig.run("patient", *[(0, "work", 1)] * 50):
                    counts[answer.type if isinstance(answer, Failure) else "ok"] += 1
        finally:
            done.set()
            thread.join()
            sys.setswitchinterval(interval_s)
            gc.enable()
        rig.cells[HUNG] = 0
        assert rig.run("patient", (0, "add", 0)) == [counts["ok"]]
        assert len({task for *_, task in found}) == counts["TaskHung"]


def test_it_is_no_exception_that_a_method_would_catch() -> None:
    assert not issubclass(Interrupted, Exception)


# -- samples -----------------------------------------------------------------------------------------------------------


def a_place_with_a_name(interruption: Interruption) -> None:
    signal.raise_signal(STACK)


def test_a_sample_tells_where_a_process_is_and_the_next_one_only_what_is_new() -> None:
    interruption = Interruption(memoryview(bytearray(1024)).cast("Q"), lambda *_facts: None)
    before = signal.getsignal(INTERRUPT)
    interruption.listen()
    try:
        assert sample_of(os.getpid(), interruption.sample) == ("", 0)
        a_place_with_a_name(interruption)
        first, size_bytes = sample_of(os.getpid(), interruption.sample)
        assert "in a_place_with_a_name" in first
        assert 0 < len(first) <= SAMPLE_BYTES
        assert sample_of(os.getpid(), interruption.sample, size_bytes) == ("", size_bytes)
        signal.raise_signal(STACK)
        second, more_bytes = sample_of(os.getpid(), interruption.sample, size_bytes)
        assert more_bytes > size_bytes
        assert "a_place_with_a_name" not in second
    finally:
        faulthandler.unregister(STACK)
        signal.signal(INTERRUPT, before if before is not None else signal.SIG_IGN)
        os.close(interruption.sample)


def test_a_process_that_is_gone_gives_no_sample() -> None:
    assert sample_of(2**22 + 1, 3, 17) == ("", 17)
