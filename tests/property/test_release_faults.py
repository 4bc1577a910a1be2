"""Whichever input or output fails while a release is made, switched to, taken back or pruned: what counts then is whole."""

from __future__ import annotations

import errno
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from checkpoints.files import File
from sprints import release as module
from sprints.errors import RollbackRefused
from sprints.manifest import Entry
from sprints.place import PlaceDisk
from sprints.release import Releases

#: More inputs and outputs than anything here does.
MOST = 200


class FailingPlace(PlaceDisk):
    """The machine's disk, of which one call fails, or all from that one on: before it did anything, or after it."""

    def __init__(self, nth: int, *, is_after: bool, is_lasting: bool) -> None:
        self.nth = nth
        self.seen = 0
        self._is_after = is_after
        self._is_lasting = is_lasting

    @property
    def has_struck(self) -> bool:
        return self.seen >= self.nth

    def io(self, act: Callable[[], Any], half: Callable[[], Any] = lambda: None) -> Any:
        self.seen += 1
        if self.seen == self.nth or (self._is_lasting and self.seen > self.nth):
            if self._is_after:
                got = act()
                if hasattr(got, "close"):
                    got.close()
            else:
                half()
            raise OSError(errno.EIO, "Input/output error")
        return act()


class FailingFile:
    """A file of it."""

    def __init__(self, place: FailingPlace, file: File) -> None:
        self._place = place
        self._file = file
        self.size_bytes = file.size_bytes

    def write(self, data: bytes) -> None:
        self._place.io(lambda: self._file.write(data), lambda: self._file.write(data[: len(data) // 2]))

    def sync(self) -> None:
        self._place.io(self._file.sync)

    def cut(self, size_bytes: int) -> None:
        self._place.io(lambda: self._file.cut(size_bytes))

    def close(self) -> None:
        self._file.close()


def _failing(name: str) -> Callable[..., Any]:
    def call(self: FailingPlace, *facts: Any) -> Any:
        got = self.io(lambda: getattr(PlaceDisk, name)(self, *facts))
        return FailingFile(self, got) if name in ("create", "append", "lock") else got

    return call


for _name in (
    *("create", "append", "read", "open", "names", "rename", "remove", "make_folder", "sync_folder", "lock"),
    *("link", "target", "share", "set_mode", "size_bytes", "remove_folder"),
):
    setattr(FailingPlace, _name, _failing(_name))


class House:
    """A work folder, and the releases of it."""

    def __init__(self, folder: Path) -> None:
        self.work = folder / "work"
        self.work.mkdir(parents=True)
        self.folder = folder / "releases"

    def on(self, place: PlaceDisk) -> Releases:
        return Releases(place, str(self.folder), lambda: 1.5)

    def ship(self, number: int, place: PlaceDisk | None = None) -> None:
        """Ship the text of a number in a file that each release has, and one that the first one has."""
        texts = {"all.txt": f"{number}"} | ({"first.txt": "first"} if number == 1 else {})
        entries = []
        for path, text in texts.items():
            (self.work / path).write_text(text)
            entries.append(Entry(path, hashlib.sha256(text.encode()).hexdigest(), len(text), path, f"sp-{number}", "ab" * 32))
        with self.on(place or PlaceDisk()).draft(f"sp-{number}", str(self.work), entries) as draft:
            draft.ship()

    def check(self) -> str | None:
        """Every release that has its name is whole, and so is what the link leads to; which one that is."""
        releases = self.on(PlaceDisk())
        if not self.folder.exists():
            return None
        for name in releases.names():
            manifest = releases.manifest(name)
            files = self.folder / name / "files"
            assert {str(path.relative_to(files)) for path in files.rglob("*") if path.is_file()} == {
                entry.path for entry in manifest.entries
            }
            for entry in manifest.entries:
                assert hashlib.sha256((files / entry.path).read_bytes()).hexdigest() == entry.sha256
        current = releases.current()
        assert current is None or current in releases.names(), f"the link leads to {current}, which is not there"
        return current


Act = Callable[[House, PlaceDisk], Any]
#: What is there before; what is done; which release may be the current one afterwards.
ACTS: dict[str, tuple[int, Act, set[str | None]]] = {
    "first": (0, lambda house, place: house.ship(1, place), {None, "0001-sp-1"}),
    "next": (1, lambda house, place: house.ship(2, place), {"0001-sp-1", "0002-sp-2"}),
    "pruned": (2, lambda house, place: house.ship(3, place), {"0002-sp-2", "0003-sp-3"}),
    "taken back": (2, lambda house, place: house.on(place).rollback(), {"0001-sp-1", "0002-sp-2"}),
}


@pytest.mark.parametrize(("is_after", "is_lasting"), [(False, False), (True, False), (False, True)])
@pytest.mark.parametrize("name", list(ACTS))
def test_the_release_that_counts_is_whole_whichever_call_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, is_after: bool, is_lasting: bool
) -> None:
    monkeypatch.setattr(module, "KEPT", 2)
    before, act, allowed = ACTS[name]
    for nth in range(1, MOST):
        house = House(tmp_path / str(nth))
        for number in range(1, before + 1):
            house.ship(number)
        was = house.check()
        place = FailingPlace(nth, is_after=is_after, is_lasting=is_lasting)
        try:
            act(house, place)
            has_failed = False
        except (OSError, RollbackRefused):
            has_failed = True
        current = house.check()
        assert current in allowed, nth
        if not has_failed:
            assert current != was, nth
        house.ship(9)  # nothing that was left behind is in its way
        assert house.check() == f"{int((house.on(PlaceDisk()).names())[-1][:4]):04}-sp-9"
        if before:
            assert house.on(PlaceDisk()).rollback()[1] == current, nth
            house.check()
        if not place.has_struck:
            return
    raise AssertionError("it never came through")
