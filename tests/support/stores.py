"""Small stores on a simulated disk, and what they hold, told by a plain dict beside them."""

from __future__ import annotations

from random import Random
from typing import Any

from checkpoints.errors import DiskFull, StoreFailed
from checkpoints.frame import Part
from checkpoints.store import Store, changes_part, gone_part, open_store, states_part
from checkpoints.window import answers_part, marks_part
from tests.support.disks import SimDisk

__all__ = ["FOLDER", "SESSION", "Story", "contents", "open_at", "set_part", "small_store"]

FOLDER = "data/w0"
#: One who asks.
SESSION = b"\x01session"
States = dict[tuple[str, int | str], dict[str, Any]]


def open_at(disk: SimDisk, **options: Any) -> Store:
    """Open the store of a disk as a new process."""
    options = {"shards": 2, "chance": Random(1).randbytes, **options}
    return open_store(FOLDER, files=disk.process(), **options)


def set_part(key: int | str, value: Any, kind: str = "counter") -> Part:
    """A state of one field as a record."""
    return states_part(kind, ["total"], [key], [[value]])


def contents(store: Store) -> States:
    """Everything that a store says it holds; no key twice."""
    found: States = {}
    for kind, key, state in store.items():
        assert (kind, key) not in found
        found[kind, key] = state
    return found


class Story:
    """What was done to a store: what must be there, and the one change that may or may not be."""

    def __init__(self) -> None:
        self.states: States = {}
        self.answers: dict[int, dict[int, Any]] = {}
        self.mark = 0
        self.in_doubt: Story | None = None
        self.number = 0

    def copy(self) -> Story:
        """The same story, to be told on."""
        other = Story()
        other.states = {name: {field: _copy(value) for field, value in state.items()} for name, state in self.states.items()}
        other.answers = {number: dict(values) for number, values in self.answers.items()}
        other.mark, other.number = self.mark, self.number
        return other

    def commit(self, store: Store, chance: Random) -> bool:
        """Commit something by chance; returns whether it was acknowledged. Killed passes, with the change in doubt."""
        self.number += 1
        after = self.copy()
        parts, count = after._draw(chance)
        before, self.in_doubt = self.in_doubt, after
        try:
            store.commit(parts, count)
        except DiskFull:
            self.in_doubt = before
            return False
        except StoreFailed:
            self.in_doubt = before or after  # a store that has failed writes nothing more
            return False
        self._become(after)
        return True

    def _draw(self, chance: Random) -> tuple[list[Part], int]:
        keys: list[int | str] = [chance.randrange(12), f"n{chance.randrange(4)}"]
        key = chance.choice(keys)
        act = chance.choice(["set", "set", "change", "append", "entries", "gone"])
        name = ("counter", key)
        state = self.states.get(name)
        if act == "gone":
            self.states.pop(name, None)
            part = gone_part("counter", [key])
        elif act == "append":
            state = self.states.setdefault(name, {})
            state.setdefault("notes", []).append(self.number)
            part = changes_part("counter", [key], [{"+notes": [self.number]}])
        elif act == "entries":
            names = self.states.setdefault(name, {}).setdefault("names", {})
            leaving = [one for one in names if chance.random() < 0.3]
            entries = {f"e{self.number}": self.number, **{one: -self.number for one in names if one not in leaving}}
            for one in leaving:
                del names[one]
            names.update(entries)
            part = changes_part("counter", [key], [{"-names": leaving, "=names": entries}])
        elif act == "change":
            self.states.setdefault(name, {})["total"] = self.number
            part = changes_part("counter", [key], [{"total": self.number}])
        else:
            self.states[name] = {"total": self.number, "notes": []}
            part = states_part("counter", ["total", "notes"], [key], [[self.number, []]])
        self.answers[self.number] = {0: self.number}
        parts = [part, answers_part(SESSION, self.number, {"o": 0, "v": [self.number]})]
        if chance.random() < 0.2:
            self.mark = self.number - 3
            self.answers = {number: values for number, values in self.answers.items() if number >= self.mark}
            parts.append(marks_part({SESSION: max(self.mark, 0)}))
        if chance.random() < 0.1:
            parts.append(Part(b"p", chance.randbytes(chance.randrange(700))))
        return parts, 1

    def check(self, store: Store) -> None:
        """Hold a store against the story; what was in doubt is settled by what is there."""
        if self.in_doubt is not None and self.in_doubt.number in self._told(store):
            self._become(self.in_doubt)
        self.in_doubt = None
        assert contents(store) == self.states
        for number in range(max(self.mark, 0), self.number + 1):
            assert store.window.answers(SESSION, number) == self.answers.get(number), number

    def _told(self, store: Store) -> set[int]:
        assert self.in_doubt is not None
        return {self.in_doubt.number} if store.window.answers(SESSION, self.in_doubt.number) is not None else set()

    def _become(self, other: Story) -> None:
        self.states, self.answers, self.mark = other.states, other.answers, other.mark
        self.in_doubt = None


def _copy(value: Any) -> Any:
    return value.copy() if type(value) in (list, dict) else value


def small_store(disk: SimDisk, *, is_closed: bool = True) -> Story:
    """A store of two generations of snapshots, sealed segments behind them, and an open one."""
    story, chance = Story(), Random(5)
    store = open_at(disk)
    for _ in range(2):
        for _ in range(3):
            story.commit(store, chance)
        store.log.roll()
        store.compact()
    for _ in range(2):
        story.commit(store, chance)
    store.log.roll()
    for _ in range(2):
        story.commit(store, chance)
    if is_closed:
        store.close()
    return story
