"""A release that was made elsewhere is the same here, whole, or not here."""

from __future__ import annotations

import hashlib
import time
from pathlib import Path

import pytest

from sprints.adoption import adopt
from sprints.manifest import Entry, Manifest
from sprints.place import PlaceDisk
from sprints.release import Releases

CONTENT = {"a": b"A", "deep/er/b": b"B"}


def manifest(release: str = "0007-sp-20261121-001", before: str | None = None) -> Manifest:
    entries = tuple(Entry(path, hashlib.sha256(data).hexdigest(), 1, path, "sp", "digest") for path, data in CONTENT.items())
    return Manifest(release, "sp-20261121-001", before, 1.0, entries)


def fetch(entry: Entry, path: str) -> None:
    Path(path).write_bytes(CONTENT[entry.path])
    Path(path).chmod(0o755)


def test_it_is_current_with_all_files_which_nobody_may_write(tmp_path: Path) -> None:
    releases = Releases(PlaceDisk(), str(tmp_path), time.time)
    wanted = manifest()
    assert adopt(releases, wanted.data(), fetch) == wanted
    files = tmp_path / "current" / "files"
    assert {path: (files / path).read_bytes() for path in CONTENT} == CONTENT
    assert (files / "a").stat().st_mode & 0o777 == 0o555
    assert releases.manifest(wanted.release) == wanted

    def never(_entry: Entry, _path: str) -> None:
        pytest.fail("it was here already")

    releases.switch(wanted.release)
    assert adopt(releases, wanted.data(), never) == wanted


def test_what_stood_under_its_name_is_replaced(tmp_path: Path) -> None:
    releases = Releases(PlaceDisk(), str(tmp_path), time.time)
    adopt(releases, manifest(before="0006-x").data(), fetch)
    adopt(releases, manifest().data(), fetch)
    assert releases.manifest(releases.current() or "").before is None
    assert releases.names() == [manifest().release]


def test_one_whose_files_are_not_to_be_had_is_not_here(tmp_path: Path) -> None:
    releases = Releases(PlaceDisk(), str(tmp_path), time.time)

    def gone(_entry: Entry, _path: str) -> None:
        raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        adopt(releases, manifest().data(), gone)
    assert (releases.names(), releases.current()) == ([], None)
