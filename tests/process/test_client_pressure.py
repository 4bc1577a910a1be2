"""Over the socket the time of a task and the pace of its sender count as they do in process."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine import Client, errors
from tests.support.commands import Commands, commands

POOLS = """\
durability: {durability}
pools:
  p1: {{agents: 1000}}
kinds:
  pausing: {folder}/pausing.py:Pausing
limits:
  kinds:
    pausing: {{concurrency: 5}}
    counter: {{rate: 100/s, burst: 10}}
"""
PAUSING = """
import asyncio

from pools.agent import Agent


class Pausing(Agent):
    seen: int = 0

    async def pause(self, seconds: float) -> int:
        self.seen += 1
        await asyncio.sleep(seconds)
        return self.seen

    def count(self) -> int:
        return self.seen
"""


@pytest.fixture(params=["memory", "sync"])
def engine(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Commands]:
    with commands(tmp_path) as made:
        (tmp_path / "pausing.py").write_text(PAUSING)
        (tmp_path / "pools.yaml").write_text(POOLS.format(durability=request.param, folder=tmp_path))
        assert made("spawn", "--kind", "pausing=200,counter=10").returncode == 0
        yield made


async def flooded(client: Client) -> list[asyncio.Future[Any]]:
    """Have 600 tasks sent, of which 250 a second can be done, until it is known how fast they leave."""
    flood = [client.ask(f"pausing/{at % 150}", "pause", 0.02) for at in range(600)]
    await asyncio.sleep(0.4)
    return flood


@pytest.mark.timeout(120)
async def test_an_ask_that_would_be_late_is_refused_at_once_and_not_run(engine: Commands) -> None:
    async with Client(environ=engine.environ) as client, Client(environ=engine.environ) as other:
        flood = await flooded(client)
        began_s = time.monotonic()
        late = [other.ask(f"pausing/{at}", "pause", 0.0, timeout_s=0.5) for at in range(150, 170)]
        ends = await asyncio.gather(*late, return_exceptions=True)
        assert {type(end) for end in ends} == {errors.Overloaded}
        assert all(end.retry_after_s for end in ends if isinstance(end, errors.Overloaded))
        assert time.monotonic() - began_s < 0.4, "nobody waited until his time was over"
        stats = await other.stats()
        assert stats["pressure"]["shed"]["deadline"] == 20
        results = await asyncio.gather(*flood)
        assert len(results) == 600
        assert {await other.ask(f"pausing/{at}", "count") for at in range(150, 170)} == {0}


@pytest.mark.timeout(120)
async def test_lines_of_a_run_expire_or_are_refused_in_time_and_are_not_run(engine: Commands) -> None:
    async with Client(environ=engine.environ) as client:
        flood = await flooded(client)
        limits = {"deadline_s": 0.3}, {"timeout_s": 0.3}
        lines = [{"agent": f"pausing/{at}", "method": "pause", "args": [0.0], **limits[at % 2]} for at in range(150, 190)] + [
            {"agent": "pausing/190", "method": "pause", "args": [0.0], "deadline_s": 30}
        ]
        text = "".join(f"{json.dumps(line)}\n" for line in lines)
        done = await asyncio.to_thread(engine, "run", "-", "-o", "ndjson", stdin=text)
        said = [json.loads(line) for line in done.stdout.splitlines()]
        ends = Counter(one["error"]["type"] if one.get("error") else "ok" for one in said if "id" in one)
        assert ends["ok"] == 1, done.stdout
        assert ends["Overloaded"] + ends["TaskExpired"] == 40
        await asyncio.gather(*flood)
        assert {await client.ask(f"pausing/{at}", "count") for at in range(150, 190)} == {0}
        tasks = (await client.stats())["tasks"]
        assert tasks["accepted"] == sum(tasks[name] for name in ("done", "failed", "cancelled", "expired", "open"))


@pytest.mark.timeout(120)
async def test_what_may_take_its_time_does_and_what_comes_in_time_is_done(engine: Commands) -> None:
    async with Client(environ=engine.environ) as client:
        ends = await asyncio.gather(*(client.ask("pausing", "pause", 0.0, timeout_s=20.0) for _ in range(50)))
        assert len(ends) == 50
        with pytest.raises(errors.TaskExpired):
            await client.ask("pausing/0", "pause", 5.0, timeout_s=0.2)
        assert await client.ask("pausing/0", "pause", 0.0, timeout_s=5) >= 1


@pytest.mark.timeout(120)
async def test_past_a_rate_an_ask_is_refused_and_a_run_waits(engine: Commands) -> None:
    async with Client(environ=engine.environ) as client:
        asked = await asyncio.gather(*(client.ask("counter/1", "get") for _ in range(40)), return_exceptions=True)
        limited = [end for end in asked if isinstance(end, errors.RateLimited)]
        assert len(limited) >= 20
        assert all(end.retry_after_s for end in limited)
        began_s = time.monotonic()
        results = [result.ok async for result in client.map(("counter/2", "get") for _ in range(60))]
        assert sum(results) == 60
        assert time.monotonic() - began_s > 0.3
