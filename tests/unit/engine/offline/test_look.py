"""A look reads what a start of the engine would read, and again what was moved meanwhile."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from checkpoints.files import Disk
from checkpoints.store import Store, changes_part, gone_part, open_store, states_part
from engine.offline.look import TRIES, open_view


def opened(folder: Path) -> Store:
    return open_store(str(folder), chance=random.Random(5).randbytes)


def some(folder: Path, total: int = 1) -> Store:
    store = opened(folder)
    store.commit([states_part("counter", ["total"], [1, 2], [total, total])], 2)
    return store


#: Times that one look reads the manifest.
READS = 1


def damaged(folder: Path) -> None:
    """A store with a damaged frame, closed."""
    some(folder).close()
    segment = max(folder.glob("*.log"))
    held = bytearray(segment.read_bytes())
    held[90] ^= 1
    segment.write_bytes(held)


class Moving(Disk):
    """A disk on which something happens whenever a name is looked for."""

    def __init__(self, happen: Callable[[], None]) -> None:
        self.looks = 0
        self._happen = happen

    def read(self, path: str, start: int = 0, size_bytes: int | None = None) -> bytes:
        if path.endswith("MANIFEST"):
            self.looks += 1
            held = super().read(path, start, size_bytes)
            self._happen()
            return held
        return super().read(path, start, size_bytes)


def test_a_look_while_compactions_take_its_files_away_is_repeated(tmp_path: Path) -> None:
    store = some(tmp_path)
    left = [1, 2, 3]

    def compact() -> None:
        if left:
            for _ in range(2):
                store.commit([states_part("counter", ["total"], [1, 2], [left[-1], 9])], 2)
                store.log.roll()
                assert store.compact() is not None
            left.pop()

    disk = Moving(compact)
    with open_view(disk, str(tmp_path)) as view:
        assert view.damages == []
        assert view.state("counter", 2) == {"total": 9}
    assert disk.looks > READS
    store.close()


def test_a_look_that_is_always_disturbed_ends_with_what_it_found(tmp_path: Path) -> None:
    damaged(tmp_path)
    numbers = iter(range(1_000))
    with open_view(Moving(lambda: (tmp_path / str(next(numbers))).touch()), str(tmp_path)) as view:
        assert ".log is damaged at byte 72" in str(view.error)
    assert next(numbers) == READS * TRIES


def test_a_damage_that_stays_is_looked_at_once(tmp_path: Path) -> None:
    damaged(tmp_path)
    disk = Moving(lambda: None)
    with open_view(disk, str(tmp_path)) as view:
        assert view.error is view.damages[0]
        assert view.state("counter", 1) is None
    assert disk.looks == READS


def test_a_folder_that_cannot_be_read_is_an_error_of_the_view(tmp_path: Path) -> None:
    with open_view(Disk(), str(tmp_path / "nowhere")) as view:
        assert "cannot be read" in str(view.error)


class Blind(Disk):
    """A disk that has forgotten how to read one file."""

    def __init__(self, name: str) -> None:
        self._name = name

    def read(self, path: str, start: int = 0, size_bytes: int | None = None) -> bytes:
        if path.endswith(self._name):
            raise OSError(5, "Input/output error")
        return super().read(path, start, size_bytes)


@pytest.mark.parametrize("name", ["MANIFEST", "00000001.log"])
def test_a_file_that_the_disk_does_not_give_is_no_damage_but_nothing_can_be_read(tmp_path: Path, name: str) -> None:
    some(tmp_path).close()
    with open_view(Blind(name), str(tmp_path)) as view:
        assert [type(error).__name__ for error in view.damages] == ["ReadFailed"]
        assert view.error is view.damages[0]


def test_a_view_has_the_states_that_an_open_store_has(tmp_path: Path, chance: random.Random) -> None:
    """Whatever was written, rolled and folded, in any order."""
    store = opened(tmp_path)
    for _ in range(60):
        keys: Sequence[int] = chance.sample(range(12), 3)
        match chance.randrange(5):
            case 0:
                store.commit([states_part("counter", ["total"], keys, [chance.randrange(9) for _ in keys])], 3)
            case 1:
                store.commit([states_part("counter", ["total", "name"], keys, [[1, "x"]] * 3)], 3)
            case 2:
                store.commit([changes_part("counter", keys, [{"total": 7, "+notes": ["a"]}] * 3)], 3)
            case 3:
                store.commit([gone_part("counter", keys)], 3)
            case _:
                store.log.roll()
                store.compact()
    store.close()
    with open_view(Disk(), str(tmp_path)) as view:
        seen = {(kind, key): state for kind, key, state in view.items()}
        assert view.count() == len(seen)
        again = opened(tmp_path)
        assert seen == {(kind, key): state for kind, key, state in again.items()}
        for key in range(12):
            assert view.state("counter", key) == again.state("counter", key)
        again.close()
