"""An accepted task ends, once, whatever dies: the engine, its workers, the disk's room, the one who sent it."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
from collections import Counter as Count
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

import pytest

from checkpoints.errors import DiskFull, StoreFailed
from checkpoints.store import Store, open_store
from engine import records, register
from engine.client import Client
from engine.engine import Engine
from engine.errors import (
    EngineStopped,
    IntakeFull,
    JournalFailed,
    LinkClosed,
    NotRequeued,
    ResultGone,
    StartFailed,
    SubmitStopped,
    TaskCancelled,
    TaskEnded,
    TaskExpired,
    TaskFailed,
    TaskKilled,
    TaskOpen,
    UnknownKind,
    UnknownTask,
)
from pools import compactor
from pools.errors import BadArgument
from tests.support.commands import Commands, commands
from tests.support.processes import descriptors, pool, running, until

POOLS = "agents: 10000\ndurability: {durability}\npools:\n  p1: {{agents: 5000}}\n  p2: {{agents: 5000}}\n"
AGENTS = 40


@pytest.fixture(params=["sync"])
def engine(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Commands]:
    """The command line, whose engines keep their state on the disk; one with some counters runs."""
    with commands(tmp_path) as made:
        (tmp_path / "pools.yaml").write_text(POOLS.format(durability=request.param))
        assert made("spawn", "--count", str(AGENTS)).returncode == 0
        yield made


def balanced(tasks: dict[str, int]) -> bool:
    """Whether the six counts add up."""
    return tasks["accepted"] == sum(tasks[state] for state in ("done", "failed", "cancelled", "expired", "open"))


def pid_of(engine: Commands) -> int:
    """The engine's process."""
    return int((engine.home / "run" / "engine" / "daemon.lock").read_text())


async def restarted(engine: Commands, **environ: str) -> None:
    """Start an engine where one was killed."""
    while (await asyncio.to_thread(lambda: engine("start", **environ))).returncode:
        await asyncio.sleep(0.02)


async def results(client: Client, ids: Sequence[str]) -> list[Any]:
    """The values of tasks, each waited for."""
    return [await client.result(name, wait_s=30) for name in ids]


async def counts_of(client: Client) -> dict[str, int]:
    """The six counts."""
    counts: dict[str, int] = (await client.stats())["tasks"]
    assert balanced(counts)
    return counts


async def ended(client: Client) -> dict[str, int]:
    """The six counts, once nothing is open."""
    async with asyncio.timeout(40):
        while (counts := await counts_of(client))["open"]:
            await asyncio.sleep(0.02)
    return counts


async def check_once(engine: Commands, sent: Sequence[int], ids: Sequence[str]) -> None:
    """Each add was done exactly once: the values of a counter are 1, 2, … in some order, and its total is their number."""
    assert len(set(ids)) == len(ids) == len(sent)
    async with Client(environ=engine.environ, patience_s=30) as client:
        values = await results(client, ids)
        counts = await ended(client)
        assert (counts["accepted"], counts["done"]) == (len(ids), len(ids))
        by_key: dict[int, list[int]] = {}
        for key, value in zip(sent, values, strict=True):
            by_key.setdefault(key, []).append(value)
        for key, own in by_key.items():
            assert sorted(own) == list(range(1, len(own) + 1)), key
            assert await client.ask(f"counter/{key}", "get") == len(own)


@pytest.mark.parametrize("engine", ["sync", "os"], indirect=True)
async def test_what_was_accepted_is_done_once_though_the_engine_is_killed_again_and_again(
    engine: Commands, chance: Random
) -> None:
    sent: list[int] = []
    ids: list[str] = []
    kills = 0

    async def submit() -> None:
        async with Client(environ=engine.environ, patience_s=30) as client:
            while kills < 5:
                if len(ids) > register.RESULTS // 2:  # what has ended is kept up to a number
                    await asyncio.sleep(0.01)
                    continue
                keys = [chance.randrange(AGENTS) for _ in range(chance.choice([1, 7, 300, 2_500]))]
                ids.extend(await client.submit((f"counter/{key}", "add", 1) for key in keys))
                sent.extend(keys)

    submitting = asyncio.ensure_future(submit())
    while kills < 5:
        await asyncio.sleep(chance.uniform(0.01, 0.25))
        pid = pid_of(engine)
        if chance.random() < 0.5:  # a worker beside it, a moment before
            for worker in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[:1]:
                os.kill(int(worker), signal.SIGKILL)
        os.kill(pid, signal.SIGKILL)
        await restarted(engine)
        kills += 1
    await submitting
    await check_once(engine, sent, ids)


async def test_a_death_between_the_writing_and_the_sync_loses_nothing_that_was_accepted(
    engine: Commands, chance: Random, tmp_path: Path
) -> None:
    os.kill(pid_of(engine), signal.SIGKILL)
    deaths = tmp_path / "deaths"
    moments = {"CHECKPOINTS_FAILPOINTS": "commit.written=0.05,commit.synced=0.05", "CHECKPOINTS_DEATHS": str(deaths)}
    await restarted(engine, **moments)
    sent: list[int] = []
    ids: list[str] = []
    lives = {pid_of(engine)}
    async with Client(environ=engine.environ, patience_s=30) as client:
        async with asyncio.timeout(50):
            while len(lives) < 4:
                keys = [chance.randrange(AGENTS) for _ in range(20)]
                submitting = asyncio.ensure_future(client.submit((f"counter/{key}", "add", 1) for key in keys))
                while not submitting.done():
                    await asyncio.wait([submitting], timeout=0.2)
                    if (await asyncio.to_thread(lambda: engine("start", **moments))).returncode == 0:
                        lives.add(pid_of(engine))
                ids += submitting.result()
                sent += keys
    assert {"commit.written", "commit.synced"} & set(deaths.read_text().split())
    os.kill(pid_of(engine), signal.SIGKILL)
    await restarted(engine)
    await check_once(engine, sent, ids)


async def test_a_client_that_did_not_hear_that_its_tasks_were_accepted_asks_again_and_they_are_accepted_once(
    engine: Commands,
) -> None:
    async with Client(environ=engine.environ) as client:
        rows = [["counter/1", "add", 1, None, None]]
        first = await client.request("submit", tasks=rows, key="mine")
        same = await asyncio.gather(*(client.request("submit", tasks=rows, key="mine") for _ in range(3)))
        together = await asyncio.gather(*(client.request("submit", tasks=rows, key="other") for _ in range(3)))
        with pytest.raises(BadArgument, match="up to 64 characters"):  # two keys that begin alike are two
            await client.request("submit", tasks=rows, key="m" * 65)
    assert same == [first] * 3
    assert together[0] == together[1] == together[2] != first
    os.kill(pid_of(engine), signal.SIGKILL)
    await restarted(engine)
    async with Client(environ=engine.environ) as client:
        assert await client.request("submit", tasks=rows, key="mine") == first
        assert await results(client, [*first, *together[0]]) == [1, 2]
        assert await client.ask("counter/1", "get") == 2


async def test_counts_results_and_dead_letters_are_there_after_a_restart(engine: Commands) -> None:
    async with Client(environ=engine.environ) as client:
        ids = await client.submit([("counter/1", "add", 5), ("counter/2", "nope"), {"agent": "counter/3", "method": "get"}])
        assert await results(client, [ids[0], ids[2]]) == [5, 0]
        before = await ended(client)
        page = await client.tasks()
    assert (before["accepted"], before["done"], before["failed"]) == (3, 2, 1)
    os.kill(pid_of(engine), signal.SIGKILL)
    await restarted(engine)
    async with Client(environ=engine.environ) as client:
        assert await counts_of(client) == before
        assert await client.tasks() == page
        assert await client.result(ids[0]) == 5
        (letter,) = (await client.request("dlq"))["letters"]
        assert letter["cause"]["type"] == "UnknownMethod"
        (again,) = await client.requeue()
        assert again["id"] == ids[1]
        shown = await client.request("task", task=again["requeued_as"])
        assert shown["requeue_of"] == ids[1]
        after = await ended(client)
        assert (after["accepted"], after["failed"]) == (4, 2)
        shown = await client.request("task", task=again["requeued_as"])
        assert (shown["state"], shown["attempts"]) == ("failed", 2)
        with pytest.raises(NotRequeued):
            await client.requeue([ids[1]])


async def test_ids_of_another_journal_are_unknown_and_never_somebody_elses_result(tmp_path: Path) -> None:
    seen = set()
    for _ in range(2):
        async with running(durability="memory", data=tmp_path) as engine:  # each begins anew
            await engine.spawn("tally", 1)
            (name,) = await engine.submit([("tally/0", "add", 1)])
            assert await engine.result(name, 10) == 1
            for other in seen:
                with pytest.raises(UnknownTask):
                    await engine.result(other)
            seen.add(name)
            for wrong in ("", "x", "1", name + "0", name[:-1] + "-1", name.partition("-")[0] + "-99999999999999999999"):
                with pytest.raises(UnknownTask):
                    await engine.result(wrong)
    assert len(seen) == 2


@pytest.mark.parametrize("durability", ["memory", "sync"])
async def test_a_task_ends_as_done_failed_cancelled_or_expired(tmp_path: Path, durability: str) -> None:
    async with running(durability=durability, data=tmp_path) as engine:
        await engine.spawn("waiter", 5)
        await engine.spawn("doer", 1)
        tasks = [
            ("waiter/0", "wait", 0.01),
            ("doer/0", "do", "fail"),
            ("waiter/1", "forever"),
            {"agent": "waiter/2", "method": "forever", "deadline_s": 0.05},
            {"agent": "waiter/9", "method": "seen", "id": "mine"},
        ]
        done, failed, cancelled, expired, lost = await engine.submit(tasks)
        assert await engine.result(done, 10) == 1
        with pytest.raises(TaskFailed, match="as told"):
            await engine.result(failed, 10)
        with pytest.raises(TaskExpired, match=r"within 0.05 s"):
            await engine.result(expired, 10)
        with pytest.raises(TaskOpen):
            await engine.result(cancelled, 0.01)
        assert (await engine.detached.cancel(cancelled)).state == "cancelled"
        with pytest.raises(TaskCancelled):
            await engine.result(cancelled)
        await until(lambda: not engine.stats().detached["open"])
        counts = engine.stats().tasks
        assert balanced(counts)
        assert counts == {"accepted": 5, "done": 1, "failed": 2, "cancelled": 1, "expired": 1, "open": 0}
        assert {letter["id"] for letter in engine.detached.account.letters(0, 9)} == {lost, failed}
        with pytest.raises(TaskEnded):
            await engine.cancel(done)
        assert await engine.ask("waiter/1", "seen") == 0
    with pytest.raises(EngineStopped):
        await engine.result(done)


async def test_tasks_that_are_open_when_the_engine_stops_are_done_after_its_next_start(tmp_path: Path) -> None:
    facts: dict[str, Any] = {"durability": "sync", "data": tmp_path}
    async with running(**facts) as engine:
        await engine.spawn("waiter", 3)
        await engine.spawn("tally", 1)
        ids = await engine.submit([("waiter/0", "wait", 30), *[("tally/0", "add", 1)] * 3])
        await engine.result(ids[-1], 10)
        await engine.stop(grace_s=0.1)
    async with running(**facts) as engine:
        task = engine.detached.register.find(ids[0])
        await until(lambda: task.state == "running")
        assert task.attempts == 2
        counts = engine.stats().tasks
        assert (counts["accepted"], counts["done"], counts["open"]) == (4, 3, 1)
        assert (await engine.detached.cancel(ids[0])).state == "cancelled"
        assert await engine.ask("tally/0", "get") == 3


async def test_a_task_whose_deadline_is_over_when_the_engine_is_back_has_expired(tmp_path: Path) -> None:
    facts: dict[str, Any] = {"durability": "sync", "data": tmp_path}
    async with running(**facts) as engine:
        await engine.spawn("waiter", 1)
        (name,) = await engine.submit([{"agent": "waiter/0", "method": "forever", "deadline_s": 1}])
        await engine.stop(grace_s=0.05)
    await asyncio.sleep(1)
    async with running(**facts) as engine:
        with pytest.raises(TaskExpired):
            await engine.result(name, 5)


@pytest.mark.parametrize("durability", ["memory", "sync"])
async def test_more_tasks_than_a_mailbox_holds_are_all_done(tmp_path: Path, durability: str) -> None:
    async with running([pool(mailbox=50)], durability=durability, data=tmp_path) as engine:
        await engine.spawn("waiter", 1)
        ids = await engine.submit([("waiter/0", "wait", 0.001)] * 300)
        values = [await engine.result(name, 30) for name in ids]
        assert sorted(values) == list(range(1, 301))
        assert engine.stats().tasks["failed"] == 0


async def test_a_task_that_ends_its_worker_is_a_dead_letter_and_its_neighbours_are_done(tmp_path: Path) -> None:
    async with running(durability="sync", data=tmp_path) as engine:
        await engine.spawn("doer", 1)
        await engine.spawn("tally", 10)
        tasks: list[Any] = [(f"tally/{number % 10}", "add", 1) for number in range(200)]
        tasks.insert(100, ("doer/0", "do", "kill"))
        ids = await engine.submit(tasks)
        values = [await engine.result(name, 30) for name in ids[:100] + ids[101:]]
        assert Count(values) == Count(list(range(1, 21)) * 10)
        with pytest.raises(TaskKilled):
            await engine.result(ids[100], 30)
        (letter,) = engine.detached.account.letters(0, 9)
        assert (letter["id"], letter["cause"]["type"]) == (ids[100], "TaskKilled")


async def test_the_agent_of_a_task_for_any_of_its_kind_is_chosen_once(tmp_path: Path) -> None:
    async with running(durability="sync", data=tmp_path) as engine:
        await engine.spawn("tally", 10)
        ids = await engine.submit([{"kind": "tally", "method": "add", "args": [1]}] * 10)
        assert [await engine.result(name, 10) for name in ids] == [1] * 10
        with pytest.raises(UnknownKind):
            await engine.submit([("tally/1", "add", 1), ("nothing", "add", 1)])
        assert engine.stats().tasks["accepted"] == 10


async def test_what_has_ended_is_let_go_past_its_limits_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(register, "RESULTS", 10)
    monkeypatch.setattr(register, "LETTERS", 3)
    facts: dict[str, Any] = {"durability": "sync", "data": tmp_path}
    async with running(**facts) as engine:
        await engine.spawn("tally", 1)
        ids = await engine.submit([("tally/0", "add", 1)] * 25 + [("tally/0", "nope")] * 5)
        await until(lambda: not engine.stats().detached["open"])
        assert [await engine.result(name) for name in ids[15:25]] == list(range(16, 26))
        for name in (*ids[:15], *ids[25:27]):
            with pytest.raises(ResultGone):
                await engine.result(name)
        assert len(engine.detached.account.letters(0, 9)) == 3
        await engine.submit([("tally/0", "get")])  # what was let go is written down with it
        await until(lambda: not engine.stats().detached["open"])
        counts = engine.stats().tasks
    with open_at(tmp_path / "_journal") as store:
        assert sum(kind == records.TASK for kind, _, _ in store.items()) <= 14
    async with running(**facts) as engine:
        assert engine.stats().tasks == counts
        assert len(engine.detached.register.tasks) == 13
        with pytest.raises(ResultGone):
            await engine.result(ids[0])


async def test_the_journal_is_folded_and_stays_as_small_as_what_it_keeps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chance: Random
) -> None:
    monkeypatch.setattr(register, "RESULTS", 100)
    monkeypatch.setattr(compactor, "LOOK_S", 0.02)
    monkeypatch.setattr(compactor, "SEALED_BYTES", 100_000)
    folder = tmp_path / "_journal"
    async with running(durability="os", data=tmp_path) as engine:
        await engine.spawn("book", 1)
        written = 0
        for _ in range(30):
            texts = [chance.randbytes(1_000).hex() for _ in range(100)]  # what no compression makes small
            ids = await engine.submit([("book/0", "any_value", text) for text in texts])
            written += sum(map(len, texts))
            await engine.result(ids[-1], 20)
            async with asyncio.timeout(20):  # it may take longer to fold than to write
                while compactor._is_due(str(folder)):
                    await asyncio.sleep(0.02)
        log = engine.detached.journal._store
        assert log is not None
        assert 2 * written == 12_000_000  # of arguments and of values
        assert log.manifest.generation >= 4
        assert sum(file.stat().st_size for file in folder.iterdir()) < 6_500_000
        assert not [event for event in engine.events if event.name == "store.unfolded"]
        assert not [link for link in descriptors() if f"{folder}/" in link and "(deleted)" in link]
    with open_at(folder) as store:
        assert sum(kind == records.TASK for kind, _, _ in store.items()) <= 200  # the last ones go with the next commit
    async with running(durability="os", data=tmp_path) as engine:
        assert engine.stats().tasks["done"] == 3_000
        assert await engine.result(ids[-1]) == texts[-1]


@contextmanager
def open_at(folder: Path) -> Iterator[Store]:
    """The store of a folder that nobody writes."""
    store = open_store(str(folder), shards=1, chance=os.urandom)
    try:
        yield store
    finally:
        store.close()


async def test_a_full_disk_refuses_a_submission_and_keeps_what_has_ended_until_there_is_room(tmp_path: Path) -> None:
    async with running(durability="sync", data=tmp_path) as engine:
        await engine.spawn("waiter", 2)
        (name,) = await engine.submit([("waiter/0", "wait", 0.05)])
        store = engine.detached.journal._store
        assert store is not None
        commit: Callable[..., int] = store.commit

        def full(*_facts: Any) -> int:
            raise DiskFull("the journal", OSError(28, os.strerror(28)))

        store.commit = full  # type: ignore[method-assign]
        with pytest.raises(IntakeFull, match="No space left") as caught:
            await engine.submit([("waiter/1", "wait", 0.0)])
        assert caught.value.retry_after_s
        with pytest.raises(TaskOpen):
            await engine.result(name, 0.5)
        assert balanced(engine.stats().tasks)
        assert await engine.ask("waiter/1", "seen") == 0
        store.commit = commit  # type: ignore[method-assign]
        assert await engine.result(name, 10) == 1
        (more,) = await engine.submit([("waiter/1", "wait", 0.0)])
        assert await engine.result(more, 10) == 1
        assert engine.stats().detached["accepted"] == 2


async def test_a_disk_without_room_is_a_typed_error_with_a_time_to_try_again(engine: Commands, tmp_path: Path) -> None:
    """A small file system of its own, really full."""
    os.kill(pid_of(engine), signal.SIGKILL)
    journal = engine.home / "state" / "engine" / "data" / "_journal"
    mount = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=4m,mode=0700", "none", str(journal)], capture_output=True, text=True, check=False
    )
    if mount.returncode:
        pytest.skip(f"no file system can be mounted here: {mount.stderr.strip()}")
    try:
        await restarted(engine)
        filler = journal / "filler"
        async with Client(environ=engine.environ, patience_s=10) as client:
            (name,) = await client.submit([("counter/1", "add", 1)])
            assert await client.result(name, 10) == 1
            with pytest.raises(OSError, match="No space left"):
                filler.write_bytes(bytes(8 << 20))
            with pytest.raises(IntakeFull) as caught:
                await client.submit([("counter/1", "add", 1)] * 1_000)
            assert caught.value.retry_after_s
            filler.unlink()
            await asyncio.sleep(caught.value.retry_after_s)
            ids = await client.submit([("counter/1", "add", 1)] * 10)
            assert await results(client, ids) == list(range(2, 12))
        done = engine("submit", "-", stdin='{"agent": "counter/1", "method": "add", "args": [1]}\n')
        assert done.returncode == 0, done.stderr
        engine("stop")
    finally:
        subprocess.run(["umount", "-l", str(journal)], check=False)


async def test_after_a_failed_sync_nothing_is_accepted_and_what_is_open_is_done_by_the_next_engine(tmp_path: Path) -> None:
    facts: dict[str, Any] = {"durability": "sync", "data": tmp_path}
    async with running(**facts) as engine:
        await engine.spawn("waiter", 2)
        (name,) = await engine.submit([("waiter/0", "wait", 0.05)])
        store = engine.detached.journal._store
        assert store is not None

        def broken(*_facts: Any) -> int:
            raise StoreFailed("the journal", "a sync failed")

        store.commit = broken  # type: ignore[method-assign]
        for _ in range(2):
            with pytest.raises(JournalFailed, match="a sync failed"):
                await engine.submit([("waiter/1", "wait", 0.0)])
        assert [event.name for event in engine.events if event.name == "journal.failed"]
        await until(lambda: engine.detached.register.find(name).is_ending)
        with pytest.raises(TaskOpen):
            await engine.result(name, 0.2)
        assert await engine.ask("waiter/1", "seen") == 0
        await engine.stop(grace_s=0.05)
    async with running(**facts) as engine:
        assert await engine.result(name, 10) == 1  # from the worker's record
        assert await engine.ask("waiter/0", "seen") == 1
        assert engine.stats().detached["accepted"] == 1


async def test_a_journal_that_is_damaged_is_named_and_nothing_starts(tmp_path: Path) -> None:
    facts: dict[str, Any] = {"durability": "sync", "data": tmp_path}
    async with running(**facts) as engine:
        await engine.spawn("tally", 1)
        await engine.submit([("tally/0", "add", 1)] * 100)
    log = tmp_path / "_journal" / "00000001.log"
    data = bytearray(log.read_bytes())
    data[200] ^= 1
    log.write_bytes(data)
    with pytest.raises(StartFailed, match=r"_journal/00000001\.log is damaged at byte"):
        async with running(**facts):
            pass


BAD: list[Any] = [
    None, 5, "x", [], [5], [[]], [["counter/1"]], [["counter/1", 5, None, None, None]], [[5, "add", None, None, None]],
    [["counter", "add", 1, None, None, 6]], [["Counter/1", "add", 1, None, None]], [["counter/1", "", 1, [], None]],
    [["counter/1", "add", 1, "x" * 1_000, None]], [["counter/1", "add", 1, None, -1]], [["counter/1", "add", 1, None, "5"]],
    [["counter/1", "add", 1, None, True]], [["counter/1", "x" * 1_000, 1, None, None]],
    [["counter/1", "add", 1, None, None], ["counter/1", "add", 1, None, 1e300]],
]  # fmt: skip


async def test_a_bad_submission_is_refused_whole_by_what_is_wrong_with_it(engine: Commands) -> None:
    async with Client(environ=engine.environ) as client:
        for tasks in BAD:
            with pytest.raises(Exception, match=r".") as caught:
                await client.request("submit", tasks=tasks)
            assert type(caught.value).__name__ in ("BadArgument", "BadAddress"), (tasks, caught.value)
        for verb, facts in [
            ("submit", {}), ("submit", {"tasks": [["counter/1", "get", None, None, None]], "key": 5}), ("result", {}),
            ("result", {"task": 5}), ("result", {"task": "x", "wait_s": -1}), ("tasks", {"state": "gone"}),
            ("tasks", {"skip": -1}), ("task", {"task": []}), ("cancel-task", {}), ("requeue", {"tasks": [5]}),
            ("requeue", {"tasks": "x"}), ("requeue", {"all": 1}), ("letter", {"task": None}), ("dlq", {"limit": "x"}),
        ]:  # fmt: skip
            with pytest.raises(Exception, match=r".") as caught:
                await client.request(verb, **facts)
            assert type(caught.value).__name__ in ("BadArgument", "UnknownTask"), (verb, facts, caught.value)
        assert (await counts_of(client))["accepted"] == 0
        (name,) = await client.submit([("counter/1", "add", 1)])
        assert await client.result(name, 10) == 1


async def test_a_client_without_patience_says_how_many_were_accepted(engine: Commands) -> None:
    async with Client(environ=engine.environ, patience_s=0) as client:
        tasks = [("counter/1", "add", 1)] * 1_000 + [("nothing", "get")]
        with pytest.raises(SubmitStopped, match="1,000 of 1,001 tasks were accepted") as caught:
            await client.submit(tasks)
        assert len(caught.value.ids) == 1_000
        assert (await ended(client))["done"] == 1_000
        engine("stop", "--emergency")
        with pytest.raises(LinkClosed):
            await client.submit([("counter/1", "add", 1)])


def test_the_command_line_submits_lists_shows_waits_cancels_and_requeues(engine: Commands) -> None:
    file = engine.file(
        "tasks.jsonl",
        {"id": "a", "agent": "counter/17", "method": "add", "args": [2]},
        "no task",
        {"agent": "counter/17", "method": "nope"},
        {"kind": "counter", "method": "ping", "deadline_s": 60},
    )
    done = engine("submit", file)
    said = [json.loads(line) for line in done.stdout.splitlines()]
    ids = {line["id"]: line["task"] for line in said if "task" in line}
    assert (done.returncode, list(ids)) == (1, ["a", 2, 3])
    assert [line["line"] for line in said if not line.get("ok", True)] == [2]
    assert "3 tasks accepted, 1 bad line" in done.stderr
    shown = engine("tasks", "result", ids["a"], "--wait", "20s")
    assert (shown.returncode, shown.stdout) == (0, "2\n")
    failed = engine("tasks", "result", ids[2], "--wait", "20s")
    assert (failed.returncode, failed.stdout) == (1, "")
    assert "UnknownMethod: counter has no such method" in failed.stderr
    assert engine("tasks", "result", ids[3], "--wait").stdout == '"pong"\n'
    listed = engine.document("tasks")
    assert listed["schema"] == "engine.tasks/v1"
    assert [task["id"] for task in listed["tasks"]] == [ids[3], ids[2], ids["a"]]
    assert [task["state"] for task in engine.document("tasks", "--state", "failed")["tasks"]] == ["failed"]
    one = engine.document("tasks", "show", ids["a"])["task"]
    assert one["accepted_s"] <= one["started_s"] <= one["ended_s"]
    assert (one["name"], one["state"], one["agent"], one["attempts"]) == ("a", "done", "counter/17", 1)
    assert engine.document("dlq")["total"] == 1
    assert "UnknownMethod" in engine("dlq", "show", ids[2]).stdout
    assert engine("tasks", "cancel", ids["a"]).returncode == 1
    again = engine.document("dlq", "requeue", ids[2])["requeued"]
    assert [each["id"] for each in again] == [ids[2]]
    assert engine("dlq", "requeue", ids[2]).returncode == 2
    engine("tasks", "result", again[0]["requeued_as"], "--wait", "20s")
    assert engine.document("dlq", "requeue", "--all")["requeued"][0]["id"] == again[0]["requeued_as"]
    assert engine("run", "--detach", file, "--json").returncode == 1
    for words, code in [
        (("tasks", "show"), 2), (("tasks", "ls", "x"), 2), (("tasks", "lst"), 2), (("tasks", "--state", "gone"), 2),
        (("tasks", "result", "x-1"), 2), (("dlq", "requeue"), 2), (("dlq", "requeue", "x", "--all"), 2), (("dlq", "show"), 2),
        (("dlq", "ls", "x"), 2), (("submit", "/no/such/file"), 2), (("run", "--detach", "--window", "5", file), 2),
    ]:  # fmt: skip
        assert engine(*words).returncode == code, words


async def test_engines_that_keep_nothing_write_no_journal(tmp_path: Path) -> None:
    async with Engine(durability="memory", data=tmp_path) as engine:
        assert engine.detached.journal._store is None
    assert list(tmp_path.iterdir()) == []
