"""Which of the files that were there before a task have been written since, as the kernel tells.

Owns one inotify queue. A time can be set without a write, and a write may leave the content as it was: only this tells one from
the other. Where the kernel has no room for it nothing is known, and nothing is said.
"""

from __future__ import annotations

import ctypes
import os
import struct

__all__ = ["Writes"]

#: From <sys/inotify.h>.
IN_MODIFY, IN_Q_OVERFLOW, IN_DONT_FOLLOW, IN_MASK_ADD, IN_ONESHOT = 0x2, 0x4000, 0x2000000, 0x20000000, 0x80000000
#: One event: which file, what, and how many bytes of a name follow, which is none for a file itself.
EVENT = struct.Struct("iIII")
#: Bytes that are read at once: some thousand events.
PIECE_BYTES = 1 << 16


class Writes:
    """What is written below a folder, given as a descriptor that stays open."""

    def __init__(self, folder: int) -> None:
        self._folder = folder
        self._libc = ctypes.CDLL(None)
        #: The queue, made for the first file; -1 where none can be had.
        self._queue: int | None = None
        self._watched: dict[str, tuple[int, tuple[int, int]]] = {}
        self._written: set[int] = set()
        self._is_lost = False

    def watch(self, path: str, place: tuple[int, int]) -> None:
        """From now on notice writes to a file that is there. place: its device and inode."""
        if self._queue is None:
            self._queue = self._libc.inotify_init1(os.O_CLOEXEC | os.O_NONBLOCK)
        self._watched.pop(path, None)
        if self._queue < 0:
            return
        name = os.fsencode(f"/proc/self/fd/{self._folder}/{path}")
        number = self._libc.inotify_add_watch(self._queue, name, IN_MODIFY | IN_DONT_FOLLOW | IN_ONESHOT)
        if number >= 0:
            self._written.discard(number)
            self._watched[path] = number, place

    def is_written(self, path: str, place: tuple[int, int]) -> bool | None:
        """Whether somebody has written the file that is watched, if this still is it; None where that is not known."""
        number, watched = self._watched.get(path, (-1, (0, 0)))
        if number < 0 or watched != place:
            return None
        self._read()
        if number in self._written:
            return True
        return None if self._is_lost else False

    def _read(self) -> None:
        while True:
            try:
                data = os.read(self._queue or 0, PIECE_BYTES)
            except BlockingIOError:
                return
            at = 0
            while at < len(data):
                number, mask, _, name_bytes = EVENT.unpack_from(data, at)
                at += EVENT.size + name_bytes
                self._is_lost = self._is_lost or bool(mask & IN_Q_OVERFLOW)
                if mask & IN_MODIFY:
                    self._written.add(number)

    def close(self) -> None:
        """Give the queue back."""
        if self._queue is not None and self._queue >= 0:
            os.close(self._queue)
        self._queue = -1
