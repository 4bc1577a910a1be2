"""A removed key is known as removed until the snapshots that are read cannot have it any more."""

from __future__ import annotations

from checkpoints.compaction import forget
from checkpoints.files import Disk
from checkpoints.graves import Grave, Graves
from checkpoints.store import changes_part, gone_part, states_part
from tests.support.disks import SimDisk
from tests.support.stores import FOLDER, contents, open_at, set_part


def test_keys_are_known_by_kind_until_their_segment_is_folded() -> None:
    graves, early, late = Graves(), Grave(3), Grave()
    graves.add("counter", [1, "a"], early)
    graves.add("counter", [2], late)
    graves.add("other", [], early)
    graves.forget(3)
    assert all(key in graves.of("counter") for key in (1, "a", 2))
    graves.forget(4)
    assert [key for key in (1, "a", 2) if key in graves.of("counter")] == [2]
    late.segment = 7
    graves.forget(8)
    assert 2 not in graves.of("counter")
    assert 1 not in graves.of("other")


def test_a_row_that_is_removed_is_not_found_in_the_snapshot() -> None:
    """It was taken out of memory, where alone it was looked for before the snapshot."""
    store = open_at(SimDisk(), shards=1)
    store.commit([states_part("counter", ["total"], [1, 2, 3], [1, 2, 3])], 3)
    store.log.roll()
    store.compact()
    assert store.find("counter", 1)
    store.commit([gone_part("counter", [1, 2])], 2)
    grave = store.take_out("counter", [1, 2])
    grave.segment = store.log.segment
    assert not store.find("counter", 1)
    assert store.state("counter", 2) is None
    assert store.find("counter", 3)
    assert set(store.rows("counter").rows) == {3}
    assert contents(store) == {("counter", 3): {"total": 3}}
    store.log.roll()
    store.compact()
    assert not store.find("counter", 1)
    store.close()


def test_what_is_removed_stays_so_over_a_compaction_that_has_not_folded_it() -> None:
    store = open_at(SimDisk(), shards=1)
    store.commit([set_part(1, 10)], 1)
    store.log.roll()
    store.commit([gone_part("counter", [1])], 1)
    store.take_out("counter", [1]).segment = store.log.segment
    store.compact()  # has the state, not its removal
    assert store.state("counter", 1) is None
    assert not store.find("counter", 1)


def test_a_removal_of_a_life_before_counts_when_rows_are_taken_out() -> None:
    disk = SimDisk()
    store = open_at(disk, shards=1)
    store.commit([set_part(1, 10), set_part(2, 20)], 2)
    store.close()
    store = open_at(disk, shards=1)
    store.compact()
    store.commit([gone_part("counter", [1])], 1)
    store.close()
    store = open_at(disk, shards=1)
    assert 1 not in store.rows("counter").rows
    assert not store.find("counter", 1)
    assert store.may_have("counter", 2)
    assert not store.may_have("other", 2)
    store.close()


def test_changes_of_the_log_are_made_once_though_newer_snapshots_have_them_already() -> None:
    disk = SimDisk()
    store = open_at(disk, shards=1)
    store.commit([states_part("book", ["log"], ["a", "b"], [[[1]], [[1]]])], 2)
    store.close()
    store = open_at(disk, shards=1)
    store.compact()
    store.commit([changes_part("book", ["a", "b"], [{"+log": [2]}, {"+log": [2]}])], 2)
    store.close()
    store = open_at(disk, shards=1)
    assert store.find("book", "b")
    store.compact()
    assert [store.state("book", key) for key in ("a", "b")] == [{"log": [1, 2]}] * 2
    store.close()


def test_nothing_of_a_removed_state_is_left_once_what_was_before_is_forgotten(tmp_path: object) -> None:
    disk = SimDisk()
    secret = "zyxwvutsrq"
    store = open_at(disk, shards=1)
    store.commit([states_part("book", ["text"], ["a", "b"], [[secret], ["kept"]])], 2)
    store.log.roll()
    store.compact()
    store.commit([gone_part("book", ["a"])], 1)
    store.log.roll()
    store.compact()
    store.close()
    process = disk.process()

    def has(word: str) -> list[str]:
        return [name for name in process.names(FOLDER) if word.encode() in process.read(f"{FOLDER}/{name}")]

    assert has(secret)
    assert forget(process, FOLDER)
    assert not has(secret)
    assert has("kept")
    store = open_at(disk, shards=1)
    assert contents(store) == {("book", "b"): {"text": "kept"}}
    store.close()
    assert forget(Disk(), str(tmp_path)) == []
