"""The steps of one task: what it does outside, what it asks of other agents, and its checkpoints, each under its ordinal.

Owns what a replay is: a task that is run again under its id takes the same steps in the same order, and those that have a value
are not done again. Where nothing is kept, steps are done and nothing is remembered. What a record holds on the disk is
`checkpoints`' business, when it is there the ledger's.
"""

from __future__ import annotations

from asyncio import Future, get_running_loop
from collections.abc import Callable
from contextvars import ContextVar
from inspect import isawaitable
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from pools import values
from pools.errors import BadArgument, BadReply, StepMismatch, StepTooLarge, TaskCancelled, TooManySteps
from pools.spec import STEP_BYTES, STEP_NAME_CHARS, STEPS_BYTES, TASK_STEPS

if TYPE_CHECKING:
    from checkpoints.steps import Step
    from pools.ledger import Ledger

__all__ = ["Question", "Steps"]

#: The step that runs, with the steps it belongs to: what it starts may carry this into tasks of others.
_RUNNING: ContextVar[tuple[Steps, int] | None] = ContextVar("step", default=None)


class Question(NamedTuple):
    """What a task asks of another agent. number: under which it was asked before, None if it was not."""

    steps: Steps
    ordinal: int
    address: str
    method: str
    number: int | None

    @property
    def task(self) -> str:
        """The name of the task that asks."""
        return self.steps.task

    @property
    def name(self) -> str:
        """The name of the task that is asked for, which is the same when it is asked for again."""
        return f"{self.task}.{self.ordinal}"


class Steps:
    """The steps of one task. task: its name.  ledger: where they are recorded; None where nothing is kept."""

    __slots__ = ("_ledger", "_next", "_size_bytes", "answers", "checkpoints", "done", "fault", "has_begun", "is_over", "task")

    def __init__(self, task: str, ledger: Ledger | None) -> None:
        self.task = task
        self._ledger = ledger
        self._next = 0
        self._size_bytes = 0
        #: Why the task must fail, whatever it makes of the error.
        self.fault: StepMismatch | None = None
        #: Whether the task has taken a step in this run.
        self.has_begun = False
        #: Whether the task has ended: what it still waited for is recorded no more.
        self.is_over = False
        #: Steps that have a value, and checkpoints; answers only of the questions that it does not ask again.
        self.done = self.checkpoints = self.answers = 0

    @property
    def id(self) -> str:
        """The id of the step that runs, else of the next one: the same whenever the task is run again."""
        running = _RUNNING.get()
        return f"{self.task}/{running[1] if running is not None and running[0] is self else self._next}"

    def _begin(self, name: Any) -> tuple[int, Step | None]:
        """Take the next ordinal, and find what stands there. Raises TooManySteps, StepTooLarge, StepMismatch."""
        self.has_begun = True
        ordinal = self._next
        if ordinal >= TASK_STEPS:
            raise TooManySteps(f"one task may take {TASK_STEPS:,} steps, its questions to other agents among them")
        if self._size_bytes > STEPS_BYTES:
            raise StepTooLarge(f"all values of the steps of a task may have {STEPS_BYTES:,} bytes as JSON, and they have more")
        self._next += 1
        step = None if self._ledger is None else self._ledger.recall.steps.of(self.task).get(ordinal)
        if step is not None and step.name != name:
            raise self._mismatch(f"step {ordinal} was {_shown(step.name)}, and is {_shown(name)} now")
        self._size_bytes += 0 if step is None else len(step.body)
        return ordinal, step

    def _mismatch(self, text: str) -> StepMismatch:
        self.fault = StepMismatch(f"task {self.task} takes other steps when it is run again: {text}")
        return self.fault

    def end(self) -> None:
        """The task has done all it does. Raises StepMismatch where it took other steps than it did before, or fewer."""
        if self.fault is None and self._ledger is not None:
            left = [ordinal for ordinal in self._ledger.recall.steps.of(self.task) if ordinal >= self._next]
            if left:
                raise self._mismatch(f"it has ended before step {min(left)}")
        if self.fault is not None:
            raise self.fault

    # -- steps ---------------------------------------------------------------------------------------------------------

    async def run(self, name: str, function: Callable[..., Any], arguments: tuple[Any, ...], place: Place) -> Any:
        """The value of a step: the one that is recorded, or a new one, recorded and synced.

        Raises what the function raises; StoreFull, StoreStopped.
        """
        ordinal, step = place
        if step is not None:
            self.done += 1
            return step.value
        if self._ledger is not None:
            self._ledger.check()  # what cannot be recorded is not done
            await self._synced()  # nothing leaves before what it has seen is kept
        token = _RUNNING.set((self, ordinal))
        try:
            value = function(*arguments)
            if isawaitable(value):
                value = await value
        finally:
            _RUNNING.reset(token)
        encoded = self._encoded(f"step {name!r}", value)
        if self._ledger is not None and not self.is_over:
            self._ledger.recall.stepped(self.task, ordinal, name, None, orjson.Fragment(encoded))
            await self._synced()
        self.done += 1
        return orjson.loads(encoded)

    def begin(self, name: str) -> Place:
        """The place of the next step. Raises BadArgument, TooManySteps, StepMismatch."""
        if type(name) is not str or not 0 < len(name) <= STEP_NAME_CHARS or values.fault(name) is not None:
            raise BadArgument(f"a step's name is a text of 1 to {STEP_NAME_CHARS} characters, got {name!r:.80}")
        return self._begin(name)

    def _encoded(self, what: str, value: Any) -> bytes:
        wrong = values.fault(value, f"the value of {what}")
        if wrong is not None:
            raise BadReply(wrong)
        encoded = values.dumps(value)
        if len(encoded) > STEP_BYTES:
            raise StepTooLarge(f"the value of {what} has {len(encoded):,} bytes as JSON, a step's may have {STEP_BYTES:,}")
        self._size_bytes += len(encoded)
        return encoded

    async def _synced(self) -> None:
        """Return once all that was recorded so far is on the disk."""
        if self._ledger is not None:
            future: Future[None] = get_running_loop().create_future()
            if self._ledger.when_synced(lambda: None if future.done() else future.set_result(None)):
                await future

    # -- checkpoints ---------------------------------------------------------------------------------------------------

    def begin_checkpoint(self, sort: str) -> Place:
        """The place of a checkpoint, which is a step too. Raises TooManySteps, StepMismatch."""
        return self._begin([sort])

    async def record(self, sort: str, place: Place, write: Callable[[int], int]) -> int:
        """The revision of a checkpoint: the one that is recorded, or that of a new one, recorded and synced.

        write: makes it; it takes the ordinal.
        Raises what that raises; StoreFull, StoreStopped; TaskCancelled once the task is over.
        """
        ordinal, step = place
        if step is not None:
            self.checkpoints += 1
            return int(step.value)
        if self.is_over:
            raise TaskCancelled("its task is over, and records nothing more")
        if self._ledger is not None:
            self._ledger.check()
        revision = write(ordinal)
        if self._ledger is not None:
            self._size_bytes += self._ledger.recall.stepped(self.task, ordinal, [sort], None, revision)
            await self._synced()
        self.checkpoints += 1
        return revision

    def resume(self, ordinal: int) -> None:
        """Go on behind a checkpoint of this very task, made before its process died, as long as its step is there."""
        recorded = {} if self._ledger is None else self._ledger.recall.steps.of(self.task)
        if ordinal not in recorded:
            return
        passed = [recorded[at] for at in range(self._next, ordinal + 1) if at in recorded]
        self._next = max(self._next, ordinal + 1)
        self.done += sum(type(step.name) is str for step in passed)
        self.checkpoints += sum(type(step.name) is list and len(step.name) == 1 for step in passed)
        self.answers += sum(type(step.name) is list and len(step.name) == 2 and step.is_done for step in passed)

    # -- questions -----------------------------------------------------------------------------------------------------

    def ask(self, address: str, method: str) -> Question | Future[Any]:
        """The next question to another agent, or its answer, if it is recorded. Raises TooManySteps, StepMismatch."""
        ordinal, step = self._begin([address, method])
        if step is not None and step.is_done:
            future: Future[Any] = get_running_loop().create_future()
            future.set_result(step.value)
            return future
        return Question(self, ordinal, address, method, None if step is None else step.number)

    def answered(self, question: Question, number: int | None, value: Any) -> None:
        """Record the answer to a question, with what it came with. Nobody waits for that: what follows from it waits.

        While no change is taken that of an agent of this worker is left out: it has changed nothing, and may be asked again.
        """
        if self._ledger is not None and not self.is_over and (number is not None or self._ledger.refused is None):
            name = [question.address, question.method]
            self._size_bytes += self._ledger.recall.stepped(self.task, question.ordinal, name, number, value)


#: A step's ordinal, and what is recorded of it.
Place = tuple[int, "Step | None"]


def _shown(name: Any) -> str:
    if type(name) is str:
        return repr(name)
    return f"a checkpoint {name[0]}" if len(name) == 1 else f"a question to {name[0]} for {name[1]}"
