"""An accepted task has its agent chosen once, and is learned from once."""

from __future__ import annotations

import pytest

from engine.foreseen import FRESH_S, Foreseen
from engine.promised import Promised
from pools.errors import BadArgument, Failure
from pools.spec import ForesightSpec
from tests.support.grounds import Plain


class Rig:
    """Four agents, of which the first fails."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.foreseen = Foreseen(ForesightSpec(control=0.0), Plain(can_split=True), lambda: self.now_s)
        self.promised = Promised(self.foreseen)

    def run(self, count: int) -> list[object]:
        keys = []
        for number in range(count):
            judged = self.promised.choose("scout", "fetch", 1)
            self.promised.begin(number, judged.case)
            self.promised.end(number, Failure("ValueError", "") if judged.key == 0 else None)
            self.now_s += FRESH_S
            keys.append(judged.key)
        return keys


def test_accepted_tasks_are_foreseen_as_others_are() -> None:
    rig = Rig()
    assert 0 in rig.run(100)
    assert 0 not in rig.run(100)
    assert len(rig.promised) == 0


def test_an_end_is_learned_from_once_and_only_if_its_begin_was_seen() -> None:
    rig = Rig()
    judged = rig.promised.choose("scout", "fetch", 1)
    rig.promised.begin(7, judged.case)
    assert len(rig.promised) == 1
    for number in (8, 7, 7):
        rig.promised.end(number, None)
    record = rig.foreseen.history.record(("scout", "fetch"))
    assert record is not None
    assert record.learned == 1


def test_a_task_with_one_end_under_one_number_is_not_split() -> None:
    rig = Rig()
    assert not rig.promised.choose("scout", "fetch", 1, need={"mem_bytes": 1}).is_split


def test_what_has_to_end_before_is_told() -> None:
    rig = Rig()
    after_of = {"b": ["a"], "a": []}.__getitem__
    judged = rig.promised.choose("scout", "fetch", 1, after=["b"], state_of=lambda _task: "queued", after_of=after_of)
    assert judged.first == ("a", "b")
    with pytest.raises(BadArgument, match="wait for each other"):
        rig.promised.choose("scout", "fetch", 1, after=["b"], state_of=lambda _task: "queued", after_of=lambda _task: ["b"])
