"""The id under which a task is sent on: short, and counted."""

from __future__ import annotations

import pytest

from engine.cluster.onward import hops_of, onward
from engine.cluster.records import valid_id


@pytest.mark.parametrize("id", ["1", "x" * 64, "a-b-c-d-e-f-g-h-i-j-k-l-m-n-o-p-q-r-s", "a" + "-" * 40, "m7-" + "0" * 31])
def test_however_long_an_id_is_it_can_be_sent_on_and_how_often_that_was_is_known(id: str) -> None:
    seen, last = {id}, id
    assert hops_of(id) == 0
    for hop in range(1, 20):
        assert onward(last, 0) != onward(last, 1)
        last = valid_id(onward(last, 999))
        assert hops_of(last) == hop
        seen.add(last)
    assert len(seen) == 20
