"""Agents that ask each other in a circle are found, one of them gives way, the others go on; who only takes long is left alone.

The workers are real, in memory and with state kept.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from engine import errors
from engine.engine import Engine
from tests.support.circles import Arc, Lone, Ring
from tests.support.processes import pool, running, until

#: Seconds after which a test gives up: a deadlock that is not found lasts for ever.
PATIENCE_S = 20.0
DURABILITIES = ("memory", "os", "sync")


@asynccontextmanager
async def rings(tmp_path: Path, durability: str = "memory", workers: int = 2) -> AsyncIterator[Engine]:
    """An engine with 50 rings, 50 arcs and one lone agent."""
    facts: dict[str, Any] = {} if durability == "memory" else {"durability": durability, "data": tmp_path / "data"}
    async with running([pool(workers)], kinds=[Ring, Arc, Lone], **facts) as engine:
        for kind, count in ((Ring, 50), (Arc, 50), (Lone, 1)):
            await engine.spawn(kind, count)
        async with asyncio.timeout(PATIENCE_S):
            yield engine
        # nobody waits any more, so nothing stands in the graph
        await until(lambda: engine.stats().waits["blocked"] == 0)


def mixed(length: int) -> list[str]:
    """Agents of two kinds in turn."""
    return [f"{('ring', 'arc')[at % 2]}/{at}" for at in range(length)]


async def outcomes(*asked: asyncio.Future[Any]) -> list[Any]:
    """What each gave, or failed with."""
    return list(await asyncio.gather(*asked, return_exceptions=True))


def turned(cycle: Sequence[str], first: str) -> str:
    """How an error names a cycle that begins with one of its agents."""
    at = cycle.index(first)
    return " -> ".join([*cycle[at:], *cycle[:at], first])


@pytest.mark.parametrize("durability", DURABILITIES)
@pytest.mark.parametrize("length", [2, 3, 7])
async def test_a_chain_of_asks_that_comes_back_fails_and_names_the_circle(tmp_path: Path, durability: str, length: int) -> None:
    async with rings(tmp_path, durability) as engine:
        cycle = mixed(length)
        with pytest.raises(errors.Deadlock) as failed:
            await engine.ask(cycle[0], "ask", [*cycle[1:], cycle[0]])
        assert turned(cycle, cycle[-1]) in str(failed.value)
        # nobody kept anything of it, and everybody works
        assert [await engine.ask(address, "counted") for address in cycle] == [0] * length
        assert await engine.ask(cycle[0], "ask", cycle[1:]) == length
        assert engine.stats().waits["deadlocks"] == 1
        [event] = [event for event in engine.events if event.name == "deadlock.broken"]
        assert turned(cycle, cycle[-1]) in event.text


@pytest.mark.parametrize("durability", ["memory", "sync"])
@pytest.mark.parametrize("workers", [1, 3])
async def test_of_tasks_that_ask_each_other_the_one_that_began_last_gives_way_and_the_others_are_done(
    tmp_path: Path, durability: str, workers: int
) -> None:
    async with rings(tmp_path, durability, workers) as engine:
        cycle = mixed(4)
        asked = []
        for at, address in enumerate(cycle):
            asked.append(engine.ask(address, "ask", [cycle[(at + 1) % 4]], 0.4 - at * 0.05))
            await asyncio.sleep(0.05)
        *done, failed = await outcomes(*asked)
        assert done == [2, 2, 2]
        assert isinstance(failed, errors.Deadlock)
        assert turned(cycle, cycle[3]) in str(failed)
        # each was asked once by its task and once by its neighbour's, but for what was taken back
        assert [await engine.ask(address, "counted") for address in cycle] == [1, 2, 2, 1]


async def test_an_agent_that_handles_the_error_goes_on(tmp_path: Path) -> None:
    async with rings(tmp_path) as engine:
        first = engine.ask("ring/0", "ask", ["arc/1"], 0.2)
        await asyncio.sleep(0.05)
        second = engine.ask("arc/1", "careful", ["ring/0"], 0.15)
        assert "arc/1 -> ring/0 -> arc/1" in await second
        assert await first == 2
        assert await engine.ask("arc/1", "handled") == ["deadlock"]


async def test_a_circle_through_any_agent_of_a_kind_is_found(tmp_path: Path) -> None:
    async with rings(tmp_path) as engine:
        for asker in ("ring/0", "ring/1"):
            with pytest.raises(errors.Deadlock, match=f"lone/0 -> {asker} -> lone/0"):
                await engine.ask(asker, "ask", ["lone", asker])
        with pytest.raises(errors.Deadlock, match="lone/0 -> lone/0"):  # it is the only one who could answer itself
            await engine.ask("lone/0", "ask", ["lone"])
        assert await engine.ask("lone/0", "counted") <= 1  # what it asked itself may be done before it is taken back


@pytest.mark.parametrize("how", ["gather", "first", "all", "completed", "group", "shield"])
async def test_who_waits_for_several_is_blocked_if_all_of_them_are(tmp_path: Path, how: str) -> None:
    async with rings(tmp_path) as engine:
        chains = [["arc/1", "ring/0"], ["arc/2", "ring/0"]]
        outcome = (await outcomes(engine.ask("ring/0", "several", how, chains)))[0]
        assert isinstance(outcome, errors.PoolError)
        assert "Deadlock" in f"{type(outcome)} {outcome}" or "sub-exception" in str(outcome)
        # its own task is taken back; the one that asked it along the chain that was not broken may be done since
        assert await engine.ask("ring/0", "counted") <= 1
        assert engine.stats().waits["deadlocks"] >= 1


@pytest.mark.parametrize("durability", ["memory", "sync"])
async def test_a_circle_through_a_task_in_a_process_of_its_own_is_found(tmp_path: Path, durability: str) -> None:
    async with rings(tmp_path, durability) as engine:
        assert await engine.ask("ring/0", "apart", ["arc/1", "arc/2"]) == 3
        with pytest.raises(errors.Deadlock, match="arc/1 -> ring/0 -> arc/1"):
            await engine.ask("ring/0", "apart", ["arc/1", "ring/0"], 0.1)
        first = engine.ask("arc/1", "ask", ["ring/0"], 0.4)
        await asyncio.sleep(0.05)
        with pytest.raises(errors.Deadlock, match="ring/0 -> arc/1 -> ring/0"):  # it began last
            await engine.ask("ring/0", "apart", ["arc/1"], 0.3)
        assert await first == 2
        assert engine.stats().waits["deadlocks"] == 2


async def test_one_that_can_still_be_answered_keeps_who_waits_for_several_from_being_blocked(tmp_path: Path) -> None:
    async with rings(tmp_path) as engine:
        assert await engine.ask("ring/0", "several", "first", [["arc/1", "ring/0"], ["arc/2"]]) == ["held"]
        assert engine.stats().waits["deadlocks"] == 0


async def test_what_is_left_of_several_is_found_when_the_others_have_ended(tmp_path: Path) -> None:
    async with rings(tmp_path) as engine:
        asked = engine.ask("ring/0", "several", "gather", [["arc/1", "ring/0"], ["arc/2"]])
        await asyncio.sleep(0.4)
        assert engine.stats().waits["deadlocks"] == 0
        with pytest.raises(errors.Deadlock):
            await asked


async def test_what_was_asked_before_blocks_once_it_is_waited_for(tmp_path: Path) -> None:
    async with rings(tmp_path) as engine:
        asked = engine.ask("ring/0", "several", "later", [["arc/1", "ring/0"]])
        await asyncio.sleep(0.3)
        assert engine.stats().waits["deadlocks"] == 0
        with pytest.raises(errors.Deadlock):
            await asked


@pytest.mark.parametrize("how", ["never", "limit", "wait_for"])
async def test_a_circle_that_ends_by_itself_is_no_deadlock(tmp_path: Path, how: str) -> None:
    async with rings(tmp_path) as engine:
        said = await engine.ask("ring/0", "several", how, [["arc/1", "ring/0"]])
        assert said == ("not awaited" if how == "never" else "in time")
        assert engine.stats().waits["deadlocks"] == 0


@pytest.mark.parametrize("durability", ["memory", "sync"])
async def test_two_circles_that_share_an_agent_are_both_broken(tmp_path: Path, durability: str) -> None:
    async with rings(tmp_path, durability) as engine:
        one = engine.ask("ring/0", "several", "gather", [["arc/1"], ["arc/2", "ring/0"], ["arc/3", "ring/4", "ring/0"]])
        assert isinstance((await outcomes(one))[0], errors.Deadlock)
        for chain in (["arc/2", "ring/0"], ["arc/3", "ring/4"]):
            assert await engine.ask("ring/0", "ask", chain[:1]) == 2
        a, b, c = await outcomes(
            engine.ask("ring/0", "careful", ["arc/1"], 0.2),
            engine.ask("arc/1", "ask", ["ring/0"], 0.2),
            engine.ask("ring/5", "ask", ["ring/0"], 0.2),
        )
        assert {type(a), type(b)} in ({str, errors.Deadlock}, {str, int})
        assert c == 2


async def test_who_waits_for_a_circle_is_answered_when_it_is_broken(tmp_path: Path) -> None:
    async with rings(tmp_path) as engine:
        waits = [engine.ask(f"ring/{key}", "ask", ["arc/1"], 0.3) for key in range(10, 30)]
        circle = await outcomes(engine.ask("ring/0", "ask", ["arc/1"], 0.2), engine.ask("arc/1", "ask", ["ring/0"], 0.2))
        assert sorted(type(one).__name__ for one in circle) == ["Deadlock", "int"]
        assert await outcomes(*waits) == [2] * 20
        assert engine.stats().waits["deadlocks"] == 1


async def test_many_circles_at_once_are_all_broken_and_no_one_else_is(tmp_path: Path) -> None:
    async with running([pool(2)], kinds=[Ring, Arc]) as engine:
        await engine.spawn(Ring, 1_000)
        await engine.spawn(Arc, 1_000)
        naps = [engine.ask(f"ring/{key}", "several", "gather", [[f"arc/{key}"]]) for key in range(500, 1_000)]
        circles = [[f"{('ring', 'arc')[at % 2]}/{10 * first + at}" for at in range(2 + first % 6)] for first in range(30)]
        async with asyncio.timeout(PATIENCE_S):
            failed = await outcomes(*(engine.ask(circle[0], "ask", [*circle[1:], circle[0]]) for circle in circles))
            for circle, error in zip(circles, failed, strict=True):
                assert isinstance(error, errors.Deadlock)
                assert turned(circle, circle[-1]) in str(error)
            assert await outcomes(*naps) == [["held"]] * 500
        assert engine.stats().waits["deadlocks"] == len(circles)
        await until(lambda: engine.stats().waits["blocked"] == 0)


async def test_long_waits_of_many_sorts_are_no_deadlock(tmp_path: Path) -> None:
    async with running([pool(2)], kinds=[Ring, Arc]) as engine:
        await engine.spawn(Ring, 1_000)
        await engine.spawn(Arc, 1_000)
        chain = [*(f"{('ring', 'arc')[at % 2]}/{at}" for at in range(1, 200)), "arc/999"]
        async with asyncio.timeout(PATIENCE_S):
            behind = engine.ask("arc/999", "nap", 1.0)
            asked = [engine.ask("ring/0", "ask", chain)]
            asked += [engine.ask(f"ring/{key}", "ask", ["arc/999"]) for key in range(300, 400)]
            asked += [engine.ask(f"ring/{key}", "several", "gather", [[f"arc/{key}"]] * 3) for key in range(400, 500)]
            asked += [engine.ask(f"arc/{key}", "several", "limit", [["arc/999", f"ring/{key}"]]) for key in range(500, 600)]
            await until(lambda: engine.stats().waits["blocked"] > 500)
            ended = await outcomes(behind, *asked)
        assert [one for one in ended if isinstance(one, BaseException)] == []
        assert engine.stats().waits["deadlocks"] == 0
        assert [event for event in engine.events if event.name == "deadlock.broken"] == []
        await until(lambda: engine.stats().waits["blocked"] == 0)


async def test_a_worker_that_dies_takes_its_waits_with_it(tmp_path: Path) -> None:
    async with rings(tmp_path) as engine:
        far = [f"arc/{key}" for key in range(50) if engine.swarm.placement.worker_of("arc", key)[1] == 1]
        near = next(f"ring/{key}" for key in range(50) if engine.swarm.placement.worker_of("ring", key)[1] == 0)
        asked = engine.ask(near, "several", "gather", [[address] for address in far])
        await until(lambda: engine.stats().waits["blocked"] >= len(far))
        os.kill(engine.swarm.seats[1].pid or 0, signal.SIGKILL)
        assert [type(one) for one in await outcomes(asked)] == [errors.WorkerDied]
        await until(lambda: engine.stats().waits["blocked"] == 0)
        await until(lambda: engine.swarm.seats[1].state == "running")
        askers = [engine.ask(address, "ask", [near]) for address in far[1:]]
        held = engine.ask(near, "nap", 2.0)
        await until(lambda: engine.stats().waits["blocked"] >= len(askers))
        os.kill(engine.swarm.seats[1].pid or 0, signal.SIGKILL)
        assert {type(one) for one in await outcomes(*askers)} == {errors.WorkerDied}
        await until(lambda: engine.stats().waits["blocked"] == 0)
        assert await held == "held"
        await until(lambda: engine.swarm.seats[1].state == "running")
        with pytest.raises(errors.Deadlock):
            await engine.ask(near, "ask", [far[0], near])


@pytest.mark.parametrize("victim", [0, 1])
async def test_a_circle_whose_worker_is_killed_in_the_middle_is_found_after_the_replay(tmp_path: Path, victim: int) -> None:
    async with rings(tmp_path, "sync") as engine:
        far = next(f"arc/{key}" for key in range(50) if engine.swarm.placement.worker_of("arc", key)[1] == 1)
        near = next(f"ring/{key}" for key in range(50) if engine.swarm.placement.worker_of("ring", key)[1] == 0)
        path = tmp_path / "steps"
        asked = engine.ask(near, "stepping", [far, near], str(path), 0.5), engine.ask(far, "ask", [near], 0.5)
        await until(lambda: path.exists())
        await asyncio.sleep(0.2)  # the step's value is on the disk by then
        os.kill(engine.swarm.seats[victim].pid or 0, signal.SIGKILL)
        ended = await outcomes(*asked)
        assert errors.Deadlock in {type(one) for one in ended}
        assert path.read_text() == "step\n"  # a step that has ended is not run again
        assert engine.stats().waits["deadlocks"] >= 1
        assert await engine.ask(near, "ask", [far]) == 2


async def test_a_task_that_never_ends_and_holds_its_mailbox_is_an_alert_and_nobody_is_healed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pools.alerts.AFTER_S", 0.3)
    monkeypatch.setattr("pools.watch.HELD_S", 0.1)
    async with rings(tmp_path) as engine:
        held = engine.ask("ring/7", "nap", 3.0)
        behind = [engine.ask("ring/7", "counted") for _ in range(3)]
        alone = engine.ask("ring/8", "nap", 3.0)  # nobody waits for it
        await until(lambda: engine.stats().alerts)
        [alert] = engine.stats().alerts
        assert {name: alert[name] for name in ("what", "name", "agent", "method", "waiting")} == {
            "what": "agent",
            "name": "ring/7",
            "agent": "ring/7",
            "method": "nap",
            "waiting": 3,
        }
        assert alert["for_s"] >= 0.3
        assert await outcomes(held, alone, *behind) == ["held", "held", 0, 0, 0]
        await until(lambda: not engine.stats().alerts)
        assert [event.text.split(":")[0] for event in engine.events if event.name == "agent.stalled"] == [
            f"agent ring/7 of {alert['worker']} is alive and takes nothing"
        ]
        assert (engine.stats().healing["found"], engine.stats().healing["sick"]) == ({}, 0)


async def test_a_queue_that_nothing_is_taken_from_is_an_alert(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pools.alerts.AFTER_S", 0.3)
    monkeypatch.setattr("pools.watch.HELD_S", 0.1)
    async with running([pool(1, window=4)], kinds=[Ring]) as engine:
        await engine.spawn(Ring, 20)
        naps = [engine.ask(f"ring/{key}", "nap", 2.0) for key in range(8)]
        await until(lambda: any(alert["what"] == "queue" for alert in engine.stats().alerts))
        [alert] = [alert for alert in engine.stats().alerts if alert["what"] == "queue"]
        assert (alert["name"], alert["method"], alert["waiting"]) == ("p", "nap", 4)
        assert alert["agent"].startswith("ring/")
        assert await outcomes(*naps) == ["held"] * 8
        await until(lambda: not engine.stats().alerts)


async def test_an_accepted_task_is_told_whom_it_waits_for_over_others_and_their_agents(tmp_path: Path) -> None:
    async with rings(tmp_path, "sync") as engine:
        nap = engine.ask("arc/2", "nap", 1.0)
        rows = [
            {"id": "a", "agent": "ring/0", "method": "ask", "args": [["arc/1", "arc/2"]]},
            {"id": "b", "agent": "arc/5", "method": "nap", "args": [0], "after": ["a"]},
            {"id": "c", "agent": "arc/6", "method": "nap", "args": [0], "after": ["b"]},
            {"id": "d", "agent": "ring/0", "method": "counted"},
        ]
        await engine.submit(rows)
        await until(lambda: engine.stats().waits["blocked"] == 2)
        [found] = [one for one in (await engine.why("c"))["obstacles"] if one["what"] == "waits"]
        asks = "ring/0 waits for an answer of arc/1; arc/1 waits for an answer of arc/2"
        assert found["text"] == f"task c waits for task b; task b waits for task a; task a is for ring/0; {asks}"
        assert [wait["kind"] for wait in found["chain"]] == ["dependency", "dependency", *["lock"] * 2, "ask", "lock", "ask"]
        [behind] = (await engine.why("d"))["obstacles"]  # it stands in the mailbox
        assert behind["text"] == f"task d is for ring/0; {asks}"
        assert await nap == "held"
        assert [await engine.result(name, PATIENCE_S) for name in "abcd"] == [3, "held", "held", 1]
        assert (await engine.why("c"))["obstacles"] == []


async def test_a_circle_of_asks_behind_dependencies_is_broken_and_what_waits_for_it_is_told(tmp_path: Path) -> None:
    async with rings(tmp_path, "sync") as engine:
        rows = [
            {"id": "a", "agent": "ring/0", "method": "ask", "args": [["arc/1"], 0.2], "after": ["z"]},
            {"id": "b", "agent": "arc/1", "method": "ask", "args": [["ring/0"], 0.1], "after": ["z"]},
            {"id": "c", "agent": "ring/0", "method": "counted", "after": ["a", "b"]},
            {"id": "z", "agent": "arc/9", "method": "counted"},
        ]
        await engine.submit([rows[-1], *rows[:-1]])
        ends = await outcomes(*(asyncio.create_task(engine.result(name, PATIENCE_S)) for name in "abc"))
        assert sorted(type(end).__name__ for end in ends[:2]) == ["Deadlock", "int"]
        assert isinstance(ends[2], errors.DependencyFailed)
        assert engine.stats().waits["deadlocks"] == 1
