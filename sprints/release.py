"""Releases: folders with the artifacts of sprints, one of which is current.

Owns the folder `releases`: `0001-<sprint>/` with `manifest.json` and `files/`, and the link `current`. A release is made aside,
synced, and named only when its hooks have said yes; then the link is renamed over the old one. Whoever is killed at any
moment leaves the old release or the new one, whole. A release is never changed once it is named.
"""

from __future__ import annotations

import hashlib
import os
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from checkpoints.errors import FULL, FolderInUse
from checkpoints.files import File
from sprints.artifact import ArtifactWrong, open_within
from sprints.errors import ManifestUnreadable, ReleaseFull, RollbackRefused
from sprints.hook import Hook
from sprints.leash import run_leashed
from sprints.manifest import FILES, MANIFEST, Entry, Manifest
from sprints.place import Place

__all__ = ["CURRENT", "KEPT", "MODE", "MOMENTS", "NEW", "Draft", "Releases", "Run", "is_pruned"]

#: The link to the release that counts, what it is made as, and the file of the one process that changes releases.
CURRENT, CURRENT_NEW, LOCK = "current", "current.new", "LOCK"
#: What the name of a release that is not whole ends with.
NEW = ".new"
NAME = re.compile(r"(\d{4,})-(.+)")
#: Releases that are kept: an afternoon of one every 15 minutes. Older ones are removed, but never what is current or before it.
KEPT = 20
#: Bytes that are copied at once.
PIECE_BYTES = 1 << 20
#: Seconds between two tries for the lock.
LOOK_S = 0.02
#: Permissions that a released file may have: none may be written.
MODE = 0o555
#: Every moment that a process may die at while it ships or rolls back.
MOMENTS = (
    *("draft.made", "draft.copied", "ship.written", "ship.synced", "ship.hooked", "ship.named"),
    *("switch.linked", "switch.renamed", "switch.synced", "ship.pruned"),
)


#: Runs a hook: with the folder of the files, what is put into its environment, and the folder that it holds.
Run = Callable[[Hook, str, Mapping[str, str], str], None]


def _nothing(_moment: str) -> None:
    pass


def _unheard(_manifest: Manifest) -> None:
    pass


class Releases:
    """The releases of a backlog. folder: made where it is not there.  wall: unix time in seconds.

    failpoint: called with each of MOMENTS.
    """

    def __init__(
        self, place: Place, folder: str, wall: Callable[[], float], *, failpoint: Callable[[str], None] = _nothing
    ) -> None:
        self.place = place
        self.folder = folder
        self.wall = wall
        self.failpoint = failpoint

    def names(self) -> list[str]:
        """The releases that are whole, the oldest first."""
        names = [name for name in self.place.names(self.folder) if NAME.fullmatch(name) and not name.endswith(NEW)]
        return sorted(names, key=_number)

    def current(self) -> str | None:
        """The release that counts; None before the first."""
        return self.place.target(f"{self.folder}/{CURRENT}")

    def manifest(self, name: str) -> Manifest:
        """What a release holds. Raises ManifestUnreadable, OSError."""
        path = f"{self.folder}/{name}/{MANIFEST}"
        return Manifest.read(path, self.place.read(path))

    @contextmanager
    def locked(self, wait_s: float = 0.0) -> Iterator[None]:
        """Be the one who changes releases. wait_s: how long for whoever does it now.  Raises FolderInUse."""
        self.place.make_folder(self.folder)
        lock = self._lock(time.monotonic() + wait_s)
        try:
            yield
        finally:
            lock.close()

    def _lock(self, until_s: float) -> File:
        while True:
            try:
                return self.place.lock(f"{self.folder}/{LOCK}")
            except FolderInUse:
                if time.monotonic() >= until_s:
                    raise
                time.sleep(LOOK_S)

    @contextmanager
    def draft(
        self, sprint: str, work: str, entries: Sequence[Entry], *, carry: bool = True, wait_s: float = 0.0
    ) -> Iterator[Draft]:
        """A release in the making, which is gone unless it is shipped within.

        work: the folder that the artifacts are copied from.  entries: what goes in; of several with one path the last.
        carry: whether what the current release has beside them goes in too.  wait_s: as for `locked`.

        Raises ReleaseFull, FolderInUse, OSError.
        """
        try:
            with self.locked(wait_s):
                self._clear()
                number = max(map(_number, self.names()), default=0) + 1
                draft = Draft(self, f"{number:04}-{sprint}", sprint)
                try:
                    draft.fill(work, entries, carry=carry)
                    yield draft
                finally:
                    if not draft.is_shipped:
                        draft.remove()
                    self._unlink_new()
        except OSError as error:
            if error.errno in FULL:
                raise ReleaseFull(self.folder, error.strerror or "") from error
            raise

    def rollback(self, to: str | None = None) -> tuple[str, str]:
        """Switch back to the release before the current one, or to a named one; returns where from and where to.

        Raises RollbackRefused, FolderInUse, OSError.
        """
        with self.locked():
            current = self.current()
            if current is None:
                raise RollbackRefused(f"{self.folder} has no release yet")
            try:
                target = to or self.manifest(current).before
            except (ManifestUnreadable, FileNotFoundError) as error:
                raise RollbackRefused(f"what was before {current} is not known, name a release: {error}") from error
            if target is None:
                raise RollbackRefused(f"{current} is the first release, there is none before it")
            if target == current:
                raise RollbackRefused(f"{target} is current already")
            self._check_whole(target)
            self.switch(target)
            return current, target

    def _check_whole(self, name: str) -> None:
        """Whether a release has every file, as long as it must be. Raises RollbackRefused."""
        if name not in self.names():
            raise RollbackRefused(f"there is no release {name!r}; there are {', '.join(self.names()) or 'none'}")
        try:
            manifest = self.manifest(name)
        except (ManifestUnreadable, OSError) as error:
            raise RollbackRefused(f"{name} is not whole: {error}") from error
        for entry in manifest.entries:
            if self.place.size_bytes(f"{self.folder}/{name}/{FILES}/{entry.path}") != entry.size_bytes:
                raise RollbackRefused(f"{name} is not whole: {entry.path} is missing or has another size")

    def switch(self, name: str) -> None:
        """Have this release current, on the disk when this returns. Raises OSError: then the one before counts still."""
        self._unlink_new()
        self.place.link(name, f"{self.folder}/{CURRENT_NEW}")
        self.failpoint("switch.linked")
        self.place.rename(f"{self.folder}/{CURRENT_NEW}", f"{self.folder}/{CURRENT}")
        self.failpoint("switch.renamed")
        self.place.sync_folder(self.folder)
        self.failpoint("switch.synced")

    def _unlink_new(self) -> None:
        if self.place.target(f"{self.folder}/{CURRENT_NEW}") is not None:
            self.place.remove(f"{self.folder}/{CURRENT_NEW}")

    def _clear(self) -> None:
        """Remove what somebody who was killed had half made."""
        self._unlink_new()
        for name in self.place.names(self.folder):
            if name.endswith(NEW) and NAME.fullmatch(name):
                self.place.remove_folder(f"{self.folder}/{name}")

    def prune(self, manifest: Manifest) -> None:
        """Remove the oldest releases beyond KEPT."""
        for name in self.names()[:-KEPT]:
            if name not in (manifest.release, manifest.before):
                doomed = f"{self.folder}/{name}{NEW}"
                self.place.rename(f"{self.folder}/{name}", doomed)  # half removed it is no release
                self.place.remove_folder(doomed)


def is_pruned(folder: str, release: str) -> bool:
    """Whether a release that is not there is older than all that are kept, so that nobody took it away but `prune`."""
    try:
        names = [name for name in os.listdir(folder) if NAME.fullmatch(name) and not name.endswith(NEW)]
    except OSError:
        return False
    return len(names) >= KEPT and NAME.fullmatch(release) is not None and _number(release) < min(map(_number, names))


def _number(name: str) -> int:
    return int(name.partition("-")[0])


class Draft:
    """A release in the making. changed: items left out, by id, because an artifact is not what its receipt says, with why."""

    def __init__(self, releases: Releases, name: str, sprint: str) -> None:
        self._releases = releases
        self._place = releases.place
        self._name = name
        self._sprint = sprint
        self._folder = f"{releases.folder}/{name}{NEW}"
        self._before = releases.current()
        self._entries: dict[str, Entry] = {}
        self._modes: dict[str, int] = {}
        self._folders: set[str] = set()
        self.changed: dict[str, str] = {}
        self.is_shipped = False

    @property
    def files(self) -> str:
        """The folder that has the artifacts under their own paths."""
        return f"{self._folder}/{FILES}"

    def fill(self, work: str, entries: Sequence[Entry], *, carry: bool) -> None:
        """Copy what goes in. Raises OSError."""
        self._make_folder(self.files)
        self._releases.failpoint("draft.made")
        last = {entry.path: entry for entry in entries}
        source = os.open(work, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            for entry in last.values():
                self._take(source, entry)
        finally:
            os.close(source)
        for path in [path for path, entry in self._entries.items() if entry.item in self.changed]:
            del self._entries[path]
            self._place.remove(f"{self.files}/{path}")
        if carry and self._before is not None:
            self._carry(self._before)
        self._releases.failpoint("draft.copied")

    def _take(self, source: int, entry: Entry) -> None:
        if entry.item in self.changed:
            return
        try:
            descriptor, facts = open_within(source, entry.path)
        except ArtifactWrong as error:
            self.changed[entry.item] = f"{entry.path} {error}"
            return
        try:
            sha256 = self._copy(descriptor, entry)
            self._modes[entry.path] = facts.st_mode & MODE
        finally:
            os.close(descriptor)
        self._entries[entry.path] = entry
        if sha256 != entry.sha256:
            self.changed[entry.item] = f"{entry.path} was changed after its receipt"

    def _copy(self, descriptor: int, entry: Entry) -> str:
        """Copy a file, no longer than its receipt says and one byte; returns the hash of what was copied."""
        path = f"{self.files}/{entry.path}"
        self._make_folder(path.rpartition("/")[0])
        state, left = hashlib.sha256(), entry.size_bytes + 1
        file = self._place.create(path)
        try:
            while left > 0 and (piece := os.read(descriptor, min(left, PIECE_BYTES))):
                left -= len(piece)
                state.update(piece)
                file.write(piece)
        finally:
            file.close()
        return state.hexdigest()

    def _make_folder(self, folder: str) -> None:
        if folder not in self._folders:
            self._place.make_folder(folder)
            while len(folder) >= len(self._folder):
                self._folders.add(folder)
                folder = folder.rpartition("/")[0]

    def _carry(self, name: str) -> None:
        """Take over what the release before has beside; it is the same file, which nobody may write."""
        for entry in self._releases.manifest(name).entries:
            if entry.path not in self._entries:
                path = f"{self.files}/{entry.path}"
                self._make_folder(path.rpartition("/")[0])
                self._place.share(f"{self._releases.folder}/{name}/{FILES}/{entry.path}", path)
                self._entries[entry.path] = entry

    def ship(
        self, hooks: Sequence[Hook] = (), held: str = "", run: Run = run_leashed, written: Callable[[Manifest], None] = _unheard
    ) -> Manifest:
        """Have it on the disk, run the hooks in turn, and switch to it. Once only.

        held: the folder that hooks hold; empty for none.  run: runs a hook.  written: hears of what is on the disk, before any
        hook.  A release that the same sprint made of the same before,
        and was killed before it could tell, is taken instead.

        Raises HookFailed: nothing was switched.  Raises OSError: the release before counts still.
        """
        releases = self._releases
        entries = tuple(sorted(self._entries.values(), key=lambda entry: entry.path))
        known = self._known(entries)
        if known is not None:
            if releases.current() != known.release:
                releases.switch(known.release)
            return known
        manifest = Manifest(self._name, self._sprint, self._before, round(releases.wall(), 3), entries)
        self._write(manifest)
        written(manifest)
        facts = {"ENGINE_RELEASE": self._name, "ENGINE_SPRINT": self._sprint}
        for hook in hooks:
            run(hook, os.path.abspath(self.files), facts, held)  # noqa: PTH100 - paths are texts here
        releases.failpoint("ship.hooked")
        self._place.rename(self._folder, f"{releases.folder}/{self._name}")
        self._folder = f"{releases.folder}/{self._name}"
        self._place.sync_folder(releases.folder)
        releases.failpoint("ship.named")
        self.is_shipped = True  # who cannot tell whether it counts does not remove it: it is whole
        try:
            releases.switch(self._name)
        except BaseException:
            self.is_shipped = releases.current() == self._name
            raise
        releases.prune(manifest)
        releases.failpoint("ship.pruned")
        return manifest

    def _known(self, entries: tuple[Entry, ...]) -> Manifest | None:
        """A release that the same sprint made of the same."""
        for name in self._releases.names():
            if name.partition("-")[2] == self._sprint:
                manifest = self._releases.manifest(name)
                if manifest.entries == entries:
                    return manifest
        return None

    def _write(self, manifest: Manifest) -> None:
        """Have all of it on the disk."""
        file = self._place.create(f"{self._folder}/{MANIFEST}")
        try:
            file.write(manifest.data())
            file.sync()
        finally:
            file.close()
        self._releases.failpoint("ship.written")
        for path, mode in self._modes.items():
            if path in self._entries:
                file = self._place.append(f"{self.files}/{path}")
                try:
                    file.sync()
                finally:
                    file.close()
                self._place.set_mode(f"{self.files}/{path}", mode)
        for folder in self._folders:
            self._place.sync_folder(folder)
        self._releases.failpoint("ship.synced")

    def remove(self) -> None:
        """Have nothing left of it."""
        if not self._folder.endswith(NEW):
            self._place.rename(self._folder, f"{self._folder}{NEW}")  # half removed it is no release
            self._folder += NEW
        self._place.remove_folder(self._folder)
