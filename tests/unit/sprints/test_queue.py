"""Who waits stands on the disk in its place, whole or not at all."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from checkpoints.errors import DiskFull
from checkpoints.files import Disk, File
from sprints.queue import Queue, Queued, is_queued_id, new_queued_id


def queued(name: str = "app") -> Queued:
    return Queued(new_queued_id(), 1.5, {"name": name}, {"folder": "/x"})


def test_the_first_is_first_and_what_is_removed_is_no_more(tmp_path: Path) -> None:
    queue = Queue(str(tmp_path))
    assert queue.ids() == []
    rows = [queued(f"app{at}") for at in range(3)]
    for row in rows:
        queue.add(row)
    assert Queue(str(tmp_path)).ids() == [row.id for row in rows]
    assert queue.read(rows[1].id) == rows[1]
    queue.remove(rows[0].id)
    queue.remove(rows[0].id)  # it is none any more
    last = queued()
    queue.add(last)
    assert queue.ids() == [rows[1].id, rows[2].id, last.id]
    with pytest.raises(FileNotFoundError):
        queue.read(rows[0].id)


def test_what_is_no_campaign_is_not_taken_for_one(tmp_path: Path) -> None:
    queue, row = Queue(str(tmp_path)), queued()
    queue.add(row)
    (file,) = (tmp_path / "queue").iterdir()
    (tmp_path / "queue" / "notes.txt").write_text("x")
    assert queue.ids() == [row.id]
    for content in (b"", b"{", b"[]", b'{"id": "q-1"}', file.read_bytes().replace(row.id.encode(), b"q-000000000000")):
        file.write_bytes(content)
        with pytest.raises(ValueError):
            queue.read(row.id)


def test_an_id_is_one_only() -> None:
    assert is_queued_id(new_queued_id())
    assert new_queued_id() != new_queued_id()
    assert not any(map(is_queued_id, ("", "q-", "q-1", "sp-20261121-001", "q-00000000000g")))


class _Full(Disk):
    """A disk on which a file can be made, and nothing be written."""

    def create(self, path: str) -> File:
        file = super().create(path)

        def write(_data: bytes) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        file.write = write  # type: ignore[method-assign]
        return file


def test_a_full_disk_leaves_nothing_and_is_told(tmp_path: Path) -> None:
    queue = Queue(str(tmp_path), _Full())
    with pytest.raises(DiskFull):
        queue.add(queued())
    assert list((tmp_path / "queue").iterdir()) == []
    queue = Queue(str(tmp_path))
    queue.add(queued())
    assert len(queue.ids()) == 1
