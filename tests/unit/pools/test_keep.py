"""Each worker's state has a folder of its own in the folder of the engine, and so has the roster."""

from __future__ import annotations

from pathlib import Path

from pools.keep import Keep, keep_in


def test_each_worker_has_its_folder_and_no_two_share_one() -> None:
    keep = Keep("data", is_synced=True)
    folders = [keep.store(pool, worker) for pool in ("p", "p1", "q") for worker in range(12)]
    assert folders[:2] == ["data/p/0", "data/p/1"]
    assert len({*folders, keep.roster}) == 37


def test_no_pool_has_the_folder_of_the_roster_or_of_the_journal() -> None:
    """A pool's name begins with a letter or a digit."""
    keep = Keep("data", is_synced=True)
    assert [folder.removeprefix("data/")[0] for folder in (keep.roster, keep.journal)] == ["_", "_"]
    assert keep.roster != keep.journal


def test_a_worker_is_told_its_folder_its_session_whether_it_waits_for_the_disk_and_its_share_of_answers() -> None:
    for is_synced in (True, False):
        assert Keep("data", is_synced).order("p", 3, "aabb", workers=4) == {
            "folder": "data/p/3",
            "session": "aabb",
            "is_synced": is_synced,
            "answers": 250_000,
            "answers_bytes": 32 * 1024 * 1024,
        }


def test_what_is_kept_stays_where_it_is_when_the_process_goes_elsewhere() -> None:
    assert keep_in("data", frozenset({"scout"}), is_synced=False) == Keep(f"{Path.cwd()}/data", False, frozenset({"scout"}))
