"""What an engine showed at an instant is what is found of it later: while it runs, after it was killed, and while none runs."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from engine.client import Client
from engine.engine import Engine
from engine.errors import NotRecorded
from engine.rewind.ring import Ring
from pools.spec import PoolSpec
from tests.support.agents import Doer
from tests.support.commands import Commands, commands
from tests.support.mounts import fill, mounted

#: How many instants are looked at, and the seconds from one to the next.
INSTANTS, STEP_S = 100, 0.11


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Commands]:
    with commands(tmp_path) as made:
        yield made


def packed(document: Any) -> bytes:
    return orjson.dumps(document, option=orjson.OPT_SORT_KEYS)


def name_of(document: dict[str, Any]) -> str:
    """Which document it is: `engine.stats/v1`, `engine.overview/v1`."""
    return str(document["schema"]).removeprefix("engine.").partition("/")[0]


async def busy(client: Client, is_over: asyncio.Event) -> None:
    """Have the workers work, and an agent fail now and then."""
    turn = 0
    while not is_over.is_set():
        turn += 1
        tasks = [(f"counter/{at % 400}", "add", turn) for at in range(500)]
        if turn % 3 == 0:
            tasks.append((f"counter/{turn % 400}", "add", "no number"))
        async for _ in client.map(tasks):
            pass


async def watched(environ: dict[str, str]) -> list[dict[str, Any]]:
    """What was shown at a hundred instants while tasks ran, as the watcher was told it: `stats` and the overview in turn."""
    shown = []
    async with Client(environ=environ) as worker, Client(environ=environ) as watcher:
        is_over = asyncio.Event()
        load = asyncio.create_task(busy(worker, is_over))
        for turn in range(INSTANTS):
            await asyncio.sleep(STEP_S)
            shown.append(await (watcher.overview() if turn % 2 else watcher.stats()))
        is_over.set()
        await load
    return shown


@pytest.mark.timeout(180)
def test_the_state_shown_at_a_past_instant_equals_what_was_shown_live_then(engine: Commands) -> None:
    assert engine("spawn", "--count", "400").returncode == 0
    shown = asyncio.run(watched(engine.environ))
    done = [one["tasks"]["done" if "pid" in one else "complete"] for one in shown]
    assert len(set(done)) > INSTANTS / 2  # it moved
    assert shown[-1]["tasks"]["failed"] > 0

    async def compared() -> None:
        async with Client(environ=engine.environ) as client:
            for one in shown:
                found = await client.at(one["time_s"])
                assert found["time_s"] == one["time_s"]
                assert packed(found[name_of(one)]) == packed(one)
                assert found["stats"]["time_s"] == found["overview"]["time_s"] == one["time_s"]
            past = await client.past(shown[0]["time_s"], shown[-1]["time_s"], limit=10_000)
            assert {one["time_s"] for one in shown} <= set(past["instants"])
            assert len(past["ranges"]) == 1

    asyncio.run(compared())
    for one in shown[:: INSTANTS // 5 - 1]:
        words = ["--overview"] if name_of(one) == "overview" else []
        assert engine.document("stats", "--at", str(one["time_s"]), *words) == one
    os.kill(shown[0]["pid"], signal.SIGKILL)
    assert engine.document("stats", "--at", str(shown[50]["time_s"])) == shown[50]
    ring = Ring(engine.home / "state" / "engine" / "rewind")
    ring.load()
    assert ring.damage == []
    for one in shown:
        assert packed(ring.at(one["time_s"]).document[name_of(one)]) == packed(one)


@pytest.mark.timeout(120)
def test_an_engine_that_was_killed_leaves_a_gap_and_goes_on_with_what_it_had(engine: Commands) -> None:
    assert engine("spawn", "--count", "10").returncode == 0
    before = engine.document("stats")
    time.sleep(1.2)
    os.kill(before["pid"], signal.SIGKILL)
    killed_s = time.time()
    time.sleep(7.5)
    assert engine("start").returncode == 0
    after = engine.document("stats")
    assert engine.document("stats", "--at", str(before["time_s"])) == before
    assert engine.document("stats", "--at", str(after["time_s"])) == after
    between = engine("stats", "--at", str(killed_s + 6))
    assert (between.returncode, between.stdout) == (2, "")
    assert "nothing was recorded at" in between.stderr
    assert "the last before is --at" in between.stderr

    async def asked() -> Any:
        async with Client(environ=engine.environ) as client:
            return await client.past(), await client.at(killed_s + 6)

    past, found = asyncio.run(asked())
    assert len(past["ranges"]) == 2
    assert past["ranges"][0]["last_s"] < killed_s < past["ranges"][1]["first_s"]
    assert found["gap"] == [past["ranges"][0]["last_s"], past["ranges"][1]["first_s"]]
    assert engine("stop").returncode == 0
    last = engine("stats", "--at", str(after["time_s"]))
    assert last.returncode == 0
    assert last.stdout.startswith("as recorded at 20")


def test_an_instant_that_cannot_be_shown_is_told_with_the_mend(engine: Commands) -> None:
    assert engine("stats", "--at", "now").returncode == 3
    assert engine("spawn", "--count", "1", "--name", "engine").returncode == 0
    engine.document("stats")
    for words, said in (
        (("--at", "soon"), "'soon' is no instant; give one such as '10 minutes ago'"),
        (("--at", "2099-01-01"), "is in the future"),
        (("--at", "10 minutes ago"), "the oldest is --at 20"),
        (("--at", "now", "--watch", "1"), "give --at or --watch"),
    ):
        done = engine("stats", *words)
        assert (done.returncode, done.stdout) == (2, ""), done.stderr
        assert said in done.stderr
    for when in ("now", "-0s", "0 seconds ago"):
        assert engine.document("stats", "--at", when)["schema"] == "engine.stats/v1"


@pytest.mark.timeout(120)
def test_on_a_full_disk_recording_stops_and_is_said_and_the_engine_works(engine: Commands) -> None:
    with mounted(engine.folder, "tmpfs", 2) as mount:
        rewind = engine.home / "state" / "engine" / "rewind"
        rewind.parent.mkdir(parents=True, mode=0o700)
        for folder in (engine.home / "state", rewind.parent):
            folder.chmod(0o700)
        rewind.symlink_to(mount)
        assert engine("spawn", "--count", "10").returncode == 0
        engine.document("stats")
        filling = fill(mount)
        deadline_s = time.monotonic() + 30
        while (found := engine.document("stats")["rewind"])["state"] != "stopped":
            assert time.monotonic() < deadline_s
            time.sleep(0.2)
        assert found["reason"] == "No space left on device"
        assert engine("ask", "counter/1", "add", "2").stdout.strip() == "2"
        assert "nothing is recorded: No space left on device" in engine("events").stdout
        filling.unlink()
        while engine.document("stats")["rewind"]["state"] != "recording":
            assert time.monotonic() < deadline_s
            time.sleep(0.5)
        newest = engine.document("stats")
        time.sleep(0.1)
        assert engine.document("stats", "--at", str(newest["time_s"])) == newest
        assert engine("stop").returncode == 0


async def test_an_engine_of_ones_own_records_where_it_is_asked_to_and_else_nothing(tmp_path: Path) -> None:
    async with Engine(kinds=[Doer], pools=[PoolSpec("p1", workers=1)]) as silent:
        with pytest.raises(NotRecorded, match="rewind='folder'"):
            await silent.past()
    async with Engine(kinds=[Doer], pools=[PoolSpec("p1", workers=1)], rewind=tmp_path / "rewind") as own:
        await own.spawn("doer", 3)
        async with asyncio.timeout(20):
            while (await own.past())["count"] < 3:
                await asyncio.sleep(0.05)
        past = await own.past(limit=10)
        for time_s in past["instants"]:
            found = await own.at(time_s)
            assert found["stats"]["time_s"] == found["time_s"] == time_s
            assert found["stats"]["agents"]["total"] in (0, 3)
    ring = Ring(tmp_path / "rewind")
    ring.load()
    assert ring.past()["count"] > 3  # the last one at its end
    assert ring.at(time.time()).document["stats"]["agents"]["total"] == 3
