"""The folder of what is kept: where it stands, what it takes, that it goes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bench import folder


def test_it_goes_with_all_that_was_written_into_it() -> None:
    with folder.own_folder() as own:
        (Path(own) / "below").mkdir()
        (Path(own) / "below" / "file").write_bytes(b"x")
    assert not Path(own).exists()


def test_what_files_take_is_counted_in_blocks_of_the_disk_and_below_every_folder(tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    for name, size_bytes in (("a", 100_000), ("below/b", 5_000)):
        with (tmp_path / name).open("wb") as file:
            file.write(os.urandom(size_bytes))
            os.fsync(file.fileno())
    assert 105_000 <= folder.used_bytes(str(tmp_path)) < 130_000


def test_the_file_system_is_the_one_that_is_mounted_nearest_above(tmp_path: Path) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text(f"/dev/a / ext4 rw 0 0\ntmpfs {tmp_path} tmpfs rw 0 0\n/dev/b {tmp_path}/x xfs rw 0 0\n")
    assert folder.filesystem(str(tmp_path / "y"), mounts) == "tmpfs"
    assert folder.filesystem(str(tmp_path / "x" / "z"), mounts) == "xfs"
    assert folder.filesystem("/", mounts) == "ext4"
    mounts.write_text("")
    assert folder.filesystem(str(tmp_path), mounts) == "unknown"


def test_a_cache_that_cannot_be_dropped_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folder, "DROP_CACHES", tmp_path / "nowhere" / "drop_caches")
    why = folder.drop_cache()
    assert why is not None
    assert "was not dropped" in why
    monkeypatch.setattr(folder, "DROP_CACHES", tmp_path / "drop_caches")
    assert folder.drop_cache() is None
    assert (tmp_path / "drop_caches").read_text() == folder.EVERYTHING
