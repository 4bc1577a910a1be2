"""Of each sort the newest counts, of milestones the last few; what is gone is gone, and bytes are counted."""

from __future__ import annotations

from typing import Any

import pytest

from checkpoints.frame import Part
from checkpoints.spec import MILESTONES_KEPT
from checkpoints.waypoints import SORTS, Waypoints, gone_body, waypoint_body
from checkpoints.window import WAYPOINT, Window
from tests.support.disks import SimDisk
from tests.support.stores import open_at


def body(revision: int, sort: str = "progress", key: int | str = 1, **facts: Any) -> bytes:
    return waypoint_body("a", key, revision, sort, {"s": 1.0, "a": {"x": revision}} | facts)


def kept(known: Waypoints, key: int | str = 1) -> list[tuple[int, str]]:
    return [(one.revision, one.sort) for one in known.of("a", key)]


def test_the_newest_of_each_sort_is_kept_and_its_revision_is_the_agents() -> None:
    known = Waypoints()
    assert (known.revision("a", 1), known.newest("a", 1), list(known.of("a", 1))) == (0, None, [])
    for revision, sort in enumerate((*SORTS, *SORTS[:1], *SORTS[:1]), 1):
        known.fold(body(revision, sort))
    assert kept(known) == [(2, "milestone"), (3, "pre_failover"), (4, "user"), (6, "progress")]
    assert known.revision("a", 1) == 6
    newest, user = known.newest("a", 1), known.newest("a", 1, "user")
    assert newest is not None
    assert user is not None
    assert (newest.facts["a"], user.facts["a"]) == ({"x": 6}, {"x": 4})
    assert known.newest("a", 2) is None


def test_of_milestones_the_last_are_kept() -> None:
    known = Waypoints()
    for revision in range(1, MILESTONES_KEPT + 4):
        assert known.replaced("a", 1, "milestone") == (known.of("a", 1)[0] if revision > MILESTONES_KEPT else None)
        known.fold(body(revision, "milestone"))
    assert kept(known) == [(revision, "milestone") for revision in range(4, MILESTONES_KEPT + 4)]


def test_bytes_are_those_of_what_is_kept() -> None:
    known = Waypoints()
    for revision in range(1, 60):
        known.fold(body(revision, SORTS[revision % 4], revision % 3, v="x" * revision))
        assert known.size_bytes == sum(one.size_bytes for key in range(3) for one in known.of("a", key))
    assert known.has("a", [0, 1, 5]) == [0, 1]
    known.fold(gone_body("a", [0, 1, 2, 77]))
    assert (known.size_bytes, kept(known), known.has("a", [0, 1, 2])) == (0, [], [])


def test_a_number_and_a_text_that_look_alike_are_two_agents() -> None:
    known = Waypoints()
    known.fold(body(1, key=7))
    known.fold(body(2, key="7"))
    assert (kept(known, 7), kept(known, "7")) == ([(1, "progress")], [(2, "progress")])
    known.fold(gone_body("a", ["7"]))
    assert (kept(known, 7), kept(known, "7")) == ([(1, "progress")], [])


@pytest.mark.parametrize(
    "said",
    [b"[]", b"{}", b"?", b"5", b'{"k":"a","i":1}', b'{"k":"a","i":1,"n":1,"w":"other"}', b'{"k":"a","i":1,"n":"1","w":"user"}',
     b'{"k":1,"i":1,"n":1,"w":"user"}', b'{"k":"a","i":[1],"n":1,"w":"user"}', b'{"k":"a","i":1,"x":true}'],
)  # fmt: skip
def test_what_is_no_waypoint_is_an_error_of_the_window(said: bytes) -> None:
    with pytest.raises(ValueError, match=r"waypoint|cannot be read|unexpected"):
        Window().fold(Part(WAYPOINT, said))


def test_compaction_carries_over_what_counts_and_nothing_else() -> None:
    disk = SimDisk()
    store = open_at(disk, shards=1)
    for revision in range(1, 40):
        store.commit([Part(WAYPOINT, body(revision, "milestone" if revision % 2 else "progress"))], 1)
        if revision % 13 == 0:
            store.log.roll()
            store.compact()
    store.commit([Part(WAYPOINT, body(1, key="gone")), Part(WAYPOINT, gone_body("a", ["gone"]))], 2)
    store.close()
    for _ in range(2):
        store = open_at(disk, shards=1)
        last = [*((revision, "milestone") for revision in range(9, 39, 2)), (38, "progress"), (39, "milestone")]
        assert kept(store.window.waypoints) == last
        assert kept(store.window.waypoints, "gone") == []
        store.log.roll()
        store.compact()
        store.close()
