"""Stores are found by their folders' names; one is open while the process in its lock has the file open."""

from __future__ import annotations

import os
from pathlib import Path

from checkpoints import store
from checkpoints.files import Disk
from engine.offline.folder import LOCK, StoreFolder, find_stores, holder_of


def test_stores_are_numbered_folders_of_pools_and_the_engines_own(tmp_path: Path) -> None:
    for name in ("_roster", "p1/10", "p1/9", "p0/0", "p1/x", "p1/٣"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "p1" / "7").write_text("no folder")
    (tmp_path / "file").write_text("no folder")
    assert [found.name for found in find_stores(tmp_path)] == ["p0/0", "p1/9", "p1/10", "_roster"]
    assert [found.is_agents for found in find_stores(tmp_path)] == [True, True, True, False]
    assert find_stores(tmp_path)[0] == StoreFolder("p0", 0, tmp_path / "p0" / "0")
    assert find_stores(tmp_path / "nowhere") == []


def test_a_store_is_held_by_the_process_that_has_its_lock_open(tmp_path: Path) -> None:
    assert LOCK == store.LOCK
    assert holder_of(tmp_path) is None
    lock = Disk().lock(f"{tmp_path}/{LOCK}")
    assert holder_of(tmp_path) == os.getpid()
    lock.close()
    assert holder_of(tmp_path) is None


def test_the_pid_of_a_process_that_ended_or_is_another_one_now_holds_nothing(tmp_path: Path) -> None:
    for text in ("1", str(os.getpid()), "999999999", "", "who?"):
        (tmp_path / LOCK).write_text(text)
        assert holder_of(tmp_path) is None
