"""One recording, written: the documents of its instants, each after the other.

Owns what is written whole and what as a difference, and that a failed write leaves nothing behind. Where the file is, and when
another one is begun, is the business of whoever records.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import orjson

from checkpoints.files import Disk, Files
from engine.errors import DocumentTooLarge, RecordingDamaged
from engine.rewind.difference import difference
from engine.rewind.frame import DIFFERENCE, OPENING, WHOLE, encode
from engine.rewind.scan import Frame, Scan, scan
from engine.rewind.spec import DOCUMENT_BYTES, WHOLE_FRAMES, WHOLE_MS

if TYPE_CHECKING:
    from checkpoints.files import File

__all__ = ["Scribe", "milliseconds", "packed"]


def milliseconds(time_s: float) -> int:
    """An instant as a recording has it. time_s: since 1970."""
    return int(time_s * 1000 + 0.01)  # a thousandth that was rounded once shall not become the one before it


def packed(document: Mapping[str, Any]) -> bytes:
    """A document as it is recorded: JSON with sorted keys, which is what is equal. Raises TypeError, DocumentTooLarge."""
    raw = orjson.dumps(document, option=orjson.OPT_SORT_KEYS)
    if len(raw) > DOCUMENT_BYTES:
        raise DocumentTooLarge(f"a document of {len(raw):,} bytes; a recording takes up to {DOCUMENT_BYTES:,}")
    return raw


class Scribe:
    """A recording that is written at its end; a new file is made with mode 0600, a torn tail of an old one is cut.

    Raises RecordingDamaged for a file that is no recording, or a damaged one, which is left as it is; OSError.
    """

    def __init__(self, path: str | Path, files: Files | None = None) -> None:
        files = files or Disk()
        self.found: Scan = Scan([], [], 0)
        self._document: dict[str, Any] | None = None
        self._whole, self._base, self._whole_ms, self._count, self._link, self._last_ms = b"", 0, 0, 0, 0, 0
        self._file = _opened(files, str(path))
        try:
            self._take_up(str(path), files)
        except BaseException:
            self._file.close()
            raise

    def _take_up(self, path: str, files: Files) -> None:
        if not self._file.size_bytes:
            self._write(OPENING)
            return
        self.found = found = scan(files.read(path))
        for damage in found.damage:
            if not damage.is_torn:
                raise RecordingDamaged(f"{path}: at byte {damage.offset:,}: {damage.reason}", file=path, offset=damage.offset)
        if found.end < self._file.size_bytes:
            self._file.cut(found.end)
        if not found.end:
            self._write(OPENING)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    @property
    def size_bytes(self) -> int:
        """Bytes of the file."""
        return self._file.size_bytes

    def record(self, time_s: float, document: Mapping[str, Any]) -> Frame:
        """Add the document of an instant, in seconds since 1970. Raises DocumentTooLarge, OSError, then nothing was added."""
        return self.add(milliseconds(time_s), packed(document))

    def add(self, time_ms: int, raw: bytes) -> Frame:
        """The same for one that is `packed`."""
        document = orjson.loads(raw)
        change = None if self._is_due(time_ms) else self._difference(document)
        begin = self._file.size_bytes
        if change is None or len(change) >= len(raw):
            frame, link = encode(WHOLE, raw, time_ms, 0)
            self._write(frame)
            self._whole, self._base, self._whole_ms, self._count = raw, begin, time_ms, 0
        else:
            frame, link = encode(DIFFERENCE, change, time_ms, self._link, self._whole)
            self._write(frame)
        self._document, self._link, self._last_ms = document, link, time_ms
        self._count += 1
        return Frame(time_ms, self._base, begin, self._file.size_bytes)

    def _is_due(self, time_ms: int) -> bool:
        """Whether a whole document is to be written."""
        is_late = self._count >= WHOLE_FRAMES or time_ms - self._whole_ms >= WHOLE_MS
        return self._document is None or is_late or time_ms < self._last_ms

    def _difference(self, document: dict[str, Any]) -> bytes | None:
        """What is other now; None where it nests too deep to be written."""
        try:
            return orjson.dumps(difference(self._document or {}, document))
        except (TypeError, RecursionError):
            return None

    def _write(self, data: bytes) -> None:
        begin = self._file.size_bytes
        try:
            self._file.write(data)
        except OSError:
            self._document = None
            with contextlib.suppress(OSError):  # else it is a torn tail, which whoever opens it next cuts
                self._file.cut(begin)
            raise

    def close(self) -> None:
        """Write no more."""
        self._file.close()


def _opened(files: Files, path: str) -> File:
    try:
        return files.append(path)
    except FileNotFoundError:
        return files.create(path)
