"""Where a backup stands: a folder, or a .tar file.

Owns the writing of either, whole under its name or not at all, and the reading back; of a tar only plain files are taken. What
the files are is not known here.
"""

from __future__ import annotations

import io
import os
import shutil
import tarfile
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from checkpoints.files import Disk
from engine.errors import BackupDamaged

__all__ = ["CHUNK_BYTES", "FILE_MODE", "FOLDER_MODE", "Vault", "read_vault"]

#: Bytes that are copied at a time.
CHUNK_BYTES = 1 << 20
#: Modes: state is its owner's alone.
FILE_MODE, FOLDER_MODE = 0o600, 0o700


class Vault:
    """A backup that is being written; it has its name once `seal` returns, and is removed when the block ends before that.

    path: a folder that does not exist or is empty, or a name that ends with .tar.  Raises FileExistsError, OSError.
    """

    def __init__(self, path: Path) -> None:
        if path.exists() and (not path.is_dir() or any(path.iterdir())):
            raise FileExistsError(f"{path} exists already")
        self.path = path
        self._part = path.with_name(f"{path.name}.part-{os.getpid()}")
        self._tar: tarfile.TarFile | None = None
        self._file: IO[bytes] | None = None
        if path.suffix == ".tar":
            descriptor = os.open(self._part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, FILE_MODE)
            self._file = os.fdopen(descriptor, "wb")
            self._tar = tarfile.TarFile(fileobj=self._file, mode="w", format=tarfile.PAX_FORMAT)
        else:
            self._part.mkdir(mode=FOLDER_MODE)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None) -> None:
        if self._file is not None:
            self._file.close()
        if self._part.is_dir():
            shutil.rmtree(self._part)
        with suppress(FileNotFoundError):
            self._part.unlink()

    def put(self, name: str, size_bytes: int, chunks: Iterable[bytes]) -> None:
        """Write one file. Raises OSError; BackupDamaged where its source has not so many bytes."""
        if self._tar is not None:
            info = tarfile.TarInfo(name)
            info.size, info.mode = size_bytes, FILE_MODE
            try:
                self._tar.addfile(info, _Joined(chunks))
            except OSError as error:
                if "unexpected end of data" in str(error):
                    raise _short(name) from error
                raise
            return
        place = self._part / name
        Disk().make_folder(str(place.parent))
        with os.fdopen(os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, FILE_MODE), "wb") as file:
            if sum(file.write(chunk) for chunk in chunks) != size_bytes:
                raise _short(name)
            file.flush()
            os.fsync(file.fileno())

    def read(self) -> Iterator[tuple[str, Iterator[bytes]]]:
        """What was written, from the disk: the name and the bytes of each file."""
        if self._tar is not None and self._file is not None:
            self._tar.close()
            self._file.flush()
            os.fsync(self._file.fileno())
        return read_vault(self._part)

    def seal(self) -> None:
        """Give it its name."""
        self._part.chmod(FOLDER_MODE if self._part.is_dir() else FILE_MODE)
        _sync_tree(self._part)
        self._part.rename(self.path)
        _sync_folder(self.path.parent)


def _short(name: str) -> BackupDamaged:
    return BackupDamaged(f"{name} became shorter while it was copied", file=name)


class _Joined(io.RawIOBase):
    """Chunks as a file that is read."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)
        self._rest = b""

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1, /) -> bytes:
        while len(self._rest) < size and (chunk := next(self._chunks, b"")):
            self._rest += chunk
        data, self._rest = self._rest[:size], self._rest[size:]
        return data


def read_vault(path: Path) -> Iterator[tuple[str, Iterator[bytes]]]:
    """The name and the bytes of each file of a backup, each to be read before the next. Raises OSError, BackupDamaged."""
    if path.is_dir():
        for place in sorted(path.rglob("*")):
            if place.is_symlink() or not (place.is_file() or place.is_dir()):
                raise BackupDamaged(f"{place} is no plain file: nothing was written", file=str(place))
            if place.is_file():
                yield str(place.relative_to(path)), _chunks_of(place)
        return
    try:
        with tarfile.open(path, "r:") as tar:
            for info in tar:
                if info.isdir():
                    continue
                if not info.isreg():
                    said = f"{path} holds {info.name!r}, which is no plain file: nothing was written"
                    raise BackupDamaged(said, file=info.name)
                yield info.name, _member(tar, info, path)
    except tarfile.TarError as error:
        raise BackupDamaged(f"{path} is no whole tar file: {error}", file=str(path)) from error


def _member(tar: tarfile.TarFile, info: tarfile.TarInfo, path: Path) -> Iterator[bytes]:
    file = tar.extractfile(info)
    try:
        while file is not None and (chunk := file.read(CHUNK_BYTES)):
            yield chunk
    except tarfile.TarError as error:
        raise BackupDamaged(f"{path}: {info.name} is not whole: {error}", file=info.name) from error


def _chunks_of(place: Path) -> Iterator[bytes]:
    with place.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            yield chunk


def _sync_tree(part: Path) -> None:
    if part.is_dir():
        for folder in [part, *(place for place in part.rglob("*") if place.is_dir())]:
            _sync_folder(folder)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
