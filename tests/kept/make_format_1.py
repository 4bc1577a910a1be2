"""Makes `format_1/data` and `format_1/store`, which every later version must be able to open, and what they hold.

    PYTHONPATH=. python tests/kept/make_format_1.py FOLDER

It was run once, by the version that first wrote entries of tables. It is kept to tell how the bytes came to be: what it makes
today is another directory with the same contents. `data` is that of an engine with two workers of three shards in all,
which was closed once, folded into snapshots once, and at last killed with messages open. `store` is made by hand and has every
part of a log. What the first holds stands in `expected.json`, as the agents said it before the engine was killed.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from random import Random

from checkpoints.frame import Part
from checkpoints.store import changes_part, gone_part, open_store, states_part
from checkpoints.window import answers_part, done_part, marks_part, told_part
from engine import Engine, PoolSpec

#: The pool of `data`.
POOL = PoolSpec("p", agents=1_000, workers=2, shards=3, sleep_after_s=None)
CLASSES = ["annals:Annal", "annals:Post", "pools.counter:Counter", "engine.kinds.memory:Memory", "engine.kinds.topic:Topic"]
ANNALS = ["a", "b", "c-d", "e.f", "long:name@host"]
#: Seconds of the longest timer and TTL: 366 days.
LONG_S = 366 * 86_400.0
SESSION = b"\x01session"


def opened(data: Path, classes: Path) -> Engine:
    """The engine over a data directory. Classes are found by PYTHONPATH, so that no path of a machine is kept."""
    environ = {**os.environ, "PYTHONPATH": f"{classes}{os.pathsep}{os.environ['PYTHONPATH']}"}
    return Engine(kinds=CLASSES, pools=[POOL], durability="sync", data=data, environ=environ, seed=1)


async def first_life(data: Path, classes: Path) -> None:
    """Agents of every kind, by range and by name; closed as it should be."""
    async with opened(data, classes) as engine:
        await engine.spawn("counter", 40)
        await engine.spawn("annal", keys=ANNALS)
        await engine.spawn("post", keys=["a", "busy", "clock"])
        for number in range(40):
            await engine.ask(f"counter/{number}", "add", number * 1_000_003)
        for number in range(1, 6):
            for key in ANNALS[:4]:
                await engine.ask(f"annal/{key}", "write", number)
            await engine.ask("memory/plans", "set", f"n{number}", {"number": number})
            await engine.ask("topic/news", "publish", f"news {number}", f"annal/{number}")


async def second_life(data: Path, classes: Path) -> None:
    """More of it; a worker is killed, then messages are left open. Says what there is, and waits to be killed."""
    async with opened(data, classes) as engine:
        await engine.spawn("counter", 60)
        await engine.ask("counter/59", "add", -5)
        await engine.ask("counter/3", "add", 1)
        for number in (6, 7):
            await engine.ask("annal/a", "write", number)
        os.kill(engine.swarm.seats[0].pid or 0, signal.SIGKILL)
        await engine.ask("annal/long:name@host", "write", 9)
        await engine.ask("annal/b", "write", 8)
        await engine.ask("post/a", "make", "made")
        await engine.ask("memory/plans", "delete", "n2")
        await engine.ask("memory/plans", "set", "n3", ["changed"])
        await engine.ask("memory/plans", "set", "long", "expires", LONG_S)
        await engine.ask("memory/other", "set", "n1", None)
        await engine.ask("topic/news", "subscribe", "post/a", "hear")
        await engine.ask("topic/news", "publish", {"last": True})
        while [len((await engine.ask(f"post/{key}", "show"))["heard"]) for key in ("a", "made")] != [1, 1]:
            await asyncio.sleep(0.01)
        await asyncio.sleep(1.5)  # a frame confirms the last commit
        holding = engine.ask("post/busy", "hold")
        await engine.ask("post/a", "send", "post/busy", "still open")
        await engine.ask("post/clock", "later", LONG_S, "in a year")
        addresses = [f"counter/{number}" for number in range(60)]
        counters = {address: {"total": await engine.ask(address, "get")} for address in addresses}
        others = [f"annal/{key}" for key in ANNALS] + [f"post/{key}" for key in ("a", "made")]
        shown = {address: await engine.ask(address, "show") for address in others}
        entries = {name: await engine.ask("memory/plans", "entry", name) for name in ("n1", "n3", "n4", "n5", "long")}
        said = {
            "agents": engine.stats().agents["total"],
            "states": {**{address: state for address, state in counters.items() if state["total"]}, **shown},
            "counters": counters,
            "memory": entries,
            "topic": await engine.ask("topic/news", "replay"),
            "open": [["post/busy", "hear", "still open"], ["post/clock", "hear", "in a year"]],
        }
        print(json.dumps(said), flush=True)
        await holding


def by_hand(folder: Path) -> None:
    """A store with every part of a log, sealed segments, and two generations of snapshots."""
    store = open_store(str(folder), shards=2, chance=Random(1).randbytes)
    story = [
        [states_part("count", ["total"], [1, 2, "x"], [5, -6, 2**64 - 1])],
        [states_part("page", ["title", "tags"], ["a", "b", "c"], [["A", []], ["B", [1]], ["C", None]])],
        [changes_part("page", ["a"], [{"+tags": [{"deep": [1]}], "title": "é"}]), gone_part("page", ["c"])],
        [changes_part("page", ["a", "new"], [{"=names": {"one": 1, "two": [2]}}, {"=names": {"x": None}}])],
        [answers_part(SESSION, 3, {"v": [1, "two"], "o": 4}), answers_part(SESSION, 5, {"v": [None], "p": [1_023]})],
        [changes_part("page", ["a"], [{"-names": ["one"], "=names": {"three": 3}}]), Part(b"z", b"skipped")],
        [
            told_part(
                12, [[11, "page/a", "page/b", "hear", {"x": 1}, None, 0], [12, "page/a", "page/a", "hear", None, 5e9, 60.0]]
            )
        ],
        [done_part([11]), marks_part({SESSION: 4})],
        [states_part("page", ["title", "tags", "more"], ["d"], [["D", [], 1.5]])],
    ]
    for at, parts in enumerate(story):
        store.commit(parts, 1)
        if at in (2, 6):
            store.log.roll()
            store.compact()
        elif at in (4, 7):
            store.log.roll()
    store.close()


def main(folder: Path) -> None:
    """Make everything in a folder that has `annals.py`."""
    data, store = folder / "data", folder / "store"
    for made in (data, store):
        shutil.rmtree(made, ignore_errors=True)
    asyncio.run(first_life(data, folder))
    for worker in range(2):
        kept = open_store(str(data / "p" / str(worker)), shards=3, chance=os.urandom)
        kept.compact()
        kept.close()
    with subprocess.Popen([sys.executable, __file__, "live", str(folder)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        expected = json.loads(process.stdout.readline())
        process.kill()
    by_hand(store)
    files = sorted(file for top in (data, store) for file in top.rglob("*") if file.is_file())
    digests = {str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}
    (folder / "expected.json").write_text(json.dumps({**expected, "files": digests}, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    if sys.argv[1] == "live":
        asyncio.run(second_life(Path(sys.argv[2]) / "data", Path(sys.argv[2])))
    else:
        main(Path(sys.argv[1]).resolve())
