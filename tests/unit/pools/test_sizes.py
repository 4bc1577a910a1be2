"""A size is read again when that costs little for what it tells, however often it is asked for."""

from __future__ import annotations

import pytest

from pools.sizes import KEPT_S, REST, UNSEEN_REST, Sizes


class Machine:
    """Processes whose sizes take a while to be read."""

    def __init__(self) -> None:
        self.now_s = 100.0
        self.read: list[int] = []
        self.sizes = Sizes(self.look, lambda: self.now_s)

    def look(self, pid: int) -> int:
        self.read.append(pid)
        self.now_s += 0.01
        return pid * 1_000 + len(self.read)


def test_all_reads_together_have_a_small_part_of_the_time() -> None:
    machine = Machine()
    began_s = machine.now_s
    while machine.now_s < began_s + 1_000:
        for pid in (1, 2, 3):
            machine.sizes.of(pid)
        machine.now_s += 0.05
    assert set(machine.read) == {1, 2, 3}
    assert len(machine.read) * 0.01 / 1_000 == pytest.approx(1 / REST, rel=0.1)


def test_a_new_process_is_read_at_once_and_a_known_one_after_its_rest() -> None:
    machine = Machine()
    assert [machine.sizes.of(1), machine.sizes.of(1)] == [1_001, 1_001]
    machine.now_s += 1.0
    assert machine.sizes.of(2) == 2_002
    machine.now_s += 0.02 * REST - 0.5
    assert machine.sizes.of(1) == 1_003, "it was read before the other"
    assert machine.sizes.of(2) == 2_002


def test_who_is_gone_is_forgotten() -> None:
    machine = Machine()
    for pid in range(50):
        machine.sizes.of(pid)
    machine.now_s += KEPT_S
    machine.sizes.of(99)
    assert set(machine.sizes._known) == {99}


def test_while_nobody_looks_reading_has_a_smaller_part() -> None:
    machine = Machine()
    machine.sizes.rest = UNSEEN_REST
    machine.sizes.of(1)
    machine.now_s += 0.01 * UNSEEN_REST - 0.5
    assert machine.sizes.of(1) == 1_001
    machine.sizes.rest = REST
    assert machine.sizes.of(1) == 1_002
