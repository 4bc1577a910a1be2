"""Steps of tasks that have not ended: what each of them gave, so that it is not done a second time.

Owns which steps are kept: those of a task until its record says that it has ended, or its sender will not ask for it again. It
is filled by reading a log, and carried over by compaction. Pure.

A step part: a JSON object with `t` the task, `o` the step's ordinal in it, `n` its name (a text, or address and method of
another agent), `q` the number under which that agent was asked, if it is another worker's, and `v` what it gave, once it has.
An ended part: a JSON list of tasks. A task is `session-number`, the session in hexadecimal, with `.ordinal` behind it for each
agent that asked the next one in its worker.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import orjson

from checkpoints.frame import Part
from checkpoints.spec import PLACE_BITS

__all__ = ["ENDED", "STEP", "OpenSteps", "Step", "ended_part", "step_part"]

#: Letters of the parts.
STEP, ENDED = b"J", b"F"


class Step(NamedTuple):
    """One step. name, number: as in its part.  body: the part's, as it was recorded.  is_done: whether it has a value."""

    name: Any
    number: int | None
    body: bytes
    is_done: bool

    @property
    def value(self) -> Any:
        """What it gave, decoded anew."""
        return orjson.loads(self.body)["v"]


_NONE: dict[int, Step] = {}


class OpenSteps:
    """The steps of open tasks."""

    def __init__(self) -> None:
        #: By task, then by ordinal.
        self.tasks: dict[str, dict[int, Step]] = {}
        #: Numbers under which other workers' agents were asked and have not answered, lowest first, with their tasks.
        self.asked: dict[int, str] = {}
        self._sessions: dict[str, set[str]] = {}

    def of(self, task: str) -> Mapping[int, Step]:
        """A task's steps by ordinal."""
        found: Mapping[int, Step] = self.tasks.get(task, _NONE)
        return found

    def fold(self, part: Part) -> int:
        """Take in one part; returns the number in it, 0 for none. Raises ValueError and what a dict raises where it is none."""
        said = orjson.loads(part.body)
        if part.letter == ENDED:
            for task in said:
                self._drop(task)
            return 0
        task, number = said["t"], said.get("q")
        step = Step(said["n"], number, part.body, "v" in said)
        if type(said["o"]) is not int or not (number is None or type(number) is int):
            raise ValueError(f"a step without its ordinal: {said!r:.80}")
        session, _ = _place(task)
        self.tasks.setdefault(task, {})[said["o"]] = step
        self._sessions.setdefault(session, set()).add(task)
        if number is not None and step.is_done:
            self.asked.pop(number, None)
        elif number is not None:
            self.asked.setdefault(number, task)
        return number or 0

    def _drop(self, task: str) -> None:
        for step in self.tasks.pop(task, _NONE).values():
            if step.number is not None:
                self.asked.pop(step.number, None)
        session, _ = _place(task)
        tasks = self._sessions.get(session)
        if tasks is not None:
            tasks.discard(task)
            if not tasks:
                del self._sessions[session]

    def received(self, session: bytes, mark: int) -> None:
        """Forget the tasks of a session's sections below its mark: they were answered."""
        for task in [task for task in self._sessions.get(session.hex(), ()) if _place(task)[1] < mark]:
            self._drop(task)

    def older(self, least: int, horizon: int) -> None:
        """Forget the tasks of all sections from `least` up to a horizon: they are run no more."""
        if self.tasks:
            for task in [task for task in self.tasks if least <= _place(task)[1] < horizon]:
                self._drop(task)

    def parts(self) -> Iterator[Part]:
        """Everything, as parts of a log: what was asked in the order of the numbers."""
        steps = [step for steps in self.tasks.values() for step in steps.values()]
        for step in sorted(steps, key=lambda step: step.number or 0):
            yield Part(STEP, step.body)


def _place(task: str) -> tuple[str, int]:
    """A task's session, and its section there. Raises ValueError for what is no task."""
    session, _, number = task.partition("-")
    return session, int(number.partition(".")[0]) >> PLACE_BITS


def step_part(task: str, ordinal: int, name: Any, number: int | None, value: Sequence[Any] = ()) -> Part:
    """One step. value: of one item, what it gave; empty while it has not. Raises TypeError for what JSON cannot hold."""
    said = {"t": task, "o": ordinal, "n": name}
    if number is not None:
        said["q"] = number
    if value:
        said["v"] = value[0]
    return Part(STEP, orjson.dumps(said))


def ended_part(tasks: Sequence[str]) -> Part:
    """Tasks that have ended: nobody asks for their steps."""
    return Part(ENDED, orjson.dumps(tasks))
