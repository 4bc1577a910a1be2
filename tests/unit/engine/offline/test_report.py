"""A report counts what a store holds, and no byte of it can change unseen."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from checkpoints.files import Disk
from checkpoints.frame import HEADER_BYTES
from checkpoints.store import Store, changes_part, open_store, states_part
from engine.offline.folder import StoreFolder
from engine.offline.report import Report, report_on

#: Bytes that are changed in each file, chosen by chance.
BYTES = 40


def opened(folder: Path) -> Store:
    return open_store(str(folder), chance=random.Random(5).randbytes)


def report(folder: Path) -> Report:
    return report_on(Disk(), StoreFolder("p1", 0, folder))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A store that was compacted twice, with a log behind it."""
    for total in range(2):
        store = opened(tmp_path)
        store.commit([states_part("counter", ["total"], [1, 2, 3], [total] * 3)], 3)
        store.log.roll()
        assert store.compact() is not None
        store.commit([changes_part("scout", ["ada"], [{"+notes": [total]}])], 1)
        store.close()
    return tmp_path


def test_what_is_whole_is_counted_and_well(folder: Path) -> None:
    found = report(folder)
    assert (found.state, found.damages, found.torn, found.is_readable) == ("closed", [], None, True)
    assert (found.states, found.records, found.shards) == (4, 8, 10)
    assert found.size_bytes == sum(file.stat().st_size for file in folder.iterdir())


def test_no_byte_of_any_file_changes_unseen(folder: Path, chance: random.Random) -> None:
    for file in sorted(folder.iterdir()):
        if file.name in ("LOCK", "COMPACT"):
            continue
        whole = file.read_bytes()
        seal = range(len(whole) - HEADER_BYTES, len(whole)) if file.suffix == ".log" else range(0)
        for at in [*chance.sample(range(len(whole)), min(BYTES, len(whole))), *seal]:
            file.write_bytes(whole[:at] + bytes([whole[at] ^ (1 << chance.randrange(8))]) + whole[at + 1 :])
            found = report(folder)
            assert found.damages or found.torn, f"byte {at} of {file.name}"
            assert all(str(file) in str(error) for error in found.damages), f"byte {at} of {file.name}: {found.damages}"
        file.write_bytes(whole)
    assert report(folder).state == "closed"


def test_a_file_that_is_missing_is_named(folder: Path) -> None:
    for file in sorted(folder.iterdir()):
        if file.name in ("LOCK", "COMPACT", "MANIFEST.before") or file == max(folder.glob("*.log")):
            continue
        whole = file.read_bytes()
        file.unlink()
        assert any(str(file) in str(error) for error in report(folder).damages), file.name
        file.write_bytes(whole)


def test_a_folder_that_cannot_be_looked_at_is_reported_as_such(tmp_path: Path) -> None:
    found = report(tmp_path / "gone")
    assert (found.state, found.states, found.files, found.written_s) == ("damaged", None, 0, None)
    assert "cannot be read" in str(found.damages[0])


def test_changes_that_fit_no_state_are_damage(folder: Path) -> None:
    store = opened(folder)
    store.commit([changes_part("counter", [1], [{"+total": [5]}])], 1)
    store.close()
    found = report(folder)
    assert (found.state, found.states, found.is_readable) == ("damaged", None, False)
    assert "the changes of counter/1 do not fit its state" in str(found.damages[0])


def test_a_report_is_json_with_every_damage_in_it(folder: Path) -> None:
    file = folder / "MANIFEST"
    file.write_bytes(b"?" * 200)
    told = report(folder).as_dict()
    assert (told["pool"], told["worker"], told["state"], told["is_readable"]) == ("p1", 0, "damaged", True)
    assert told["damages"] == [{"type": "Corrupt", "message": told["damages"][0]["message"], "file": str(file), "offset": 0}]
