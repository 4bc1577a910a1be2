"""What sprints learn from each other is worth it: ten of them, against the same ten without the optimizer, from the same seed.

The campaign, its sprints, ledgers, receipts and releases are those that run in earnest; agents take their time in virtual time.
Work is the seconds that agents ran for what was done, so that ten short items are no more than a long one that took as long.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from sprints.archive import Archive
from sprints.chronicle import Chronicle
from sprints.verification import verify_sprint
from tests.support.crowds import SPRINTS, World, sprints_of

#: One role of three has most of the work, which no estimate says.
SKEWED = {"draw": 20.0, "write": 60.0, "think": 240.0}
EVEN = {"draw": 60.0, "write": 60.0, "think": 60.0}
#: By how much even roles may differ with the advice, where there is nothing to gain: it tries things out.
NO_GAIN = 0.1


def both(world: World, folder: Path) -> tuple[list[Chronicle], list[Chronicle]]:
    """Without the optimizer, and with it."""
    found = []
    for is_optimized in (False, True):
        place = folder / str(is_optimized)
        place.mkdir()
        found.append(sprints_of(world, place, is_optimized=is_optimized))
        archive = Archive(str(place / "sprints"))
        assert [verify_sprint(archive, sprint) for sprint in archive.ids()] == [[]] * SPRINTS
    plain, learning = found
    assert plain[0].receipts == learning[0].receipts, "the first one has nobody to learn from"
    return plain, learning


def done(told: list[Chronicle]) -> int:
    """Items that were done, each once."""
    items = [receipt.item for one in told for receipt in one.receipts if receipt.verdict == "done"]
    assert len(items) == len(set(items))
    return len(items)


def work_a_second(told: list[Chronicle]) -> float:
    """Seconds of work that was done, a second of sprint time."""
    ran_s = sum(receipt.ran_s for one in told for receipt in one.receipts if receipt.verdict == "done")
    return ran_s / sum(one.seconds for one in told)


def wasted(told: list[Chronicle]) -> float:
    """The share of attempts that failed, in the second half."""
    attempts = [receipt.verdict for one in told[SPRINTS // 2 :] for receipt in one.receipts]
    return attempts.count("failed") / len(attempts)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_agents_go_where_the_work_is_and_more_of_it_gets_done(tmp_path: Path, seed: int) -> None:
    plain, learning = both(World(seed, SKEWED), tmp_path)
    assert work_a_second(learning) > 1.2 * work_a_second(plain)
    assert done(learning) > 1.2 * done(plain)
    roles = learning[5].header["roles"]
    assert roles["think"] > roles["write"] >= roles["draw"] >= 1
    assert sum(roles.values()) == plain[5].agents == learning[5].agents
    assert all(one.header["roles"] == plain[0].header["roles"] for one in plain)


@pytest.mark.parametrize("seed", [1, 2])
def test_what_fails_again_and_again_is_foreseen_and_takes_less_from_the_others(tmp_path: Path, seed: int) -> None:
    plain, learning = both(World(seed, SKEWED, poison=0.1), tmp_path)
    assert wasted(learning) < 0.75 * wasted(plain)
    assert done(learning) > 1.2 * done(plain)
    known = [tuple(pattern) for one in learning for pattern in one.impact["patterns"]]
    assert sum(one.impact["learning"] for one in learning) == len(known) == len(set(known)) > 0


@pytest.mark.parametrize("seed", [1, 2])
def test_where_there_is_nothing_to_gain_nothing_is_lost(tmp_path: Path, seed: int) -> None:
    plain, learning = both(World(seed, EVEN, items=480), tmp_path)
    assert work_a_second(learning) == pytest.approx(work_a_second(plain), rel=NO_GAIN)
    assert done(learning) == pytest.approx(done(plain), rel=NO_GAIN)
