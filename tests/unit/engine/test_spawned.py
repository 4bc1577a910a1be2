"""The outcome of a spawn goes over the socket and comes back as it was."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from engine.spawned import Spawned, check_skills

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


def test_skills_are_a_set_of_words_or_one_word() -> None:
    assert check_skills(()) == frozenset()
    assert check_skills("draw") == {"draw"}
    assert check_skills(["draw", "读", "draw"]) == {"draw", "读"}


@pytest.mark.parametrize("wrong", [[""], [" a"], ["x" * 101], [5], [None], [str(number) for number in range(33)]])
def test_what_is_no_skill_is_refused(wrong: Any) -> None:
    with pytest.raises(ValueError, match="skill"):
        check_skills(wrong)
