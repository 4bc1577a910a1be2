"""New code reaches agents while they work: no task fails for it, nothing they know is lost, and what is bad goes back."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from engine import errors
from engine.engine import Engine
from pools import deploys, probe, station
from pools.gauges import REFUSAL
from pools.refusal import FULL
from pools.spec import PoolSpec
from tests.support.processes import is_alive, until
from tests.support.shops import Load, open_shop, versions, write


@pytest.fixture(params=[False, True], ids=["memory", "kept"])
def is_kept(request: pytest.FixtureRequest) -> bool:
    """Whether state is kept."""
    return bool(request.param)


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first workers are not watched for long."""
    monkeypatch.setattr(deploys, "CANARY_S", 0.1)
    monkeypatch.setattr(deploys, "CANARY_MOST_S", 0.3)


@pytest.mark.usefixtures("soon")
async def test_no_task_fails_and_no_state_is_lost_while_all_workers_get_new_code_and_the_old_one_again(
    tmp_path: Path, is_kept: bool
) -> None:
    async with open_shop(tmp_path, is_kept=is_kept) as engine:
        load = Load(engine, 400)
        await asyncio.sleep(0.2)
        stands = await engine.deploy("shop", path=write(tmp_path / "second", "same"), canary=0.25)
        assert (stands["phase"], stands["outcome"], stands["canary_share"]) == ("rolled", "rolled", 0.25)
        assert set(stands["workers"].values()) == {2}
        assert await versions(engine, 50) == {2}
        assert stands["warm"]["processes"] == 4
        assert 1_000_000 < stands["warm"]["memory_bytes"] < 400_000_000
        began_s = time.monotonic()
        stands = await engine.rollback_deploy()
        assert time.monotonic() - began_s < 5
        assert (stands["phase"], stands["outcome"], stands["why"]) == ("idle", "back", "it was asked for")
        assert await versions(engine, 50) == {1}
        ended = await load.stop()
        assert set(ended) == {"ok"}
        assert await load.total() == ended["ok"] > 100


@pytest.mark.usefixtures("soon")
async def test_warm_processes_end_when_a_deploy_is_confirmed_and_the_next_deploy_follows(tmp_path: Path, is_kept: bool) -> None:
    async with open_shop(tmp_path, workers=2, is_kept=is_kept) as engine:
        old = [seat.pid for seat in engine.swarm.seats]
        await engine.deploy("shop", path=write(tmp_path / "second", "same"))
        assert all(is_alive(pid) for pid in old if pid is not None)
        stands = await engine.confirm_deploy()
        assert (stands["phase"], stands["code"], stands["warm"]["processes"]) == ("idle", 2, 0)
        await until(lambda: not any(is_alive(pid) for pid in old if pid is not None))
        await engine.deploy("shop", path=write(tmp_path / "third", "wider"), confirm_after_s=0.05)
        await until(lambda: engine.swarm.deploys.phase == "idle")
        assert (await engine.deploy_status())["code"] == 3
        assert await versions(engine, 20) == {4}
        for seat in engine.swarm.seats:
            seat.kill("a worker that begins again has the newest code")
        await until(lambda: all(seat.state == "running" and seat.restarts for seat in engine.swarm.seats))
        assert await versions(engine, 20) == {4}


async def test_a_bad_deploy_never_leaves_the_first_workers_and_is_back_soon(tmp_path: Path, is_kept: bool) -> None:
    async with open_shop(tmp_path, workers=10, agents=500, is_kept=is_kept) as engine:
        shares: list[float] = []
        load = Load(engine, 500, callers=40)
        asked = asyncio.create_task(engine.deploy("shop", path=write(tmp_path / "second", "bad"), canary=0.1))
        while not asked.done():
            shares.append((await engine.deploy_status())["share"])
            await asyncio.sleep(0.005)
        stands = await asked
        ended = await load.stop()
        assert (stands["outcome"], stands["highest_share"]) == ("back", 0.1)
        assert max(shares) == 0.1
        assert "tasks failed with the new code" in stands["why"]
        assert stands["back_s"] < 2
        assert set(ended) <= {"ok", "ValueError"}
        assert await versions(engine, 100) == {1}
        assert await load.total() == ended["ok"]


@pytest.mark.usefixtures("soon")
async def test_states_are_converted_both_ways_and_the_old_code_reads_what_the_new_one_wrote(
    tmp_path: Path, is_kept: bool
) -> None:
    async with open_shop(tmp_path, workers=2, agents=100, is_kept=is_kept) as engine:
        load = Load(engine, 100)
        await asyncio.sleep(0.2)
        await engine.deploy("shop", path=write(tmp_path / "second", "wider"))
        await asyncio.sleep(0.2)
        assert await versions(engine, 20) == {4}
        await engine.rollback_deploy()
        assert await versions(engine, 20) == {1}
        ended = await load.stop()
        assert set(ended) == {"ok"}
        assert await load.total() == ended["ok"]


@pytest.mark.usefixtures("soon")
async def test_a_worker_that_is_killed_with_converted_states_still_goes_back(tmp_path: Path) -> None:
    async with open_shop(tmp_path, workers=2, agents=100, is_kept=True) as engine:
        load = Load(engine, 100)
        await engine.deploy("shop", path=write(tmp_path / "second", "wider"))
        await asyncio.sleep(0.2)
        pid = engine.swarm.seats[0].pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        stands = await engine.rollback_deploy()
        assert stands["outcome"] == "back"
        ended = await load.stop()
        assert set(ended) == {"ok"}
        assert await load.total() == ended["ok"]
        assert await versions(engine, 100) == {1}


@pytest.mark.usefixtures("soon")
async def test_tasks_that_wait_for_long_go_on_in_memory_and_are_begun_again_where_state_is_kept(
    tmp_path: Path, is_kept: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pools.roll.FORTH_S", 5.0 if not is_kept else 0.2)
    async with open_shop(tmp_path, workers=2, agents=20, is_kept=is_kept) as engine:
        resting = [engine.ask(f"till/{key}", "rest", 1.0) for key in range(10)]
        await asyncio.sleep(0.1)
        stands = await engine.deploy("shop", path=write(tmp_path / "second", "same"))
        assert stands["outcome"] == "rolled"
        assert set(await asyncio.gather(*resting)) <= ({2, 1} if is_kept else {1})


@pytest.mark.usefixtures("soon")
async def test_a_worker_that_never_rests_in_memory_takes_a_deploy_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pools.roll.FORTH_S", 0.3)
    async with open_shop(tmp_path, workers=1, agents=5) as engine:
        resting = engine.ask("till/0", "rest", 1.5)
        await asyncio.sleep(0.1)
        stands = await engine.deploy("shop", path=write(tmp_path / "second", "same"))
        assert (stands["outcome"], stands["highest_share"]) == ("back", 0.0)
        assert "did not come to rest" in stands["why"]
        assert await resting == 1


@pytest.mark.usefixtures("soon")
async def test_timers_go_on_over_a_deploy(tmp_path: Path, is_kept: bool) -> None:
    async with open_shop(tmp_path, workers=1, agents=5, is_kept=is_kept) as engine:
        await engine.ask("till/1", "later", 1.0)
        await engine.deploy("shop", path=write(tmp_path / "second", "same"))
        assert await engine.ask("till/1", "add", 0) == 0
        async with asyncio.timeout(10):
            while await engine.ask("till/1", "add", 0) != 1000:
                await asyncio.sleep(0.02)


@pytest.mark.usefixtures("soon")
async def test_a_target_outside_that_an_operator_holds_is_held_over_a_deploy_and_back(tmp_path: Path, is_kept: bool) -> None:
    async with open_shop(tmp_path, workers=2, agents=20, is_kept=is_kept) as engine:
        engine.breakers.force("open", target="a.example")
        for change in (lambda: engine.deploy("shop", path=write(tmp_path / "second", "same")), engine.rollback_deploy):
            await change()
            asked = [engine.ask(f"till/{key}", "call", "a.example", True) for key in range(20)]
            ended = await asyncio.gather(*asked, return_exceptions=True)
            assert {type(one) for one in ended} == {errors.CircuitOpen}
            shown = [(one["worker"], one["state"], one["mode"]) for one in engine.breakers.outside()]
            assert shown == [("p.0", "open", "forced open"), ("p.1", "open", "forced open")]
        engine.breakers.force("auto", target="a.example")
        assert await engine.ask("till/1", "call", "a.example", True) == 1
        await until(lambda: not engine.breakers.outside())


@pytest.mark.usefixtures("soon")
async def test_what_a_worker_knew_of_a_target_outside_is_not_told_of_the_process_that_follows(tmp_path: Path) -> None:
    async with open_shop(tmp_path, workers=1, agents=20) as engine:
        while not engine.breakers.outside():
            with pytest.raises((errors.TaskFailed, errors.CircuitOpen)):
                await engine.ask("till/1", "call", "a.example", False)
        await engine.deploy("shop", path=write(tmp_path / "second", "same"))
        assert engine.breakers.outside() == []
        assert await engine.ask("till/1", "call", "a.example", True) == 2


@pytest.mark.usefixtures("soon")
async def test_a_task_whose_time_is_over_while_its_worker_gives_way_is_taken_back_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pools.roll.FORTH_S", 10.0)
    async with open_shop(tmp_path, workers=1, agents=40) as engine:
        resting = [engine.ask(f"till/{key}", "rest", 60.0, timeout_s=0.5 + key / 20) for key in range(40)]
        await asyncio.sleep(0.1)
        stands = await engine.deploy("shop", path=write(tmp_path / "second", "same"))
        assert (stands["outcome"], stands["why"]) == ("rolled", "")
        ended = await asyncio.gather(*resting, return_exceptions=True)
        assert {type(one) for one in ended} == {errors.TaskExpired}


@pytest.mark.usefixtures("soon")
async def test_agents_have_the_skills_they_were_spawned_with_after_a_deploy(tmp_path: Path, is_kept: bool) -> None:
    async with open_shop(tmp_path, workers=2, agents=20, is_kept=is_kept) as engine:
        await engine.spawn("till", add=2, skills=["count"])
        await engine.deploy("shop", path=write(tmp_path / "second", "same"))
        await engine.spawn("till", add=2, skills=["count"])
        lines = [{"kind": "till", "method": "add", "args": [1], "skills": ["count"]}] * 8
        for task in await engine.submit(lines):
            await engine.result(task, wait_s=10)
        asked = [engine.ask(f"till/{key}", "add", 0) for key in range(24)]
        assert sum((await asyncio.gather(*asked))[20:]) == 8


@pytest.mark.usefixtures("soon")
async def test_accepted_tasks_keep_their_priority_where_they_are_begun_again_with_new_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pools.roll.FORTH_S", 0.2)
    async with open_shop(tmp_path, workers=1, agents=2, is_kept=True) as engine:
        rest = {"agent": "till/0", "method": "rest", "args": [2.0]}
        ranks = [(1, "low"), (10, "normal"), (100, "critical")]
        waiting = [{"agent": "till/0", "method": "add", "args": [n], "priority": rank} for n, rank in ranks]
        ids = await engine.submit([rest, *waiting])
        await asyncio.sleep(0.2)
        stands = await engine.deploy("shop", path=write(tmp_path / "second", "same"))
        assert stands["outcome"] == "rolled"
        assert [await engine.result(task, wait_s=20) for task in ids] == [2, 111, 110, 100]


@pytest.mark.parametrize(
    ("version", "facts", "said"),
    [
        ("broken", {}, "could not be imported"),
        ("other", {}, "no kind till any more"),
        ("same", {"kind": "Desk"}, "has no kind 'Desk'; it has: till"),
        ("silent", {}, "its fields change"),
        ("same", {"canary": 0.0}, "canary is above 0"),
        ("same", {"bound": 1.5}, "bound 0 to 1"),
    ],
)
async def test_what_cannot_be_deployed_is_refused_before_anything_is_changed(
    tmp_path: Path, version: str, facts: dict[str, Any], said: str
) -> None:
    async with open_shop(tmp_path, workers=2) as engine:
        pids = [seat.pid for seat in engine.swarm.seats]
        with pytest.raises((errors.DeployRefused, errors.KindNotLoaded), match=said):
            await engine.deploy("shop", path=write(tmp_path / "second", version), **facts)
        assert [seat.pid for seat in engine.swarm.seats] == pids
        assert (await engine.deploy_status())["phase"] == "idle"
        assert await versions(engine, 10) == {1}


async def test_a_module_that_hangs_at_its_import_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "LOAD_S", 1.0)
    async with open_shop(tmp_path, workers=1) as engine:
        with pytest.raises(errors.KindNotLoaded, match="did not end within 1 s"):
            await engine.deploy("shop", path=write(tmp_path / "second", "hanging"))
        assert await versions(engine, 10) == {1}


async def test_a_second_deploy_is_refused_while_one_is_open(tmp_path: Path) -> None:
    async with open_shop(tmp_path, workers=2) as engine:
        second = write(tmp_path / "second", "same")
        first = asyncio.create_task(engine.deploy("shop", path=second))
        await until(lambda: engine.swarm.deploys.phase == "rolling")
        with pytest.raises(errors.DeployRefused, match="under way already"):
            await engine.deploy("shop", path=second)
        with pytest.raises(errors.DeployRefused, match="waits to be confirmed"):
            await engine.confirm_deploy()
        stands = await engine.rollback_deploy()
        assert (stands["outcome"], (await first)["outcome"]) == ("back", "back")
        with pytest.raises(errors.DeployRefused, match="no deploy is under way"):
            await engine.rollback_deploy()


@pytest.mark.usefixtures("soon")
async def test_one_way_goes_without_a_canary_and_without_a_way_back(tmp_path: Path, is_kept: bool) -> None:
    async with open_shop(tmp_path, workers=2, is_kept=is_kept) as engine:
        assert await engine.ask("till/1", "add", 5) == 5
        stands = await engine.deploy("shop", path=write(tmp_path / "second", "silent"), is_one_way=True)
        assert (stands["phase"], stands["code"], stands["warm"]["processes"]) == ("idle", 2, 0)
        assert await engine.ask("till/1", "add", 1) == 6
        with pytest.raises(errors.DeployRefused):
            await engine.rollback_deploy()


@pytest.mark.usefixtures("soon")
async def test_code_that_ends_its_worker_again_and_again_is_taken_back(tmp_path: Path) -> None:
    async with open_shop(tmp_path, workers=2, agents=100, is_kept=True) as engine:
        await engine.deploy("shop", path=write(tmp_path / "second", "deadly"))
        asked = [engine.ask(f"till/{key}", "version") for key in range(20)]
        await until(lambda: engine.swarm.deploys.phase == "idle")
        stands = await engine.deploy_status()
        assert stands["outcome"] == "back"
        assert "died" in stands["why"]
        await asyncio.gather(*asked, return_exceptions=True)
        assert await versions(engine, 20) == {1}


@pytest.mark.usefixtures("soon")
async def test_agents_are_spawned_and_workers_killed_while_a_deploy_goes_on(tmp_path: Path) -> None:
    async with open_shop(tmp_path, workers=4, is_kept=True) as engine:
        load = Load(engine, 400)
        asked = asyncio.create_task(engine.deploy("shop", path=write(tmp_path / "second", "same")))
        killed = 0
        while not asked.done():
            await engine.spawn("till", add=10)
            pid = engine.swarm.seats[killed % 4].pid
            if killed < 2 and pid is not None and engine.swarm.deploys.phase == "rolling":
                os.kill(pid, signal.SIGKILL)
                killed += 1
            await asyncio.sleep(0.05)
        stands = await asked
        assert killed == 2
        await until(lambda: all(seat.state == "running" for seat in engine.swarm.seats))
        assert await versions(engine, engine.swarm.placement.count) == {2 if stands["outcome"] == "rolled" else 1}
        ended = await load.stop()
        assert set(ended) == {"ok"}
        assert await load.total() == ended["ok"]


@pytest.mark.usefixtures("soon")
async def test_what_runs_after_a_restart_is_what_was_rolled_or_confirmed(tmp_path: Path) -> None:
    second = write(tmp_path / "second", "wider")
    async with open_shop(tmp_path, workers=2, agents=50, is_kept=True) as engine:
        await engine.ask("till/1", "add", 5)
        await engine.deploy("shop", path=second)
        assert await engine.ask("till/1", "add", 1) == 6
    pools = [PoolSpec("p", agents=10_000, workers=2)]
    facts: dict[str, Any] = {"pools": pools, "data": tmp_path / "data", "paths": [str(tmp_path / "first")]}
    async with Engine(kinds=["shop:Till"], **facts) as engine:
        assert await versions(engine, 50) == {4}
        assert (await engine.deploy_status())["phase"] == "rolled"
        assert any(event.name == "deploy.resumed" and "code 2" in event.text for event in engine.events)
        await engine.rollback_deploy()
        assert await versions(engine, 50) == {1}
        assert await engine.ask("till/1", "add", 1) == 7
    async with Engine(kinds=["shop:Till"], **facts) as engine:
        assert await versions(engine, 50) == {1}
        assert (await engine.deploy_status())["phase"] == "idle"


async def test_new_tasks_are_held_for_a_moment_only(tmp_path: Path) -> None:
    assert station.HOLD_S + station.LOOK_S < 0.25
    async with open_shop(tmp_path, workers=2, agents=100) as engine:
        resting = engine.ask("till/99", "rest", 1.0)
        load = Load(engine, 99)
        await engine.deploy("shop", path=write(tmp_path / "second", "same"))
        assert set(await load.stop()) == {"ok"}
        assert load.slowest_s < 0.9  # nobody waits for the one that rests
        assert await resting == 1


@pytest.mark.usefixtures("soon")
async def test_who_takes_a_place_has_read_what_is_kept_before_and_reads_the_rest_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pools.roll.FOLLOW_S", 0.02)
    async with open_shop(tmp_path, workers=2, agents=100, is_kept=True) as engine:
        for _ in range(5):
            await asyncio.gather(*(engine.ask(f"till/{key}", "add", 1) for key in range(100)))
        await engine.deploy("shop", path=write(tmp_path / "second", "same"))
        assert [seat.found["records"] for seat in engine.swarm.seats if seat.found] == [0, 0]
        for _ in range(5):
            await asyncio.gather(*(engine.ask(f"till/{key}", "add", 1) for key in range(100)))
        roll = engine.swarm.deploys._roll
        assert roll is not None
        for _ in range(2):
            await asyncio.gather(*(roll._follow(station) for station in roll.warm))
        stands = await engine.rollback_deploy()
        assert (stands["outcome"], stands["warm"]["processes"]) == ("back", 0)
        assert [seat.found["records"] for seat in engine.swarm.seats if seat.found] == [0, 0]
        assert {await engine.ask(f"till/{key}", "add", 0) for key in range(100)} == {10}


@pytest.mark.usefixtures("soon")
async def test_warm_processes_follow_by_themselves_over_compactions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pools.roll.FOLLOW_S", 0.02)
    monkeypatch.setattr("pools.compactor.LOOK_S", 0.05)
    monkeypatch.setattr("pools.compactor._is_due", lambda _folder: True)
    async with open_shop(tmp_path, workers=2, agents=50, is_kept=True) as engine:
        load = Load(engine, 50)
        await engine.deploy("shop", path=write(tmp_path / "second", "wider"))
        compactor = engine.swarm._compactor
        assert compactor is not None
        before = compactor.count
        await until(lambda: compactor.count >= before + 4)
        await engine.rollback_deploy()
        ended = await load.stop()
        assert set(ended) == {"ok"}
        assert await load.total() == ended["ok"] > 0
        assert await versions(engine, 50) == {1}


@pytest.mark.usefixtures("soon")
async def test_a_state_that_the_new_code_does_not_take_back_stays_and_takes_no_other_one_with_it(
    tmp_path: Path, is_kept: bool
) -> None:
    async with open_shop(tmp_path, workers=1, agents=40, is_kept=is_kept) as engine:
        await asyncio.gather(*(engine.ask(f"till/{key}", "add", key) for key in range(40)))
        second = write(tmp_path / "second", "uneven")
        await engine.deploy("shop", path=second)
        assert await engine.ask("till/7", "add", 0) == 7
        stands = await engine.rollback_deploy()
        assert stands["outcome"] == "back"
        assert "it alone can read: 1, of till/7: LookupError('seven')" in stands["why"]
        others = [key for key in range(40) if key != 7]
        assert await asyncio.gather(*(engine.ask(f"till/{key}", "add", 0) for key in others)) == others
        with pytest.raises(errors.StateUnreadable, match="till/7 has kept cents"):
            await engine.ask("till/7", "add", 0)
        await engine.deploy("shop", path=second)
        assert await asyncio.gather(*(engine.ask(f"till/{key}", "add", 0) for key in others)) == others


@pytest.mark.usefixtures("soon")
async def test_a_state_that_cannot_be_upgraded_is_as_it_was_for_the_old_code(tmp_path: Path, is_kept: bool) -> None:
    async with open_shop(tmp_path, workers=1, agents=40, is_kept=is_kept) as engine:
        await asyncio.gather(*(engine.ask(f"till/{key}", "add", key) for key in range(40)))
        await engine.deploy("shop", path=write(tmp_path / "second", "rising"))
        with pytest.raises(errors.StateUnreadable, match=r"its upgrade failed: LookupError\('seven'\)"):
            await engine.ask("till/7", "add", 0)
        assert await engine.ask("till/8", "add", 0) == 8
        stands = await engine.rollback_deploy()
        assert (stands["outcome"], stands["why"]) == ("back", "it was asked for")
        assert await asyncio.gather(*(engine.ask(f"till/{key}", "add", 0) for key in range(40))) == list(range(40))


@pytest.mark.usefixtures("soon")
async def test_a_deploy_that_cannot_be_taken_back_everywhere_says_so_and_is_not_confirmed(tmp_path: Path) -> None:
    async with open_shop(tmp_path, workers=2, agents=40, is_kept=True) as engine:
        await asyncio.gather(*(engine.ask(f"till/{key}", "add", key) for key in range(40)))
        await engine.deploy("shop", path=write(tmp_path / "second", "mortal"))
        stands = await engine.rollback_deploy()
        assert (stands["phase"], stands["outcome"], sorted(stands["workers"].values())) == ("rolled", "stuck", [1, 2])
        assert "has died" in stands["why"]
        assert stands["warm"]["processes"] == 1  # for the next try
        with pytest.raises(errors.DeployRefused, match="not every worker runs code 2"):
            await engine.confirm_deploy()
        assert await engine.ask("till/7", "add", 1) == 8  # and nothing stops it then
        await until(lambda: engine.swarm.deploys.phase == "idle")
        assert (await engine.deploy_status())["outcome"] == "back"
        assert await versions(engine, 40) == {1}
        assert await engine.ask("till/7", "add", 0) == 8


@pytest.mark.usefixtures("soon")
async def test_of_orders_that_come_at_once_the_first_one_counts(tmp_path: Path) -> None:
    async with open_shop(tmp_path, workers=2, agents=20) as engine:
        await engine.deploy("shop", path=write(tmp_path / "second", "same"))
        orders = [engine.rollback_deploy(), engine.rollback_deploy(), engine.confirm_deploy(), engine.rollback_deploy()]
        first, second, confirmed, last = await asyncio.gather(*orders, return_exceptions=True)
        assert isinstance(confirmed, errors.DeployRefused)
        assert [one["outcome"] for one in (first, second, last) if isinstance(one, dict)] == ["back"] * 3
        assert await versions(engine, 20) == {1}


@pytest.mark.usefixtures("soon")
async def test_states_are_not_taken_back_onto_a_disk_that_takes_nothing_and_nobody_is_disturbed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deploys, "AGAIN_S", 0.05)
    async with open_shop(tmp_path, workers=2, agents=20, is_kept=True) as engine:
        await engine.deploy("shop", path=write(tmp_path / "second", "wider"))
        pids = [seat.pid for seat in engine.swarm.seats]
        for seat in engine.swarm.seats:
            seat.cells[REFUSAL] = FULL
        stands = await engine.rollback_deploy()
        assert (stands["outcome"], stands["warm"]["processes"]) == ("stuck", 2)
        assert "the disk is full" in stands["why"]
        await asyncio.sleep(4 * deploys.AGAIN_S)
        assert [event.name for event in engine.events].count("deploy.stuck") == 1
        assert [seat.pid for seat in engine.swarm.seats] == pids
        for seat in engine.swarm.seats:
            seat.cells[REFUSAL] = 0
        await until(lambda: engine.swarm.deploys.phase == "idle")
        assert (await engine.deploy_status())["outcome"] == "back"
        assert await versions(engine, 20) == {1}


@pytest.mark.usefixtures("soon")
async def test_what_was_rolled_is_watched_and_confirmed_by_the_clock_after_a_restart_and_the_old_code_is_warm(
    tmp_path: Path,
) -> None:
    pools = [PoolSpec("p", agents=10_000, workers=2)]
    facts: dict[str, Any] = {"pools": pools, "data": tmp_path / "data", "paths": [str(tmp_path / "first")]}
    async with open_shop(tmp_path, workers=2, agents=50, is_kept=True) as engine:
        load = Load(engine, 50)
        await engine.deploy("shop", path=write(tmp_path / "second", "same"))
        await load.stop()
    write(tmp_path / "second", "bad")  # it turns out to be bad later
    async with Engine(kinds=["shop:Till"], **facts) as engine:
        roll = engine.swarm.deploys._roll
        assert roll is not None
        await until(lambda: len(roll.warm) == 2)
        assert roll.tasks()[1].total > 0
        load = Load(engine, 50)
        await until(lambda: engine.swarm.deploys.phase == "idle")
        await load.stop()
        assert (await engine.deploy_status())["outcome"] == "back"
        assert await versions(engine, 50) == {1}
        await engine.deploy("shop", path=write(tmp_path / "third", "same"), confirm_after_s=3600.0)
    async with Engine(kinds=["shop:Till"], **facts) as engine:
        timer = engine.swarm.deploys._timer
        assert timer is not None
        assert timer.when() - asyncio.get_running_loop().time() > 3_000
        assert (await engine.deploy_status())["phase"] == "rolled"


@pytest.mark.usefixtures("soon")
@pytest.mark.parametrize("is_confirmed", [False, True])
async def test_an_engine_that_begins_with_unconfirmed_code_knows_the_kinds_and_methods_of_what_counts_then(
    tmp_path: Path, is_confirmed: bool
) -> None:
    second = write(tmp_path / "second", "same") / "shop.py"
    source = second.read_text().replace("def later", "def sooner")
    second.write_text(source + "\n\nclass Desk(Agent):\n    def sit(self) -> int:\n        return 1\n")
    async with open_shop(tmp_path, workers=2, agents=20, is_kept=True) as engine:
        await engine.deploy("shop", path=tmp_path / "second")
    pools = [PoolSpec("p", agents=10_000, workers=2)]
    facts: dict[str, Any] = {"pools": pools, "data": tmp_path / "data", "paths": [str(tmp_path / "first")]}
    async with Engine(kinds=["shop:Till"], **facts) as engine:
        await (engine.confirm_deploy() if is_confirmed else engine.rollback_deploy())
        known = engine.swarm.repertoire.methods["till"]
        assert ("sooner" in known, "later" in known) == (is_confirmed, not is_confirmed)
        if is_confirmed:
            await engine.spawn("desk", 3)
            assert await engine.ask("desk/1", "sit") == 1
        else:
            with pytest.raises(errors.UnknownKind):
                await engine.spawn("desk", 3)
