"""What a line of tasks is, on its way into a cluster."""

from __future__ import annotations

import pytest

from engine.cluster.carrier import read_line
from engine.errors import BadLine


def test_a_task_is_called_by_its_id_or_its_place_and_says_what_its_node_must_have() -> None:
    named = read_line(7, 3, b'{"id": "a", "kind": "scout", "method": "visit", "capability": "gpu"}')
    assert (named.at, named.name, named.capability, named.submission.address) == (7, "a", "gpu", "scout")
    plain = read_line(7, 3, b'{"agent": "counter/1", "method": "add", "args": [1]}')
    assert (plain.name, plain.capability, plain.submission.address) == (3, "any", "counter/1")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (b"[]", "a task is an object"),
        (b"no", "line 7"),
        (b'{"kind": "counter"}', '"method"'),
        (b'{"agent": "counter/1", "method": "add", "capability": "gpu"}', 'for a task that names a "kind"'),
        (b'{"kind": "counter", "method": "add", "capability": 1}', "is a text"),
        (b'{"kind": "counter", "method": "add", "capability": "a.b"}', "a.b"),
        (b'{"kind": "counter", "method": "add", "after": ["x"]}', "cannot wait for others"),
        (b'{"skills": ["x"], "method": "add"}', "cannot be the kind"),
        (b'{"kind": "counter", "method": "add", "args": [1], "node": "n1"}', "no field 'node'"),
    ],
)
def test_what_is_no_task_for_a_cluster_is_said_of_its_line(line: bytes, said: str) -> None:
    with pytest.raises(BadLine) as refused:
        read_line(7, 3, line)
    assert said in str(refused.value)
    assert refused.value.line == 7
