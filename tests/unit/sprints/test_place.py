"""The disk, as releases need it."""

from __future__ import annotations

from pathlib import Path

import pytest

from sprints.place import PlaceDisk


def test_links_sizes_and_folders(tmp_path: Path) -> None:
    place, root = PlaceDisk(), str(tmp_path)
    assert place.target(f"{root}/current") is None
    place.link("one", f"{root}/new")
    place.rename(f"{root}/new", f"{root}/current")
    assert place.target(f"{root}/current") == "one"
    place.link("two", f"{root}/new")
    place.rename(f"{root}/new", f"{root}/current")
    assert place.target(f"{root}/current") == "two"
    with pytest.raises(FileExistsError):
        place.link("three", f"{root}/current")
    place.make_folder(f"{root}/a/b")
    (tmp_path / "a/b/c").write_text("xyz")
    place.share(f"{root}/a/b/c", f"{root}/d")
    place.set_mode(f"{root}/d", 0o444)
    assert (tmp_path / "a/b/c").stat().st_mode & 0o777 == 0o444
    assert place.size_bytes(f"{root}/d") == 3
    assert place.size_bytes(f"{root}/none") is None
    assert place.size_bytes(f"{root}/d/x") is None
    place.remove_folder(f"{root}/a")
    place.remove_folder(f"{root}/a")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["current", "d"]
