"""A worker's store is opened to be written, or read only where its disk does not let it, and no further than what counts."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from checkpoints.errors import Corrupt, StoreClosed, StoreFailed
from checkpoints.files import Disk
from checkpoints.store import open_store, states_part
from pools.errors import StoreFull, StoreStopped
from pools.gauges import CELLS, REFUSAL
from pools.opening import opened
from pools.refusal import FULL, STOPPED
from tests.support.stores import contents, set_part


def cells() -> memoryview:
    return memoryview(bytearray(CELLS * 8)).cast("Q")


def fails(error: int, path: str = "") -> object:
    """A creation of files that fails."""
    create = Disk.create

    def created(self: Disk, name: str) -> object:
        if path in name:
            raise OSError(error, os.strerror(error), name)
        return create(self, name)

    return created


@pytest.fixture
def folder(tmp_path: Path) -> str:
    """A store with one state, left by a process that was killed."""
    made = str(tmp_path / "w0")
    store = open_store(made, shards=1, chance=os.urandom)
    store.commit([set_part(1, 5)], 1)
    store._lock.close()
    return made


def test_a_store_that_can_be_written_is(folder: str) -> None:
    store, refused = opened(folder, 1, cells(), is_synced=True)
    assert refused is None
    assert store.commit([set_part(2, 6)], 1) == 2
    store.close()


@pytest.mark.parametrize(
    ("error", "reason"),
    [(errno.ENOSPC, StoreFull), (errno.EDQUOT, StoreFull), (errno.EROFS, StoreStopped), (errno.EIO, StoreStopped)],
)
@pytest.mark.parametrize("path", [".log.new", "MARK.new"])
def test_a_store_that_cannot_be_written_is_read(
    folder: str, error: int, reason: type[Exception], path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Disk, "create", fails(error, path))
    before = sorted(os.listdir(folder))
    store, refused = opened(folder, 1, cells(), is_synced=True)
    assert type(refused) is reason
    assert contents(store) == {("counter", 1): {"total": 5}}
    with pytest.raises(StoreClosed, match="to be read only"):
        store.commit([set_part(2, 6)], 1)
    assert set(before) <= set(os.listdir(folder))
    monkeypatch.undo()
    store.begin()
    assert store.commit([set_part(2, 6)], 1) == 2
    store.close()
    store, _ = opened(folder, 1, cells(), is_synced=True)
    assert contents(store) == {("counter", 1): {"total": 5}, ("counter", 2): {"total": 6}}
    store.close()


@pytest.mark.parametrize("state", [FULL, STOPPED])
def test_what_the_process_before_found_out_is_believed(folder: str, state: int) -> None:
    row = cells()
    row[REFUSAL] = state
    before = sorted(os.listdir(folder))
    store, refused = opened(folder, 1, row, is_synced=True)
    assert type(refused) is (StoreFull if state == FULL else StoreStopped)
    assert folder in str(refused)
    assert sorted(os.listdir(folder)) == before
    store.close()
    assert sorted(os.listdir(folder)) == before


def test_after_a_failed_sync_nothing_behind_what_counts_is_read(tmp_path: Path) -> None:
    folder = str(tmp_path)
    store = open_store(folder, shards=1, chance=os.urandom)
    store.commit([set_part(1, 5)], 1)
    segment, at = store.log.kept
    store.commit([states_part("counter", ["total"], [1, 2], [6, 6])], 2)
    store._lock.close()
    row = cells()
    row[REFUSAL] = (segment << 32 | at) << 2 | STOPPED
    store, _ = opened(folder, 1, row, is_synced=True)
    assert contents(store) == {("counter", 1): {"total": 5}}
    store.close()


def test_what_the_last_writer_may_not_have_synced_is_synced_before_it_is_read(
    folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[str] = []
    append = Disk.append

    def appended(self: Disk, path: str) -> object:
        synced.append(path)
        return append(self, path)

    monkeypatch.setattr(Disk, "append", appended)
    row = cells()
    row[REFUSAL] = FULL
    opened(folder, 1, row, is_synced=True)[0].close()
    assert synced == [f"{folder}/00000001.log"]

    def broken(_self: Disk, path: str) -> object:
        raise OSError(errno.EIO, os.strerror(errno.EIO), path)

    monkeypatch.setattr(Disk, "append", broken)
    with pytest.raises(StoreFailed):
        opened(folder, 1, row, is_synced=True)


def test_a_store_that_is_not_there_and_cannot_be_made_is_told_as_what_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Disk, "create", fails(errno.ENOSPC))
    with pytest.raises(StoreFull):
        opened(str(tmp_path / "w0"), 1, cells(), is_synced=True)


def test_a_store_that_is_damaged_is_damaged_though_the_disk_is_full(folder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    row = cells()
    row[REFUSAL] = FULL
    log = Path(folder, "00000001.log")
    log.write_bytes(bytes(100) + log.read_bytes()[100:])
    with pytest.raises(Corrupt, match=r"00000001\.log"):
        opened(folder, 1, row, is_synced=True)
