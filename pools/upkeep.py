"""What a worker does with many agents at once: make their objects, remove them, or say who is held up.

Owns the pace: small batches, between their tasks. Which agents are meant it is told; what an agent is, is `residents`'
knowledge.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

from pools.address import Key, address_of, parse
from pools.executor import Executor
from pools.logbook import Logbook
from pools.residents import Residents

if TYPE_CHECKING:
    from pools.ledger import Ledger
    from pools.outbox import Outbox

__all__ = ["held_up", "remove", "warm"]

#: Objects that `warm` makes at a time, and the pause between two such batches in seconds.
WARM_BATCH, WARM_PAUSE_S = 100, 0.001
#: Agents that `remove` forgets at a time: a few milliseconds of work.
REMOVE_BATCH = 5_000
#: Agents that are told of as held up at once.
HELD_UP = 1_000


def held_up(kinds: Mapping[str, Residents]) -> list[list[Any]]:
    """The agents with tasks in their mailbox behind one that has not ended: address, its method and name, how many wait, since.

    since: when that task began, in monotonic nanoseconds. At most HELD_UP of them.
    """
    busy = ((residents.kind.name, key, turn) for residents in kinds.values() for key, turn in residents.busy.items())
    waited = ((kind, key, turn, turn.running) for kind, key, turn in busy if turn.mailbox and turn.running is not None)
    return [
        [
            address_of(kind, key),
            task.method.name if task.method is not None else "",
            turn.context.task_id if turn.context is not None else f"{task.job.number}.{task.position}",
            len(turn.mailbox),
            turn.began_ns,
        ]
        for kind, key, turn, task in islice(waited, HELD_UP)
    ]


async def warm(residents: Residents, start: int, stop: int, counted: Callable[[], None]) -> int:
    """Make the objects of the agents start to stop - 1 that live here; returns how many. counted: called after each batch."""
    made = 0
    keys = (key for key in range(start, stop) if residents.exists(key))
    while batch := list(islice(keys, WARM_BATCH)):
        made += residents.warm(batch)
        counted()
        await asyncio.sleep(WARM_PAUSE_S)
    return made


async def remove(
    residents: Residents,
    ranges: Iterable[Sequence[int]],
    names: Iterable[str],
    executor: Executor,
    logbook: Logbook,
    kept: tuple[Ledger, Outbox] | None,
) -> int:
    """Have some agents exist no more; returns how many of them had an object or a state here.

    Their tasks that are under way fail, and those that come from now on. A process that was never told of them may have a
    state of them all the same, of the one before.  ranges: start and stop of each, without the stop.
    logbook: has their checkpoints.  kept: where state is recorded.
    """
    spans = sorted((range(start, stop) for start, stop in ranges), key=_start)
    named = list(names)
    for span in spans:
        residents.cut(span.start, span.stop)
    residents.cut_names(named)
    kind = residents.kind.name
    if kept is not None:
        kept[1].stop_timers(partial(_is_in, kind, spans, frozenset(named)))
    count = 0
    keys: Iterator[Key] = filter(residents.owns, chain(*spans, named))
    while batch := list(islice(keys, REMOVE_BATCH)):
        found = [key for key in batch if executor.remove(residents, key)]
        count += len(found)
        logbook.forget(kind, batch)
        if kept is not None:
            store = kept[0].store
            known = frozenset(found)
            marked = [key for key in batch if key in known or store.may_have(kind, key)]  # type: ignore[arg-type]
            if marked:
                kept[0].removed(kind, marked)
        await asyncio.sleep(0)
    return count


def _is_in(kind: str, spans: Sequence[range], names: frozenset[str], address: str) -> bool:
    meant, key = parse(address)
    if meant != kind or type(key) is not int:
        return meant == kind and key in names
    at = bisect_right(spans, key, key=_start)
    return at > 0 and key in spans[at - 1]


def _start(span: range) -> int:
    return span.start
