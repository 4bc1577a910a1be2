"""Watches every worker for tasks that do not end, and ends them.

Owns the acting on a heartbeat: a sample of the stack, then an interruption of the task; the process is killed only where that
does not help. It also asks a worker that has work, and does none, whether it is there, and one where tasks wait in mailboxes,
behind which.
"""

from __future__ import annotations

import asyncio
import time
from asyncio import Future
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from itertools import count
from typing import Any

from pools.alerts import AGENT, QUEUE, Alerts, Held
from pools.errors import PoolError
from pools.events import Event
from pools.gauges import BUSY_SINCE_NS, DONE, FAILED, HUNG, TICKS, WAITING, pulse_of
from pools.healing import Finding
from pools.heartbeat import LOOK_S, SPINS, Heartbeat
from pools.interruption import INTERRUPT, STACK, sample_of
from pools.seat import Seat
from pools.usage import cpu_s, is_asleep, is_runnable

__all__ = ["Watch"]

#: Seconds that a stack sample is waited for; how often, and how long, a task is interrupted before its process is killed.
SAMPLE_S, AGAIN_S, GRACE_S = 0.2, 0.02, 0.3
#: Seconds within which the worker's word of a task that it interrupted arrives.
WORD_S = 0.5
#: Seconds without any progress after which a worker with open tasks is asked, and within which it has to answer: counted in
#: looks, so that an engine which stood still itself has not waited.
IDLE_S, ANSWER_S = 1.0, 2.0
#: Seconds for which an order that is under way may be why nothing else moves: code that is loaded, agents that are warmed.
ORDER_S = 30.0
#: Seconds of processor time outside of any task after which a worker that has not answered is lost: it may have much to read.
LOST_S = 10.0
#: Seconds between two looks at who takes nothing.
HELD_S = 1.0


class Watch:
    """The watch over some workers. found: told what was found of an agent."""

    def __init__(
        self,
        seats: Sequence[Seat],
        found: Callable[[Finding], None],
        on_event: Callable[[Event], None] = lambda _event: None,
    ) -> None:
        self._on_event = on_event
        #: Who takes nothing although it is alive.
        self.alerts = Alerts()
        self._held_s = 0.0
        self._seats = seats
        self._found = found
        self._views = [_View(seat) for seat in seats]
        self._timer: asyncio.TimerHandle | None = None
        self._acting: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        """Watch from now on."""
        self._timer = asyncio.get_running_loop().call_later(LOOK_S, self._look)

    def stop(self) -> None:
        """Watch no more."""
        if self._timer is not None:
            self._timer.cancel()
        for acting in self._acting:
            acting.cancel()

    def _look(self) -> None:
        now_s = time.monotonic()
        if now_s - self._held_s >= HELD_S:
            self._held_s = now_s
            for seat in self._seats:
                self._look_behind(seat)
        for view in self._views:
            seat, pid = view.seat, view.seat.pid
            if seat.state != "running" or pid is None or view.is_acting:
                continue
            finding = view.heartbeat.look(now_s, partial(cpu_s, pid), partial(is_asleep, pid))
            if finding is not None:
                view.is_acting = True
                self._act(view, self._interrupt(view, pid, finding, view.heartbeat.pulse))
            elif view.is_idle(now_s):
                view.is_asking = True
                self._act(view, self._ask(view, pid))
        self.start()

    def _look_behind(self, seat: Seat) -> None:
        """Look who takes nothing: a worker with tasks in mailboxes is asked; one without costs nothing."""
        if seat.link.is_held:
            self._tell(seat, [])  # its pool is paused: nobody is held up by anybody
            return
        queue = self._queue(seat) if seat.state == "running" and seat.link.open else []
        asked = seat.request_if_up("held_up") if seat.state == "running" and seat.cells[WAITING] else None
        if asked is None:
            self._tell(seat, queue)
        else:
            asked.add_done_callback(lambda done: self._tell(seat, [*queue, *_held(done)]))

    def _queue(self, seat: Seat) -> list[Held]:
        """The queue in front of a worker, if it is one; done tasks are its mark."""
        waiting = seat.link.waiting
        agent, method = (waiting and seat.link.flights.oldest) or ("", "")
        done = seat.cells[DONE] + seat.cells[FAILED]
        return [Held(QUEUE, seat.name, agent, method, "", waiting, done)] if waiting else []

    def _tell(self, seat: Seat, held: list[Held]) -> None:
        for alert in self.alerts.look(seat.name, held, time.monotonic()):
            self._on_event(Event(f"{alert.held.what}.stalled", alert.text, time.time()))

    def _act(self, view: _View, acting: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(acting)
        self._acting.add(task)
        task.add_done_callback(lambda task: self._acted(view, task))

    def _acted(self, view: _View, task: asyncio.Task[None]) -> None:
        self._acting.discard(task)
        if not task.cancelled() and task.exception() is not None:
            view.seat.kill(f"it could not be watched: {task.exception()}")

    async def _interrupt(self, view: _View, pid: int, finding: str, pulse: int | None) -> None:
        try:
            await self._end(view, pid, finding, pulse)
        finally:
            view.is_acting = False

    async def _end(self, view: _View, pid: int, finding: str, pulse: int | None) -> None:
        """End the task that hangs; the worker tells whose it was, or else the section that it came in."""
        seat = view.seat
        if pulse is None or seat.pid != pid or pulse_of(seat.cells) != pulse:
            return  # it has ended meanwhile
        how = "a second of processor time" if finding == SPINS else "a second in a call that does not return"
        running = seat.running
        seat.send_signal(STACK)
        seen_bytes, stack = view.sampled_bytes if view.pid == pid else 0, ""
        deadline_s = time.monotonic() + SAMPLE_S
        while not stack and seat.pid == pid and time.monotonic() < deadline_s:
            await asyncio.sleep(AGAIN_S)
            stack, view.sampled_bytes = sample_of(pid, seat.sample, seen_bytes)
        view.pid = pid
        seat.cells[HUNG] = pulse
        seat.told = None
        deadline_s = time.monotonic() + GRACE_S
        while seat.pid == pid and pulse_of(seat.cells) == pulse and time.monotonic() < deadline_s:
            seat.send_signal(INTERRUPT)
            await asyncio.sleep(AGAIN_S)
        stubborn = seat.pid == pid and pulse_of(seat.cells) == pulse
        deadline_s = time.monotonic() + WORD_S
        while not stubborn and seat.told is None and seat.pid == pid and time.monotonic() < deadline_s:
            await asyncio.sleep(AGAIN_S)  # what the worker says of it is on its way
        told, seat.told = seat.told, None
        if not stubborn and told is None:
            return  # it has ended by itself, or with its process
        known = running or ("", "")
        agent, method, task = told or (*known, seat.section)
        agent = agent or known[0]
        cause = f"{how}, without an end"
        if agent:
            self._found(Finding("hung", agent, method, task, cause, stack, seat.name))
        if stubborn:
            named = f"{agent} {method}".strip() or "a task"
            seat.kill(f"{named} hung ({cause}) and could not be interrupted")

    async def _ask(self, view: _View, pid: int) -> None:
        """Ask a worker that has work and does none whether it is there; one that is not is killed."""
        seat = view.seat
        began_cpu_s = cpu_s(pid)
        try:
            answer = seat.request("ping")
            for looks in count(1):
                await asyncio.wait([answer], timeout=LOOK_S)
                if answer.done() or seat.pid != pid or view.has_moved or view.is_acting:
                    return
                is_lost = not seat.cells[BUSY_SINCE_NS] and cpu_s(pid) - began_cpu_s >= LOST_S
                if looks * LOOK_S >= ANSWER_S and (is_lost or not is_runnable(pid)):
                    seat.kill("it is alive, but takes none of the tasks that are open")
                    return
        except PoolError:
            return
        finally:
            view.is_asking = False


class _View:
    """What is seen of one worker."""

    def __init__(self, seat: Seat) -> None:
        self.seat = seat
        self.heartbeat = Heartbeat(seat.cells)
        self.is_acting = False
        self.is_asking = False
        self.pid = 0
        self.sampled_bytes = 0
        self._work = -1
        self._since_s = 0.0

    @property
    def has_moved(self) -> bool:
        """Whether the worker has done something since `is_idle` was asked last."""
        return self._progress() != self._work

    def is_idle(self, now_s: float) -> bool:
        """Whether the worker has had open tasks for IDLE_S seconds, or an order for ORDER_S, and has done nothing."""
        if self.is_asking:
            return False
        work, seat = self._progress(), self.seat
        is_busy = not seat.link.is_held and (seat.link.open or seat.inner.open)
        if work != self._work or not (is_busy or seat.is_asked):
            self._work, self._since_s = work, now_s
            return False
        if now_s - self._since_s < (ORDER_S if seat.is_asked else IDLE_S):
            return False
        self._since_s = now_s
        return True

    def _progress(self) -> int:
        cells = self.seat.cells
        return cells[TICKS] + cells[DONE] + cells[FAILED]


def _held(asked: Future[Any]) -> list[Held]:
    """What a worker said of agents that are held up; nothing where it has died."""
    if asked.cancelled() or asked.exception() is not None:
        return []
    return [Held(AGENT, address, address, *facts) for address, *facts in asked.result()]
