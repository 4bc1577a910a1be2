"""Releases are made aside and switched whole: whatever fails, the one before stays."""

from __future__ import annotations

import errno
import hashlib
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from checkpoints.errors import FolderInUse
from checkpoints.files import File
from sprints.errors import HookFailed, ReleaseFull, RollbackRefused
from sprints.hook import Hook
from sprints.manifest import Entry, Manifest
from sprints.place import PlaceDisk
from sprints.release import KEPT, Releases
from tests.support.mounts import fill, mounted


class Failing(PlaceDisk):
    """A disk that fails at the n-th of all that changes it, and counts them."""

    def __init__(self, nth: int = 0, error: int = errno.ENOSPC) -> None:
        self.nth = nth
        self.error = error
        self.seen = 0

    def count(self) -> None:
        self.seen += 1
        if self.seen == self.nth:
            raise OSError(self.error, os.strerror(self.error))

    def create(self, path: str) -> File:
        self.count()
        return FailingFile(super().create(path), self)

    def append(self, path: str) -> File:
        return FailingFile(super().append(path), self)

    def rename(self, old: str, new: str) -> None:
        self.count()
        super().rename(old, new)

    def link(self, target: str, path: str) -> None:
        self.count()
        super().link(target, path)

    def share(self, old: str, new: str) -> None:
        self.count()
        super().share(old, new)

    def make_folder(self, path: str) -> None:
        self.count()
        super().make_folder(path)


class FailingFile:
    """A file of it."""

    def __init__(self, file: File, disk: Failing) -> None:
        self._file = file
        self._disk = disk
        self.size_bytes = file.size_bytes

    def write(self, data: bytes) -> None:
        self._disk.count()
        self._file.write(data)

    def sync(self) -> None:
        self._disk.count()
        self._file.sync()

    def cut(self, size_bytes: int) -> None:
        self._file.cut(size_bytes)

    def close(self) -> None:
        self._file.close()


class House:
    """A work folder with artifacts, and releases of them."""

    def __init__(self, folder: Path) -> None:
        self.work = folder / "work"
        self.work.mkdir(exist_ok=True)
        self.folder = folder / "releases"
        self.releases = self.on(PlaceDisk())

    def on(self, place: PlaceDisk, failpoint: Callable[[str], None] = lambda _moment: None) -> Releases:
        return Releases(place, str(self.folder), lambda: 1.5, failpoint=failpoint)

    def make(self, sprint: str, **files: str) -> list[Entry]:
        entries = []
        for name, text in files.items():
            path = f"app/{name}.txt"
            (self.work / path).parent.mkdir(exist_ok=True)
            (self.work / path).write_text(text)
            sha256 = hashlib.sha256(text.encode()).hexdigest()
            entries.append(Entry(path, sha256, len(text), f"t-{name}", sprint, "ab" * 32))
        return entries

    def ship(self, sprint: str, releases: Releases | None = None, hooks: Any = (), **files: str) -> Manifest:
        entries = self.make(sprint, **files)
        with (releases or self.releases).draft(sprint, str(self.work), entries) as draft:
            return draft.ship(hooks)

    def shown(self) -> dict[str, str]:
        """What who follows the link finds."""
        files = self.folder / "current" / "files"
        return {str(path.relative_to(files)): path.read_text() for path in files.rglob("*") if path.is_file()}

    def left(self) -> list[str]:
        return sorted(path.name for path in self.folder.iterdir() if path.name != "LOCK")


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def test_a_release_holds_the_artifacts_and_says_whose_they_are(house: House) -> None:
    manifest = house.ship("sp-1", a="one", b="two")
    assert house.shown() == {"app/a.txt": "one", "app/b.txt": "two"}
    assert house.left() == ["0001-sp-1", "current"]
    assert house.releases.current() == "0001-sp-1"
    assert house.releases.manifest("0001-sp-1") == manifest
    assert [(entry.path, entry.item) for entry in manifest.entries] == [("app/a.txt", "t-a"), ("app/b.txt", "t-b")]
    assert manifest.before is None
    assert (house.folder / "current/manifest.json").read_bytes() == manifest.data()
    assert not (house.folder / "current/files/app/a.txt").stat().st_mode & 0o222


def test_what_the_one_before_has_beside_goes_along(house: House) -> None:
    house.ship("sp-1", a="one", b="two")
    manifest = house.ship("sp-2", b="TWO")
    assert house.shown() == {"app/a.txt": "one", "app/b.txt": "TWO"}
    assert manifest.before == "0001-sp-1"
    assert [(entry.path, entry.sprint) for entry in manifest.entries] == [("app/a.txt", "sp-1"), ("app/b.txt", "sp-2")]
    with house.releases.draft("sp-3", str(house.work), house.make("sp-3", c="three"), carry=False) as draft:
        draft.ship()
    assert house.shown() == {"app/c.txt": "three"}


def test_rollback_is_the_one_before_and_takes_less_than_a_second(house: House) -> None:
    house.ship("sp-1", **{f"f{number}": "x" for number in range(500)})
    house.ship("sp-2", a="two")
    began = time.monotonic()
    assert house.releases.rollback() == ("0002-sp-2", "0001-sp-1")
    assert time.monotonic() - began < 1.0
    assert "app/a.txt" not in house.shown()
    assert len(house.shown()) == 500
    with pytest.raises(RollbackRefused, match="first release"):
        house.releases.rollback()
    house.ship("sp-3", a="three")  # made of 1: the one that was taken back is not before it
    assert house.releases.current() == "0003-sp-3"
    assert house.releases.rollback() == ("0003-sp-3", "0001-sp-1")
    assert house.releases.rollback("0002-sp-2") == ("0001-sp-1", "0002-sp-2")
    assert house.shown()["app/a.txt"] == "two"


def test_a_rollback_to_what_is_not_whole_is_refused(house: House) -> None:
    releases = house.releases
    with pytest.raises(RollbackRefused, match="no release yet"):
        releases.rollback()
    house.ship("sp-1", a="one")
    house.ship("sp-2", a="two")
    for name, why in (
        ("0009-sp-9", "there is no release"),
        ("../work", "there is no release"),
        ("0002-sp-2", "current already"),
    ):
        with pytest.raises(RollbackRefused, match=why):
            releases.rollback(name)
    file = house.folder / "0001-sp-1/files/app/a.txt"
    file.chmod(0o644)
    file.write_text("longer than before")
    with pytest.raises(RollbackRefused, match="another size"):
        releases.rollback()
    file.unlink()
    with pytest.raises(RollbackRefused, match="missing"):
        releases.rollback()
    (house.folder / "0001-sp-1/manifest.json").write_text("{")
    with pytest.raises(RollbackRefused, match="not whole"):
        releases.rollback()
    assert releases.current() == "0002-sp-2"


def test_an_artifact_that_changed_after_its_receipt_leaves_its_item_out(house: House) -> None:
    house.ship("sp-1", a="one")
    entries = house.make("sp-2", a="two", b="bee", c="sea")
    twin = house.make("sp-2", b2="bee too")[0]
    entries.append(Entry(twin.path, twin.sha256, twin.size_bytes, "t-b", "sp-2", "ab" * 32))
    (house.work / "app/b.txt").write_text("BEE")
    (house.work / "app/c.txt").unlink()
    (house.work / "app/c.txt").symlink_to("/etc/hostname")
    with house.releases.draft("sp-2", str(house.work), entries) as draft:
        assert set(draft.changed) == {"t-b", "t-c"}
        assert draft.changed["t-b"] == "app/b.txt was changed after its receipt"
        assert "link" in draft.changed["t-c"]
        draft.ship()
    assert house.shown() == {"app/a.txt": "two"}


def test_a_growing_artifact_is_copied_no_further_than_its_receipt(house: House) -> None:
    entries = house.make("sp-1", a="one")
    with (house.work / "app/a.txt").open("wb") as file:
        file.truncate(1 << 30)
    began = time.monotonic()
    with house.releases.draft("sp-1", str(house.work), entries) as draft:
        assert set(draft.changed) == {"t-a"}
    assert time.monotonic() - began < 5
    assert house.left() == []


@pytest.mark.parametrize("command", [("sh", "-c", "exit 3"), ("/no/such",), ("sh", "-c", "rm -rf ../../0001-sp-1.none; false")])
def test_a_hook_that_fails_means_no_switch_and_nothing_left(house: House, command: tuple[str, ...]) -> None:
    house.ship("sp-1", a="one")
    with pytest.raises(HookFailed):
        house.ship("sp-2", hooks=[Hook(command=("true",)), Hook(command=command)], a="two")
    assert house.shown() == {"app/a.txt": "one"}
    assert house.left() == ["0001-sp-1", "current"]


def test_hooks_run_among_the_files_before_the_switch(house: House) -> None:
    house.ship("sp-1", a="one")
    hook = Hook(command=("sh", "-c", f"cat app/a.txt {house.folder}/current/files/app/a.txt > {house.work}/seen"))
    house.ship("sp-2", hooks=[hook], a="two")
    assert (house.work / "seen").read_text() == "twoone"


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EDQUOT, errno.EIO])
def test_whatever_fails_at_whatever_step_the_old_release_stays_whole_or_the_new_one_is(tmp_path: Path, error: int) -> None:
    is_through = False
    for nth in range(1, 40):
        folder = tmp_path / str(nth)
        folder.mkdir()
        house = House(folder)
        house.ship("sp-1", a="one", b="bee")
        place = Failing(nth, error)
        try:
            house.ship("sp-2", house.on(place), a="two")
        except ReleaseFull as full:
            assert error in (errno.ENOSPC, errno.EDQUOT)
            assert full.retry_after_s
        except OSError as failed:
            assert (error, failed.errno) == (errno.EIO, errno.EIO)
        else:
            is_through = True
            assert place.seen < nth
        is_new = house.releases.current() == "0002-sp-2"
        assert house.shown() == {"app/a.txt": "two" if is_new else "one", "app/b.txt": "bee"}
        assert house.left() == ["0001-sp-1", *(["0002-sp-2"] if is_new else []), "current"]
        assert is_new or place.seen >= nth
        house.ship("sp-2", a="two")  # with room it goes through
        assert house.shown() == {"app/a.txt": "two", "app/b.txt": "bee"}
        if is_through:
            break
    assert is_through


@pytest.mark.parametrize("kind", ["tmpfs", "ext4"])
def test_a_full_disk_leaves_the_old_release_and_its_rollback(tmp_path: Path, kind: str) -> None:
    with mounted(tmp_path, kind, 16) as mount:
        house = House(mount)
        house.ship("sp-1", a="one")
        house.ship("sp-2", a="two")
        entries = house.make("sp-3", a="x" * 5_000_000)
        filler = fill(mount)
        before = house.left()
        draft_of = house.releases.draft("sp-3", str(house.work), entries)
        with pytest.raises(ReleaseFull, match="the release before stays"), draft_of as draft:
            draft.ship()
        assert house.left() == before
        assert house.shown() == {"app/a.txt": "two"}
        filler.unlink()
        with house.releases.draft("sp-3", str(house.work), entries) as draft:
            draft.ship()
        assert house.releases.current() == "0003-sp-3"
        assert house.releases.rollback()[1] == "0002-sp-2"


def test_who_comes_back_after_a_death_ships_no_second_time(house: House) -> None:
    house.ship("sp-1", a="one")
    entries = house.make("sp-2", a="two")
    names = []
    for _ in range(2):
        with house.releases.draft("sp-2", str(house.work), entries) as draft:
            names.append(draft.ship().release)
    assert names == ["0002-sp-2", "0002-sp-2"]
    assert house.releases.rollback() == ("0002-sp-2", "0001-sp-1")


def test_a_draft_that_is_not_shipped_leaves_nothing(house: House) -> None:
    with house.releases.draft("sp-1", str(house.work), house.make("sp-1", a="one")) as draft:
        assert (Path(draft.files) / "app/a.txt").read_text() == "one"
    assert house.left() == []


def test_two_do_not_change_releases_at_once(house: House) -> None:
    with house.releases.draft("sp-1", str(house.work), []), pytest.raises(FolderInUse):
        house.on(PlaceDisk()).rollback()


def test_who_has_time_waits_for_another_that_ships(house: House) -> None:
    with ThreadPoolExecutor(1) as pool:

        def ship() -> str:
            with house.on(PlaceDisk()).draft("sp-2", str(house.work), house.make("sp-2", b="two"), wait_s=30.0) as draft:
                return draft.ship().release

        with house.releases.draft("sp-1", str(house.work), house.make("sp-1", a="one")) as draft:
            other = pool.submit(ship)
            with pytest.raises(TimeoutError):
                other.result(0.1)
            assert draft.ship().release == "0001-sp-1"
        assert other.result(30) == "0002-sp-2"
    began_s = time.monotonic()
    with house.releases.locked(), pytest.raises(FolderInUse), house.on(PlaceDisk()).locked(0.1):
        pass
    assert 0.1 <= time.monotonic() - began_s < 10


def test_the_oldest_go_and_never_what_is_current_or_before_it(house: House) -> None:
    for number in range(1, KEPT + 6):
        house.ship(f"sp-{number}", a=str(number))
    names = house.releases.names()
    assert len(names) == KEPT
    assert names[-1] == f"{KEPT + 5:04}-sp-{KEPT + 5}"
    house.releases.rollback(names[0])
    for number in range(KEPT + 6, KEPT + 9):
        house.ship(f"sp-{number}", a=str(number))
    assert house.releases.rollback()
    assert house.releases.current() in house.releases.names()


def test_the_last_of_several_with_one_path_counts(house: House) -> None:
    first = house.make("sp-1", a="one")
    second = house.make("sp-1", a="two")
    with house.releases.draft("sp-1", str(house.work), [*first, *second]) as draft:
        assert draft.changed == {}
        draft.ship()
    assert house.shown() == {"app/a.txt": "two"}
