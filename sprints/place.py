"""The disk, as releases need it: files, and links to folders beside them.

Owns what `checkpoints.files` has no need of. Errors of the system (OSError) pass as they are.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from typing import Protocol

from checkpoints.files import Disk, Files

__all__ = ["Place", "PlaceDisk"]


class Place(Files, Protocol):
    """A file system with links."""

    def link(self, target: str, path: str) -> None:
        """Have a link to a folder beside it. Raises FileExistsError."""
        ...

    def target(self, path: str) -> str | None:
        """Where a link leads; None where there is none."""
        ...

    def share(self, old: str, new: str) -> None:
        """Have a file under another name too."""
        ...

    def set_mode(self, path: str, mode: int) -> None:
        """Have these permissions."""
        ...

    def size_bytes(self, path: str) -> int | None:
        """How long a file is; None where there is none."""
        ...

    def remove_folder(self, path: str) -> None:
        """Take a folder away with all that is in it; one that is not there is none."""
        ...


class PlaceDisk(Disk):
    """The machine's file system."""

    def link(self, target: str, path: str) -> None:
        """See Place."""
        os.symlink(target, path)  # noqa: PTH211

    def target(self, path: str) -> str | None:
        """See Place."""
        try:
            return os.readlink(path)  # noqa: PTH115 - paths are texts here
        except FileNotFoundError:
            return None

    def share(self, old: str, new: str) -> None:
        """See Place."""
        os.link(old, new, follow_symlinks=False)

    def set_mode(self, path: str, mode: int) -> None:
        """See Place."""
        os.chmod(path, mode)  # noqa: PTH101

    def size_bytes(self, path: str) -> int | None:
        """See Place."""
        try:
            return os.lstat(path).st_size
        except (FileNotFoundError, NotADirectoryError):
            return None

    def remove_folder(self, path: str) -> None:
        """See Place."""
        with contextlib.suppress(FileNotFoundError):
            shutil.rmtree(path)
