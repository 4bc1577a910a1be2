"""One worker process: some shards' agents, one connection to the engine.

Owns what the process is: its loop, its kinds, its part of the control protocol, its end. Tasks are the executor's. It ends
when the engine's side of the connection ends, also when an agent hangs. It is forked by `zygote`, and shown by `ps` as
`python -P -m pools.worker POOL`.
"""

from __future__ import annotations

import asyncio
import gc
import os
import sys
import time
from asyncio import Future
from collections.abc import Callable, Collection
from functools import partial
from typing import TYPE_CHECKING, Any

from checkpoints.spec import SESSION_BYTES
from pools.address import ANY, Key, parse
from pools.again import Wire
from pools.answers import ChannelAnswers, RecordedAnswers
from pools.asks import Asks
from pools.breaker import BreakerSpec
from pools.channel import Channel
from pools.complaints import note, say
from pools.context import Context, Outgoing
from pools.errors import BadFrame, KindNotLoaded, PoolError, failure_of
from pools.executor import Executor
from pools.gauges import ASLEEP, BYTES_IN, BYTES_OUT, LIVE, TELLS, WAKES, Gauges
from pools.link import Link
from pools.local import LocalLink
from pools.logbook import Logbook, kept_in
from pools.looks import Looks
from pools.message import RESULT, STATUS, TASK, Message
from pools.migration import Migration
from pools.outside import Outside
from pools.progress import Progress
from pools.registry import load_kind, loaded_facts
from pools.residents import Residents
from pools.speaker import speak
from pools.spec import BACKLOG_TASKS, OUTBOX_MESSAGES
from pools.spoken import Spoken
from pools.title import entitle
from pools.upkeep import held_up, warm
from pools.waits import Waits
from pools.ward import Ward, open_ward

if TYPE_CHECKING:
    from checkpoints.ahead import Ahead
    from pools.ledger import Ledger
    from pools.outbox import Outbox
    from pools.steps import Question

__all__ = ["Worker"]

#: Agents that go to sleep in one turn of the loop.
DOZE = 500
#: Seconds between two counts of agents and bytes while tasks come; an idle worker counts nothing.
COUNT_S = 0.05
#: Seconds after which the thread that commits gets its turn while agents run.
SWITCH_S = 0.0005


class Worker:
    """The process's one object: what it holds, and what each control verb does.

    loop: where it runs.  gauges: the table of all workers; which row is its own it is told.
    context: what a task is given of the engine.
    """

    context = Context

    def __init__(self, loop: asyncio.AbstractEventLoop, gauges: Gauges) -> None:
        self._loop = loop
        self._gauges = gauges
        self._cells = gauges.row(0)
        self._kinds: dict[str, Residents] = {}
        self._channel: Channel | None = None
        self._wire: Wire | None = None
        self._ledger: Ledger | None = None
        self._outbox: Outbox | None = None
        #: What was read of the store while it was another process's.
        self._ahead: Ahead | None = None
        self.logbook = Logbook()
        #: Takes a section that may have been sent before; None where nothing is kept.
        self._accept_again: Callable[..., None] | None = None
        self._answers: ChannelAnswers | None = None
        self._executor: Executor | None = None
        self._shards = 1
        self._owned: frozenset[int] = frozenset()
        self._up = Link(window=BACKLOG_TASKS, clock=time.monotonic, later=loop.call_later)
        self._asks = Asks(self._resolve, loop, lambda _count: None, lambda _count, _failures: None)
        self._local: LocalLink | None = None
        self._spoken = Spoken(self._resolve, wire=lambda: self._wire, loop=loop, sent=self._count_tell)
        self._count_due = False
        self._background: set[asyncio.Task[Any]] = set()
        self._sleep_after_s: float | None = None
        self._verbs: dict[str, Callable[[dict[str, Any]], Any]] = {
            "setup": self._setup,
            "kind": self._add_kind,
            "ranges": self._add_ranges,
            "names": self._add_names,
            "warm": self._warm,
            "sleep": self._sleep_now,
            "compacted": self._renew,
            "hold": self._hold,
            "go_on": self._go_on,
            "held_up": lambda _order: held_up(self._kinds),
            "outside": lambda order: self.outside.force(order["target"], order["state"]),
        }

    # -- the connection ------------------------------------------------------------------------------------------------

    def on_message(self, channel: Channel, message: Message) -> None:
        """Do what a message says."""
        if message.letter == TASK:
            executor, answers = self._executor, self._answers
            if executor is None or answers is None:
                raise BadFrame("tasks before the set-up")
            for section in message.data:
                if self._accept_again is not None:
                    self._accept_again(section, executor, answers)
                else:
                    executor.accept(section, answers)
        elif message.letter == RESULT:
            self._up.take(message.data)
        elif message.letter == STATUS:
            self._obey(channel, message.data)
        if not self._count_due and self._executor is not None:
            self._count_due = True
            self._loop.call_later(COUNT_S, self._count)

    def on_closed(self, _channel: Channel, error: Exception | None) -> None:
        """The engine is gone: so are we."""
        if error is not None and not isinstance(error, OSError):
            say(f"worker {os.getpid()} ends: {error}", "worker.ends")
        if self._ledger is not None:
            self._ledger.close()
        os._exit(0 if error is None else 1)

    def _obey(self, channel: Channel, order: dict[str, Any]) -> None:
        verb = order.get("verb")
        if verb == "cancel" and self._executor is not None and self._answers is not None:
            self._executor.cancel(order["sections"], self._answers, order.get("position"))
            return
        number = order.get("id")
        try:
            done = self._verbs[str(verb)](order)
        except (PoolError, KeyError) as error:
            reply = {"verb": "failed", "id": number, "error": list(failure_of(error))}
            if isinstance(error, KindNotLoaded):
                reply["trace"] = error.trace
            channel.send(STATUS, reply)
            return
        if isinstance(done, Future):  # a task may have recorded something, which is on the disk before it is told
            wire = (self._wire or channel) if isinstance(done, asyncio.Task) else channel
            done.add_done_callback(lambda task: wire.send(STATUS, {"verb": "done", "id": number, "value": task.result()}))
        elif channel.is_open:
            channel.send(STATUS, {"verb": "done", "id": number, "value": done})

    def attach(self, channel: Channel) -> None:
        """Use this connection."""
        self._channel = channel
        self._wire = channel
        self.outside = Outside(partial(channel.send, STATUS))
        self._answers = ChannelAnswers(channel)
        self.progress = Progress(channel, self._loop.time, self._loop.call_later).note
        self._up.attach(channel)

    def _keep_in(self, kept: dict[str, Any]) -> dict[str, Any] | None:
        """Keep state in a store from now on: nothing leaves before what it has seen is there. Raises StateUnreadable.

        Returns what was found there.
        """
        if self._channel is None:
            return None
        from pools.outbox import Outbox  # who keeps nothing needs none of it
        from pools.redelivery import accept_again

        ledger, found = self._opened(kept, self._channel)
        has_known = ledger.store.window.has_answers
        self._accept_again = partial(accept_again, kinds=self._kinds, ledger=ledger, has_known=has_known)
        self._ledger = self._wire = ledger
        self.logbook = kept_in(ledger)
        self._answers = RecordedAnswers(ledger, ledger)
        self._up.attach(ledger)
        ways: dict[str, Any] = {"resolve": self._resolve, "up": self._up, "wire": ledger, "loop": self._loop}
        self._outbox = Outbox(ledger, **ways, sent=self._count_tell, wall_s=time.time)
        self._verbs["spawned"] = self._outbox.spawned
        return found

    def _opened(self, kept: dict[str, Any], channel: Channel) -> tuple[Ledger, dict[str, Any]]:
        from pools.opening import open_ledger

        sys.setswitchinterval(SWITCH_S)
        return open_ledger(kept, self._shards, channel, self._loop, self._cells, self._ahead)

    def _equipped(self, pool: str) -> tuple[Ward, int]:
        """The ward, and where stack samples are; the process is that of a worker of this pool from now on."""
        entitle("python", "-P", "-m", "pools.worker", pool)
        return open_ward(self._kinds, self._loop, self, self._cells, self._channel)

    # -- control verbs -------------------------------------------------------------------------------------------------

    def _setup(self, order: dict[str, Any]) -> dict[str, Any]:
        self._look_in(order)
        self._shards = order["shards"]
        self._owned = frozenset(order["owned"])
        self._cells = self._gauges.row(order["row"])
        self._gauges.close()
        self.outside.spec = BreakerSpec(**order.get("breaker", {}))
        for target, state in order.get("held", {}).items():
            self.outside.force(target, state)
        found = self._keep_in(order["store"]) if order.get("store") else None
        ward, sample = self._equipped(order["pool"])
        speak(order, self._loop, self._kinds)
        waits = Waits(self._kinds, later=self._loop.call_later, say=self._say, take_back=self._take_back, up=self._up)
        self._executor = executor = Executor(
            self._kinds,
            cells=self._cells,
            mailbox=order["mailbox"],
            clock_ns=time.monotonic_ns,
            defer=self._loop.call_soon,
            start=self._start_task,
            office=self,
            send=self._send,
            ward=ward,
            ledger=self._ledger,
            session=os.urandom(SESSION_BYTES).hex(),
            asked=waits.asked,
            context=self.context,
        )
        executor.performers.report(self._loop.call_later, self._say)
        speak(order, self._loop, self._kinds, executor.turns)
        if order.get("tracing"):
            from pools.traced import traced_asks  # who traces nothing needs none of it

            kept = (self._spoken,) if self._outbox is None else (self._outbox, self._outbox.inquiries)
            self._asks = traced_asks(self._resolve, self._loop, self._ledger, executor.turns, *kept)
        looks = Looks(self._kinds, ward, self.logbook, self._keep, time.monotonic_ns)
        both = None if self._ledger is None or self._outbox is None else (self._ledger, self._outbox)
        migration = Migration(self._kinds, executor, self.logbook, both, self._keep)
        self._verbs |= ward.verbs | waits.verbs | looks.verbs | executor.halt.verbs | migration.verbs
        self._local = LocalLink(self._executor, self._kinds, self._cells)
        self._sleep_after_s = order["sleep_after_s"]
        if self._sleep_after_s:
            self._loop.call_later(self._sleep_after_s, self._sweep)
        for reference in order["kinds"]:
            self._add_kind({"reference": reference})
        self._settle()
        loop = type(self._loop).__module__.partition(".")[0]
        return {"pid": os.getpid(), "loop": loop, "found": found, "sample": sample}

    @staticmethod
    def _look_in(order: dict[str, Any]) -> None:
        """Find modules in these folders from now on: first of all, and after all others."""
        sys.path[:0] = [path for path in order.get("first", ()) if path not in sys.path]
        sys.path.extend(path for path in order.get("paths", ()) if path not in sys.path)

    def _settle(self) -> None:
        """All that was loaded stays: no look for garbage needs to go over it."""
        gc.collect()
        gc.freeze()

    def _add_kind(self, order: dict[str, Any]) -> dict[str, Any]:
        self._look_in(order)
        kind = load_kind(order["reference"])
        known = self._kinds.get(kind.name)
        if known is None:
            self._kinds[kind.name] = residents = Residents(kind, owned=self._owned, shards=self._shards)
            if self._ledger is not None:
                residents.keep_in(self._ledger.store)
            kind.made._desk = self._executor
        elif known.kind.made.__qualname__ != kind.made.__qualname__ or known.kind.made.__module__ != kind.made.__module__:
            raise KindNotLoaded(
                f"kind {kind.name!r} is {known.kind.made.__module__}:{known.kind.made.__qualname__} already; "
                f"give {order['reference']} another name with class …(Agent, kind='…')"
            )
        return loaded_facts(kind)

    def _add_ranges(self, order: dict[str, Any]) -> int:
        residents = self._kinds[order["kind"]]
        for start, stop in order["ranges"]:
            residents.add_range(start, stop)
        return len(order["ranges"])

    def _add_names(self, order: dict[str, Any]) -> int:
        self._kinds[order["kind"]].add_names(order["names"])
        return len(order["names"])

    def _warm(self, order: dict[str, Any]) -> asyncio.Task[int]:
        warming = warm(self._kinds[order["kind"]], order["start"], order["stop"], self._count)
        return self._keep(self._loop.create_task(warming))

    def _hold(self, _order: dict[str, Any]) -> Future[list[int]] | None:
        return None if self._ledger is None else self._ledger.hold()

    def _go_on(self, _order: dict[str, Any]) -> None:
        if self._ledger is not None:
            self._ledger.go_on()

    def _sleep_now(self, _order: dict[str, Any]) -> int:
        """Put every idle agent to sleep."""
        before = sum(residents.live_count for residents in self._kinds.values())
        for residents in self._kinds.values():
            residents.sweep()
            residents.sweep()
        self._doze()
        return before

    def _renew(self, _order: dict[str, Any]) -> int:
        """Read from the snapshots of the compaction that has just been made; returns its generation."""
        return 0 if self._ledger is None else self._ledger.renew()

    # -- sleep ---------------------------------------------------------------------------------------------------------

    def _sweep(self) -> None:
        for residents in self._kinds.values():
            residents.sweep()
        self._doze()
        self._loop.call_later(self._sleep_after_s or 60.0, self._sweep)

    def _doze(self) -> None:
        more = [residents.doze(DOZE) for residents in self._kinds.values()]
        if any(more):
            self._loop.call_soon(self._doze)
        self._count()

    def _count(self) -> None:
        """Store what is counted from time to time only: while tasks come, and after each sweep."""
        self._count_due = False
        if self._channel is not None:
            came, went = self._channel.counted()
            self._cells[BYTES_IN] += came  # to what the processes before this one have counted
            self._cells[BYTES_OUT] += went
        everybody = self._kinds.values()
        self._cells[LIVE] = sum(residents.live_count for residents in everybody)
        self._cells[ASLEEP] = sum(residents.asleep_count for residents in everybody)
        self._cells[WAKES] = sum(residents.made for residents in everybody)

    # -- agents that speak ---------------------------------------------------------------------------------------------

    def _resolve(self, address: str) -> tuple[Link, str, Key]:
        if "/" not in address:
            return self._up, address, ANY
        kind, key = parse(address)
        residents = self._kinds.get(kind)
        if residents is not None and self._local is not None and residents.exists(key):
            return self._local, kind, key
        return self._up, kind, key

    def ask(self, address: str, method: str, arguments: tuple[Any, ...], question: Question | None = None) -> Future[Any]:
        """Send a task to an agent, here or elsewhere."""
        if question is not None and self._outbox is not None:
            return self._outbox.inquiries.ask(address, arguments, question)
        return self._asks.ask(address, method, *arguments)

    def room(self, sender: str) -> int:
        """How many messages an agent may add to those on their way."""
        return OUTBOX_MESSAGES if self._outbox is None else self._outbox.room(sender)

    def log(self, address: str, task_id: str, text: str, level: str) -> None:
        """Write a line into the engine's log."""
        note(address, task_id, text, level)

    def _send(self, kind: str, key: Key, outbox: list[Outgoing]) -> None:
        (self._outbox or self._spoken).send(f"{kind}/{key}", outbox)

    def _take_back(self, futures: Collection[Future[Any]]) -> None:
        """Take back what agents of this worker have asked."""
        (self._asks if self._outbox is None else self._outbox.inquiries).take_back(futures)

    def _say(self, said: dict[str, Any]) -> None:
        """Tell the engine something that waits for nothing."""
        if self._channel is not None and self._channel.is_open:
            self._channel.send(STATUS, said)

    def _count_tell(self) -> None:
        self._cells[TELLS] += 1

    # -- the process ---------------------------------------------------------------------------------------------------

    def _start_task(self, coroutine: Any) -> asyncio.Task[None]:
        """A task, started in place where the interpreter can do that (3.12), else in the next turn of the loop."""
        if sys.version_info >= (3, 12):
            return self._keep(asyncio.Task(coroutine, loop=self._loop, eager_start=True))
        return self._keep(self._loop.create_task(coroutine))

    def _keep(self, task: asyncio.Task[Any]) -> asyncio.Task[Any]:
        if not task.done():
            self._background.add(task)
            task.add_done_callback(self._background.discard)
        return task
