"""A number of agents, divided among nodes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from engine.cli.clusterspawn import shares


@given(st.lists(st.integers(1, 100_000), min_size=1, max_size=40), st.data())
def test_shares_add_up_and_no_node_has_more_than_its_room(rooms: list[int], data: st.DataObject) -> None:
    wanted = data.draw(st.integers(0, sum(rooms)))
    parts = shares(wanted, rooms)
    assert sum(parts) == wanted
    for part, room in zip(parts, rooms, strict=True):
        assert 0 <= part <= room
        assert abs(part - wanted * room / sum(rooms)) < 1
