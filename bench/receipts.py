"""`receipts`: tasks of 1 ms, of which one of twenty lies, through all that a receipt takes: a look before, a check in a
process of its own, the hash of what was made, a line of the ledger. What counts is whom it believes, and what it costs."""

from __future__ import annotations

import asyncio
import gc
import os
import time
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

from bench.figures import Metric, Reading
from bench.folder import own_folder
from bench.maker import LIES, TASK_S, Maker, content_of, replace
from bench.tasks import SEED
from bench.workload import Size, Workload
from checkpoints.files import Disk
from engine import Engine, PoolSpec
from sprints.item import Item
from sprints.ledger import Ledger, lines_of, open_ledger
from sprints.manifest import Entry
from sprints.outcome import Outcome
from sprints.place import PlaceDisk
from sprints.release import Releases
from sprints.verification import verify
from sprints.witness import Witness

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sprints.receipt import Receipt

__all__ = ["WORKLOAD", "named_bytes", "planned"]

TASKS, QUICK_TASKS = 10_000, 1_000
#: one task of so many lies.
ONE_OF = 20
AGENTS = 500
POOL = PoolSpec("bench", agents=AGENTS, workers=2, sleep_after_s=None)
SPRINT = "sp-20261121-001"
#: how a file is not a task's own: a link that leads out, another task's file, one that was changed after its receipt.
FOREIGN = ("link", "same", "later")
#: results that get their receipts together: those of about a tenth of a second.
BATCH_ITEMS = 256
#: lines of the ledger of which every byte is tried, and bytes that are tried of all of it.
SMALL_LINES, LARGE_FLIPS = 8, 20


@dataclass
class Plan:
    """The tasks of a round. lies: what each liar does, by its name."""

    folder: str
    items: list[Item] = field(default_factory=list)
    tasks: list[tuple[Any, ...]] = field(default_factory=list)
    lies: dict[str, str] = field(default_factory=dict)


def planned(folder: str, rng: Random, count: int) -> Plan:
    """So many tasks in a work folder, which has what is stale already. Raises OSError."""
    plan = Plan(folder)
    liars = rng.sample(range(count), count // ONE_OF)
    for turn, number in enumerate(liars):
        lie = LIES[turn % len(LIES)]
        plan.lies[f"{number}.txt"] = FOREIGN[turn // len(LIES) % len(FOREIGN)] if lie == "foreign" else lie
    honest = [f"{number}.txt" for number in range(count) if f"{number}.txt" not in plan.lies]
    outside = Path(folder).with_name("outside")
    outside.write_text("not made by anybody here")
    for number in range(count):
        name = f"{number}.txt"
        lie = plan.lies.get(name, "")
        # a file can be linked once it is there: it is that of the honest task before
        other = f"{folder}/{honest[0]}" if lie == "same" else str(outside)
        if lie == "stale":
            Path(folder, name).write_bytes(content_of(name))
        check = {"expr": "size", "equals": len(content_of(name))}
        plan.items.append(Item(name, name, "maker", "make", check=check, artifacts=() if lie == "idle" else (name,)))
        plan.tasks.append((f"maker/{number % AGENTS}", "make", folder, name, lie, other))
    first = int(honest[0].removesuffix(".txt"))
    plan.items.insert(0, plan.items.pop(first))
    plan.tasks.insert(0, plan.tasks.pop(first))
    return plan


async def _plain(engine: Engine, plan: Plan) -> tuple[float, float]:
    """Run the tasks alone; seconds, and those of this process's cpu."""
    await _first(engine, plan)
    gc.collect()
    start, cpu = time.perf_counter(), time.process_time()
    outcomes = []
    async for batch in engine.map_batches(plan.tasks[1:]):
        outcomes += _outcomes(plan, batch)
    return time.perf_counter() - start, time.process_time() - cpu


async def _first(engine: Engine, plan: Plan) -> Outcome:
    """The one that others link to; it also has everything loaded."""
    task = plan.tasks[0]
    return Outcome(plan.items[0].id, True, await engine.ask(*task))


def _outcomes(plan: Plan, batch: Any) -> list[Outcome]:
    if batch.failures:
        raise ValueError(f"{len(batch.failures)} tasks failed: {batch.failures}")
    return [
        Outcome(plan.items[at + 1].id, True, value, agent=plan.tasks[at + 1][0])
        for at, value in zip(batch.ids, batch.values, strict=True)
    ]


@dataclass
class _Receipts:
    """What a run with receipts came to. entries: what is to be released."""

    seconds: float = 0.0
    cpu_s: float = 0.0
    done: dict[str, bool] = field(default_factory=dict)
    entries: list[Entry] = field(default_factory=list)

    def add(self, ledger: Ledger, receipts: list[Receipt], now_s: float) -> None:
        for receipt in receipts:
            digest = ledger.add("receipt", now_s, **receipt.facts()).digest
            self.done[receipt.item] = receipt.verdict == "done"
            if receipt.verdict == "done":
                for made in receipt.artifacts:
                    self.entries.append(Entry(made.path, made.sha256, made.size_bytes, receipt.item, SPRINT, digest))


async def _received(engine: Engine, plan: Plan, ledger: Ledger) -> _Receipts:
    """Run the same with a receipt each, on the disk."""
    found = _Receipts()
    by_id = {item.id: item for item in plan.items}
    async with Witness(plan.folder) as witness:
        witness.begin(plan.items[:1])
        found.add(ledger, await witness.receipts([(plan.items[0], await _first(engine, plan))]), 0.0)
        ledger.sync()
        gc.collect()
        start, cpu = time.perf_counter(), time.process_time()
        witness.begin(plan.items[1:])
        pending: asyncio.Task[None] | None = None
        waiting: list[Outcome] = []

        async def prove(outcomes: list[Outcome]) -> None:
            found.add(ledger, await witness.receipts([(by_id[one.item], one) for one in outcomes]), 0.0)
            await asyncio.to_thread(ledger.sync)

        async for batch in engine.map_batches(plan.tasks[1:]):
            waiting += _outcomes(plan, batch)
            if len(waiting) >= BATCH_ITEMS and (pending is None or pending.done()):  # what comes meanwhile is the next batch
                if pending is not None:
                    await pending
                pending = asyncio.create_task(prove(waiting))
                waiting = []
        if pending is not None:
            await pending
        await prove(waiting)
        found.seconds, found.cpu_s = time.perf_counter() - start, time.process_time() - cpu
    return found


def _believed(found: _Receipts, plan: Plan, folder: str) -> set[str]:
    """Whose work is in the release: those that are done, and whose file still is what the receipt says when it is shipped."""
    for name, lie in plan.lies.items():
        if lie == "later":
            replace(f"{plan.folder}/{name}")
    releases = Releases(PlaceDisk(), folder, time.time)
    with releases.draft(SPRINT, plan.folder, found.entries) as draft:
        changed = set(draft.changed)
    return {item for item, is_done in found.done.items() if is_done} - changed


def named_bytes(path: str, small: str, rng: Random) -> tuple[int, int]:
    """Of how many bytes that were flipped the line was named, and how many were flipped. small: where a short copy is made."""
    whole = Path(path).read_bytes()
    lines = whole.splitlines(keepends=True)
    short = b"".join(lines[:SMALL_LINES])
    named = 0
    for at in range(len(short)):
        named += _is_named(small, short, at, 1 << rng.randrange(8))
    for _ in range(LARGE_FLIPS):
        named += _is_named(small, whole, rng.randrange(len(whole)), 1 << rng.randrange(8))
    return named, len(short) + LARGE_FLIPS


def _is_named(path: str, whole: bytes, at: int, flip: int) -> bool:
    data = bytearray(whole)
    data[at] ^= flip
    Path(path).write_bytes(data)
    first = next((line.line for line in lines_of(Disk(), path, SPRINT) if line.wrong), None)
    return first == whole.count(b"\n", 0, at) + 1


async def rounds(size: Size) -> AsyncIterator[dict[str, Reading]]:
    """A round: the tasks alone, the same with receipts, then a look at who was believed, and at every byte."""
    count = size.pick(TASKS, QUICK_TASKS)
    for number in range(size.runs):
        seed = SEED + number if size.seed is None else size.seed + number
        with own_folder() as folder:
            plans = {}
            for name in ("plain", "work"):
                os.makedirs(f"{folder}/{name}/work")  # noqa: PTH103 - paths are texts here
                plans[name] = planned(f"{folder}/{name}/work", Random(seed), count)
            async with Engine(kinds=[Maker], pools=[POOL], durability="memory") as engine:
                await engine.spawn(Maker, AGENTS)
                seconds, cpu_s = await _plain(engine, plans["plain"])
                os.makedirs(f"{folder}/ledger")  # noqa: PTH103
                ledger = open_ledger(Disk(), f"{folder}/ledger", SPRINT, time.time, lambda _line: None)
                ledger.add("sprint", 0.0, id=SPRINT)
                found = await _received(engine, plans["work"], ledger)
                ledger.close()
            yield _readings(plans["work"], found, folder, Random(seed)) | {
                "cost": Reading(100 * (found.cpu_s - cpu_s) / count / TASK_S, 100 * cpu_s / count / TASK_S, count),
                "time": Reading(100 * (found.seconds / seconds - 1), None, count),
            }


def _readings(plan: Plan, found: _Receipts, folder: str, rng: Random) -> dict[str, Reading]:
    """Who was believed. Raises ValueError where something is wrong with the ledger itself."""
    wrong = verify(f"{folder}/ledger/ledger.jsonl", sprint=SPRINT)
    if wrong or len(found.done) != len(plan.items):
        raise ValueError(f"{len(found.done)} receipts of {len(plan.items)} tasks, and: {wrong[:3]}")
    believed = _believed(found, plan, f"{folder}/releases")
    missed = believed & plan.lies.keys()
    alarms = {item.id for item in plan.items} - believed - plan.lies.keys()
    named, flipped = named_bytes(f"{folder}/ledger/ledger.jsonl", f"{folder}/flipped", rng)
    return {
        "wrong": Reading(float(len(missed) + len(alarms)), None, len(plan.items)),
        "unnamed": Reading(float(flipped - named), None, flipped),
    }


WORKLOAD = Workload(
    name="receipts",
    about="10,000 tasks of 1 ms, of which 5 % lie in five ways",
    metrics=(
        Metric("wrong", "", "liars believed, and honest ones not", reach="0"),
        Metric("cost", "%", "of 1 ms, cpu of the engine's process, beyond the tasks alone", against="alone", reach="≤ 3 %"),
        Metric("time", "%", "longer than the tasks alone, checks on the same cores"),
        Metric("unnamed", "", "flipped bytes of a ledger whose line was not named", reach="0"),
    ),
    rounds=rounds,
    runs=3,
)
