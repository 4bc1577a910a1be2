"""Who speaks in a worker: the agent whose code runs, and its task.

Owns the look at that, which is taken when something is said, and only then: the frames that called the agent's method know
which it is, so that nothing has to be noted while nobody says anything. What an async method has made, tasks and threads of
`asyncio.to_thread`, goes by the context that it was made in; other threads by who has started them.
"""

from __future__ import annotations

import sys
from collections import OrderedDict
from collections.abc import Mapping
from types import FrameType
from typing import TYPE_CHECKING, Any

from pools.executor import Executor
from pools.job import DRIVEN, Job, Waiting, Worn, read_job
from pools.residents import Residents
from pools.speech import NOBODY, Speaker, mouth_of, no_one
from pools.threadspeech import hear_threads, speaker_here
from pools.turns import Turns

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop

__all__ = ["Speakers", "speak"]

#: Frames of the four ways in which an agent's method is called.
_ALONE, _SLICE = Executor._run_alone.__code__, Executor._run_slice.__code__
_SHORT, _LONG = Turns._begin.__code__, Turns._drive.__code__
_WAYS = frozenset({_ALONE, _SLICE, _SHORT, _LONG})
#: Tasks without a number whose names are remembered.
NAMES = 64


class Speakers:
    """Finds who speaks. kinds: the agents of this worker.  turns: knows what tasks are called."""

    def __init__(self, kinds: Mapping[str, Residents], turns: Turns) -> None:
        self._kinds = kinds
        self._turns = turns
        #: Who has spoken last, and the section and the place in it of that task.
        self._place, self._speaker = (0, -1), NOBODY
        self._names: OrderedDict[tuple[int, int], tuple[Job, str]] = OrderedDict()

    def find(self) -> Speaker:
        """Who speaks now."""
        frame: FrameType | None = sys._getframe(1)
        while frame is not None:
            if frame.f_code in _WAYS:
                return self._of_frame(frame)
            frame = frame.f_back
        driven = DRIVEN.get()
        return speaker_here() if driven is None else self._of(driven, "")

    def _of_frame(self, frame: FrameType) -> Speaker:
        """Who speaks below a frame that calls agents' methods."""
        known: dict[str, Any] = frame.f_locals
        if frame.f_code is _ALONE:
            section = known["section"]
            place = section["n"], 0
            if place != self._place:
                job = read_job(section, self._kinds, known["answers"])
                self._place, self._speaker = place, self._of(Waiting(job, 0, None, None), "")
            return self._speaker
        if frame.f_code is _SLICE:
            if "position" not in known or "key" not in known:
                return NOBODY
            job = known["job"]
            place = job.number, known["position"]
            if not job.number or place != self._place:
                self._place, self._speaker = place, self._of(Waiting(job, place[1], None, None), "")
            return self._speaker
        context = known.get("context")
        return self._of(known["task"], known.get("task_id") or (context.task_id if context is not None else ""))

    def _of(self, task: Waiting, name: str) -> Speaker:
        job, position = task.job, task.position
        if job.residents is None:
            return NOBODY
        parent = task.method.parent if isinstance(task.method, Worn) else ""
        trace = parent.split("-")[1] if parent.count("-") > 1 else ""
        return Speaker(f"{job.residents.kind.name}/{job.keys[position]}", name or self._name(task), trace)

    def _name(self, task: Waiting) -> str:
        """A task's name; the same one each time, also where it has none but what it is given here."""
        turn = task.job.residents.busy.get(task.job.keys[task.position]) if task.job.residents is not None else None
        if turn is not None and turn.running is task and turn.context is not None:
            return str(turn.context.task_id)
        if task.job.number or task.job.session is not None or task.job.name_of is not None:
            return self._turns.name(task)
        place = id(task.job), task.position
        if place not in self._names:
            self._names[place] = task.job, self._turns.name(task)
            if len(self._names) > NAMES:
                self._names.popitem(last=False)
        return self._names[place][1]


def speak(
    order: Mapping[str, Any], loop: AbstractEventLoop, kinds: Mapping[str, Residents], turns: Turns | None = None
) -> None:
    """Have what is said in this process go by the name of the worker that an order makes it, and by those of its agents.

    turns: None before there are any.
    """
    mouth = mouth_of(sys.stderr)
    if mouth is not None:
        mouth.live_in(loop)
        mouth.place = order["pool"], order["worker"]
        mouth.whose = no_one if turns is None else Speakers(kinds, turns).find
        hear_threads(mouth.whose)
