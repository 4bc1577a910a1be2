"""One event is planted in an engine that runs, and exactly its cell of the overview changes, with the sums it is part of."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from engine import errors
from engine.engine import Engine
from pools.breaker import BreakerSpec
from pools.gauges import BYTES_IN, BYTES_OUT
from tests.support.planted import Planted, changes
from tests.support.processes import pool, running, until

WELL = [{"level": "ok", "text": "All systems operational"}]
#: Agents that every engine here has.
AGENTS = 10


@contextlib.asynccontextmanager
async def planted(**facts: Any) -> AsyncIterator[Engine]:
    """An engine with some agents that have done nothing."""
    async with running([pool(**facts.pop("pool", {}))], [Planted], **facts) as engine:
        await engine.spawn(Planted, AGENTS)
        yield engine


def shown(engine: Engine) -> dict[str, Any]:
    """The document, with all that adds up in it."""
    stats = engine.stats().as_dict()
    document = engine.overview(stats).as_dict()
    agents, tasks = document["agents"], document["tasks"]
    assert agents["total"] == agents["active"] + agents["idle"] + agents["failed"] == stats["agents"]["total"]
    assert tasks["accepted"] == tasks["queue"] + tasks["complete"] + tasks["failed"] + tasks["cancelled"]
    assert tasks["complete"] == stats["tasks"]["done"]
    assert tasks["failed"] == stats["tasks"]["failed"] + stats["tasks"]["expired"]
    ended = tasks["complete"] + tasks["failed"]
    assert tasks["success"] == (tasks["complete"] / ended if ended else None)
    return document


async def settled(engine: Engine, cell: str, part: str, value: Any) -> dict[str, Any]:
    """The document once a cell of it has a value."""
    await until(lambda: engine.overview().as_dict()[cell][part] == value)
    return shown(engine)


def top(agent: str, done: int) -> list[dict[str, Any]]:
    return [{"agent": agent, "kind": "planted", "done": done, "counted": 1.0}]


async def test_nothing_changes_where_nothing_happens() -> None:
    async with planted() as engine:
        before = shown(engine)
        await asyncio.sleep(1.5)
        assert changes(before, shown(engine)) == {}
        assert before["alerts"] == WELL
        assert (before["agents"]["total"], before["agents"]["idle"]) == (AGENTS, AGENTS)


async def test_one_agent_more() -> None:
    async with planted() as engine:
        before = shown(engine)
        await engine.spawn(Planted, add=1)
        assert changes(before, shown(engine)) == {"agents.total": 1, "agents.idle": 1}
        await engine.remove(Planted, [AGENTS])
        assert changes(before, shown(engine)) == {}


async def test_one_task_done() -> None:
    async with planted() as engine:
        before = shown(engine)
        await engine.ask("planted/3", "add", 1)
        await until(lambda: bool(engine.overview().top))
        assert changes(before, shown(engine)) == {
            "tasks.accepted": 1,
            "tasks.complete": 1,
            "tasks.success": 1.0,
            "performance.tasks_per_min": 1,
            "top": top("planted/3", 1),
        }


async def test_one_accepted_task_done(tmp_path: Path) -> None:
    async with planted(data=tmp_path / "data") as engine:
        before = shown(engine)
        (task,) = await engine.submit([("planted/3", "add", 1)])
        await engine.result(task, wait_s=10)
        await until(lambda: bool(engine.overview().top))
        assert changes(before, shown(engine)) == {
            "tasks.accepted": 1,
            "tasks.complete": 1,
            "tasks.success": 1.0,
            "performance.tasks_per_min": 1,
            "top": top("planted/3", 1),
        }


async def test_what_was_done_in_another_life_is_no_rate_of_this_one(tmp_path: Path) -> None:
    async with planted(data=tmp_path / "data") as engine:
        for task in await engine.submit([(f"planted/{key}", "add", 1) for key in range(AGENTS)]):
            await engine.result(task, wait_s=10)
    async with planted(data=tmp_path / "data") as engine:
        document = shown(engine)
        assert document["tasks"]["complete"] == AGENTS
        assert document["performance"]["tasks_per_min"] == 0


async def test_one_task_failed() -> None:
    async with planted() as engine:
        await engine.ask("planted/3", "add", 1)
        await until(lambda: bool(engine.overview().top))
        before = shown(engine)
        with pytest.raises(errors.TaskFailed):
            await engine.ask("planted/4", "fail")
        await asyncio.sleep(1.5)  # who is told of as a performer is told within a second
        assert changes(before, shown(engine)) == {
            "tasks.accepted": 1,
            "tasks.failed": 1,
            "tasks.success": 0.5,
            "performance.errors_per_min": 1,
            "performance.recoveries_per_min": 1,  # the agent is as it was before
        }


async def test_one_task_waits_and_is_cancelled(tmp_path: Path) -> None:
    async with planted() as engine:
        before = shown(engine)
        (task,) = await engine.submit([("planted/3", "wait", str(tmp_path / "never"))])
        after = await settled(engine, "agents", "active", 1)
        assert changes(before, after) == {
            "tasks.accepted": 1,
            "tasks.queue": 1,
            "agents.active": 1,
            "agents.idle": -1,
        }
        await engine.cancel(task)
        after = await settled(engine, "agents", "active", 0)
        assert changes(before, after) == {"tasks.accepted": 1, "tasks.cancelled": 1}


async def test_an_agent_is_active_once_whatever_waits_for_it(tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    async with planted(pool={"workers": 2}) as engine:
        answers = [engine.ask(f"planted/{key % 3}", "wait", str(gate)) for key in range(12)]
        after = await settled(engine, "agents", "active", 3)
        assert (after["tasks"]["queue"], after["agents"]["idle"]) == (12, AGENTS - 3)
        gate.touch()
        await asyncio.gather(*answers)
        after = await settled(engine, "agents", "active", 0)
        assert (after["tasks"]["queue"], after["tasks"]["complete"]) == (0, 12)


async def test_who_is_queued_is_active_and_each_once() -> None:
    async with planted() as engine:
        results = asyncio.ensure_future(_run(engine, [(f"planted/{key % 2}", "nap", 0.05) for key in range(28)]))
        await until(lambda: engine.overview().agents["active"] == 2)
        shown(engine)
        assert await results == 28
        await settled(engine, "agents", "active", 0)


async def test_who_is_asked_while_its_worker_is_busy_is_active_too_wherever_the_task_waits(tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    async with planted(pool={"window": 2}) as engine:
        nap = engine.ask("planted/0", "nap", 0.9)
        seat = engine.swarm.seats[0]
        await until(lambda: seat.running is not None)
        answers = [engine.ask(f"planted/{key}", "add", 1) for key in (1, 2, 3, 3)]
        for _ in range(5):
            await asyncio.sleep(0)  # so that they are on their way; the worker naps
        after = shown(engine)
        assert after["agents"]["active"] == sum(worker["active"] for worker in after["rates"]["workers"]) == 4
        await asyncio.gather(nap, *answers)
        await settled(engine, "agents", "active", 0)
        open_tasks = await engine.submit([(f"planted/{key}", "wait", str(gate)) for key in range(8)])
        await settled(engine, "agents", "active", 8)
        gate.touch()
        for task in open_tasks:
            await engine.result(task, wait_s=10)
        await settled(engine, "agents", "active", 0)


async def test_who_is_asked_in_a_pool_that_is_paused_is_active_and_who_is_in_quarantine_is_not() -> None:
    async with planted() as engine:
        with pytest.raises((errors.TaskKilled, errors.WorkerDied)):
            await engine.ask("planted/3", "end")
        await until(lambda: engine.swarm.seats[0].returns == 1)
        await engine.pause("p")
        answers = [engine.ask(f"planted/{key}", "add", 1) for key in (2, 3, 4)]
        await settled(engine, "agents", "active", 2)
        assert shown(engine)["agents"]["failed"] == 1
        await engine.resume("p")
        await asyncio.gather(*answers)
        await settled(engine, "agents", "active", 0)


async def _run(engine: Engine, tasks: list[tuple[Any, ...]]) -> int:
    return sum([len(batch) async for batch in engine.map_batches(tasks)])


async def test_one_task_expired(tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    async with planted() as engine:
        held = engine.ask("planted/3", "wait", str(gate))
        before = await settled(engine, "agents", "active", 1)
        with pytest.raises(errors.TaskExpired):
            await engine.ask("planted/3", "add", 1, timeout_s=0.3)
        assert changes(before, await settled(engine, "tasks", "failed", 1)) == {
            "tasks.accepted": 1,
            "tasks.failed": 1,
            "tasks.success": 0.0,
            "alerts": [{"level": "warning", "text": "1 task was not done in time in the last minute"}],
        }
        gate.touch()
        await held


async def test_one_agent_in_quarantine_and_released() -> None:
    async with planted() as engine:
        before = shown(engine)
        with pytest.raises((errors.TaskKilled, errors.WorkerDied)):
            await engine.ask("planted/3", "end")
        await until(lambda: engine.swarm.seats[0].returns == 1)
        after = shown(engine)
        died, alert = after["alerts"]
        assert died["text"] == "Worker p died and runs again: exit status 3"
        assert alert["level"] == "warning"
        assert alert["text"].startswith("planted/3 is in quarantine (trial)")
        assert changes(before, after) == {
            "agents.failed": 1,
            "agents.idle": -1,
            "tasks.accepted": 1,
            "tasks.failed": 1,
            "tasks.success": 0.0,
            "performance.errors_per_min": 1,  # the worker's death
            "performance.recoveries_per_min": 1,  # and its return
            "alerts": [died, alert],
        }
        await engine.release("planted/3")
        gone = changes(after, shown(engine))
        assert gone == {"agents.failed": -1, "agents.idle": 1, "performance.recoveries_per_min": 1, "alerts": [died]}


async def test_one_worker_killed_and_back() -> None:
    async with planted(pool={"workers": 2}) as engine:
        before = shown(engine)
        os.kill(engine.swarm.seats[0].pid or 0, signal.SIGKILL)
        await until(lambda: engine.swarm.seats[0].state != "running")
        (alert,) = shown(engine)["alerts"]
        assert (alert["level"], alert["text"].partition(":")[0]) == ("warning", "Worker p.0 is being restarted")
        await until(lambda: engine.swarm.seats[0].returns == 1)
        after = shown(engine)
        assert [one["text"] for one in after["alerts"]] == ["Worker p.0 died and runs again: killed by signal 9"]
        assert changes(before, after) == {
            "performance.errors_per_min": 1,
            "performance.recoveries_per_min": 1,
            "alerts": after["alerts"],
        }


async def test_frames_are_counted_on_after_a_death() -> None:
    async with planted() as engine:
        seat = engine.swarm.seats[0]
        for _ in range(50):
            await engine.ask("planted/3", "add", 1)
        await until(lambda: seat.cells[BYTES_IN] > 0)
        counted = seat.cells[BYTES_IN], seat.cells[BYTES_OUT]
        os.kill(seat.pid or 0, signal.SIGKILL)
        await until(lambda: seat.returns == 1)
        await engine.ask("planted/3", "add", 1)
        await until(lambda: (seat.cells[BYTES_IN], seat.cells[BYTES_OUT]) != counted)
        assert seat.cells[BYTES_IN] > counted[0], "else nothing seems to be sent until as much has come again"
        assert seat.cells[BYTES_OUT] > counted[1]


async def test_efficiency_and_cpu_are_shares_of_the_time_in_which_tasks_ran() -> None:
    async with planted(pool={"workers": 2}) as engine:
        await until(lambda: engine.overview().performance["efficiency"] is not None)
        before = engine.meter._busy_s()
        await engine.ask("planted/3", "nap", 0.8)
        await asyncio.sleep(1.2)
        assert engine.meter._busy_s() - before == pytest.approx(0.8, abs=0.1)
        document = shown(engine)
        passed_s = engine.meter._clock() - engine.meter._began_s
        assert document["performance"]["efficiency"] == pytest.approx(0.8 / (passed_s * 2), rel=0.3)
        used = engine.meter._cpu_used.total or 0.0
        await engine.ask("planted/3", "spin", 0.4)
        await asyncio.sleep(1.2)
        assert (engine.meter._cpu_used.total or 0.0) - used >= 0.38, "a napping task takes no processor, a spinning one does"
        rates = {worker["worker"]: worker["busy"] for worker in shown(engine)["rates"]["workers"]}
        assert min(rates.values()) == 0.0 < sorted(rates.values())[1], "of the worker that ran them"


async def test_frames_and_what_is_written_are_counted_in_bytes(tmp_path: Path) -> None:
    async with planted(data=tmp_path / "data") as engine:
        await asyncio.sleep(1.2)
        network, disk = engine.meter._bytes(), engine.meter._written.total
        assert disk is not None
        await engine.ask("planted/3", "keep", 400_000)
        await engine.ask("planted/4", "add", 1)
        await asyncio.sleep(1.2)
        assert 0 < engine.meter._bytes() - network < 100_000, "the state travels nowhere"
        assert (engine.meter._written.total or 0) - disk > 4_000
        used = shown(engine)["resources"]
        assert used["network_bytes_per_s"] > 0
        assert used["disk_bytes_per_s"] > 0
        assert used["memory"] == pytest.approx(used["memory_bytes"] / engine.meter.machine.mem_bytes)


async def test_cost_is_cpu_and_time_by_the_price() -> None:
    async with planted(price={"currency": "EUR", "cpu_hour": 3_600.0, "machine_hour": 36.0}) as engine:
        await engine.ask("planted/3", "spin", 0.4)
        await asyncio.sleep(1.2)
        meter = engine.meter
        cost = shown(engine)["cost"]
        expected = (meter._cpu_used.total or 0.0) + (meter._clock() - meter._began_s) * 0.01
        assert cost["currency"] == "EUR"
        assert cost["providers"] == {"local": cost["total"]}
        assert cost["total"] == pytest.approx(expected, abs=0.05)
        assert cost["total"] > 0.38
    async with planted() as engine:
        assert shown(engine)["cost"] == {"currency": None, "providers": {"local": None}, "total": None}


async def test_a_pool_near_its_capacity() -> None:
    async with planted(pool={"agents": 100}) as engine:
        before = shown(engine)
        await engine.spawn(Planted, 84)
        assert changes(before, shown(engine)) == {"agents.total": 74, "agents.idle": 74}
        await engine.spawn(Planted, 89)
        alert = {"level": "warning", "text": "Pool p at 89% capacity (agents)"}
        assert changes(before, shown(engine)) == {"agents.total": 79, "agents.idle": 79, "alerts": [alert]}


async def test_an_open_breaker() -> None:
    async with planted(breaker=BreakerSpec(open_s=60)) as engine:
        before = shown(engine)
        engine.breakers.force("open", "p")
        alert = {"level": "warning", "text": "Breaker of pool p is open, held by an operator"}
        assert changes(before, shown(engine)) == {"alerts": [alert]}
        engine.breakers.force("auto", "p")


async def test_those_who_did_most_are_first_and_no_more_than_three() -> None:
    async with planted(pool={"workers": 2}) as engine:
        tasks = [(f"planted/{key}", "add", 1) for key in range(6) for _ in range(10 * (key + 1))]
        assert await _run(engine, tasks) == 210
        await until(lambda: sum(seat.podium.done for seat in engine.swarm.seats) == 210)
        assert [(row["agent"], row["done"]) for row in engine.overview().top] == [
            ("planted/5", 60),
            ("planted/4", 50),
            ("planted/3", 40),
        ]
        os.kill(engine.swarm._seat_at("planted", 5).pid or 0, signal.SIGKILL)  # type: ignore[union-attr]
        await until(lambda: sum(seat.returns for seat in engine.swarm.seats) == 1)
        await engine.ask("planted/5", "add", 1)
        await until(lambda: engine.overview().top[0]["done"] == 61)
        await engine.remove(Planted, [5])
        assert engine.overview().top[0]["agent"] == "planted/4", "who is there no more is not shown"


async def test_counts_add_up_in_every_document_while_much_goes_on() -> None:
    async with planted(pool={"workers": 2}) as engine:
        await engine.spawn(Planted, 2_000)
        before = engine.stats().tasks["accepted"]
        tasks: list[tuple[Any, ...]] = [
            (f"planted/{key % 2_000}", "fail" if key % 50 == 0 else "add", 1) for key in range(40_000)
        ]
        tasks = [task[:2] if task[1] == "fail" else task for task in tasks]
        running_all = asyncio.ensure_future(_run(engine, tasks))
        looks = 0
        while not running_all.done():
            shown(engine)
            looks += 1
            await asyncio.sleep(0.002)
        assert looks > 10
        assert engine.stats().tasks["accepted"] - before == 40_000
        assert shown(engine)["tasks"]["failed"] == 800


async def test_each_worker_says_what_it_does_now_and_each_pool_what_of_it_is_used() -> None:
    async with planted(pool={"workers": 2, "agents": 20}) as engine:
        results = asyncio.ensure_future(_run(engine, [("planted/3", "nap", 0.6)]))
        busy = engine.swarm._seat_at("planted", 3)
        assert busy is not None
        await until(lambda: busy.running is not None)
        rates = shown(engine)["rates"]
        (worker,) = [one for one in rates["workers"] if one["agent"]]
        assert (worker["worker"], worker["agent"], worker["method"], worker["active"]) == (busy.name, "planted/3", "nap", 1)
        assert 0 < worker["running_for_s"] < 60
        (facts,) = rates["pools"]
        assert (facts["name"], facts["agents"], facts["used"]["agents"], facts["active"]) == ("p", AGENTS, 0.5, 1)
        assert rates["breakers"] == []
        await results
