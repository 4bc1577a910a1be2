"""One file that a task must have written: what was there before, and what is there now.

Owns the opening of a path that a task names, so that it stays inside the work folder, and the hash of its content in bounded
memory. No link is followed, no `..`, and nothing but a regular file is read. What a finding means is `evidence`'s to say.
"""

from __future__ import annotations

import hashlib
import os
import stat
import time
from typing import NamedTuple

__all__ = [
    "ARTIFACT_BYTES", "FOLDER", "Artifact", "ArtifactWrong", "Before", "look_before", "open_within", "read_artifact",
    "wrong_path",
]  # fmt: skip

#: Bytes of one artifact: what one core hashes within a minute, the length of a test step.
ARTIFACT_BYTES = 16 << 30
#: Bytes that are read at once.
PIECE_BYTES = 1 << 20
#: Bytes of a file that is hashed before its task begins, so that a new content shows even with the old time.
BEFORE_BYTES = 1 << 20
#: Nanoseconds within which a file system may give two writes the same time: a tick of a slow clock, and then some.
TICK_NS = 20_000_000
#: Bytes of a path, and of one name in it: what Linux takes.
PATH_BYTES, NAME_BYTES = 4_095, 255
#: What stands between two slashes and names nothing below.
NO_NAMES = frozenset({"", ".", ".."})

FOLDER = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


class ArtifactWrong(Exception):
    """An artifact is no evidence. The message says why, in a phrase that follows its path."""


class Before(NamedTuple):
    """What was at a path before its task began. mtime_ns: time of its last write.  sha256: None where it was not read."""

    mtime_ns: int
    size_bytes: int
    sha256: str | None


class Artifact(NamedTuple):
    """A file as it was read. place: device and inode.  mode: its permissions."""

    path: str
    sha256: str
    size_bytes: int
    mtime_ns: int
    place: tuple[int, int]
    mode: int

    def is_new(self, before: Before | None) -> bool:
        """Whether it was written since."""
        if before is None or self.mtime_ns != before.mtime_ns or self.size_bytes != before.size_bytes:
            return True
        return before.sha256 is not None and self.sha256 != before.sha256


def wrong_path(path: str) -> str | None:
    """Why a path cannot name an artifact, in a phrase; None where it can."""
    names = path.split("/")
    if path.isascii() and len(path) <= NAME_BYTES and "\0" not in path and NO_NAMES.isdisjoint(names):
        return None
    try:
        size_bytes = len(path.encode())
    except UnicodeEncodeError:
        return "is no UTF-8"
    if not path or "\0" in path or size_bytes > PATH_BYTES:
        return f"is no path of 1 to {PATH_BYTES} bytes"
    if path.startswith("/"):
        return "is not relative to the work folder"
    if not NO_NAMES.isdisjoint(names):
        return "has an empty name, `.` or `..` in it"
    if max(len(name.encode()) for name in names) > NAME_BYTES:
        return f"has a name of more than {NAME_BYTES} bytes in it"
    return None


def open_within(folder: int, path: str) -> tuple[int, os.stat_result]:
    """A descriptor of a regular file below a folder, given as a descriptor, and what it is; no link is followed.

    Raises ArtifactWrong.
    """
    wrong = wrong_path(path)
    if wrong:
        raise ArtifactWrong(wrong)
    *above, name = path.split("/")
    opened = folder
    try:
        for part in above:
            inner = os.open(part, FOLDER, dir_fd=opened)
            if opened != folder:
                os.close(opened)
            opened = inner
        descriptor = os.open(name, FILE, dir_fd=opened)
    except FileNotFoundError:
        raise ArtifactWrong("is missing") from None
    except OSError as error:
        raise ArtifactWrong(_why_not_opened(path, opened, error)) from error
    finally:
        if opened != folder:
            os.close(opened)
    facts = os.fstat(descriptor)
    if not stat.S_ISREG(facts.st_mode):
        os.close(descriptor)
        raise ArtifactWrong("is no regular file")
    return descriptor, facts


def _why_not_opened(path: str, folder: int, error: OSError) -> str:
    """Links are told from folders only after the fact: the kernel has one error for several."""
    for part in path.split("/"):
        try:
            if stat.S_ISLNK(os.stat(part, dir_fd=folder, follow_symlinks=False).st_mode):
                return "is a link, or below one: it could lead out of the work folder"
        except OSError:
            continue
    return f"cannot be read: {error.strerror}"


def look_before(folder: int, path: str) -> Before | None:
    """What is at a path before its task begins; None where there is no file.

    A file whose write a later one could be mistaken for is hashed, small ones always.
    """
    try:
        facts = os.stat(path, dir_fd=folder, follow_symlinks=False)
    except (OSError, ValueError):
        return None
    if not stat.S_ISREG(facts.st_mode):
        return None
    is_recent = time.time_ns() - facts.st_mtime_ns < TICK_NS
    sha256 = None
    if is_recent or facts.st_size <= BEFORE_BYTES:
        try:
            sha256 = read_artifact(folder, path).sha256
        except ArtifactWrong:
            return None
    return Before(facts.st_mtime_ns, facts.st_size, sha256)


def read_artifact(folder: int, path: str) -> Artifact:
    """A file below a folder, hashed. Raises ArtifactWrong, also where it is written while it is read."""
    descriptor, facts = open_within(folder, path)
    try:
        if facts.st_size > ARTIFACT_BYTES:
            raise ArtifactWrong(f"has {facts.st_size} bytes, more than {ARTIFACT_BYTES}")
        sha256 = _hash(descriptor, facts.st_size)
        after = os.fstat(descriptor)
        if (after.st_mtime_ns, after.st_size, after.st_ctime_ns) != (facts.st_mtime_ns, facts.st_size, facts.st_ctime_ns):
            raise ArtifactWrong("was written while it was read")
    except OSError as error:
        raise ArtifactWrong(f"cannot be read: {error.strerror}") from error
    finally:
        os.close(descriptor)
    place = (facts.st_dev, facts.st_ino)
    return Artifact(path, sha256, facts.st_size, facts.st_mtime_ns, place, stat.S_IMODE(facts.st_mode))


def _hash(descriptor: int, size_bytes: int) -> str:
    """The hash of as many bytes as the file had when it was opened."""
    state = hashlib.sha256()
    left = size_bytes
    while left > 0 and (piece := os.read(descriptor, min(left, PIECE_BYTES))):
        left -= len(piece)
        state.update(piece)
    if left:
        raise ArtifactWrong("was written while it was read")
    return state.hexdigest()
