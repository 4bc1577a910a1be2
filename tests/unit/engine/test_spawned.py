"""The outcome of a spawn goes over the socket and comes back as it was."""

from __future__ import annotations

import orjson

from engine.spawned import Spawned

SPAWNED = Spawned(kind="counter", total=5_000, added=3_000, wanted=5_000, workers=4, seconds=0.02)


def test_a_spawn_is_told_by_name() -> None:
    assert SPAWNED.as_dict() == {
        "kind": "counter",
        "total": 5_000,
        "added": 3_000,
        "wanted": 5_000,
        "workers": 4,
        "seconds": 0.02,
        "agent_bytes": None,
    }


def test_a_spawn_comes_back_as_it_was() -> None:
    for spawned in (SPAWNED, SPAWNED._replace(wanted=None, agent_bytes=412.5)):
        assert Spawned(**orjson.loads(orjson.dumps(spawned.as_dict()))) == spawned
