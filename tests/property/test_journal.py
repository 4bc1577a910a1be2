"""Any life of a journal: what was accepted is there until it has ended, in every life after, and the counts add up in each."""

from __future__ import annotations

import errno
from contextlib import suppress
from random import Random

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule, run_state_machine_as_test

from checkpoints.errors import CheckpointError, DiskFull
from checkpoints.store import Store, gone_part, open_store, states_part
from engine import register as module
from engine.change import Change
from engine.errors import IntakeFull
from engine.restored import restored
from engine.submission import Submission
from engine.task import ENDED
from pools.errors import Failure
from tests.support.disks import Fault, Killed, SimDisk

FOLDER, SESSION = "data/_journal", "0011223344556677"
ADD = Submission("mine", "counter/1", "add", 2, None)


class Model:
    """What was acknowledged: the state of each task by number, those that are no letters any more, and the six counts."""

    def __init__(self) -> None:
        self.states: dict[int, str] = {}
        self.counts = dict.fromkeys(("accepted", *ENDED), 0)

    def after(self, change: Change) -> Model:
        """What is so once a change is written down."""
        other = Model()
        other.states, other.counts = dict(self.states), dict(self.counts)
        for draft in change.drafts:
            for task in draft.tasks:
                other.states[task.number] = "open"
                other.counts["accepted"] += 1
        for one in change.endings:
            other.states[one.task.number] = one.state
            other.counts[one.state] += 1
        return other


class Life(RuleBasedStateMachine):
    """A register on a disk that forgets and fails, and the story of what was acknowledged."""

    def __init__(self) -> None:
        super().__init__()
        self.disk = SimDisk()
        self.model = Model()
        self.doubt: Model | None = None
        self.store: Store | None = None
        self.later = Change()
        self.now_s = 0.0

    @initialize(results=st.sampled_from([2, 5, 1_000]), letters=st.sampled_from([1, 3, 1_000]))
    def begin(self, results: int, letters: int) -> None:
        self.before = (module.RESULTS, module.LETTERS, module.PLACE_BITS)
        module.RESULTS, module.LETTERS, module.PLACE_BITS = results, letters, 1
        self.open()

    def teardown(self) -> None:
        module.RESULTS, module.LETTERS, module.PLACE_BITS = self.before

    def open(self) -> None:
        """A new process reads what is there, which is all that was acknowledged."""
        self.store = open_store(FOLDER, shards=1, chance=Random(1).randbytes, files=self.disk.process(), segment_bytes=2_000)
        self.register, self.later = restored(self.store.items(), SESSION)
        counts = self.register.counts()
        found = {name: counts[name] for name in self.model.counts}
        if self.doubt is not None and found == self.doubt.counts:
            self.model = self.doubt
        self.doubt = None
        assert found == self.model.counts
        for number, state in self.model.states.items():
            task = self.register.tasks.get(number)
            assert task is not None or state != "open", f"{number} was accepted, and is lost"
            if task is not None:
                assert (task.state == "queued") if state == "open" else (task.state == state)

    def write(self, change: Change) -> None:
        """Commit a change; it may end the process, or be refused."""
        assert self.store is not None
        change.gone += self.later.gone
        change.gone_keys += self.later.gone_keys
        after = self.model.after(change)
        try:
            parts, count = [], 0
            for kind, fields, keys, rows in self.register.rows(change):
                parts.append(states_part(kind, fields, keys, rows) if fields else gone_part(kind, keys))
                count += len(keys)
            self.store.commit(parts, count)
        except DiskFull:
            self.register.refuse(change.drafts)
            for one in change.endings:
                one.task.is_ending = False
        except CheckpointError:
            self.doubt = after
            self.restart()
        except Killed:
            self.doubt = after
            self.restart()
        else:
            self.model = after
            self.later = self.register.apply(change)

    def restart(self, *, is_cut: bool = False, seed: int = 0) -> None:
        """The process ends; another begins."""
        self.disk.faults = []
        self.disk.cut_power(Random(seed)) if is_cut else self.disk.kill()
        self.open()

    @rule(count=st.integers(1, 4), key=st.sampled_from(["", "a", "b"]))
    def accept(self, count: int, key: str) -> None:
        self.now_s += 1
        if key and self.register.known(key):
            return
        with suppress(IntakeFull):
            self.write(Change([self.register.draft([ADD] * count, self.now_s, key)]))

    @rule(data=st.data(), state=st.sampled_from(ENDED))
    def end(self, data: st.DataObject, state: str) -> None:
        tasks = [task for task in self.register.tasks.values() if task.ended_s is None]
        if not tasks:
            return
        chosen = data.draw(st.lists(st.sampled_from(tasks), max_size=5, unique_by=lambda task: task.number))
        self.now_s += 1
        value, error = (b"[1]", None) if state == "done" else (None, Failure("ValueError", "as told"))
        self.write(Change(endings=[task.end(state, self.now_s, value=value, error=error) for task in chosen]))

    @rule()
    def requeue(self) -> None:
        letters = [self.register.tasks[number] for number in self.register.letters.numbers()][:2]
        if letters:
            self.write(Change([self.register.draft_again(letters, self.now_s)]))

    @rule(nth=st.integers(1, 4), error=st.sampled_from([None, errno.ENOSPC, errno.EIO]), is_after=st.booleans())
    def fault(self, nth: int, error: int | None, is_after: bool) -> None:
        self.disk.faults = [Fault(nth, error, ("write", "sync"), is_after=is_after and error is None)]

    @rule(is_cut=st.booleans(), seed=st.integers(0, 2**32 - 1))
    def die(self, is_cut: bool, seed: int) -> None:
        self.restart(is_cut=is_cut, seed=seed)

    @precondition(lambda self: not self.disk.faults)
    @rule()
    def compact(self) -> None:
        assert self.store is not None
        self.store.compact()

    @invariant()
    def adds_up(self) -> None:
        if self.store is None:
            return
        counts = self.register.counts()
        assert counts["accepted"] == sum(counts[state] for state in (*ENDED, "open"))
        open_numbers = [number for number, task in self.register.tasks.items() if task.ended_s is None]
        assert len(open_numbers) == counts["open"] == self.register.room.held
        assert all(self.register.mark <= number >> module.PLACE_BITS for number in open_numbers)
        assert len(self.register.results) <= module.RESULTS
        assert len(self.register.letters) <= module.LETTERS


def test_any_life_of_a_journal() -> None:
    run_state_machine_as_test(Life, settings=settings(max_examples=150, stateful_step_count=40, deadline=None))
