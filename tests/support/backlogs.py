"""Backlogs, plans and sprints for tests, and a runner of sprints that is nothing but lists."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sprints.backlog import Backlog, Role, ShipSpec
from sprints.instruction import Check, Dispatch, End, HurryShip, Instruction, Recall, Record, Ship
from sprints.item import Item
from sprints.outcome import Outcome
from sprints.plan import Plan, plan_sprint
from sprints.shape import SHAPES, Shape
from sprints.sprint import Sprint

__all__ = ["Played", "backlog_of", "item", "sprint_of", "words"]


def item(name: str, *after: str, **more: Any) -> Item:
    """An item that waits for others."""
    return Item(name, name, more.pop("role", "worker"), "do", after=after, **more)


def backlog_of(*items: Item, agents: int = 10, shape: str | Shape = "pipeline", roles: Iterable[str] = ("worker",)) -> Backlog:
    """A backlog of some items."""
    found = SHAPES[shape] if isinstance(shape, str) else shape
    by_id = {each.id: each for each in items}
    return Backlog("app", "", {role: Role(role, agents) for role in roles}, found, ShipSpec(), by_id)


def header(backlog: Backlog) -> dict[str, Any]:
    """What the first event of a sprint on it says."""
    roles = {name: role.agents for name, role in backlog.roles.items()}
    return {
        "id": "sp-20261121-001",
        "backlog": backlog.name,
        "digest": "d",
        "capacity": 10**6,
        "agents": backlog.agents,
        "roles": roles,
    }


def sprint_of(backlog: Backlog, done: Sequence[str] = ()) -> Sprint:
    """A sprint that takes all of it."""
    return Sprint(header(backlog), backlog.shape, plan_of(backlog, done), backlog.items, done)


def plan_of(backlog: Backlog, done: Sequence[str] = ()) -> Plan:
    """The plan of that sprint."""
    return plan_sprint(backlog, 10**6, done)


def words(instructions: Iterable[Instruction]) -> list[str]:
    """Instructions in short: the kind of an event, or the name of what is to be done."""
    return [each.event["e"] if isinstance(each, Record) else type(each).__name__ for each in instructions]


class Played:
    """A sprint that is played by hand: what it said, what is out, what is to be judged, and its ledger."""

    def __init__(self, backlog: Backlog, done: Sequence[str] = ()) -> None:
        self.backlog = backlog
        self._done = done
        self.now_s = 1_000.0
        self.ledger: list[Mapping[str, Any]] = []
        self.sprint = sprint_of(backlog, done)
        self.out: list[str] = []
        self.to_judge: list[str] = []
        self.to_ship: list[str] | None = None
        self.recalled: list[str] = []
        self.sent: list[tuple[str, bool]] = []
        self.is_hurried = self.is_ended = False
        self.take(self.sprint.begin(self.now_s))

    def take(self, instructions: Sequence[Instruction]) -> list[str]:
        """Carry them out, in their order."""
        for each in instructions:
            match each:
                case Record(event):
                    self.ledger.append(event)
                case Dispatch(items, _, is_again):
                    self.out += items
                    self.sent += [(name, is_again) for name in items]
                case Check(outcomes):
                    self.to_judge += [outcome.item for outcome in outcomes]
                case Recall(items):
                    self.recalled += items
                case Ship(items, _):
                    assert self.to_ship is None
                    self.to_ship = list(items)
                case HurryShip():
                    self.is_hurried = True
                case End():
                    self.is_ended = True
        return words(instructions)

    def after(self, seconds: float) -> list[str]:
        """Let time go on."""
        self.now_s += seconds
        return self.take(self.sprint.tick(self.now_s))

    def answer(self, *items: str) -> list[str]:
        """These come back."""
        self.out = [name for name in self.out if name not in items]
        return self.take(self.sprint.answered([Outcome(name, ok=True) for name in items], self.now_s))

    def judge(self, verdict: str, *items: str) -> list[str]:
        """These get that verdict."""
        self.to_judge = [name for name in self.to_judge if name not in items]
        receipts = [{"item": name, "role": self.backlog.items[name].role, "verdict": verdict} for name in items]
        return self.take(self.sprint.judged(receipts, self.now_s))

    def finish(self, *items: str, verdict: str = "done") -> list[str]:
        """These come back, and get that verdict."""
        return [*self.answer(*items), *self.judge(verdict, *items)]

    def ship(self, why: str | None = None) -> list[str]:
        """Answer that the release is made, or why it is not."""
        items, self.to_ship = self.to_ship or [], None
        if why is not None:
            return self.take(self.sprint.not_shipped(why, self.now_s))
        return self.take(self.sprint.shipped("0001", "ab", items, self.now_s))

    def kill(self) -> list[str]:
        """Lose all but the ledger, and go on from that, by another clock."""
        self.now_s += 12_345.0
        plan = plan_of(self.backlog, self._done)
        self.sprint = Sprint.restored(self.ledger, self.backlog.shape, plan, self.backlog.items, self._done)
        self.out, self.to_judge, self.to_ship = [], [], None
        self.is_hurried = False
        return self.take(self.sprint.begin(self.now_s))

    def told(self, kind: str) -> list[Mapping[str, Any]]:
        """The events of a kind."""
        return [event for event in self.ledger if event["e"] == kind]

    def phases(self) -> list[tuple[int, str]]:
        """The steps that it went through."""
        return [(event["wave"], event["phase"]) for event in self.told("phase")]
