"""Which files were written since, whatever their times say."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from sprints.writes import Writes


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[tuple[Path, Writes]]:
    folder = os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY)
    writes = Writes(folder)
    yield tmp_path, writes
    writes.close()
    os.close(folder)


def place(path: Path) -> tuple[int, int]:
    facts = path.stat()
    return facts.st_dev, facts.st_ino


def test_a_touch_is_no_write_and_the_same_content_again_is_one(scene: tuple[Path, Writes]) -> None:
    folder, writes = scene
    for name in ("touched", "written", "cut"):
        (folder / name).write_text("x")
        writes.watch(name, place(folder / name))
    os.utime(folder / "touched")
    (folder / "touched").chmod(0o600)
    (folder / "touched").open("a").close()
    (folder / "written").write_text("x")
    os.truncate(folder / "cut", 0)
    found = {name: writes.is_written(name, place(folder / name)) for name in ("touched", "written", "cut")}
    assert found == {"touched": False, "written": True, "cut": True}


def test_of_another_file_and_of_one_that_nobody_watches_nothing_is_known(scene: tuple[Path, Writes]) -> None:
    folder, writes = scene
    assert writes.is_written("a", (1, 1)) is None
    (folder / "a").write_text("x")
    writes.watch("a", place(folder / "a"))
    (folder / "b").write_text("x")
    (folder / "b").rename(folder / "a")
    assert writes.is_written("a", place(folder / "a")) is None
    writes.watch("gone", (1, 1))
    assert writes.is_written("gone", (1, 1)) is None


def test_what_is_watched_again_begins_anew(scene: tuple[Path, Writes]) -> None:
    folder, writes = scene
    path = folder / "a"
    path.write_text("x")
    for _ in range(2):
        writes.watch("a", place(path))
        assert writes.is_written("a", place(path)) is False
        path.write_text("y")
        assert writes.is_written("a", place(path)) is True


def test_where_no_queue_can_be_had_nothing_is_known(scene: tuple[Path, Writes], monkeypatch: pytest.MonkeyPatch) -> None:
    folder, writes = scene
    (folder / "a").write_text("x")
    monkeypatch.setattr(writes, "_queue", -1)
    writes.watch("a", place(folder / "a"))
    assert writes.is_written("a", place(folder / "a")) is None
