"""What an agent tells waits where there is no room, however often somebody dies; an agent that it makes is there afterwards."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from random import Random

import pytest

from engine import errors
from engine.client import Client
from engine.engine import Engine
from pools.agent import Agent
from pools.context import Context
from pools.log import Log
from pools.spec import OUTBOX_MESSAGES
from tests.support.agents import Tally
from tests.support.commands import Commands, commands
from tests.support.processes import pool, until

POOLS = "agents: 10000\ndurability: sync\npools:\n  p1: {agents: 5000}\n  p2: {agents: 5000}\n"
MAILBOX = 3


class Gate(Agent):
    """Notes what it hears, one after the other, and only while a file is there."""

    heard: Log[int]

    async def hear(self, path: str, number: int) -> None:
        """Wait until the file is there, then note the number."""
        while not Path(path).exists():
            await asyncio.sleep(0.01)
        self.heard.append(number)

    def get(self) -> list[int]:
        """What was heard."""
        return list(self.heard)


class Teller(Agent):
    """Tells a gate."""

    told: int = 0

    def tell(self, address: str, path: str, count: int, ctx: Context) -> int:
        """Send so many more numbers."""
        for number in range(count):
            ctx.tell(address, "hear", path, self.told + number)
        self.told += count
        return self.told

    def make(self, keys: list[str], ctx: Context) -> int:
        """Make tallies, and tell each something."""
        for key in keys:
            ctx.spawn("tally", key)
            ctx.tell(f"tally/{key}", "add", 5)
        self.told += len(keys)
        return self.told


def durable(folder: Path, workers: int = 2, mailbox: int = MAILBOX) -> Engine:
    """An engine with small mailboxes, whose state is in a folder."""
    pools = [pool(workers, mailbox=mailbox)]
    return Engine(kinds=[Gate, Teller, Tally], pools=pools, durability="sync", data=folder / "data", seed=1)


def kill(engine: Engine, worker: int) -> None:
    """Kill a worker's process, if it has one."""
    pid = engine.swarm.seats[worker].pid
    if pid is not None:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


async def heard(engine: Engine, key: int) -> list[int]:
    """What a gate has heard, once it has room for the question."""
    while True:
        try:
            return list(await engine.ask(f"gate/{key}", "get"))
        except errors.MailboxFull as full:
            await asyncio.sleep(full.retry_after_s or 0)


@pytest.mark.parametrize("is_killed", [False, True])
async def test_a_full_mailbox_holds_messages_in_the_outbox_and_none_is_lost_or_doubled(
    tmp_path: Path, chance: Random, *, is_killed: bool
) -> None:
    path, gates, tellers, each = tmp_path / "open", 3, 2, 40
    async with durable(tmp_path) as engine:
        await engine.spawn("gate", gates)
        await engine.spawn("teller", tellers)
        for gate in range(gates):
            for teller in range(tellers):
                await engine.ask(f"teller/{teller}", "tell", f"gate/{gate}", str(path), each)
        await asyncio.sleep(0.5)
        if is_killed:
            for worker in range(2):
                kill(engine, worker)
            await until(lambda: all(seat.state == "running" and seat.restarts for seat in engine.swarm.seats))
            await asyncio.sleep(0.3)
        path.touch()
        async with asyncio.timeout(60):
            kills = 0
            while sum([len(await heard(engine, gate)) for gate in range(gates)]) < gates * tellers * each:
                await asyncio.sleep(chance.uniform(0.05, 0.2))
                if is_killed and kills < 4:
                    kill(engine, chance.randrange(2))
                    kills += 1
        await asyncio.sleep(0.3)
        for gate in range(gates):
            wanted = sorted([*range(gate * each, (gate + 1) * each)] * tellers)
            assert sorted(await heard(engine, gate)) == wanted
    async with durable(tmp_path) as engine:
        await asyncio.sleep(0.3)
        assert sum([len(await heard(engine, gate)) for gate in range(gates)]) == gates * tellers * each


async def test_messages_of_one_sender_that_wait_arrive_in_the_order_of_sending(tmp_path: Path) -> None:
    path = tmp_path / "open"
    async with durable(tmp_path) as engine:
        await engine.spawn("gate", 4)
        await engine.spawn("teller", 1)
        for gate in range(4):
            await engine.ask("teller/0", "tell", f"gate/{gate}", str(path), 60)
        await asyncio.sleep(0.4)
        path.touch()
        async with asyncio.timeout(60):
            for gate in range(4):
                while len(await heard(engine, gate)) < 60:
                    await asyncio.sleep(0.05)
        assert [await heard(engine, gate) for gate in range(4)] == [[*range(60 * gate, 60 * gate + 60)] for gate in range(4)]


async def test_a_task_that_overfills_its_agents_outbox_fails_and_has_changed_nothing(tmp_path: Path) -> None:
    path = tmp_path / "open"
    async with durable(tmp_path, workers=1, mailbox=1_000) as engine:
        await engine.spawn("gate", 2)
        await engine.spawn("teller", 2)
        most = OUTBOX_MESSAGES - 100
        assert await engine.ask("teller/0", "tell", "gate/0", str(path), most) == most
        with pytest.raises(errors.OutboxFull, match="10,000 messages") as caught:
            await engine.ask("teller/0", "tell", "gate/0", str(path), 200)
        assert caught.value.retry_after_s == 1.0
        assert await engine.ask("teller/1", "tell", "gate/1", str(path), 200) == 200
        assert await engine.ask("teller/0", "tell", "gate/0", str(path), 50) == most + 50
        kill(engine, 0)
        await until(lambda: engine.swarm.seats[0].state == "running" and engine.swarm.seats[0].restarts == 1)
        with pytest.raises(errors.OutboxFull):
            await engine.ask("teller/0", "tell", "gate/0", str(path), 200)
        path.touch()
        async with asyncio.timeout(60):
            while len(await heard(engine, 0)) < most + 50:
                await asyncio.sleep(0.1)
        assert await engine.ask("teller/0", "tell", "gate/0", str(path), 200) == most + 250
        async with asyncio.timeout(60):
            while await heard(engine, 0) != [*range(most + 250)]:
                await asyncio.sleep(0.1)


# -- agents that are made ----------------------------------------------------------------------------------------------


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Commands]:
    """The command line, whose engine keeps its state on the disk; one with 4 tellers and a tally runs."""
    with commands(tmp_path) as made:
        (tmp_path / "pools.yaml").write_text(POOLS)
        for kind, count in (("test_engine_outbox:Teller", 4), ("test_engine_outbox:Tally", 1)):
            done = made("spawn", "--use", f"tests.process.{kind}", "--count", str(count))
            assert done.returncode == 0, done.stderr
        yield made


async def test_an_agent_that_was_made_is_there_after_the_engine_was_killed_at_once(engine: Commands) -> None:
    for round_number in range(4):
        async with Client(environ=engine.environ, patience_s=0) as client:
            pid = (await client.stats())["pid"]
            asks = [
                client.ask(f"teller/{key}", "make", [f"t{round_number}-{key}-{one}" for one in range(5)]) for key in range(4)
            ]
            await asks[0]
            os.kill(pid, signal.SIGKILL)
            done = await asyncio.gather(*asks, return_exceptions=True)
        while (await asyncio.to_thread(engine, "start")).returncode:
            await asyncio.sleep(0.05)
        async with Client(environ=engine.environ) as client:
            for key, answer in enumerate(done):
                if isinstance(answer, BaseException):
                    continue
                for one in range(5):
                    await _has_five(client, f"tally/t{round_number}-{key}-{one}")


async def _has_five(client: Client, address: str) -> None:
    """Wait until an agent is there, and has heard what it was told; once."""
    async with asyncio.timeout(20):
        while True:
            with suppress(errors.UnknownAgent):
                total = await client.ask(address, "get")
                assert total in (0, 5)
                if total == 5:
                    return
            await asyncio.sleep(0.02)
