"""Which agents were chosen for tasks that may be asked for again: a client's tasks for a kind, where state is kept.

Owns a file of them, and what it says. Each choice is written before its task leaves, so that an engine that was killed, and its
next one, send what a client repeats to the agent that had it, whatever the load is then. Nothing is synced: a power cut takes
the clients as well. A client says below which section it has all answers; what is below is forgotten.
"""

from __future__ import annotations

import contextlib
import os
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from struct import Struct
from zlib import crc32

import orjson

from pools.address import Key
from pools.errors import TooOld

__all__ = ["Choices"]

#: Choices that are remembered: what 32 clients have open at most. Past it those of the session that was quiet longest go.
CHOICES = 262_144
#: Sessions that are remembered, also those that have all their answers: four for each connection that there may be.
SESSIONS = 1_024
#: Bytes of the file from which it is written anew with what counts still: a few milliseconds' work.
FILE_BYTES = 4 * 1024 * 1024
#: Before each record its length and its checksum: what was being written when a process was killed is passed over, as its tasks
#: had not left.
_HEAD = Struct("<II")
#: The session of the record that says below which section choices were forgotten.
_FORGOTTEN = ""


class Choices:
    """The choices of one engine. now: the number of a section that is given now.

    Where there was no file, or one that is damaged, those before now count as forgotten that it does not tell of.
    Raises OSError for one that may not be read.
    """

    def __init__(self, path: str, now: int) -> None:
        self._path = path
        self._count = 0
        self._sessions: OrderedDict[str, _Session] = OrderedDict()
        #: Sections below it may have been chosen for, and it is not known whom.
        self.forgotten_below = self._now = now
        self._file = -1
        self._size_bytes = self._least_bytes = 0
        with contextlib.suppress(FileNotFoundError):
            self._read(Path(path).read_bytes())
        with contextlib.suppress(OSError):  # a full disk: nothing is chosen until there is room
            self._rewrite()

    def _read(self, data: bytes) -> None:
        records, is_whole = _records(data)
        for at, (session, number, first, keys, mark) in enumerate(records):
            if session == _FORGOTTEN:
                self.forgotten_below = number if not at else max(self.forgotten_below, number)
            else:
                self._note(session, number, range(first, first + len(keys)), keys)
                self.forget(session, mark)
        if not is_whole:
            self.forgotten_below = max(self.forgotten_below, self._now)

    # -- what is known -------------------------------------------------------------------------------------------------

    def of(self, session: str, number: int) -> Sequence[Key]:
        """The agents chosen for a section, by place; None, or nothing, for those that their number chose, if anything did."""
        found = self._sessions.get(session)
        return () if found is None else found.sections.get(number, ())

    def check(self, session: str, number: int) -> None:
        """Raises TooOld for a section that was sent before, if it is not known any more who was chosen for it."""
        if number < self.forgotten_below and not self.of(session, number):
            raise TooOld(f"section {number} was sent before, and to whom is forgotten; as it may have run, it is not run again")

    def keep(self, session: str, number: int, places: Sequence[int], keys: Sequence[Key]) -> bool:
        """Write down who was chosen for some tasks of a section; returns whether that was possible. places: ascending."""
        first, last = places[0], places[-1]
        row: Sequence[Key] = keys
        if last - first + 1 != len(keys):
            spread: list[Key] = [None] * (last - first + 1)
            for place, key in zip(places, keys, strict=True):
                spread[place - first] = key
            row = spread
        known = self._sessions.get(session)
        if not self._write(_record(session, number, first, row, 0 if known is None else known.mark)):
            return False
        self._note(session, number, places, keys)
        self._shrink(session)
        return True

    def forget(self, session: str, mark: int) -> None:
        """Forget what a client has the answers of: sections below a number."""
        found = self._sessions.get(session)
        if found is not None:
            found.mark = max(found.mark, mark)
            sections = found.sections
            while sections and (number := next(iter(sections))) < mark:
                self._count -= len(sections.pop(number))

    def close(self) -> None:
        """Give the file back."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    # -- what is written -----------------------------------------------------------------------------------------------

    def _note(self, session: str, number: int, places: Sequence[int], keys: Sequence[Key]) -> None:
        sections = self._sessions.setdefault(session, _Session()).sections
        self._sessions.move_to_end(session)
        row = sections.setdefault(number, [])
        before = len(row)
        row += [None] * (places[-1] + 1 - before)
        for place, key in zip(places, keys, strict=True):
            row[place] = row[place] if key is None else key
        self._count += len(row) - before

    def _shrink(self, session: str) -> None:
        """Forget other sessions where there are too many choices, those that were quiet longest first."""
        while self._count > CHOICES and (oldest := next(iter(self._sessions))) != session:
            self._drop(oldest)
        while len(self._sessions) > SESSIONS:
            self._drop(next(iter(self._sessions)))
        if self._size_bytes >= FILE_BYTES + self._least_bytes:
            with contextlib.suppress(OSError):  # the old one grows on
                self._rewrite()

    def _drop(self, session: str) -> None:
        sections = self._sessions.pop(session).sections
        self._count -= sum(map(len, sections.values()))
        self.forgotten_below = max(self.forgotten_below, *(number + 1 for number in sections), 0)

    def _write(self, record: bytes) -> bool:
        try:
            if self._file < 0:
                self._rewrite()
            if os.write(self._file, record) == len(record):
                self._size_bytes += len(record)
                return True
            os.ftruncate(self._file, self._size_bytes)
        except OSError:
            self.close()  # what its end looks like is not known
        return False

    def _rewrite(self) -> None:
        """Write what counts into a new file, which takes the place of the old one."""
        records = [_record(_FORGOTTEN, self.forgotten_below, 0, (), 0)]
        for session, known in self._sessions.items():
            records += [_record(session, number, 0, row, known.mark) for number, row in known.sections.items()]
        fresh = f"{self._path}.new"
        file = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_CLOEXEC, 0o600)
        data = b"".join(records)
        try:
            if os.write(file, data) != len(data):
                raise OSError(f"{fresh}: not all of {len(data):,} bytes could be written")
            Path(fresh).replace(self._path)
        except OSError:
            os.close(file)
            raise
        if self._file >= 0:
            os.close(self._file)
        self._file, self._size_bytes, self._least_bytes = file, len(data), len(data)


class _Session:
    """What one client may ask for again. mark: the section below which it has all answers."""

    __slots__ = ("mark", "sections")

    def __init__(self) -> None:
        self.mark = 0
        self.sections: dict[int, list[Key]] = {}


def _record(session: str, number: int, first: int, keys: Sequence[Key], mark: int) -> bytes:
    body = orjson.dumps([session, number, first, keys, mark])
    return _HEAD.pack(len(body), crc32(body)) + body


def _records(data: bytes) -> tuple[list[tuple[str, int, int, list[Key], int]], bool]:
    """The records up to the first that is none, and whether there can be no other behind it."""
    records: list[tuple[str, int, int, list[Key], int]] = []
    at = 0
    while at + _HEAD.size <= len(data):
        size_bytes, checksum = _HEAD.unpack_from(data, at)
        body = data[at + _HEAD.size : at + _HEAD.size + size_bytes]
        if not body or crc32(body) != checksum:
            return records, len(body) < size_bytes and _is_cut_off(body, checksum)
        records.append(orjson.loads(body))
        at += _HEAD.size + size_bytes
    return records, True


def _is_cut_off(rest: bytes, checksum: int) -> bool:
    """Whether a record that is shorter than it says was not written to its end. If it was, it is its length that is wrong."""
    found = at = 0
    while end := rest.find(b"]", at) + 1:
        found, at = crc32(rest[at:end], found), end
        if found == checksum:
            return False
    return True
