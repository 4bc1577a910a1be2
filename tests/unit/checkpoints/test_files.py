"""The real disk keeps what `Files` promises."""

from __future__ import annotations

import errno
import fcntl
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from checkpoints.errors import FolderInUse
from checkpoints.files import Disk, has_room, write_whole

#: A process that holds a lock until its input ends.
HOLD = """
import sys
from checkpoints.files import Disk
held = Disk().lock(sys.argv[1])
print("held", flush=True)
sys.stdin.read()
"""


def descriptors() -> int:
    """How many are open in this process."""
    return len(os.listdir("/proc/self/fd"))


def test_a_file_is_written_at_its_end_and_read_anywhere(tmp_path: Path) -> None:
    disk, path = Disk(), str(tmp_path / "file")
    file = disk.create(path)
    file.write(b"one")
    file.write(b"two")
    file.sync()
    assert file.size_bytes == 6
    file.cut(4)
    file.write(b"!")
    file.close()
    assert disk.read(path) == b"onet!"
    assert [disk.read(path, 3), disk.read(path, 1, 2), disk.read(path, 4, 99), disk.read(path, 99), disk.read(path, 0, 0)] == [
        b"t!",
        b"ne",
        b"!",
        b"",
        b"",
    ]
    file = disk.append(path)
    assert file.size_bytes == 5
    file.write(b"?")
    file.close()
    reader = disk.open(path)
    disk.remove(path)
    assert (reader.size_bytes, reader.read(3, 99), reader.read(99, 1)) == (6, b"t!?", b"")
    reader.close()


def test_files_and_folders_are_their_owners_alone(tmp_path: Path) -> None:
    disk = Disk()
    disk.make_folder(str(tmp_path / "a" / "b"))
    disk.create(str(tmp_path / "a" / "b" / "file")).close()
    disk.lock(str(tmp_path / "a" / "b" / "LOCK")).close()
    modes = [path.stat().st_mode & 0o777 for path in sorted((tmp_path / "a").rglob("*"))]
    assert (modes, (tmp_path / "a").stat().st_mode & 0o777) == ([0o700, 0o600, 0o600], 0o700)


def test_a_file_that_is_there_is_not_created_again(tmp_path: Path) -> None:
    disk, path = Disk(), str(tmp_path / "file")
    disk.create(path).close()
    with pytest.raises(FileExistsError):
        disk.create(path)
    for act in (disk.append, disk.open, disk.read):
        with pytest.raises(FileNotFoundError):
            act(str(tmp_path / "none"))


def test_a_short_write_is_gone_on_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.pwrite
    monkeypatch.setattr(os, "pwrite", lambda descriptor, data, at: real(descriptor, bytes(data[:7]), at))
    file = Disk().create(str(tmp_path / "file"))
    file.write(bytes(range(100)))
    file.close()
    assert (tmp_path / "file").read_bytes() == bytes(range(100))


def test_a_write_that_fails_half_way_says_how_far_it_came(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real, calls = os.pwrite, iter([7, 7, None])

    def write(descriptor: int, data: memoryview, at: int) -> int:
        size = next(calls)
        if size is None:
            raise OSError(errno.ENOSPC, "full")
        return real(descriptor, data[:size], at)

    monkeypatch.setattr(os, "pwrite", write)
    file = Disk().create(str(tmp_path / "file"))
    with pytest.raises(OSError):
        file.write(bytes(100))
    assert file.size_bytes == 14
    file.cut(0)
    file.close()
    assert (tmp_path / "file").stat().st_size == 0


def test_what_is_written_to_a_file_that_was_removed_is_not_taken_for_written(tmp_path: Path) -> None:
    file = Disk().create(str(tmp_path / "file"))
    file.write(b"one")
    (tmp_path / "file").unlink()
    with pytest.raises(OSError, match="removed"):
        file.write(b"two")
    file.close()


def test_a_short_read_is_gone_on_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_bytes(bytes(range(100)))
    reader = Disk().open(str(tmp_path / "file"))
    real = os.pread
    monkeypatch.setattr(os, "pread", lambda descriptor, size, at: real(descriptor, min(size, 7), at))
    assert reader.read(10, 50) == bytes(range(10, 60))
    reader.close()


def test_a_folder_is_synced_into_the_one_above_also_when_it_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who made it may have been killed before its name was on the disk."""
    synced: list[str] = []
    monkeypatch.setattr(Disk, "sync_folder", lambda _disk, path: synced.append(path))
    disk = Disk()
    disk.make_folder(str(tmp_path / "a" / "b"))
    assert synced == [str(tmp_path.parent), str(tmp_path), str(tmp_path / "a")]
    synced.clear()
    disk.make_folder(str(tmp_path / "a" / "b"))
    assert synced == [str(tmp_path / "a")]


def test_a_folder_above_that_is_not_ours_to_read_is_no_hindrance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_disk: Disk, path: str) -> None:
        raise PermissionError(errno.EACCES, "not yours", path)

    monkeypatch.setattr(Disk, "sync_folder", refuse)
    Disk().make_folder(str(tmp_path / "a"))
    assert (tmp_path / "a").is_dir()


def test_a_folder_may_be_told_from_where_one_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Disk().make_folder("a/b")
    Disk().make_folder("c")
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["a", "b", "c"]


def test_one_holds_a_lock_and_the_other_is_told_who(tmp_path: Path) -> None:
    disk, path = Disk(), str(tmp_path / "LOCK")
    held = disk.lock(path)
    open_before = descriptors()
    for _ in range(3):
        with pytest.raises(FolderInUse) as caught:
            disk.lock(path)
        assert (caught.value.folder, caught.value.pid) == (str(tmp_path), os.getpid())
    assert descriptors() == open_before
    held.close()
    disk.lock(path).close()


def test_another_process_holds_a_lock_until_it_ends(tmp_path: Path) -> None:
    path = str(tmp_path / "LOCK")
    with subprocess.Popen([sys.executable, "-c", HOLD, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"held\n"
        with pytest.raises(FolderInUse) as caught:
            Disk().lock(path)
        assert caught.value.pid == child.pid
        child.kill()
        child.wait()
    Disk().lock(path).close()


@pytest.mark.parametrize("pid", [b"", b"x", b"-1", b"12 34"])
def test_an_owner_who_left_no_number_is_not_invented(tmp_path: Path, pid: bytes) -> None:
    disk, path = Disk(), tmp_path / "LOCK"
    held = disk.lock(str(path))
    path.write_bytes(pid)
    with pytest.raises(FolderInUse) as caught:
        disk.lock(str(path))
    assert caught.value.pid is None
    held.close()


def test_a_lock_that_cannot_be_had_is_given_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def none_left(*_arguments: Any) -> int:
        raise OSError(errno.ENOLCK, "no locks left")

    disk, path = Disk(), str(tmp_path / "LOCK")
    with monkeypatch.context() as patch:
        patch.setattr(fcntl, "flock", none_left)
        before = descriptors()
        with pytest.raises(OSError):
            disk.lock(path)
        assert descriptors() == before
    disk.lock(path).close()


def test_a_full_disk_can_be_locked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_arguments: Any) -> int:
        raise OSError(errno.ENOSPC, "full")

    disk, path = Disk(), str(tmp_path / "LOCK")
    with monkeypatch.context() as patch:
        patch.setattr(os, "pwrite", full)
        held = disk.lock(path)
    with pytest.raises(FolderInUse):
        disk.lock(path)
    held.close()


def test_room_is_found_out_by_taking_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert has_room(str(tmp_path))
    for error, has in ((errno.ENOSPC, False), (errno.EDQUOT, False), (errno.EFBIG, True)):

        def fails(*_arguments: Any, error: int = error) -> int:
            raise OSError(error, "as told")

        monkeypatch.setattr(os, "posix_fallocate", fails)
        assert has_room(str(tmp_path)) is has
    assert list(tmp_path.iterdir()) == []


def test_a_whole_file_replaces_another_and_what_a_killed_process_left(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    (tmp_path / "file.new").write_bytes(b"left by one that was killed")
    write_whole(Disk(), str(path), b"new")
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == {"file": b"new"}
