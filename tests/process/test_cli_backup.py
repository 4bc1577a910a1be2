"""A backup that is made while the engine works is one moment of it; a damaged one is never restored."""

from __future__ import annotations

import asyncio
import io
import os
import shutil
import stat
import tarfile
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from engine.backup.copying import copy
from engine.backup.inventory import Entry, Inventory
from engine.backup.restoring import restore
from engine.client import Client
from engine.engine import Engine
from engine.errors import BackupDamaged, Unavailable
from tests.support.agents import Payer, Tally
from tests.support.commands import Commands, commands
from tests.support.processes import pool

POOLS = "agents: 10000\ndurability: sync\npools:\n  p1: {agents: 5000}\n  p2: {agents: 5000}\n"


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Commands]:
    """The command line, whose engines keep their state on the disk; one with 100 counters runs."""
    with commands(tmp_path) as made:
        (tmp_path / "pools.yaml").write_text(POOLS)
        assert made("spawn", "--count", "100").returncode == 0
        yield made


@pytest.mark.parametrize("name", ["copy", "copy.tar"])
async def test_what_was_acknowledged_before_a_backup_began_is_in_it(engine: Commands, name: str) -> None:
    done = dict.fromkeys(range(100), 0)
    is_over = False

    async def add(client: Client, key: int) -> None:
        while not is_over:
            done[key] = await client.ask(f"counter/{key}", "add", 1)

    async with Client(environ=engine.environ) as client:
        adding = [asyncio.ensure_future(add(client, key)) for key in range(100)]
        await asyncio.sleep(0.2)
        before = dict(done)
        made = await asyncio.to_thread(engine, "backup", name)
        assert made.returncode == 0, made.stderr
        after = dict(done)
        is_over = True
        await asyncio.gather(*adding)
    assert all(before.values())
    assert after != before
    restored = engine("--name", "other", "restore", name)
    assert restored.returncode == 0, restored.stderr
    assert engine("--name", "other", "checkpoints", "verify").returncode == 0
    assert engine("--name", "other", "start").returncode == 0
    async with Client("other", engine.environ) as client:
        found = {key: await client.ask(f"counter/{key}", "get") for key in range(100)}
        assert all(before[key] <= found[key] <= after[key] + 1 for key in range(100)), (before, found, after)
        assert await client.ask("counter/1", "add", 1) == found[1] + 1
    async with Client(environ=engine.environ) as client:  # the original goes on by itself
        assert await client.ask("counter/1", "get") == done[1]


async def test_the_stores_of_a_backup_are_of_one_moment(tmp_path: Path, chance: Random) -> None:
    """What was sent has arrived, or is on its way; and nothing has arrived that was not sent."""
    loop = asyncio.get_running_loop()
    facts = {"kinds": (Payer, Tally), "pools": [pool(2)], "durability": "sync", "seed": 1}
    paying = True
    async with Engine(data=tmp_path / "data", **facts) as engine:
        await engine.spawn("payer", 40)
        await engine.spawn("tally", 40)

        async def pay(key: int) -> None:
            while paying:
                await engine.ask(f"payer/{key}", "pay", f"tally/{chance.randrange(40)}")

        tasks = [asyncio.ensure_future(pay(key)) for key in range(40)]
        for number in range(4):
            await asyncio.sleep(0.1)
            place = tmp_path / f"copy-{number}"

            def cut() -> dict[str, list[int]]:
                return asyncio.run_coroutine_threadsafe(engine.cut(), loop).result(30)

            await asyncio.to_thread(copy, tmp_path / "data", place, name="x", cut=cut)
        paying = False
        await asyncio.gather(*tasks)
    for number in range(4):
        data = tmp_path / f"data-{number}"
        restore(tmp_path / f"copy-{number}", data)
        async with Engine(data=data, **facts) as engine:
            paid = sum([await engine.ask(f"payer/{key}", "seen") for key in range(40)])
            assert paid
            got = -1
            for _ in range(200):
                before, got = got, sum([await engine.ask(f"tally/{key}", "get") for key in range(40)])
                assert got <= paid
                if got == paid and before == got:
                    break
                await asyncio.sleep(0.02)
            assert got == paid, number


def test_a_backup_of_a_stopped_engine_is_the_same(engine: Commands) -> None:
    assert engine("ask", "counter/7", "add", "7").stdout == "7\n"
    engine("stop")
    document = engine.document("backup", "copy")
    assert (document["schema"], document["was_running"]) == ("engine.backup.made/v1", False)
    places = [engine.folder / "copy", *(engine.folder / "copy").rglob("*")]
    assert all(stat.S_IMODE(place.stat().st_mode) == (0o700 if place.is_dir() else 0o600) for place in places)
    assert engine("backup", "copy").returncode == 2
    restored = engine.document("restore", "copy", "--force")
    assert restored["schema"] == "engine.restore/v1"
    assert Path(restored["aside"]).is_dir()
    data = Path(restored["data"])
    assert all(stat.S_IMODE(place.stat().st_mode) == (0o700 if place.is_dir() else 0o600) for place in [data, *data.rglob("*")])
    assert engine("start").returncode == 0
    assert engine("ask", "counter/7", "get").stdout == "7\n"


def test_a_flipped_byte_anywhere_is_found_and_its_file_is_named(engine: Commands, chance: Random) -> None:
    assert engine("ask", "counter/7", "add", "7").stdout == "7\n"
    assert engine("backup", "copy").returncode == 0
    data = engine.home / "state/other/data"
    for place in sorted((engine.folder / "copy").rglob("*")):
        if not place.is_file():
            continue
        whole = place.read_bytes()
        at = chance.randrange(len(whole) - 1)  # the last byte of the list is white space
        damaged = bytearray(whole)
        damaged[at] ^= 1 << chance.randrange(7)
        place.write_bytes(damaged)
        refused = engine("--name", "other", "restore", "copy", "--json")
        if place.name != "BACKUP.json" or refused.returncode:  # a blank of the list may be another blank
            assert refused.returncode == 4, (place, at)
            assert str(place.relative_to(engine.folder / "copy")) in refused.stderr or place.name == "BACKUP.json"
            assert not data.exists()
        else:
            shutil.rmtree(data)
        place.write_bytes(whole)
    (engine.folder / "copy/p1/0/MARK").unlink()
    refused = engine("--name", "other", "restore", "copy")
    assert refused.returncode == 4
    assert "p1/0/MARK is missing" in refused.stderr
    assert not data.exists()


def test_what_would_be_written_elsewhere_is_refused(tmp_path: Path) -> None:
    for name in ("../escaped", "/tmp/escaped-from-a-backup", "p1/0/../../../escaped"):
        listed = Inventory("x", "1", 1.0, [Entry("p1/0/MANIFEST", 1, "ab")])
        with tarfile.open(tmp_path / "x.tar", "w") as tar:
            for member, data in ((name, b"x"), ("BACKUP.json", listed.packed())):
                info = tarfile.TarInfo(member)
                info.size = len(data)
                tar.addfile(info, io.BytesIO(data))
        with pytest.raises(BackupDamaged, match="no file of a store"):
            restore(tmp_path / "x.tar", tmp_path / "deep/er/data")
        assert not list(tmp_path.rglob("*escaped*"))
        assert not Path("/tmp/escaped-from-a-backup").exists()
        assert not (tmp_path / "deep/er/data").exists()
        assert not list((tmp_path / "deep/er").iterdir())


def test_a_running_engine_and_a_full_folder_are_not_written_over(engine: Commands) -> None:
    assert engine("backup", "copy").returncode == 0
    for words in (("restore", "copy"), ("restore", "copy", "--force")):
        refused = engine(*words)
        assert refused.returncode == 2
        assert "runs already" in refused.stderr
    engine("stop")
    refused = engine("restore", "copy")
    assert refused.returncode == 2
    assert "--force" in refused.stderr
    assert engine("restore", "nowhere").returncode == 2
    assert engine("backup", "nowhere/copy").returncode == 2


def test_a_file_of_the_original_is_refused_by_the_copy(engine: Commands) -> None:
    assert engine("ask", "counter/7", "add", "7").stdout == "7\n"
    assert engine("backup", "copy").returncode == 0
    assert engine("--name", "other", "restore", "copy").returncode == 0
    for name in ("engine", "other"):  # the same numbers in both
        engine("--name", name, "stop")
        assert engine("--name", name, "start").returncode == 0
        assert engine("--name", name, "ask", "counter/7", "add", "1").stdout == "8\n"
        engine("--name", name, "stop")
    theirs, ours = engine.home / "state/engine/data/p1/0", engine.home / "state/other/data/p1/0"
    shared = max({file.name for file in theirs.glob("*.log")} & {file.name for file in ours.glob("*.log")})
    shutil.copy(theirs / shared, ours / shared)
    refused = engine("--name", "other", "start")
    assert refused.returncode == 4
    assert "it belongs to another store" in refused.stderr


async def test_with_state_in_memory_there_is_nothing_to_copy(tmp_path: Path) -> None:
    async with Engine(kinds=[Tally], pools=[pool(1)]) as engine:
        with pytest.raises(Unavailable, match="in memory only"):
            await engine.cut()
    with commands(tmp_path) as made:
        (tmp_path / "pools.yaml").write_text(POOLS.replace("sync", "memory"))
        assert made("spawn", "--count", "10").returncode == 0
        assert made("backup", "copy").returncode == 2
        assert "copy" not in os.listdir(tmp_path)
