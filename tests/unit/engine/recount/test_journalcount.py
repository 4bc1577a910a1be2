"""Records are counted once each, upon what a compaction has folded, and up to an instant where that is asked for."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from checkpoints.files import Disk
from checkpoints.store import gone_part, open_store, states_part
from engine.recount.journalcount import JournalCount, read_journal

META = ["accepted", "done", "failed", "cancelled", "expired"]


def task(accepted_s: float) -> dict[str, Any]:
    return {"accepted_s": accepted_s, "name": None}


def end(state: str, ended_s: float) -> dict[str, Any]:
    return {"state": state, "ended_s": ended_s}


def test_each_task_is_accepted_once_and_ends_once() -> None:
    count = JournalCount()
    for number in (1, 2, 3, 4):
        count.logged("task", number, task(10.0))
    count.logged("task", 2, task(10.0))
    count.logged("end", 1, end("done", 11.0))
    count.logged("end", 2, end("failed", 11.0))
    count.logged("end", 2, end("failed", 11.0))  # it is tried again
    count.logged("end", 3, end("expired", 11.0))
    count.logged("meta", "counts", {"accepted": 999})
    assert count.counts == {"accepted": 4, "done": 1, "failed": 1, "cancelled": 0, "expired": 1, "open": 1}


def test_what_was_folded_is_where_it_begins() -> None:
    count = JournalCount()
    count.folded("meta", "counts", dict(zip(META, (100, 80, 10, 5, 1), strict=True)))
    count.folded("task", 99, task(9.0))
    count.folded("task", 100, task(9.0))
    count.folded("end", 99, end("failed", 9.5))
    count.logged("end", 99, end("failed", 9.5))
    count.logged("end", 100, end("cancelled", 12.0))
    count.logged("task", 101, task(12.0))
    assert count.counts == {"accepted": 101, "done": 80, "failed": 10, "cancelled": 6, "expired": 1, "open": 4}
    assert count.newest_s == 9.5


def test_what_came_after_an_instant_is_not_counted() -> None:
    count = JournalCount(11.0)
    for number, at_s in ((1, 10.0), (2, 11.5)):
        count.logged("task", number, task(at_s))
        count.logged("end", number, end("done", at_s + 0.5))
    assert (count.accepted, count.ended["done"]) == (1, 1)


def test_a_store_is_read_as_it_was_written_and_after_a_compaction(tmp_path: Path) -> None:
    folder = str(tmp_path / "journal")
    os.makedirs(folder)  # noqa: PTH103
    store = open_store(folder, shards=1, chance=os.urandom, is_synced=False)
    store.commit([states_part("task", ["accepted_s", "name"], [1, 2, 3], [[1.0, None]] * 3)], 3)
    store.commit(
        [
            states_part("end", ["state", "ended_s"], [1], [["done", 2.0]]),
            states_part("meta", META, ["counts"], [[3, 1, 0, 0, 0]]),
        ],
        2,
    )
    store.close()
    first = JournalCount()
    read_journal(Disk(), folder, first)
    assert first.counts == {"accepted": 3, "done": 1, "failed": 0, "cancelled": 0, "expired": 0, "open": 2}
    store = open_store(folder, shards=1, chance=os.urandom, is_synced=False)
    store.compact()
    store.commit([gone_part("task", [1]), gone_part("end", [1])], 2)
    store.commit([states_part("end", ["state", "ended_s"], [2], [["failed", 2.0]])], 1)
    store.close()
    second = JournalCount()
    read_journal(Disk(), folder, second)
    assert second.counts == {"accepted": 3, "done": 1, "failed": 1, "cancelled": 0, "expired": 0, "open": 1}


def test_where_there_is_no_journal_nothing_was_accepted(tmp_path: Path) -> None:
    count = JournalCount()
    read_journal(Disk(), str(tmp_path), count)
    assert count.accepted == 0
