"""The folder in which an engine keeps the state of a measurement: made, weighed, thrown away. It says on which file system it
stands, since a figure of what is kept is one of a disk too."""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["drop_cache", "filesystem", "own_folder", "used_bytes"]

#: bytes of a block as `stat` counts them.
BLOCK_BYTES = 512

#: what the kernel is told to forget all file pages, inodes and names that it can read again; only root may.
DROP_CACHES, EVERYTHING = Path("/proc/sys/vm/drop_caches"), "3\n"


@contextmanager
def own_folder() -> Iterator[str]:
    """An empty folder in the temporary directory (TMPDIR), for the time of the block."""
    folder = tempfile.mkdtemp(prefix="bench-")
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def filesystem(folder: str | None = None, mounts: Path = Path("/proc/self/mounts")) -> str:
    """The type of the file system under a folder, by default under the temporary directory: `ext4`, `tmpfs`."""
    path = Path(folder or tempfile.gettempdir()).resolve()
    types = {Path(at): kind for _, at, kind, *_ in map(str.split, mounts.read_text().splitlines())}
    return next((types[above] for above in (path, *path.parents) if above in types), "unknown")


def used_bytes(folder: str) -> int:
    """What all files of a folder take of the disk. Files that go while it looks count as gone."""
    total = 0
    for above, _, names in os.walk(folder):
        for name in names:
            try:
                total += Path(above, name).stat().st_blocks * BLOCK_BYTES
            except FileNotFoundError:
                continue
    return total


def drop_cache() -> str | None:
    """Have the next read come from the disk; returns why that could not be, None when it was done."""
    os.sync()
    try:
        DROP_CACHES.write_text(EVERYTHING)
    except OSError as error:
        return f"the page cache was not dropped: {error}"
    return None
