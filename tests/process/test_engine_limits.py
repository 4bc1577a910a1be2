"""Past a limit the caller gets an error that names it, and nothing has changed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from engine import errors
from pools.spec import PoolSpec
from tests.support.processes import pool, running, until


async def test_more_agents_than_fit_are_refused_before_any_exists() -> None:
    async with running([pool(1, agents=100), PoolSpec("q", agents=50, kinds=("doer",))]) as engine:
        for count, limit in ((101, 100), (10**9, 150)):
            with pytest.raises(errors.TooManyAgents) as refused:
                await engine.spawn("tally", count)
            assert refused.value.limit in (limit, 150)
        with pytest.raises(errors.UnknownKind):
            await engine.ask("tally/0", "get")
        assert (await engine.spawn("tally", 100)).total == 100
        with pytest.raises(errors.TooManyAgents):
            await engine.spawn("tally", add=1)
        with pytest.raises(errors.TooManyAgents):
            await engine.spawn("tally", keys=["one"])
        assert (await engine.spawn("doer", 50)).total == 50


async def test_the_number_wanted_is_reached_once() -> None:
    async with running() as engine:
        assert (await engine.spawn("tally", 10)).added == 10
        assert (await engine.spawn("tally", 10)).added == 0
        assert (await engine.spawn("tally", 4)).added == 0
        assert (await engine.spawn("tally", 12)).added == 2
        assert (await engine.spawn("tally", add=3)).total == 15
        assert (await engine.spawn("tally", 0)).added == 0


@pytest.mark.parametrize(
    "facts",
    [
        {"count": -1},
        {"count": True},
        {"count": 1.5},
        {"count": "5"},
        {"add": -1},
        {},
        {"count": 1, "add": 1},
        {"count": 1, "keys": ["a"]},
    ],
)
async def test_a_number_that_makes_no_sense_is_refused(facts: dict[str, Any]) -> None:
    async with running() as engine:
        with pytest.raises(ValueError, match=r"spawn takes one|whole number"):
            await engine.spawn("tally", **facts)


@pytest.mark.parametrize("key", ["17", "0", "", "a b", "a/b", "x" * 129, "é", ".a", -5, None])
async def test_a_key_that_no_address_could_name_is_refused_before_any_agent_exists(key: Any) -> None:
    async with running() as engine:
        with pytest.raises((errors.BadAddress, ValueError)):
            await engine.spawn("tally", keys=["good", key])
        assert engine.swarm.placement.count == 0


@pytest.mark.parametrize("way", ["memory", "sync"])
async def test_agents_of_given_numbers_are_made_once_and_stay(tmp_path: Path, way: str) -> None:
    mine = [number for number in range(300) if number % 3 == 1]
    async with running(durability=way, data=tmp_path) as engine:
        done = await engine.spawn("tally", keys=[*mine, "a"])
        assert (done.added, done.total) == (101, 101)
        assert (await engine.spawn("tally", keys=range(1, 8))).added == 4
        assert (await engine.spawn("tally", keys=[*mine, "a"])).added == 0
        assert await engine.ask("tally/298", "add", 5) == 5
        with pytest.raises(errors.UnknownAgent):
            await engine.ask("tally/299", "get")
        assert (await engine.spawn("tally", add=2)).added == 2  # the lowest that are free
        assert [await engine.ask(f"tally/{number}", "add", 1) for number in (0, 8, 1)] == [1, 1, 1]
    async with running(durability=way, data=tmp_path) as engine:
        assert engine.swarm.placement.count == (107 if way == "sync" else 0)
        if way == "sync":
            assert await engine.ask("tally/298", "get") == 5


async def test_numbers_and_names_that_do_not_fit_together_make_none_of_them() -> None:
    async with running([pool(1, agents=5)]) as engine:
        with pytest.raises(errors.TooManyAgents):
            await engine.spawn("tally", keys=[1, 3, 5, 7, "a", "b"])
        assert engine.swarm.placement.count == 0
        assert (await engine.spawn("tally", keys=[1, 3, 5, 7, "a"])).added == 5


async def test_a_text_is_not_taken_for_a_list_of_keys() -> None:
    async with running() as engine:
        with pytest.raises((errors.BadAddress, ValueError, TypeError)):
            await engine.spawn("tally", keys="librarian")
        assert engine.swarm.placement.count == 0


async def test_very_many_long_names_are_spawned_or_refused_whole() -> None:
    """Their list is larger than a frame."""
    names = [f"n{number:0120d}" for number in range(140_000)]
    async with running([pool(1, agents=200_000)]) as engine:
        try:
            await engine.spawn("tally", keys=names)
        except errors.PoolError:
            assert engine.swarm.placement.count == 0
            return
        assert await engine.ask(f"tally/{names[-1]}", "add", 1) == 1
        assert await engine.ask(f"tally/{names[0]}", "add", 1) == 1


async def test_a_full_mailbox_says_when_to_try_again() -> None:
    async with running([pool(1, mailbox=10)]) as engine:
        await engine.spawn("waiter", 2)
        stuck = [engine.ask("waiter/0", "forever") for _ in range(20)]
        await until(lambda: sum(future.done() for future in stuck) == 9)
        for future in stuck[11:]:
            error = future.exception()
            assert isinstance(error, errors.MailboxFull)
            assert error.retry_after_s
        assert await engine.ask("waiter/1", "seen") == 0
        for future in stuck:
            future.cancel()
        await engine.stop(grace_s=0)


async def test_an_agent_that_grows_past_its_memory_is_taken_back() -> None:
    async with running() as engine:
        await engine.spawn("book", 2)
        assert await engine.ask("book/0", "write", 1) == [1]
        with pytest.raises(errors.StateTooLarge, match="524,288"):
            await engine.ask("book/0", "grow", 300_000)
        assert await engine.ask("book/0", "show") == [[1], {}, []]
        assert await engine.ask("book/0", "grow", 100_000) == 100_000


async def test_past_the_backlog_the_newest_are_refused() -> None:
    async with running([pool(1, window=64)]) as engine:
        await engine.spawn("tally", 10)
        futures = [engine.ask(f"tally/{number % 10}", "add", 1) for number in range(100_100)]
        await until(lambda: all(future.done() for future in futures))
        refused = [future for future in futures if future.exception() is not None]
        assert 0 < len(refused) < 200
        assert {type(future.exception()) for future in refused} == {errors.PoolFull}
        assert engine.tally.open == 0


async def test_idle_agents_sleep_and_wake_with_their_state() -> None:
    async with running([pool(1, sleep_after_s=0.02)]) as engine:
        await engine.spawn("tally", 50)
        await engine.spawn("book", 5)
        for key in range(50):
            await engine.ask(f"tally/{key}", "add", key)
        await engine.ask("book/1", "write", 7)

        async def all_asleep() -> bool:
            shown = (await engine.agents("tally", limit=100))["agents"] + (await engine.agents("book", limit=10))["agents"]
            return all(agent["status"] in ("asleep", "dormant") for agent in shown)

        for _ in range(5_000):
            if await all_asleep():
                break
        assert await all_asleep()
        assert [await engine.ask(f"tally/{key}", "get") for key in range(50)] == list(range(50))
        assert await engine.ask("book/1", "show") == [[7], {}, []]


async def test_warm_agents_are_objects_at_once() -> None:
    async with running([pool(2)]) as engine:
        await engine.spawn("tally", 500, warm=True)
        shown = (await engine.agents("tally", skip=0, limit=1_000))["agents"]
        assert len(shown) == 500
        assert {agent["status"] for agent in shown} == {"idle"}


@pytest.mark.parametrize(("workers", "size"), [(1, 30), (3, 30), (3, 7), (2, 1_000)])
async def test_pages_of_agents_show_each_agent_once(workers: int, size: int) -> None:
    async with running([pool(workers), PoolSpec("q", agents=100)]) as engine:
        await engine.spawn("tally", 200)
        shown: list[str] = []
        for skip in range(0, 200 + size, size):
            page = (await engine.agents("tally", skip=skip, limit=size))["agents"]
            assert len(page) <= size
            shown += [agent["agent"] for agent in page]
        assert sorted(shown) == sorted(f"tally/{key}" for key in range(200))


async def test_an_agent_is_shown_with_where_it_lives_and_what_it_does() -> None:
    async with running() as engine:
        await engine.spawn("waiter", 3)
        stuck = [engine.ask("waiter/1", "forever") for _ in range(4)]
        await engine.ask("waiter/2", "seen")
        shown = {agent["agent"]: agent for agent in (await engine.agents("waiter", skip=0, limit=10))["agents"]}
        assert shown["waiter/1"].items() >= {"pool": "p", "worker": "p", "status": "run", "mailbox": 3}.items()
        assert (shown["waiter/0"]["status"], shown["waiter/2"]["status"]) == ("dormant", "idle")
        for future in stuck:
            future.cancel()
        await engine.stop(grace_s=0)
