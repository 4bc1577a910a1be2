"""The pytest plug-in: the fixture `swarm`.

Owns the fixture, its mark and its seed. Every run of pytest loads it where the engine is installed, and it imports nothing
of the engine before a test asks for the fixture.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING
from zlib import crc32

import pytest

if TYPE_CHECKING:
    from engine.testing.simswarm import SimSwarm

__all__ = ["pytest_configure", "swarm"]


def pytest_configure(config: pytest.Config) -> None:
    """Have the mark known."""
    config.addinivalue_line(
        "markers", "swarm(*kinds, durability='sync', seed=…, agents_limit=…): what the fixture `swarm` is made from"
    )


@pytest.fixture
def swarm(request: pytest.FixtureRequest) -> Iterator[SimSwarm]:
    """Agents under test: `engine.testing.SimSwarm`, made from `@pytest.mark.swarm(…)` where there is one.

    Its seed is ENGINE_TEST_SEED, else one of the test's own, the same in every run.
    """
    from engine.testing.simswarm import SimSwarm

    mark = request.node.get_closest_marker("swarm")
    given = dict(mark.kwargs) if mark is not None else {}
    seed = given.pop("seed", None)
    if seed is None:
        seed = int(os.environ.get("ENGINE_TEST_SEED") or crc32(request.node.nodeid.encode()))
    print(f"swarm: seed {seed}; replay with ENGINE_TEST_SEED={seed}")
    made = SimSwarm(*(mark.args if mark is not None else ()), seed=seed, **given)
    try:
        yield made
    finally:
        made.close()
