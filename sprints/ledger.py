"""The ledger of a sprint: what happened, line by line, in one file that only grows.

Owns the bytes of a line (LEDGER.md), their chain, and when they are on the disk. What the events mean is `sprint`'s and
`receipt`'s; who looks at a ledger that somebody else may have changed is `verification`.
"""

from __future__ import annotations

import errno
import hashlib
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import orjson

from checkpoints.errors import FULL
from checkpoints.files import File, Files, write_whole
from sprints.errors import LedgerCorrupt, LedgerFailed, LedgerFull, LineTooLong

__all__ = ["LEDGER", "LINE_BYTES", "Chain", "Ledger", "Line", "lines_of", "open_ledger", "read_ledger"]

#: The name of the file in its sprint's folder, of the lock beside it, and of what was cut off.
LEDGER, LOCK, BROKEN = "ledger.jsonl", "LOCK", "ledger.jsonl.broken"
#: Bytes of one line: the plan of a wave of 100,000 items with names of 128 characters.
LINE_BYTES = 16 * 1024 * 1024
#: Bytes that are read at once.
PIECE_BYTES = 1 << 20
#: What stands between a line's facts and its digest, what ends it, and how many bytes both have with the digest.
SEAL, END, DIGEST_CHARS = b',"sha256":"', b'"}\n', 64
TAIL_BYTES = len(SEAL) + DIGEST_CHARS + len(END)


def _digest(before: bytes, facts: bytes) -> str:
    return hashlib.sha256(before + facts).hexdigest()


class Line(NamedTuple):
    """One line of a file. line: from 1.  offset, size_bytes: where it stands.

    facts: what it says, empty where it cannot be read.  wrong: what is wrong with it; None for a whole one in its place.
    is_whole: whether it is a line by itself.
    """

    line: int
    offset: int
    size_bytes: int
    facts: dict[str, Any]
    digest: str
    wrong: str | None
    is_whole: bool


@dataclass(slots=True)
class Chain:
    """What the next line must follow. sprint: the id that the first one is bound to."""

    sprint: str
    number: int = 0
    before: bytes = b""
    #: What the line before came to, where that is not what it says itself.
    else_before: bytes | None = None
    #: Whether the number of the next line is not known, after one that cannot be read.
    is_loose: bool = False

    def __post_init__(self) -> None:
        self.before = _digest(b"", self.sprint.encode()).encode()

    def seal(self, facts: bytes) -> bytes:
        """The line of these facts, a JSON object, as the next one."""
        self.number += 1
        digest = _digest(self.before, facts[:-1])
        self.before = digest.encode()
        return b"".join((facts[:-1], SEAL, self.before, END))

    def take(self, line: int, offset: int, data: bytes) -> Line:
        """What a line of a file says, if it is the next one; the one after it is then judged as following it."""
        said = data[len(SEAL) - TAIL_BYTES : -len(END)]
        facts = _facts(data)
        if facts is None:
            self.is_loose = True
            self.else_before = _digest(self.before, data[:-TAIL_BYTES]).encode()
            self.before = said
            return Line(line, offset, len(data), {}, "", "it is none of a ledger", False)
        wrong = self._wrong(facts, data[:-TAIL_BYTES], said)
        self.number = facts["n"]
        return Line(line, offset, len(data), facts, said.decode(), wrong, True)

    def _wrong(self, facts: dict[str, Any], body: bytes, said: bytes) -> str | None:
        follows = [before for before in (self.before, self.else_before) if before is not None]
        computed = [_digest(before, body).encode() for before in follows]
        self.before, self.else_before = said, None
        is_next = facts["n"] > self.number if self.is_loose else facts["n"] == self.number + 1
        self.is_loose = False
        if not is_next:
            return (
                f"it has number {facts['n']} and follows number {self.number}: lines are missing, twice there or out of order"
            )
        if said in computed:
            return None
        self.else_before = computed[0]
        if facts["n"] == 1:
            return f"it was changed, or is not of {self.sprint}: its digest does not follow from it"
        return "it was changed, or is not of this ledger: its digest does not follow from it and the line before"


def _facts(data: bytes) -> dict[str, Any] | None:
    """What a line says; None where it is none."""
    if len(data) <= TAIL_BYTES or data[-TAIL_BYTES : len(SEAL) - TAIL_BYTES] != SEAL or not data.endswith(END):
        return None
    try:
        facts = orjson.loads(data)
        if type(facts["n"]) is int and type(facts["d"]) is int and type(facts["e"]) is str:
            del facts["sha256"]
            return dict(facts)
    except (ValueError, KeyError, TypeError):
        pass
    return None


def lines_of(files: Files, path: str, sprint: str | None = None) -> Iterator[Line]:
    """Every line of a ledger with what is wrong with it. sprint: whose it must be; None takes the first line's word.

    Raises OSError.
    """
    chain = None if sprint is None else Chain(sprint)
    offset = 0
    for line, data in enumerate(_pieces(files, path), 1):
        if chain is None:
            facts = _facts(data) or {}
            chain = Chain(str(facts.get("id", "")))
        yield chain.take(line, offset, data)
        offset += len(data)


def _pieces(files: Files, path: str) -> Iterator[bytes]:
    """The bytes of each line, with its end; of one that never ends as much as a line may have."""
    reader = files.open(path)
    try:
        rest, start = b"", 0
        while piece := reader.read(start, PIECE_BYTES):
            start += len(piece)
            *whole, rest = (rest + piece).split(b"\n")
            yield from (data + b"\n" for data in whole)
            if len(rest) > LINE_BYTES:
                yield rest
                rest = b""
        if rest:
            yield rest
    finally:
        reader.close()


class Ledger:
    """A ledger that is written. Lines are added in memory, and on the disk after `sync`, which may run in another thread."""

    def __init__(self, file: File, lock: File, path: str, chain: Chain, wall: Callable[[], float]) -> None:
        self._file = file
        self._lock = lock
        self._path = path
        self._chain = chain
        self._wall = wall
        self._unwritten = bytearray()
        self._end = file.size_bytes
        self._mutex = threading.Lock()
        self._synced = chain.number
        self._failed: LedgerFailed | None = None

    @property
    def number(self) -> int:
        """The number of the last line that was added."""
        return self._chain.number

    @property
    def synced(self) -> int:
        """The number of the last line that is on the disk."""
        return self._synced

    @property
    def unwritten_bytes(self) -> int:
        """What the next sync will write."""
        return len(self._unwritten)

    def add(self, event: str, now_s: float, **facts: Any) -> Line:
        """Add a line; it is on the disk after the next sync. now_s: seconds of the sprint.  facts: JSON values.

        Returns it as it will be read back.  Raises LineTooLong, LedgerFailed, TypeError for what is no JSON.
        """
        return self.put({"e": event, "s": now_s, **facts})

    def put(self, event: Mapping[str, Any]) -> Line:
        """The same for an event with its facts: `e`, which it is; `s`, seconds of the sprint."""
        if self._failed is not None:
            raise self._failed
        with self._mutex:
            number = self._chain.number + 1
            said = {"n": number, "at": round(self._wall(), 3), "s": 0.0, "d": self._synced, **event}
            said["s"] = round(said["s"], 6)
            body = orjson.dumps(said)
            if len(body) + TAIL_BYTES > LINE_BYTES:
                raise LineTooLong(f"{said['e']}: {len(body)} bytes are more than the {LINE_BYTES} of a line")
            data = self._chain.seal(body)
            self._unwritten += data
            offset, self._end = self._end, self._end + len(data)
            return Line(number, offset, len(data), said, self._chain.before.decode(), None, True)

    def sync(self) -> None:
        """Have every line that was added before on the disk when this returns; one at a time.

        Raises LedgerFull: what was added is kept for the next try.  Raises LedgerFailed: nothing more can be written.
        """
        if self._failed is not None:
            raise self._failed
        with self._mutex:
            data, number = bytes(self._unwritten), self._chain.number
        if not data:
            return
        size_bytes = self._file.size_bytes
        try:
            self._file.write(data)
        except OSError as error:
            self._take_back(size_bytes, error)
        try:
            self._file.sync()
        except OSError as error:  # what the disk holds now nobody knows, and a second sync would not tell
            self._fail(f"it cannot be synced: {error.strerror}", error)
        with self._mutex:
            del self._unwritten[: len(data)]
            self._synced = number

    def _take_back(self, size_bytes: int, error: OSError) -> None:
        """A write failed: have the file as it was before."""
        if error.errno not in FULL:
            self._fail(f"it cannot be written: {error.strerror}", error)
        try:
            self._file.cut(size_bytes)
        except OSError as second:
            self._fail(f"a half written line cannot be taken back: {second.strerror}", second)
        raise LedgerFull(self._path, error.strerror or errno.errorcode[error.errno or errno.ENOSPC]) from error

    def _fail(self, reason: str, error: OSError) -> None:
        self._failed = LedgerFailed(self._path, reason)
        raise self._failed from error

    def close(self) -> None:
        """Give the file back; what was not synced is not written."""
        self._failed = self._failed or LedgerFailed(self._path, "it was closed")
        self._file.close()
        self._lock.close()


def open_ledger(files: Files, folder: str, sprint: str, wall: Callable[[], float], take: Callable[[Line], None]) -> Ledger:
    """The ledger of a sprint in its folder, made where there is none; `take` is given each line that it holds.

    A torn tail, which a death in the midst of a write leaves, is cut off and kept as `ledger.jsonl.broken`.
    wall: unix time in seconds.  Raises LedgerCorrupt, FolderInUse, OSError.
    """
    path = f"{folder}/{LEDGER}"
    lock = files.lock(f"{folder}/{LOCK}")
    try:
        if LEDGER not in files.names(folder):
            file = files.create(path)
            files.sync_folder(folder)
            return Ledger(file, lock, path, Chain(sprint), wall)
        chain, end_bytes = read_ledger(files, path, sprint, take)
        file = files.append(path)
        try:
            if file.size_bytes > end_bytes:
                write_whole(files, f"{folder}/{BROKEN}", files.read(path, end_bytes))
                file.cut(end_bytes)
            file.sync()  # who wrote it last may have been killed before
            files.sync_folder(folder)
        except BaseException:
            file.close()
            raise
        return Ledger(file, lock, path, chain, wall)
    except BaseException:
        lock.close()
        raise


def read_ledger(files: Files, path: str, sprint: str, take: Callable[[Line], None]) -> tuple[Chain, int]:
    """The chain at the end of what counts, and the bytes of that; `take` is given each line of it.

    Raises LedgerCorrupt, OSError.

    A line that is wrong begins a torn tail, unless it is a whole one, which no death in the midst of a write leaves, or a later
    one says that it was on the disk before.
    """
    good, end_bytes, wrong = Chain(sprint), 0, None
    for line in lines_of(files, path, sprint):
        wrong = wrong or (line if line.wrong else None)
        if wrong is None:
            good.number, good.before = line.facts["n"], line.digest.encode()
            end_bytes = line.offset + line.size_bytes
            take(line)
        elif line.is_whole and (line is wrong or line.facts["d"] > good.number):
            raise LedgerCorrupt(path, wrong.line, wrong.wrong or "")
    return good, end_bytes
