"""A disk in memory that forgets what was not synced, fails on demand, fills up, and outlives the processes that use it.

`SimDisk` is the machine: what is on the platters, and the kernel's cache before them. `SimDisk.process()` is one process's view
of it, a `checkpoints.files.Files`; it ends with `kill`, with `cut_power`, or at a `Fault`. What a power cut leaves is drawn by
chance, sector by sector and name by name, from all that a file system may leave.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Sequence
from random import Random
from typing import Any, TypeVar

from checkpoints.errors import FolderInUse
from checkpoints.faults import Fault, Killed

__all__ = ["SECTOR_BYTES", "Fault", "Killed", "Process", "SimDisk"]

SECTOR_BYTES = 512
Got = TypeVar("Got")


def _above(path: str) -> str:
    """The folder of a path."""
    return path.rpartition("/")[0] or "."


class _Inode:
    """A file: what the kernel shows, what the platters hold, and which sectors differ."""

    def __init__(self, data: bytes = b"") -> None:
        self.cache = bytearray(data)
        self.disk = bytearray(data)
        self.dirty: set[int] = set()

    def write(self, at: int, data: bytes) -> None:
        self.cache[at : at + len(data)] = data
        if data:
            self.dirty.update(range(at // SECTOR_BYTES, (at + len(data) - 1) // SECTOR_BYTES + 1))

    def cut(self, size_bytes: int) -> None:
        longest = max(len(self.cache), len(self.disk))
        if size_bytes > len(self.cache):
            self.cache.extend(bytes(size_bytes - len(self.cache)))
        del self.cache[size_bytes:]
        self.dirty.update(range(size_bytes // SECTOR_BYTES, longest // SECTOR_BYTES + 1))

    def sync(self) -> None:
        self._resize(len(self.cache))
        for sector in self.dirty:
            begin = sector * SECTOR_BYTES
            self.disk[begin : begin + SECTOR_BYTES] = self.cache[begin : begin + SECTOR_BYTES]
        self.dirty.clear()

    def _resize(self, size_bytes: int) -> None:
        del self.disk[size_bytes:]
        self.disk.extend(bytes(size_bytes - len(self.disk)))

    def forget(self, chance: Random) -> None:
        """Lose the cache: of each sector that was not synced, the old, the new or, where nothing was, anything is left."""
        was, now = len(self.disk), len(self.cache)
        if self.dirty:
            self._resize(
                chance.choice([was, now, chance.randint(min(was, now), max(was, now))])
                if now > was
                else chance.choice([was, now])
            )
        for sector in sorted(self.dirty):
            begin = sector * SECTOR_BYTES
            end = min(begin + SECTOR_BYTES, len(self.disk))
            left = chance.choice(["old", "new", "new", "garbage" if begin >= was else "old"])
            if begin < end and left != "old":
                fresh = bytes(self.cache[begin:end]) if left == "new" else chance.randbytes(end - begin)
                self.disk[begin : begin + len(fresh)] = fresh
        self.cache = bytearray(self.disk)
        self.dirty.clear()


class SimDisk:
    """A machine's disk. files: what it holds at first, by path."""

    def __init__(self, files: dict[str, bytes] | None = None) -> None:
        self._names: dict[str, _Inode] = {}
        self._durable: dict[str, _Inode] = {}
        self._folders: set[str] = {"."}
        self._durable_folders: set[str] = {"."}
        self._pending: list[tuple[str, Callable[[], None]]] = []
        self._processes: list[Process] = []
        self.locks: dict[str, Process] = {}
        #: What will fail, and everything that was asked for: kind and path.
        self.faults: list[Fault] = []
        self.trace: list[tuple[str, str]] = []
        #: How many bytes all files may have; None for no end of room.
        self.space_bytes: int | None = None
        for path, data in (files or {}).items():
            self.put(path, data)

    # -- what a test does to it ------------------------------------------------------------------------------------------

    def process(self) -> Process:
        """A process that uses it from now on."""
        process = Process(self, len(self._processes) + 1)
        self._processes.append(process)
        return process

    def kill(self) -> None:
        """End every process; the kernel keeps what they wrote."""
        for process in self._processes:
            process.is_dead = True
        self.locks.clear()

    def cut_power(self, chance: Random) -> None:
        """End everything; keep what was synced, and of the rest whatever chance leaves."""
        self.kill()
        kept = self._pending
        if chance.random() < 0.5:
            kept = kept[: chance.randint(0, len(kept))]
        else:
            kept = [change for change in kept if chance.random() < 0.5]
        for _, apply in kept:
            apply()
        self._pending = []
        self._folders = {folder for folder in self._durable_folders if self._stands(folder)}
        self._durable_folders = set(self._folders)
        self._durable = {path: inode for path, inode in self._durable.items() if _above(path) in self._folders}
        self._names = dict(self._durable)
        for inode in set(self._names.values()):
            inode.forget(chance)

    def _stands(self, folder: str) -> bool:
        while folder != ".":
            if folder not in self._durable_folders:
                return False
            folder = _above(folder)
        return True

    def put(self, path: str, data: bytes) -> None:
        """Have a file with this content, on the platters."""
        folder = _above(path)
        while folder != ".":
            self._folders.add(folder)
            self._durable_folders.add(folder)
            folder = _above(folder)
        self._names[path] = self._durable[path] = _Inode(data)

    def drop(self, path: str) -> None:
        """Have a file no more, on the platters too."""
        del self._names[path]
        self._durable.pop(path, None)

    def image(self) -> dict[str, bytes]:
        """What every file holds, as a process would read it."""
        return {path: bytes(inode.cache) for path, inode in sorted(self._names.items())}

    def durable_image(self) -> dict[str, bytes]:
        """What is certainly left of every file after a power cut."""
        return {path: bytes(inode.disk) for path, inode in sorted(self._durable.items())}

    @property
    def used_bytes(self) -> int:
        """How much room the files take."""
        return sum(len(inode.cache) for inode in set(self._names.values()))

    # -- what a process does to it ---------------------------------------------------------------------------------------

    def change(self, path: str, act: Callable[[dict[str, _Inode]], Any]) -> None:
        """Change names now, and on the platters when their folder is synced."""
        act(self._names)
        self._pending.append((_above(path), lambda: act(self._durable)))

    def inode(self, path: str) -> _Inode:
        """The file of this name. Raises FileNotFoundError."""
        if path not in self._names:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
        return self._names[path]

    def room(self) -> int | None:
        """Bytes that are free; None for no end of them."""
        return None if self.space_bytes is None else max(self.space_bytes - self.used_bytes, 0)

    def has_file(self, path: str) -> bool:
        """Whether a file is there."""
        return path in self._names

    def has_folder(self, path: str) -> bool:
        """Whether a folder is there."""
        return path in self._folders

    def make_folder(self, path: str) -> None:
        """Make one folder."""
        self._folders.add(path)
        self._pending.append((_above(path), lambda: self._durable_folders.add(path)))

    def sync_folder(self, path: str) -> None:
        """Have the names of one folder on the platters."""
        for folder, apply in self._pending:
            if folder == path:
                apply()
        self._pending = [change for change in self._pending if change[0] != path]

    def names(self, folder: str) -> list[str]:
        """The names in a folder."""
        return sorted(path.rpartition("/")[2] for path in self._names if _above(path) == folder)


class _Handle:
    """An open file of one process."""

    def __init__(self, process: Process, path: str, inode: _Inode, *, is_lock: bool = False) -> None:
        self._is_lock = is_lock
        self._process = process
        self._path = path
        self._inode = inode
        self._is_closed = False
        self.size_bytes = len(inode.cache)

    def write(self, data: bytes) -> None:
        self._open()
        room = self._process.disk.room()
        fits = data if room is None else data[:room]

        def act() -> None:
            self._put(fits)
            if len(fits) < len(data):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), self._path)

        self._process.io("write", self._path, act, lambda share: self._put(data[: int(len(data) * share)]))

    def _put(self, data: bytes) -> None:
        self._inode.write(self.size_bytes, data)
        self.size_bytes += len(data)

    def sync(self) -> None:
        self._open()
        self._process.io("sync", self._path, self._inode.sync, lambda _share: self._inode.dirty.clear())

    def cut(self, size_bytes: int) -> None:
        self._open()

        def act() -> None:
            self._inode.cut(size_bytes)
            self.size_bytes = size_bytes

        self._process.io("cut", self._path, act)

    def read(self, start: int, size_bytes: int) -> bytes:
        self._open()
        return self._process.io("read", self._path, lambda: bytes(self._inode.cache[start : start + size_bytes]))

    def close(self) -> None:
        self._open()
        self._is_closed = True
        self.drop()

    def drop(self) -> None:
        """Hold it no more, nor its lock."""
        self._process.handles.discard(self)
        if self._is_lock and self._process.disk.locks.get(self._path) is self._process:
            del self._process.disk.locks[self._path]

    def _open(self) -> None:
        if not self._process.is_dead and self._is_closed:
            raise ValueError(f"{self._path} was closed before")


class Process:
    """One process's view of a disk, until it ends. Its number is its pid."""

    def __init__(self, disk: SimDisk, pid: int) -> None:
        self.disk = disk
        self.pid = pid
        self.is_dead = False
        #: What it has open.
        self.handles: set[_Handle] = set()

    def io(self, kind: str, path: str, act: Callable[[], Got], fail: Callable[[float], None] = lambda _share: None) -> Got:
        """Do one thing, unless a fault strikes."""
        if self.is_dead:
            raise Killed
        self.disk.trace.append((kind, path))
        for fault in self.disk.faults:
            if fault.strikes(kind, path):
                self._strike(fault, path, act, fail)
        return act()

    def _strike(self, fault: Fault, path: str, act: Callable[[], Any], fail: Callable[[float], None]) -> None:
        if fault.is_after:
            opened = act()
            if isinstance(opened, _Handle):
                opened.drop()
        elif fault.error is not None:
            fail(fault.share)
        if fault.error is not None:
            raise OSError(fault.error, os.strerror(fault.error), path)
        self.end()
        raise Killed

    def end(self) -> None:
        """Die: what it had locked is free."""
        self.is_dead = True
        self.disk.locks = {path: process for path, process in self.disk.locks.items() if process is not self}

    def _opened(self, path: str, inode: _Inode, *, is_lock: bool = False) -> _Handle:
        handle = _Handle(self, path, inode, is_lock=is_lock)
        self.handles.add(handle)
        return handle

    def create(self, path: str) -> _Handle:
        """See Files."""

        def act() -> _Handle:
            if self.disk.has_file(path):
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), path)
            if not self.disk.has_folder(_above(path)):
                raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
            if self.disk.room() == 0:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), path)
            inode = _Inode()
            self.disk.change(path, lambda names: names.__setitem__(path, inode))
            return self._opened(path, inode)

        return self.io("create", path, act)

    def append(self, path: str) -> _Handle:
        """See Files."""
        return self.io("append", path, lambda: self._opened(path, self.disk.inode(path)))

    def open(self, path: str) -> _Handle:
        """See Files."""
        return self.io("open", path, lambda: self._opened(path, self.disk.inode(path)))

    def read(self, path: str, start: int = 0, size_bytes: int | None = None) -> bytes:
        """See Files."""
        end = None if size_bytes is None else start + size_bytes
        return self.io("read", path, lambda: bytes(self.disk.inode(path).cache[start:end]))

    def names(self, folder: str) -> Sequence[str]:
        """See Files."""
        return self.io("names", folder, lambda: self.disk.names(folder))

    def rename(self, old: str, new: str) -> None:
        """See Files."""

        def act() -> None:
            inode = self.disk.inode(old)

            def move(names: dict[str, _Inode]) -> None:
                names.pop(old, None)
                names[new] = inode

            self.disk.change(new, move)

        self.io("rename", new, act)

    def remove(self, path: str) -> None:
        """See Files."""

        def act() -> None:
            self.disk.inode(path)
            self.disk.change(path, lambda names: names.pop(path, None))

        self.io("remove", path, act)

    def make_folder(self, path: str) -> None:
        """See Files."""
        above = _above(path)
        if self.disk.has_folder(path):
            self.sync_folder(above)
            return
        self.make_folder(above)
        self.io("make_folder", path, lambda: self.disk.make_folder(path))
        self.sync_folder(above)

    def sync_folder(self, path: str) -> None:
        """See Files."""
        self.io("sync_folder", path, lambda: self.disk.sync_folder(path))

    def lock(self, path: str) -> _Handle:
        """See Files."""

        def act() -> _Handle:
            owner = self.disk.locks.get(path)
            if owner is not None:
                raise FolderInUse(_above(path), owner.pid)
            if not self.disk.has_file(path):
                inode = _Inode()
                self.disk.change(path, lambda names: names.__setitem__(path, inode))
            self.disk.locks[path] = self
            return self._opened(path, self.disk.inode(path), is_lock=True)

        return self.io("lock", path, act)
