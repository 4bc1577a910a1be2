"""One sprint on its way: it does what the state machine says, and tells it what came of that.

Owns the order of things: every event is on the disk before anything is done that follows from it. It decides nothing. Above it
stands the engine, which hands in how items reach agents; below are the sprint, its ledger, the witness and the shipper.
"""

from __future__ import annotations

import asyncio
from asyncio import Future
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from checkpoints.errors import CheckpointError
from sprints.clock import Clock
from sprints.errors import CheckerFailed, LedgerFull, SprintError, SprintOver
from sprints.instruction import Check, Dispatch, HurryShip, Instruction, Recall, Record, Ship
from sprints.item import Item
from sprints.ledger import Ledger, Line
from sprints.outcome import Outcome
from sprints.receipt import Receipt
from sprints.shipper import Shipment, Shipper
from sprints.sprint import Sprint
from sprints.thread import in_thread
from sprints.witness import Witness

__all__ = ["Agents", "Parts", "Runner"]

#: Something that happened, as a step of the sprint at some time.
Step = Callable[[float], list[Instruction]]

#: Seconds between two tries to write a ledger whose disk is full, and to find a process for checks.
AGAIN_S = 1.0
#: Tries to find a process for checks, before items are unproven for want of one.
CHECK_TRIES = 3
#: Checks that end within microseconds in the process that makes them: many of them are made together.
QUICK_CHECKS = frozenset({"schema", "expr"})
#: Events of which more is told than the sprint knows.
TOLD_MORE = frozenset({"dispatched", "shipped", "ended"})


class Agents(Protocol):
    """How items reach agents. What can not be sent comes back as an outcome, as everything does."""

    async def send(self, items: Sequence[Item], *, is_again: bool) -> None:
        """Have these done. is_again: they may have been sent before, and then are not run again if they have ended."""
        ...

    async def recall(self, items: Sequence[str]) -> None:
        """Take these back, by id; nobody waits for them any more."""
        ...

    def close(self) -> None:
        """The sprint has ended, or this process: send nothing more, and tell of nothing."""
        ...


class Parts(NamedTuple):
    """What a sprint works with.

    closing: more fields of its last event, once all others are on the disk.  wrote: told of each line of the ledger.
    """

    items: Mapping[str, Item]
    ledger: Ledger
    witness: Witness
    shipper: Shipper
    agents: Agents
    clock: Clock
    closing: Callable[[], Awaitable[Mapping[str, Any]]]
    wrote: Callable[[Line], None] = lambda _line: None


class Runner:
    """Runs one sprint. told: called with each event once it is on the disk."""

    def __init__(self, sprint: Sprint, parts: Parts, told: Callable[[Mapping[str, Any]], None] = lambda _event: None) -> None:
        self.sprint = sprint
        self._parts = parts
        self._told = told
        self._news = asyncio.Event()
        self._outcomes: list[Outcome] = []
        self._receipts: list[dict[str, Any]] = []
        #: What else happened, each with who waits until it is on the disk.
        self._steps: list[tuple[Step, Future[None] | None]] = []
        self._tasks: set[asyncio.Task[None]] = set()
        #: What the newest release could not take, by item, with why.
        self._left_out: dict[str, str] = {}
        self._failed: BaseException | None = None
        #: Who waits for a step, with what it is.
        self._asked: dict[Future[None], str] = {}
        self._is_left = False

    # -- what others tell it -----------------------------------------------------------------------------------------------

    def answered(self, outcomes: Iterable[Outcome]) -> None:
        """These came back from their agents."""
        self._outcomes += outcomes
        self._news.set()

    async def pause(self) -> None:
        """Have it send nothing more, and its time stand still; it is on the disk when this returns. Raises SprintOver."""
        await self._ask(self.sprint.pause, "be paused")

    async def resume(self) -> None:
        """Have it go on after a pause. Raises SprintOver."""
        await self._ask(self.sprint.resume, "go on")

    async def abort(self, why: str) -> None:
        """Have it end before its time. Raises SprintOver."""
        await self._ask(lambda now_s: self.sprint.abort(why, now_s), "be aborted")

    async def _ask(self, step: Step, asked: str) -> None:
        """Have a step taken that somebody waits for."""
        if self.sprint.is_over or self._is_left:
            raise SprintOver(self.sprint.id, asked)
        taken: Future[None] = asyncio.get_running_loop().create_future()
        self._asked[taken] = asked
        self._step(step, taken)
        try:
            await taken
        finally:
            del self._asked[taken]

    def _refuse(self, taken: Future[None] | None) -> None:
        if taken is not None and not taken.done():
            taken.set_exception(SprintOver(self.sprint.id, self._asked[taken]))

    def _step(self, step: Step, taken: Future[None] | None = None) -> None:
        self._steps.append((step, taken))
        self._news.set()

    def left_s(self) -> float | None:
        """Seconds of the sprint's own time until the phase ends; None while that does not go on."""
        due_s = self.sprint.due_s
        return None if due_s is None else max(due_s - self._parts.clock.now_s(), 0.0)

    def whole_left_s(self) -> float | None:
        """The same until the sprint ends at the latest."""
        left_s = self.left_s()
        return None if left_s is None else left_s + self.sprint.after_s

    # -- its way -----------------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Run it to its end. Raises LedgerFailed; what is on the disk then, it goes on from at the next start."""
        clock = self._parts.clock
        try:
            await self._act(self.sprint.begin(clock.now_s()))
            while not self.sprint.is_over:
                await self._sleep()
                for told, taken in self._turn(clock.now_s()):
                    await self._act(told)
                    if taken is not None and not taken.done():
                        taken.set_result(None)
        finally:
            self._is_left = True
            for taken in self._asked:
                self._refuse(taken)
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _sleep(self) -> None:
        """Wait until something happened, or the time of the phase is up."""
        due_s = self.sprint.due_s
        wait_s = None if due_s is None else self._parts.clock.until_s(due_s)
        try:
            async with asyncio.timeout(wait_s):
                await self._news.wait()
        except TimeoutError:
            pass
        self._news.clear()
        if self._failed is not None:
            raise self._failed

    def _turn(self, now_s: float) -> Iterable[tuple[list[Instruction], Future[None] | None]]:
        """What the sprint says to what has happened, and who waits until that is done."""
        outcomes, self._outcomes = self._outcomes, []
        receipts, self._receipts = self._receipts, []
        steps, self._steps = self._steps, []
        if outcomes:
            yield self.sprint.answered(outcomes, now_s), None
        if receipts:
            yield self.sprint.judged(receipts, now_s), None
        for step, taken in steps:
            if not self.sprint.is_over:
                yield step(now_s), taken
            else:
                self._refuse(taken)
        if not self.sprint.is_over:
            yield self.sprint.tick(now_s), None

    async def _act(self, told: Sequence[Instruction]) -> None:
        """Write down what was told, then do it."""
        events = [instruction.event for instruction in told if isinstance(instruction, Record)]
        for event in events:
            more = await self._more(event) if event["e"] in TOLD_MORE else None
            line = self._parts.ledger.put({**event, **more} if more else event)
            self._parts.wrote(line)
            if event["e"] == "receipt" and event["verdict"] == "done":
                self._parts.shipper.take(event["item"], event.get("artifacts", ()), line.digest)
        await self._sync()
        for event in events:
            self._told(event)
        for instruction in told:
            await self._do(instruction)

    async def _more(self, event: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """What stands in the line of an event beside what the sprint says."""
        parts, kind = self._parts, event["e"]
        if kind == "dispatched":
            items = [item for name in event["items"] if (item := parts.items[name]).artifacts]
            before = await in_thread(lambda: parts.witness.begin(items)) if items else None
            return {"before": before} if before else None
        if kind == "shipped":
            return {"releases": parts.shipper.releases.folder, "left_out": self._left_out}
        await self._sync()
        return await parts.closing()

    async def _sync(self) -> None:
        """Have the ledger on the disk; while that is full, again and again."""
        ledger = self._parts.ledger
        while ledger.unwritten_bytes:
            try:
                await in_thread(ledger.sync)
            except LedgerFull:
                await asyncio.sleep(AGAIN_S)

    async def _do(self, instruction: Instruction) -> None:
        parts = self._parts
        match instruction:
            case Dispatch():
                await parts.agents.send([parts.items[name] for name in instruction.items], is_again=instruction.is_again)
            case Recall():
                await parts.agents.recall(instruction.items)
            case Check():
                for part in self._check_parts(instruction.outcomes):
                    self._keep(self._judge(part))
            case Ship():
                self._keep(self._ship(instruction.items))
            case HurryShip():
                parts.shipper.hurry()
            case _:
                pass

    # -- what takes its time -----------------------------------------------------------------------------------------------

    def _check_parts(self, outcomes: Sequence[Outcome]) -> Iterable[list[tuple[Item, Outcome]]]:
        """Outcomes that are judged together: those with a slow check each by itself, so that none waits for another's."""
        quick: list[tuple[Item, Outcome]] = []
        for outcome in outcomes:
            item = self._parts.items[outcome.item]
            if outcome.ok and item.check is not None and not QUICK_CHECKS & item.check.keys():
                yield [(item, outcome)]
            else:
                quick.append((item, outcome))
        if quick:
            yield quick

    async def _judge(self, answered: Sequence[tuple[Item, Outcome]]) -> None:
        receipts = await self._looked_at(answered)
        methods = {item.id: item.method for item, _ in answered}
        self._receipts += ({**receipt.facts(), "method": methods[receipt.item]} for receipt in receipts)
        self._news.set()

    async def _looked_at(self, answered: Sequence[tuple[Item, Outcome]]) -> list[Receipt]:
        for tried in range(1, CHECK_TRIES + 1):
            try:
                return await self._parts.witness.receipts(answered)
            except CheckerFailed as error:
                failure = error
                if tried < CHECK_TRIES:
                    await asyncio.sleep(AGAIN_S)
        why = f"its check could not be made: {failure}"
        return [
            Receipt(item.id, item.role, "unproven", outcome.agent, why, outcome.ran_s, outcome.waited_s)
            for item, outcome in answered
        ]

    async def _ship(self, items: Sequence[str]) -> None:
        """Make the release in a thread; how it went is a step of the sprint."""
        due_s = self.sprint.due_s
        left_s = 0.0 if due_s is None else self._parts.clock.until_s(due_s)
        try:
            shipment = await asyncio.to_thread(self._parts.shipper.ship, items, left_s)
        except (SprintError, CheckpointError, OSError) as error:
            why = str(error)
            self._step(lambda now_s: self.sprint.not_shipped(why, now_s))
        except asyncio.CancelledError:
            self._parts.shipper.hurry()  # the thread goes on, and need not switch any more
            raise
        else:
            self._step(lambda now_s: self._shipped(shipment, now_s))

    def _shipped(self, shipment: Shipment, now_s: float) -> list[Instruction]:
        self._left_out = dict(shipment.left_out)
        return self.sprint.shipped(shipment.release, shipment.manifest_sha256, shipment.items, now_s)

    def _keep(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._failed = error
            self._news.set()
