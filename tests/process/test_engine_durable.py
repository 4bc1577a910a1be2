"""What was answered is there after any death; what was not is done once; what a class has become meets what was kept."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from checkpoints.store import open_store
from engine import errors
from engine.engine import Engine
from pools.agent import Agent
from pools.gauges import DONE
from pools.log import Log
from pools.spec import PoolSpec
from tests.support.agents import Asker, Book, Doer, Tally, Waiter
from tests.support.commands import ROOT
from tests.support.processes import pool, until


class Scribe(Agent):
    """Has every kind of field, and changes them in every way."""

    text: str = "new"
    share: float = 0.5
    raw: bytes = b""
    maybe: int | None = None
    words: list[Any]
    tree: dict[str, Any]
    log: Log[Any]

    def change(self, what: str, value: Any) -> Any:
        """Change the state; returns all of it."""
        getattr(self, f"_{what}")(value)
        return self._all()

    def spoil(self, what: str, value: Any) -> None:
        """Change the state, then fail."""
        getattr(self, f"_{what}")(value)
        raise ValueError("as told")

    def show(self) -> Any:
        """All of the state."""
        return self._all()

    def _all(self) -> Any:
        return [self.text, self.share, self.raw.hex(), self.maybe, self.words, self.tree, list(self.log)]

    def _text(self, value: Any) -> None:
        self.text = str(value)

    def _share(self, value: Any) -> None:
        self.share = float(value)

    def _raw(self, value: Any) -> None:
        self.raw = repr(value).encode()

    def _maybe(self, value: Any) -> None:
        self.maybe = None if self.maybe else int(value)

    def _append(self, value: Any) -> None:
        self.words.append([value])

    def _alias(self, value: Any) -> None:
        mine = self.words
        mine.append({"deep": [value]})
        mine[-1]["deep"].append(value)

    def _deep(self, value: Any) -> None:
        self.tree.setdefault("a", {}).setdefault("b", []).append(value)

    def _drop(self, _value: Any) -> None:
        self.tree.pop("a", None)
        del self.words[:1]

    def _sort(self, _value: Any) -> None:
        self.words.sort(key=repr)

    def _note(self, value: Any) -> None:
        self.log.append({"noted": value})

    def _notes(self, value: Any) -> None:
        self.log.extend([value, [value]])


WAYS = ["text", "share", "raw", "maybe", "append", "alias", "deep", "drop", "sort", "note", "notes"]


@asynccontextmanager
async def durable(
    folder: Path, *, workers: int = 2, way: str = "sync", kinds: Any = (Tally, Book, Waiter, Asker)
) -> AsyncIterator[Engine]:
    """An engine whose state is in a folder."""
    async with Engine(kinds=kinds, pools=[pool(workers)], durability=way, data=folder, seed=1) as engine:
        yield engine


def kill(engine: Engine, worker: int) -> int:
    """Kill a worker's process, if it has one; returns which."""
    pid = engine.swarm.seats[worker].pid
    if pid is not None:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    return pid or 0


class Killer:
    """Kills workers that have done something since they were killed last: others would spend their restarts on nothing."""

    def __init__(self, engine: Engine, chance: Random, most: int) -> None:
        self._engine = engine
        self._chance = chance
        self._left = most
        self._done = [0] * len(engine.swarm.seats)
        self.kills = 0

    def strike(self) -> None:
        """Kill one, if there is one to kill and some kills are left."""
        worker = self._chance.randrange(len(self._done))
        seat = self._engine.swarm.seats[worker]
        if self.kills < self._left and seat.state == "running" and seat.cells[DONE] > self._done[worker]:
            self._done[worker] = seat.cells[DONE]
            self.kills += bool(kill(self._engine, worker))


@pytest.mark.parametrize("way", ["sync", "os"])
async def test_state_is_there_when_the_engine_starts_again(tmp_path: Path, way: str) -> None:
    async with durable(tmp_path, way=way) as engine:
        await engine.spawn("tally", 1_000)
        await engine.spawn("tally", keys=["a", "b-c"])
        assert [await engine.ask(f"tally/{key}", "add", key) for key in range(0, 1_000, 7)] == list(range(0, 1_000, 7))
        assert await engine.ask("tally/b-c", "add", 5) == 5
    async with durable(tmp_path, way=way) as engine:
        assert engine.stats().agents["total"] == 1_002
        assert [await engine.ask(f"tally/{key}", "get") for key in range(1_000)] == [
            0 if key % 7 else key for key in range(1_000)
        ]
        assert await engine.ask("tally/b-c", "get") == 5
        assert await engine.ask("tally/a", "get") == 0
        await engine.spawn("tally", 1_200)
        assert await engine.ask("tally/1199", "add", 1) == 1
    async with durable(tmp_path, way=way) as engine:
        assert await engine.ask("tally/1199", "get") == 1
        assert await engine.ask("tally/994", "get") == 994


async def test_callers_do_not_notice_that_workers_die_and_every_add_counts_once(tmp_path: Path, chance: Random) -> None:
    agents, rounds = 200, 60
    async with durable(tmp_path) as engine:
        await engine.spawn("tally", agents)

        async def caller(key: int) -> list[int]:
            return [await engine.ask(f"tally/{key}", "add", 1) for _ in range(rounds)]

        callers = [asyncio.ensure_future(caller(key)) for key in range(agents)]
        killer = Killer(engine, chance, 12)
        while not all(task.done() for task in callers):
            await asyncio.sleep(chance.uniform(0.005, 0.05))
            killer.strike()
        for task in callers:
            assert task.result() == list(range(1, rounds + 1))
        assert killer.kills > 0
        assert engine.tally.as_dict()["failed"] == 0
        assert {await engine.ask(f"tally/{key}", "get") for key in range(agents)} == {rounds}


async def test_a_map_goes_on_over_the_death_of_its_workers(tmp_path: Path, chance: Random) -> None:
    count = 40_000
    async with durable(tmp_path) as engine:
        await engine.spawn("tally", 500)
        tasks = ((f"tally/{number % 500}", "add", 1) for number in range(count))
        seen: set[int] = set()
        wait = chance.randrange(2_000, 8_000)
        killer = Killer(engine, chance, 20)
        async for result in engine.map(tasks):
            assert result.ok, result.error
            seen.add(result.id)
            if len(seen) % wait == 0 and len(seen) < count - 2_000:
                killer.strike()
        assert len(seen) == count
        assert killer.kills > 0
        assert sum([await engine.ask(f"tally/{key}", "get") for key in range(500)]) == count


async def test_a_task_that_kills_its_worker_each_time_fails_in_the_end_and_its_neighbours_do_not(tmp_path: Path) -> None:
    async with durable(tmp_path, workers=1, kinds=[Doer, Tally]) as engine:
        await engine.spawn("doer", 5)
        await engine.spawn("tally", 100)
        poison = engine.ask("doer/1", "do", "kill")
        adds = [engine.ask(f"tally/{key}", "add", 1) for key in range(100)]
        with pytest.raises(errors.TaskKilled, match=r"doer/1 do ended a process of its own: killed by signal 9"):
            await asyncio.wait_for(poison, 20)
        assert await asyncio.gather(*adds) == [1] * 100
        assert await engine.ask("doer/1", "do", "ok") == 1


async def test_a_task_that_kills_its_worker_fails_though_its_neighbours_wait_for_ever(tmp_path: Path) -> None:
    async with durable(tmp_path, workers=1, kinds=[Doer, Waiter]) as engine:
        await engine.spawn("doer", 2)
        await engine.spawn("waiter", 2)
        waits = [engine.ask(f"waiter/{key}", "forever") for key in range(2)]
        with pytest.raises(errors.TaskKilled):
            await asyncio.wait_for(engine.ask("doer/1", "do", "kill"), 20)
        assert not any(wait.done() for wait in waits)
        for wait in waits:
            wait.cancel()
        await engine.stop(grace_s=0)


@settings(max_examples=6, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(
    steps=st.lists(
        st.tuples(st.sampled_from(WAYS), st.booleans(), st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=30
    ),
    kills=st.sets(st.integers(0, 29), max_size=3),
)
def test_nested_state_changed_in_every_way_is_what_it_was_after_any_death(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, bool, int, int]], kills: set[int]
) -> None:
    async def run() -> None:
        folder = tmp_path_factory.mktemp("nested")
        told: dict[int, Any] = {}
        async with durable(folder, workers=1, kinds=[Scribe]) as engine:
            await engine.spawn("scribe", 10)
            for number, (what, fails, key, value) in enumerate(steps):
                if fails:
                    with pytest.raises(errors.TaskFailed):
                        await engine.ask(f"scribe/{key}", "spoil", what, value)
                else:
                    told[key] = await engine.ask(f"scribe/{key}", "change", what, value)
                if number in kills:
                    kill(engine, 0)
            for key, state in told.items():
                assert await engine.ask(f"scribe/{key}", "show") == state
        async with durable(folder, workers=1, kinds=[Scribe]) as engine:
            for key in range(10):
                state = await engine.ask(f"scribe/{key}", "show")
                assert state == told.get(key, ["new", 0.5, "", None, [], {}, []])

    asyncio.run(run())


async def test_an_async_task_is_kept_when_it_ends_and_run_again_when_it_did_not(tmp_path: Path) -> None:
    async with durable(tmp_path, workers=1, kinds=[Waiter]) as engine:
        await engine.spawn("waiter", 5)
        assert await engine.ask("waiter/1", "wait", 0.001) == 1
        late = engine.ask("waiter/2", "wait", 0.3)
        await asyncio.sleep(0.1)
        kill(engine, 0)
        assert await asyncio.wait_for(late, 20) == 1
        assert [await engine.ask(f"waiter/{key}", "seen") for key in (1, 2, 3)] == [1, 1, 0]


async def test_what_a_task_tells_arrives_after_its_own_change_is_on_the_disk(tmp_path: Path) -> None:
    async with durable(tmp_path) as engine:
        await engine.spawn("asker", 10)
        await engine.spawn("tally", 50)
        for key in range(50):
            await engine.ask("asker/1", "tell", f"tally/{key}", key)
        await until(lambda: engine.stats().messages["tells"] == 50)
        assert [await engine.ask(f"tally/{key}", "get") for key in range(50)] == list(range(50))
        await engine.ask("asker/2", "make", "tally", "made-by-an-agent")
        async with asyncio.timeout(10):
            while await engine.ask("tally/made-by-an-agent", "get") != 5:
                await asyncio.sleep(0.001)
        assert await engine.ask("asker/3", "ask", "tally/7", "add", [1]) == 8
    async with durable(tmp_path) as engine:
        assert [await engine.ask(f"tally/{key}", "get") for key in range(50)] == [8 if key == 7 else key for key in range(50)]
        assert await engine.ask("tally/made-by-an-agent", "get") == 5


async def test_state_that_sleeps_or_was_taken_back_to_its_first_values_is_not_mixed_up(tmp_path: Path) -> None:
    async with durable(tmp_path, workers=1) as engine:
        await engine.spawn("tally", 100)
        for key in range(100):
            await engine.ask(f"tally/{key}", "add", 5)
    async with durable(tmp_path, workers=1) as engine:
        for key in range(0, 100, 2):
            assert await engine.ask(f"tally/{key}", "add", -5) == 0
        await asyncio.gather(*engine.swarm.pools[0].requests("sleep"))
        assert [await engine.ask(f"tally/{key}", "get") for key in range(100)] == [0, 5] * 50
    async with durable(tmp_path, workers=1) as engine:
        assert [await engine.ask(f"tally/{key}", "get") for key in range(100)] == [0, 5] * 50


# -- classes that change -----------------------------------------------------------------------------------------------

CLASSES = {
    "first": "class Doc(Agent):\n    title: str = 'none'\n    pages: int = 0\n",
    "added": "class Doc(Agent):\n    title: str = 'none'\n    pages: int = 0\n    tags: list[str] = ['fresh']\n",
    "removed": "class Doc(Agent):\n    title: str = 'none'\n",
    "renamed": (
        "class Doc(Agent):\n    name: str = 'none'\n    pages: int = 0\n    @classmethod\n    def migrate(cls, state):\n"
        "        state['name'] = state.pop('title', state.get('name'))\n        return state\n"
    ),
    "typed": "class Doc(Agent):\n    title: int = 1\n    pages: int = 0\n",
}
METHODS = """
    def write(self, title: str, pages: int) -> None:
        self.title, self.pages = title, pages

    def show(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in type(self)._fields}
"""


def written(folder: Path, which: str) -> str:
    """The reference of a class, in a file that is written anew."""
    file = folder / "doc.py"
    file.write_text(f"from typing import Any\nfrom engine import Agent\n\n{CLASSES[which]}{METHODS}")
    return f"{file}:Doc"


async def reopened(folder: Path, which: str) -> Any:
    """What an agent of a changed class shows of what the first class wrote, or its error."""
    data = folder / "data"
    first = [written(folder, "first")]
    async with Engine(kinds=first, pools=[pool(1)], durability="sync", data=data) as engine:
        await engine.spawn("doc", 3)
        await engine.ask("doc/1", "write", "one", 11)
    written(folder, which)
    async with Engine(pools=[pool(1)], durability="sync", data=data) as engine:
        try:
            return await engine.ask("doc/1", "show")
        except errors.StateUnreadable as error:
            assert await engine.ask("doc/2", "show")
            return str(error)


async def test_a_field_that_was_added_has_its_first_value(tmp_path: Path) -> None:
    assert await reopened(tmp_path, "added") == {"title": "one", "pages": 11, "tags": ["fresh"]}


async def test_a_field_that_was_removed_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    said = await reopened(tmp_path, "removed")
    assert "doc/1 has kept pages, which Doc does not have" in said
    assert "migrate" in said


async def test_a_class_can_say_what_becomes_of_its_old_fields(tmp_path: Path) -> None:
    assert await reopened(tmp_path, "renamed") == {"name": "one", "pages": 11}


async def test_a_value_that_does_not_fit_its_field_any_more_is_an_error(tmp_path: Path) -> None:
    assert "doc/1: doc: title must be int" in await reopened(tmp_path, "typed")


# -- the folder --------------------------------------------------------------------------------------------------------


async def test_a_second_engine_on_the_same_folder_is_refused_and_told_whose_it_is(tmp_path: Path) -> None:
    async with durable(tmp_path) as engine:
        with pytest.raises(errors.StartFailed, match=rf"written by another process \(pid {os.getpid()}\)"):
            await Engine(kinds=[Tally], pools=[pool(2)], durability="sync", data=tmp_path).start()
        await engine.spawn("tally", 1)
        assert await engine.ask("tally/0", "add", 1) == 1


@pytest.mark.parametrize(
    ("pools", "said"),
    [
        ([pool(3)], "keeps the state of 2 workers"),
        ([replace(pool(2), name="q")], "state of pool p, which is not configured"),
    ],
)
async def test_pools_that_do_not_fit_what_is_kept_are_refused(tmp_path: Path, pools: list[PoolSpec], said: str) -> None:
    async with durable(tmp_path) as engine:
        await engine.spawn("tally", 1)
    with pytest.raises(errors.StartFailed, match=said):
        await Engine(kinds=[Tally], pools=pools, durability="sync", data=tmp_path).start()
    async with durable(tmp_path) as engine:
        assert engine.stats().agents["total"] == 1


async def test_a_folder_that_is_damaged_starts_nothing_and_names_the_place(tmp_path: Path) -> None:
    async with durable(tmp_path, workers=1) as engine:
        await engine.spawn("tally", 100)
        for _ in range(3):
            await asyncio.gather(*(engine.ask(f"tally/{key}", "add", 1) for key in range(100)))
    file = tmp_path / "p" / "0" / "00000001.log"
    data = bytearray(file.read_bytes())
    data[len(data) // 3] ^= 1
    file.write_bytes(data)
    with pytest.raises(errors.PoolError, match=r"00000001.log is damaged at byte \d+"):
        await Engine(kinds=[Tally], pools=[pool(1)], durability="sync", data=tmp_path).start()
    assert file.read_bytes() == data


def test_durability_needs_a_folder_and_a_known_word() -> None:
    with pytest.raises(ValueError, match="needs a folder"):
        Engine(durability="sync")
    with pytest.raises(ValueError, match="one of memory, os, sync"):
        Engine(durability="disk", data="/tmp/x")


# -- everything is killed ----------------------------------------------------------------------------------------------

HOLDER = """
import asyncio, sys
from engine import Engine
from pools.spec import PoolSpec
from tests.support.agents import Tally

async def main():
    async with Engine(kinds=[Tally], pools=[PoolSpec("p", workers=2)], durability=sys.argv[2], data=sys.argv[1]) as engine:
        await engine.spawn("tally", 200)
        print("ready", flush=True)

        async def caller(key):
            while True:
                total = await engine.ask(f"tally/{key}", "add", 1)
                print(key, total)

        await asyncio.gather(*(caller(key) for key in range(200)))

asyncio.run(main())
"""


@pytest.mark.parametrize("way", ["sync", "os"])
async def test_what_was_answered_before_everything_was_killed_is_there(tmp_path: Path, way: str, chance: Random) -> None:
    acknowledged: dict[int, int] = {}
    for _ in range(3):
        with subprocess.Popen(
            [sys.executable, "-u", "-c", HOLDER, str(tmp_path), way],
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        ) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            for _ in range(chance.randrange(500, 4_000)):
                key, total = process.stdout.readline().split()
                acknowledged[int(key)] = int(total)
            process.kill()
            for line in process.stdout.read().split("\n")[:-1]:  # what stands behind the last break is half a line
                key, total = line.split()
                acknowledged[int(key)] = int(total)
    async with durable(tmp_path, kinds=[Tally], way=way) as engine:
        for key, total in acknowledged.items():
            now = await engine.ask(f"tally/{key}", "get")
            assert total <= now <= total + 1


def test_what_is_kept_can_be_read_without_an_engine(tmp_path: Path) -> None:
    async def fill() -> None:
        async with durable(tmp_path, workers=1) as engine:
            await engine.spawn("tally", 10)
            await engine.spawn("book", 10)
            await engine.ask("tally/7", "add", 77)
            await engine.ask("book/2", "write", 5)

    asyncio.run(fill())
    store = open_store(str(tmp_path / "p" / "0"), chance=os.urandom)
    assert store.state("tally", 7) == {"total": 77}
    assert json.dumps(store.state("book", 2)) == '{"pages": [5], "index": {}, "notes": []}'
    assert store.state("tally", 8) is None
    store.close()


async def test_a_log_that_grows_is_folded_while_agents_work_and_nothing_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chance: Random
) -> None:
    monkeypatch.setattr("pools.compactor.SEALED_BYTES", 1)
    monkeypatch.setattr("pools.compactor.LOOK_S", 0.05)
    rounds, agents = 30, 20_000
    async with durable(tmp_path, workers=1, kinds=[Tally]) as engine:
        await engine.spawn("tally", 10_000)
        swarm = engine.swarm
        for number in range(rounds):
            async for batch in engine.map_batches((f"tally/{key % 10_000}", "add", key) for key in range(agents)):
                assert not batch.failures
            if number % 7 == 3:
                kill(engine, 0)
        compactor = swarm._compactor
        assert compactor is not None
        await until(lambda: compactor.count >= 2)
        assert [event.text for event in engine.events if event.name == "store.unfolded"] == []
    wanted = {key: rounds * (2 * key + 10_000) for key in range(10_000)}
    assert (tmp_path / "p" / "0" / "MANIFEST.before").exists()
    async with durable(tmp_path, workers=1, kinds=[Tally]) as engine:
        got = {}
        async for result in engine.map((f"tally/{key}", "get") for key in wanted):
            got[result.id] = result.value
        assert got == wanted


class Router(Agent):
    """Tells others, and itself later."""

    heard: int = 0

    def spread(self, addresses: list[str], ctx: Any) -> int:
        """Tell each of some tallies to add one."""
        for address in addresses:
            ctx.tell(address, "add", 1)
        self.heard += 1
        return self.heard

    def later(self, after_s: float, ctx: Any) -> None:
        """Have `hear` called after a while."""
        ctx.timer(after_s, "hear", 1)

    def hear(self, count: int) -> int:
        """Count."""
        self.heard += count
        return self.heard

    def get(self) -> int:
        """What was heard."""
        return self.heard


async def test_every_message_is_done_once_whatever_worker_dies_on_its_way(tmp_path: Path, chance: Random) -> None:
    routers, tallies, rounds = 40, 60, 12
    wanted = [0] * tallies
    async with durable(tmp_path, workers=3, kinds=[Router, Tally]) as engine:
        await engine.spawn("router", routers)
        await engine.spawn("tally", tallies)

        async def caller(key: int) -> None:
            for _ in range(rounds):
                keys = [chance.randrange(tallies) for _ in range(chance.randrange(1, 6))]
                for one in keys:
                    wanted[one] += 1
                await engine.ask(f"router/{key}", "spread", [f"tally/{one}" for one in keys])

        callers = [asyncio.ensure_future(caller(key)) for key in range(routers)]
        killer = Killer(engine, chance, 12)
        while not all(task.done() for task in callers):
            await asyncio.sleep(chance.uniform(0.002, 0.02))
            killer.strike()
        await asyncio.gather(*callers)
        assert killer.kills
        async with asyncio.timeout(20):
            while [await engine.ask(f"tally/{key}", "get") for key in range(tallies)] != wanted:
                await asyncio.sleep(0.02)
        await asyncio.sleep(0.3)
        assert [await engine.ask(f"tally/{key}", "get") for key in range(tallies)] == wanted
    async with durable(tmp_path, workers=3, kinds=[Router, Tally]) as engine:
        await asyncio.sleep(0.2)
        assert [await engine.ask(f"tally/{key}", "get") for key in range(tallies)] == wanted


async def test_messages_that_nobody_has_done_are_done_after_the_engine_starts_again(tmp_path: Path) -> None:
    async with durable(tmp_path, workers=2, kinds=[Router, Tally]) as engine:
        await engine.spawn("router", 4)
        await engine.spawn("tally", 200)
        for pid in [seat.pid for seat in engine.swarm.seats if seat.pid]:
            os.kill(pid, signal.SIGSTOP)
        spreading = [engine.ask(f"router/{key}", "spread", [f"tally/{one}" for one in range(200)]) for key in range(4)]
        await asyncio.sleep(0.01)
        for worker, seat in enumerate(engine.swarm.seats):
            if seat.pid:
                os.kill(seat.pid, signal.SIGCONT)
            if worker:
                kill(engine, worker)
        assert await asyncio.gather(*spreading) == [1] * 4
        await engine.stop(grace_s=0)
    async with durable(tmp_path, workers=2, kinds=[Router, Tally]) as engine:
        async with asyncio.timeout(20):
            while [await engine.ask(f"tally/{key}", "get") for key in range(200)] != [4] * 200:
                await asyncio.sleep(0.02)


async def test_a_timer_is_kept_and_runs_once_after_the_death_of_its_worker(tmp_path: Path) -> None:
    async with durable(tmp_path, workers=1, kinds=[Router]) as engine:
        await engine.spawn("router", 3)
        await engine.ask("router/0", "later", 0.2)
        await engine.ask("router/1", "later", 30)
        kill(engine, 0)
        async with asyncio.timeout(10):
            while await engine.ask("router/0", "get") != 1:
                await asyncio.sleep(0.02)
        assert await engine.ask("router/1", "get") == 0
        await engine.ask("router/2", "later", 0.3)
    async with durable(tmp_path, workers=1, kinds=[Router]) as engine:
        async with asyncio.timeout(10):
            while await engine.ask("router/2", "get") != 1:
                await asyncio.sleep(0.02)
        assert [await engine.ask(f"router/{key}", "get") for key in range(3)] == [1, 0, 1]
