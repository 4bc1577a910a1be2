"""How long a node is waited for that is to join."""

from __future__ import annotations

import pytest

from engine.cluster.joining import JOIN_S, waited_s


@pytest.mark.parametrize(("deadline_s", "expected_s"), [(600, JOIN_S), (60, 50), (25, 15), (4, 2)])
def test_what_a_node_says_that_has_not_joined_is_heard_before_its_deadline(deadline_s: float, expected_s: float) -> None:
    assert waited_s(deadline_s) == expected_s
