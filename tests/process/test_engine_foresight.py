"""Foresight in an engine with real agents that really fail: what it prevents, what it counts, what it leaves alone."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any

import pytest

from engine.engine import Engine
from pools.breaker import BreakerSpec
from pools.errors import TaskExpired, TaskFailed
from pools.result import Result
from pools.spec import ForesightSpec, PoolSpec
from tests.support.commands import commands
from tests.support.flawed import LARGEST, Brittle
from tests.support.flawed import __file__ as brittle_file
from tests.support.portions import Portions
from tests.support.processes import pool, running, until

LARGE = list(range(3 * LARGEST))
#: Where a breaker would have done what foresight is asked to do: a pool of which all agents fail is cut off by it.
UNBROKEN = BreakerSpec(is_on=False)


def flawed(count: int = 8, **facts: Any) -> Any:
    """An engine with brittle agents."""
    spec = ForesightSpec(**{"control": 0.1} | facts)
    return running([pool()], [Brittle], foresight=spec)


async def done(engine: Engine, tasks: Sequence[Any], window: int | None = None) -> list[Result]:
    results = [result async for result in engine.map(tasks, window=window)]
    return sorted(results, key=lambda result: result.id)


async def warmed(engine: Engine, count: int = 8) -> None:
    """Have it be known that lists which are too long fail, and that agents 0 to 2 do."""
    await engine.spawn(Brittle, count)
    rng = Random(3)
    for _ in range(6):
        sizes = [rng.choice([5, 30, 100, 200]) for _ in range(200)]
        await done(engine, [("brittle", "total", list(range(size))) for size in sizes])
        await done(engine, [("brittle", "try_it", 3) for _ in range(200)])
        await asyncio.sleep(0.03)


async def test_risky_tasks_go_to_agents_that_are_good_at_them() -> None:
    async with flawed() as engine:
        await warmed(engine)
        before = engine.foresight.report()
        results = await done(engine, [("brittle", "try_it", 3) for _ in range(1_000)])
        after = engine.foresight.report()
        treated = after["treated"]["tasks"] - before["treated"]["tasks"]
        assert treated > 250
        assert {result.value for result in results if result.ok} == {3, 4, 5, 6, 7}
        failed = sum(not result.ok for result in results)
        assert failed == after["control"]["failed"] - before["control"]["failed"] < 80
        assert after["treated"]["failed"] == before["treated"]["failed"]


async def test_a_lift_is_found_where_there_is_one_and_shown_by_stats() -> None:
    async with flawed() as engine:
        await engine.spawn(Brittle, 8)
        await done(engine, [("brittle", "try_it", 3) for _ in range(6_000)], window=500)
        report = engine.stats().foresight
        assert report["judged"] == 6_000
        assert report["verdict"].endswith("fewer failures among risky tasks")
        assert report["p"] < 0.01
        assert report["ece"] <= 0.05
        assert engine.tally.failed < 6_000 * 3 / 8 * 0.6


async def test_what_fails_at_some_agents_is_avoided_and_no_breaker_opens_for_its_rate() -> None:
    """Failures in a row open one before anything is learned: three of four agents fail here, so a row of five may be met."""
    async with running([pool()], [Brittle], breaker=BreakerSpec(in_a_row=1_000)) as engine:
        await engine.spawn(Brittle, 8)
        await done(engine, [("brittle", "try_it", 6) for _ in range(6_000)], window=500)
        report = engine.foresight.report()
        assert engine.breakers.counts()["openings"] == 0
        assert report["actions"]["assign_to_specialist"] > 2_000
        assert report["verdict"].endswith("fewer failures among risky tasks")
        assert engine.tally.failed < 6_000 * 6 / 8 * 0.6


async def test_what_fails_everywhere_opens_the_breaker_as_shipped() -> None:
    async with running([pool()], [Brittle]) as engine:
        await engine.spawn(Brittle, 8)
        await done(engine, [("brittle", "try_it", 0) for _ in range(200)])
        results = await done(engine, [("brittle", "try_it", 8) for _ in range(12_000)], window=50)
        assert engine.breakers.counts()["openings"] >= 1
        assert sum(result.error is not None and result.error.type == "CircuitOpen" for result in results) > 2_000


async def test_where_all_agents_fail_alike_it_says_no_lift() -> None:
    async with running([pool()], [Brittle], foresight=ForesightSpec(control=0.1), breaker=UNBROKEN) as engine:
        await engine.spawn(Brittle, 8)
        await done(engine, [("brittle", "try_it", 8) for _ in range(3_000)], window=500)
        report = engine.foresight.report()
        assert report["verdict"] == "no lift"
        assert report["helpless"] > 2_000
        assert report["treated"]["tasks"] == 0


async def test_a_task_that_is_too_large_is_done_in_parts_and_joined_in_order() -> None:
    async with flawed(control=0.0) as engine:
        await warmed(engine)
        accepted = engine.tally.accepted
        assert (await done(engine, [("brittle", "total", LARGE)]))[0].value == sum(LARGE)
        for _ in range(3):
            await done(engine, [("brittle", "order", list(range(size))) for size in [5, 30, 100, 200] * 20])
            await asyncio.sleep(0.03)
        items = Random(1).sample(range(1_000), 150)
        assert await engine.ask("brittle", "order", items) == items
        assert engine.tally.accepted == accepted + 1 + 240 + 1
        assert engine.tally.open == 0


async def test_the_first_part_that_fails_is_the_end_of_the_task_with_its_cause() -> None:
    async with flawed(control=0.0) as engine:
        await warmed(engine)
        bad = [*range(10), *[-1] * 10, *range(100)]
        with pytest.raises(TaskFailed, match=r"part 2 of 12: a number below 0") as failed:
            await engine.ask("brittle", "total", bad)
        assert failed.value.type == "ValueError"
        (result,) = await done(engine, [("brittle", "total", bad)])
        assert not result.ok
        assert result.error is not None
        assert (result.error.type, result.error.message) == ("ValueError", "part 2 of 12: a number below 0")
        with pytest.raises(TaskFailed, match="thirteen"):
            await engine.ask("brittle", "total", [13] * 120)
        assert engine.tally.open == 0


async def test_parts_that_are_under_way_end_with_their_task() -> None:
    async with flawed(control=0.0) as engine:
        await engine.spawn(Brittle, 8)
        for _ in range(4):
            await done(engine, [("brittle", "hold", [0] * size) for size in [5, 30, 100, 200] * 30])
            await asyncio.sleep(0.03)
        future = engine.ask("brittle", "hold", [30] * 120)
        await asyncio.sleep(0.1)
        future.cancel()
        late = engine.ask("brittle", "hold", [30] * 120, timeout_s=0.2)
        with pytest.raises(TaskExpired, match=r"no answer within 0\.2 s"):
            await late
        async for result in engine.map([("brittle", "hold", [0]), ("brittle", "hold", [30] * 120)]):
            assert result.id == 0
            break
        await until(lambda: engine.tally.open == 0 and all(not seat.link.open for seat in engine.swarm.seats))
        assert engine.tally.expired == 1
        assert engine.tally.cancelled == 2


async def test_a_task_for_a_named_agent_is_left_alone() -> None:
    async with flawed() as engine:
        await warmed(engine)
        before = engine.foresight.report()
        results = await done(engine, [("brittle/0", "try_it", 3) for _ in range(100)])
        assert not any(result.ok for result in results)
        with pytest.raises(TaskFailed, match="items"):
            await engine.ask("brittle/5", "total", LARGE)
        assert engine.foresight.report() == before


async def test_mixed_tasks_for_agents_kinds_and_nobody_all_end_once() -> None:
    async with flawed(control=0.0) as engine:
        await warmed(engine)
        tasks: list[Any] = []
        for _ in range(200):
            tasks += [("brittle/7", "try_it", 0), ("brittle", "try_it", 3), ("brittle", "total", LARGE), ("nobody", "get")]
            tasks += [{"kind": "brittle", "method": "total", "args": {"items": [1, 2]}}, ("brittle", "nothing")]
        expected: list[Any] = []
        results = await done(engine, [task for task in tasks if type(task) is dict or type(task[1]) is str])
        kinds = ["try", "kind", "large", "nobody", "named", "nothing"]
        for at, result in enumerate(results):
            expected.append((kinds[at % 6], result.value if result.ok else result.error.type if result.error else None))
        assert {value for name, value in expected if name == "try"} == {7}
        assert {value for name, value in expected if name == "kind"} == {3, 4, 5, 6, 7}
        assert {value for name, value in expected if name == "large"} == {sum(LARGE)}
        assert {value for name, value in expected if name == "nobody"} == {"UnknownKind"}
        assert {value for name, value in expected if name == "named"} == {3}
        assert {value for name, value in expected if name == "nothing"} == {"UnknownMethod"}
        (wrong,) = await done(engine, [{"kind": "brittle/1", "method": "total"}])
        assert wrong.error is not None
        assert wrong.error.type == "BadArgument"
        assert engine.tally.open == 0


async def test_a_kind_with_many_agents_is_known_by_its_pools() -> None:
    specs = [PoolSpec("p1", agents=1_000, sleep_after_s=None), PoolSpec("p2", agents=1_000, sleep_after_s=None)]
    async with running(specs, [Brittle], foresight=ForesightSpec(control=0.1), breaker=UNBROKEN) as engine:
        await engine.spawn(Brittle, 200)
        half = engine.swarm.placement.parts_of("brittle", 0)[0].stop
        await done(engine, [("brittle", "try_it", half) for _ in range(4_000)], window=200)
        report = engine.foresight.report()
        assert report["actions"]["assign_to_specialist"] > 1_000
        results = await done(engine, [("brittle", "try_it", half) for _ in range(500)])
        fine = {result.value for result in results if result.ok}
        assert min(fine) >= half
        assert len(fine) > 50


async def test_nothing_goes_to_a_specialist_behind_an_open_breaker() -> None:
    specs = [PoolSpec("p1", agents=1_000), PoolSpec("p2", agents=1_000)]
    async with running(specs, [Brittle], foresight=ForesightSpec(control=0.0), breaker=UNBROKEN) as engine:
        await engine.spawn(Brittle, 8)
        parts = [engine.swarm.placement.parts_of("brittle", number)[0] for number in (0, 1)]
        bad = parts[1].start + 1  # all of p1 and one of p2 fail
        await done(engine, [("brittle", "try_it", bad) for _ in range(2_000)], window=100)
        assert engine.foresight.report()["actions"]["assign_to_specialist"] > 100
        engine.breakers.force("open", "p2")
        results = await done(engine, [("brittle", "try_it", bad) for _ in range(200)])
        assert {result.error.type for result in results if result.error} == {"ValueError"}
        assert not any(result.ok for result in results)
        engine.breakers.force("open")
        results = await done(engine, [("brittle", "try_it", bad) for _ in range(200)])
        assert {result.error.type for result in results if result.error} == {"CircuitOpen"}
        assert [result.ok for result in results] == [False] * 200
        learned = engine.foresight.foreseen.history.record(("brittle", "try_it"))
        assert learned is not None
        assert learned.learned == 2_200
        engine.breakers.force("auto")
        results = await done(engine, [("brittle", "try_it", bad) for _ in range(200)])
        assert {result.value for result in results} == set(range(bad, 8))


async def test_foresight_that_is_off_looks_at_nothing() -> None:
    async with running([pool()], [Brittle], foresight=ForesightSpec(is_on=False), breaker=UNBROKEN) as engine:
        await warmed(engine)
        results = await done(engine, [("brittle", "try_it", 3) for _ in range(400)])
        assert sum(not result.ok for result in results) == 150
        with pytest.raises(TaskFailed, match="items"):
            await engine.ask("brittle", "total", LARGE)
        report = engine.foresight.report()
        assert (report["enabled"], report["judged"], report["verdict"]) == (False, 0, "no lift")


async def test_asks_are_foreseen_as_streams_are() -> None:
    async with flawed(control=0.0) as engine:
        await engine.spawn(Brittle, 8)
        for _ in range(60):
            await asyncio.gather(*(engine.ask("brittle", "try_it", 3) for _ in range(8)), return_exceptions=True)
            await asyncio.sleep(0.01)
        assert {await engine.ask("brittle", "try_it", 3) for _ in range(40)} == {3, 4, 5, 6, 7}
        with pytest.raises(Exception, match="by place or by name"):
            await engine.ask("brittle", "try_it", 3, bad=3)
        with pytest.raises(Exception, match="nobody"):
            await engine.ask("nobody", "try_it", 3)
        assert await engine.ask("brittle", "try_it", bad=0) in range(8)
        assert engine.tally.open == 0
        assert not engine.foresight.foreseen._away


async def test_a_stream_that_is_left_takes_back_what_it_sent_to_kinds() -> None:
    async with flawed() as engine:
        await engine.spawn(Brittle, 8)
        async for _ in engine.map([("brittle", "hold", [0]), *[("brittle", "hold", [30])] * 50]):
            break
        await until(lambda: engine.tally.open == 0)
        assert engine.tally.cancelled == 50


@pytest.mark.parametrize("durability", ["memory", "os"])
async def test_accepted_tasks_go_to_agents_that_are_good_at_them(tmp_path: Path, durability: str) -> None:
    facts: dict[str, Any] = {} if durability == "memory" else {"durability": durability, "data": tmp_path}
    facts |= {"foresight": ForesightSpec(control=0.1)}
    async with running([pool()], [Brittle], **facts) as engine:
        await engine.spawn(Brittle, 8)
        for _ in range(5):
            ids = await engine.submit([("brittle", "try_it", 3)] * 200)
            await until(lambda: engine.stats().detached["open"] == 0)
        report = engine.foresight.report()
        assert report["judged"] == 1_000
        assert report["actions"]["assign_to_specialist"] > 100
        assert report["treated"]["failed"] == 0
        assert not engine.detached._promised
        await engine.submit([{"kind": "brittle", "method": "try_it", "args": [0], "after": ids[:2]}])
        first, late = await engine.submit(
            [
                {"id": "first", "agent": "brittle/1", "method": "total", "args": [[1]], "delay_s": 0.3},
                {"agent": "brittle/2", "method": "total", "args": [[2]], "after": ["first"]},
            ]
        )
        assert [await engine.result(each, 10) for each in (first, late)] == [1, 2]
        assert engine.foresight.report()["risks"]["dependency_conflict"] == 1


@pytest.mark.parametrize("durability", ["memory", "os"])
async def test_what_a_task_waits_for_is_run_before_a_flood_of_its_like(tmp_path: Path, durability: str) -> None:
    facts: dict[str, Any] = {} if durability == "memory" else {"durability": durability, "data": tmp_path}
    async with running([pool()], [Portions], foresight=ForesightSpec(control=0.5), **facts) as engine:
        await engine.spawn(Portions, 8)
        flood = [{"agent": f"portions/{at % 8}", "method": "total", "args": [[0.001]]} for at in range(24_000)]
        await engine.submit([each | {"priority": "low"} for each in flood])
        before = [{"id": f"b{at}", "agent": f"portions/{at % 8}", "method": "total", "args": [[0]]} for at in range(200)]
        await engine.submit([each | {"priority": "low"} for each in before])
        behind = [{"agent": "portions/1", "method": "counts", "after": [f"b{at}"]} for at in range(200)]
        ids = await engine.submit([each | {"priority": "high"} for each in behind])
        groups = dict(engine.detached._precedence._is_treated)
        treated = [name for name in ids if groups[int(name.rpartition("-")[2])]]
        assert 60 < len(treated) < 140
        for name in treated:
            await engine.result(name, 30)
        assert engine.stats().detached["open"] > 5_000
        told = engine.foresight.report()["dependencies"]
        assert (told["treated"]["tasks"], told["control"]["tasks"]) == (len(treated), 0)
        late = next(name for name in ids if name not in treated)
        assert (await engine.task(late))["waiting_for_count"] == 1


async def test_the_command_tells_what_stats_and_clients_tell(tmp_path: Path) -> None:
    with commands(tmp_path) as cli:
        (tmp_path / "brittle.py").write_text(Path(brittle_file).read_text())
        facts = {"ENGINE_DURABILITY": "memory"}
        assert cli("spawn", "--use", "brittle.py:Brittle", "--count", "8", **facts).returncode == 0
        tasks = "".join('{"kind": "brittle", "method": "try_it", "args": [3]}\n' for _ in range(3_000))
        for _ in range(2):
            assert cli("run", "-", stdin=tasks).returncode == 1
        report = cli.document("foresight")
        assert report["schema"] == "engine.foresight/v1"
        assert report["judged"] == 6_000
        assert report["actions"]["assign_to_specialist"] > 500
        assert cli.document("stats")["foresight"] == {name: value for name, value in report.items() if name != "schema"}
        shown = cli("foresight").stdout
        assert shown.splitlines()[-1].startswith("verdict   ")
        assert "assign_to_specialist" in shown
