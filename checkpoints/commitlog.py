"""The writer of a log: frames into segments, each frame synced before it counts.

Owns the newest segment and the rules for a write that fails. There is one frame at most that is not synced, so a crash can only
tear the last one. It blocks: it is called off the event loop. What a frame means is its caller's; reading is `recovery`'s.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from checkpoints.errors import FULL, CheckpointError, DiskFull, StoreClosed, StoreFailed
from checkpoints.files import File, Files
from checkpoints.frame import COMMIT, END, SEAL, WATERMARK, Part, encode
from checkpoints.mark import MARK, Mark, write_mark
from checkpoints.segment import Header, name_of, pack_header
from checkpoints.spec import SEGMENT_BYTES

__all__ = ["CommitLog", "Place"]


class Place(NamedTuple):
    """Where a log goes on.

    store: 16 bytes that tell this store from all others.  segment: the next segment's number.  epoch: the next epoch.
    first: number of the next record.  before: digest of the last frame.  before_bytes: how much of the last segment counts.
    """

    store: bytes
    segment: int
    epoch: int
    first: int
    before: bytes
    before_bytes: int


class CommitLog:
    """An open log. folder: where its segments stand.  place: where it goes on.

    is_synced: whether a frame counts when it is on the disk (`sync`), or when the kernel has it (`os`); then a frame tells what
    is synced, which is all up to the segment's begin, so that a reader knows what a power cut may have taken.
    failpoint: called with the name of each moment at which a crash must do no harm.
    """

    def __init__(
        self,
        files: Files,
        folder: str,
        place: Place,
        *,
        is_synced: bool = True,
        segment_bytes: int = SEGMENT_BYTES,
        failpoint: Callable[[str], None] = lambda _name: None,
    ) -> None:
        self._files = files
        self._folder = folder
        self._is_synced = is_synced
        self._segment_bytes = segment_bytes
        self._failpoint = failpoint
        self._store = place.store
        self._epoch = place.epoch
        self._segment = place.segment
        self._before = place.before
        self._failed: CheckpointError | None = None
        self._synced = place.first - 1
        #: Number of the next record, and of the last one that counts.
        self.next = place.first
        self.durable = place.first - 1
        #: Bytes given to write() since it was opened, and how often it was synced.
        self.written_bytes = 0
        self.syncs = 0
        #: Whether the last frame is confirmed by one behind it.
        self.is_confirmed = True
        self._file = self._begin(place.segment, place.before_bytes)
        #: Where what counts ends: the segment, and how many bytes of it.
        self.kept = (place.segment, self._file.size_bytes)
        try:
            self._mark()
        except BaseException:
            self._file.close()
            raise

    @property
    def segment(self) -> int:
        """Number of the segment that is written."""
        return self._segment

    @property
    def segment_bytes(self) -> int:
        """How long that segment is."""
        return self._file.size_bytes

    # -- writing -------------------------------------------------------------------------------------------------------

    def commit(self, parts: Sequence[Part], count: int) -> int:
        """Write records as one frame; returns the number of the last one, which counts now.

        count: how many records the parts hold.  Raises RecordTooLarge and DiskFull, with nothing written; StoreFailed, after
        which the log takes nothing more; StoreClosed.
        """
        last = self._write(COMMIT, parts, count)
        self.is_confirmed = False
        if self._file.size_bytes >= self._segment_bytes:
            self.roll()
        return last

    def confirm(self) -> None:
        """Write down that the last frame is synced, so that its damage or loss is told from a torn tail. Raises as `commit`.

        Where nothing is synced, there is nothing to confirm.
        """
        if self._is_synced and not self.is_confirmed:
            self._write(WATERMARK, (), 0)
            self.is_confirmed = True
            self._mark()

    def _write(self, kind: int, parts: Sequence[Part], count: int) -> int:
        self._check()
        data, digest = self._encoded(kind, parts, count)
        good_bytes = self._file.size_bytes
        with self._in_one_piece():
            try:
                self._failpoint("commit.write")
                self._file.write(data)
            except OSError as error:
                self._take_back(good_bytes, error)
                raise self._unwritten(self._path(self._segment), error) from error
            self._failpoint("commit.written")
            if self._is_synced:
                self._sync_or_cut(good_bytes)
                self._synced = self.next + count - 1
            self._failpoint("commit.synced")
        self.written_bytes += len(data)
        self.next += count
        self.durable = self.next - 1
        self._before = digest
        self.kept = (self._segment, self._file.size_bytes)
        return self.durable

    def _encoded(self, kind: int, parts: Sequence[Part] = (), count: int = 0) -> tuple[bytes, bytes]:
        return encode(
            kind,
            parts,
            segment=self._segment,
            epoch=self._epoch,
            first=self.next,
            count=count,
            durable=self._synced,
            before=self._before,
        )

    def _mark(self) -> None:
        """Tell outside of the log what of it is synced. Raises DiskFull; the log is as it was."""
        try:
            write_mark(self._files, self._folder, self._store, Mark(self._segment, self._epoch, self._synced))
        except OSError as error:
            raise self._unwritten(f"{self._folder}/{MARK}", error) from error
        self._failpoint("mark.written")

    def _sync(self) -> None:
        try:
            self._failpoint("commit.sync")
            self._file.sync()
        except OSError as error:
            raise self._fail(f"a sync failed: {error.strerror}") from error
        self.syncs += 1

    def _sync_or_cut(self, good_bytes: int) -> None:
        try:
            self._sync()
        except StoreFailed:
            with contextlib.suppress(OSError):  # the next reader must not take for kept what nobody was told of
                self._file.cut(good_bytes)
                self._file.sync()
            raise

    def _take_back(self, good_bytes: int, error: OSError) -> None:
        """Cut off what a failed write left, before anything else is written behind it."""
        try:
            self._file.cut(good_bytes)
            self._file.sync()
        except OSError as second:
            reason = f"a write failed ({error.strerror}) and what it left could not be cut off ({second.strerror})"
            raise self._fail(reason) from second

    @contextlib.contextmanager
    def _in_one_piece(self) -> Iterator[None]:
        """Whoever is interrupted here, as by Ctrl-C, cannot tell what stands in the file: nothing is written behind it."""
        try:
            yield
        except CheckpointError:
            raise
        except BaseException as error:
            self._fail(f"a write was interrupted by {type(error).__name__}")
            raise

    def _unwritten(self, file: str, error: OSError) -> CheckpointError:
        """What a write that left nothing behind means: a full disk may take the next one, any other takes none."""
        name = file.rpartition("/")[2]
        return DiskFull(file, error) if error.errno in FULL else self._fail(f"a write of {name} failed: {error.strerror}")

    def _fail(self, reason: str) -> StoreFailed:
        failed = StoreFailed(self._path(self._segment), reason)
        self._failed = failed
        return failed

    def _check(self) -> None:
        """Raise what ended the log, if something did; without the places where it was raised before."""
        if self._failed is not None:
            raise self._failed.with_traceback(None)

    # -- segments ------------------------------------------------------------------------------------------------------

    def roll(self) -> None:
        """Seal the segment and begin the next. The next one stands before the seal says that it does.

        All of a segment is synced before another follows it, so that only the last one can be torn. A disk without room for
        another leaves everything as it is: the segment grows on.  Raises StoreFailed, StoreClosed.
        """
        self._check()
        with self._in_one_piece():
            self._sync_all()
            try:
                following = self._begin(self._segment + 1, self._file.size_bytes + len(self._encoded(SEAL)[0]))
            except DiskFull:
                return
            self._failpoint("roll.created")
            self._seal(SEAL)
            self._failpoint("roll.sealed")
            self._file.close()
            self._segment, self._file = self._segment + 1, following

    def _sync_all(self) -> None:
        if not self._is_synced:
            self._sync()
            self._synced = self.durable

    def _end(self) -> None:
        self._sync_all()
        self._seal(END)
        self._mark()

    def _seal(self, kind: int) -> None:
        """Write a segment's last frame, where there is room for it; the chain goes on from the frame before it."""
        data, _ = self._encoded(kind)
        good_bytes = self._file.size_bytes
        try:
            self._file.write(data)
        except OSError as error:
            self._take_back(good_bytes, error)
            if error.errno not in FULL:
                raise self._unwritten(self._path(self._segment), error) from error
            return
        self._sync()
        self.written_bytes += len(data)

    def _begin(self, number: int, before_bytes: int) -> File:
        """A new segment, whole under its name before anything is written there.

        Raises DiskFull, with no such segment; StoreFailed where it may be there or not, or is another writer's.
        """
        path = self._path(number)
        header = Header(number, self._epoch, self._store, self.next, self._before, before_bytes)
        try:
            names = self._files.names(self._folder)
            if name_of(number) in names:
                raise self._fail(f"segment {number} is there already: something else writes here")
            if f"{name_of(number)}.new" in names:
                self._files.remove(f"{path}.new")
            file = self._files.create(f"{path}.new")
        except OSError as error:
            raise self._unwritten(path, error) from error
        try:
            self._fill(file, path, pack_header(header))
        except BaseException:
            file.close()
            raise
        self.written_bytes += file.size_bytes
        return file

    def _fill(self, file: File, path: str, data: bytes) -> None:
        try:
            file.write(data)
        except OSError as error:
            raise self._unwritten(path, error) from error
        try:
            file.sync()
            self._failpoint("roll.written")
            self._files.rename(f"{path}.new", path)
            self._failpoint("roll.renamed")
            self._files.sync_folder(self._folder)
        except OSError as error:
            raise self._fail(f"the next segment could not be begun: {error.strerror}") from error

    def _path(self, number: int) -> str:
        return f"{self._folder}/{name_of(number)}"

    def close(self) -> None:
        """Seal what is open, if that is still possible, and give it back."""
        if isinstance(self._failed, StoreClosed):
            return
        try:
            if self._failed is None:
                with contextlib.suppress(CheckpointError):
                    self._end()
        finally:
            self._failed = StoreClosed(f"{self._folder} was closed")
            self._file.close()
