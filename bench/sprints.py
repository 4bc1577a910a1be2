"""`sprints`: whole sprints in virtual time: 20 agents, 100 tasks that take their seconds by a clock that only events move. The
state machine is the one that runs in earnest; agents, checks and releases are a few lines here. Every ledger is looked through:
all steps of all waves in order, exactly once, and every task ended once or carried."""

from __future__ import annotations

import gc
import heapq
import random
import time
from collections import deque
from typing import TYPE_CHECKING, Any

from bench.figures import Metric, Reading
from bench.workload import Size, Workload
from sprints.backlog import Backlog, Role, ShipSpec
from sprints.instruction import Check, Dispatch, End, Recall, Record, Ship
from sprints.item import Item
from sprints.outcome import Outcome
from sprints.plan import plan_sprint
from sprints.shape import SHAPES
from sprints.spec import PHASES
from sprints.sprint import Sprint

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from sprints.instruction import Instruction

__all__ = ["WORKLOAD"]

SPRINTS, AGENTS, TASKS = 1_000, 20, 100
QUICK_SPRINTS = 30
SEED = 5
#: seconds that a task takes on average: a hundred of them fill most of what 20 agents have in a sprint of 900 s.
TASK_S = 90.0
#: one task in so many fails, and takes with it what waits for it.
FAILS = 20


async def rounds(size: Size) -> AsyncIterator[dict[str, Reading]]:
    """A round: all sprints, one after the other, every second one in waves."""
    count = size.pick(SPRINTS, QUICK_SPRINTS)
    for _ in range(size.runs):
        chance = random.Random(SEED if size.seed is None else size.seed)
        played = [_Played(number, chance) for number in range(count)]
        gc.collect()
        start, cpu = time.perf_counter(), time.process_time()
        for each in played:
            each.play()
        seconds, cpu_s = time.perf_counter() - start, time.process_time() - cpu
        wrong = sum(not each.is_right() for each in played)
        if wrong:
            raise ValueError(f"{wrong} of {count:,} sprints did not go through their steps in order, exactly once")
        tasks = sum(each.ended for each in played)
        yield {
            "sprints": Reading(seconds, None, count),
            "task": Reading(cpu_s / tasks * 1e6, None, tasks),
            "wrong": Reading(wrong, None, count),
        }


class _Played:
    """One sprint, with agents that are a list of when each has ended its task."""

    def __init__(self, number: int, chance: random.Random) -> None:
        items = {}
        for at in range(TASKS):
            after = (f"t{chance.randrange(at)}",) if at and chance.random() < 0.3 else ()
            items[f"t{at}"] = Item(f"t{at}", "a task", "worker", "run", after=after)
        shape = SHAPES["waves" if number % 2 else "pipeline"]
        self._backlog = Backlog("bench", "", {"worker": Role("worker", AGENTS)}, shape, ShipSpec(), items)
        self._times = {name: chance.uniform(0.2, 1.8) * TASK_S for name in items}
        self._failing = {name for name in items if chance.randrange(FAILS) == 0}
        self._ledger: list[dict[str, Any]] = []
        self._now_s = 0.0
        self._busy: list[tuple[float, str]] = []
        self._waiting: deque[str] = deque()
        self.ended = 0

    def play(self) -> None:
        """From its plan to its end, the clock set to whatever comes next."""
        header = {"id": "sp-20261121-001", "backlog": "bench", "digest": "", "agents": AGENTS, "capacity": TASKS}
        shape, items = self._backlog.shape, self._backlog.items
        sprint = Sprint(header, shape, plan_sprint(self._backlog, TASKS), items)
        self._act(sprint, sprint.begin(self._now_s))
        while not sprint.is_over:
            due_s = sprint.due_s
            if self._busy and (due_s is None or self._busy[0][0] <= due_s):
                self._now_s, name = heapq.heappop(self._busy)
                self._occupy()
                self._act(sprint, sprint.answered([Outcome(name, ok=name not in self._failing)], self._now_s))
            elif due_s is not None:
                self._now_s = due_s
                self._act(sprint, sprint.tick(due_s))
            else:
                raise ValueError("a sprint waits for nothing that comes")

    def _act(self, sprint: Sprint, told: Sequence[Instruction]) -> None:
        """Carry out what is told, then what that gives rise to."""
        judged: list[dict[str, str]] = []
        to_ship: Sequence[str] = ()
        for each in told:
            match each:
                case Record(event):
                    self._ledger.append(event)
                case Dispatch(items):
                    self._waiting += items
                    self._occupy()
                case Check(outcomes):
                    judged = [{"item": one.item, "verdict": "done" if one.ok else "failed"} for one in outcomes]
                    self.ended += len(judged)
                case Recall(items):
                    gone = set(items)
                    self._waiting = deque(name for name in self._waiting if name not in gone)
                    self._busy = [(at_s, name) for at_s, name in self._busy if name not in gone]
                    heapq.heapify(self._busy)
                case Ship(items):
                    to_ship = items
                case End():
                    return
        if judged:
            self._act(sprint, sprint.judged(judged, self._now_s))
        if to_ship:
            self._act(sprint, sprint.shipped("0001", "", to_ship, self._now_s))

    def _occupy(self) -> None:
        """Give what waits to agents that are free."""
        while self._waiting and len(self._busy) < AGENTS:
            name = self._waiting.popleft()
            heapq.heappush(self._busy, (self._now_s + self._times[name], name))

    def is_right(self) -> bool:
        """Whether its ledger tells of every step once and in order, and of one end of every task."""
        steps = [(event["wave"], event["phase"]) for event in self._ledger if event["e"] == "phase"]
        whole = [(wave, phase) for wave in range(len(self._backlog.shape.waves)) for phase in PHASES]
        ends = [event["item"] for event in self._ledger if event["e"] == "receipt"]
        ends += [name for event in self._ledger if event["e"] == "carried" for name in event["items"]]
        return steps == whole and sorted(ends) == sorted(self._backlog.items) and self._ledger[-1]["e"] == "ended"


WORKLOAD = Workload(
    name="sprints",
    about="1,000 sprints of 20 agents and 100 tasks, in virtual time",
    metrics=(
        Metric("sprints", "s", "all of them, planned and run", against="none", reach="≤ 10 s"),
        Metric("task", "µs", "of cpu a task that ended, all in all", against="none"),
        Metric("wrong", "sprints", "with a step missing, twice or out of order", against="none", reach="0"),
    ),
    rounds=rounds,
    runs=5,
)
