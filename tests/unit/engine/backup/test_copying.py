"""Who waits for a backup and for its way back hears how far each is, up to all of it."""

from __future__ import annotations

from pathlib import Path

from engine.backup.copying import copy
from engine.backup.restoring import restore
from tests.support.agents import Doer
from tests.support.processes import running


def is_a_way_to_the_end(told: list[tuple[float, float]]) -> bool:
    """Whether what was told only grows, never passes its end, and reaches it."""
    done = [one for one, _ in told]
    return done == sorted(done) and all(one <= total for one, total in told) and told[-1][0] == told[-1][1] > 0


async def test_a_copy_and_its_way_back_tell_how_far_they_are(tmp_path: Path) -> None:
    data = tmp_path / "data"
    async with running(kinds=[Doer], data=data) as engine:
        await engine.spawn("doer", 20)
        await engine.ask("doer/0", "do", "modules")
    copied: list[tuple[float, float]] = []
    made = copy(data, tmp_path / "copy", name="engine", cut=None, told=lambda done, total: copied.append((done, total)))
    assert is_a_way_to_the_end(copied)
    assert copied[-1][0] >= 2 * made.size_bytes
    unpacked: list[tuple[float, float]] = []
    restore(tmp_path / "copy", tmp_path / "again", told=lambda done, total: unpacked.append((done, total)))
    done, total = unpacked[-1]
    assert made.size_bytes <= done <= total
