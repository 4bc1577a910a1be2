"""The engine of a node, as a doer of envelopes for its cluster.

Owns the names under which tasks are submitted to it, so that it accepts each once however often it comes, and the wait for
their ends. An engine that is full is asked again for the rest of what it took in part.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from math import inf
from types import MappingProxyType
from typing import Any

from engine.client import Client
from engine.cluster.records import Outcome, TaskEnvelope
from engine.errors import (
    EngineError,
    EngineStopped,
    IntakeFull,
    JournalFailed,
    NotRunning,
    SubmitStopped,
    TaskOpen,
)
from engine.submission import Submission, submissions_of
from pools.address import parse
from pools.errors import (
    AgentMoving,
    BadAddress,
    BadArgument,
    Failure,
    LinkClosed,
    Overloaded,
    PoolError,
    TaskExpired,
    UnknownAgent,
    UnknownKind,
    failure_of,
)
from pools.whereabouts import is_elsewhere

__all__ = ["GONE", "Local"]

#: Seconds between two tries where the engine has no room.
AGAIN_S = 0.3
#: Errors of an engine that is gone: the gateway begins anew.
GONE = (LinkClosed, NotRunning, EngineStopped)
#: Seconds that one question for a result waits.
RESULT_S = 60.0
#: Failures of tasks for a kind that may mean that they were not begun, and attempts at one.
ASTRAY, ATTEMPTS = frozenset({AgentMoving.__name__, UnknownAgent.__name__, UnknownKind.__name__}), 50
#: Seconds for which it counts that the engine can keep what it does, and that it has to say so.
KEEPS_S = 1.0


class Local:
    """The engine of this node, asked to do envelopes. What is accepted twice under the same names is done once."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self._keeps, self._asked_s = True, -inf

    async def kinds(self) -> frozenset[str]:
        """The kinds that it has agents of: one that is only known could do no task. Raises as `do`."""
        counts = (await self.client.agents(limit=0))["kinds"]
        return frozenset(kind for kind, count in counts.items() if count)

    async def keeps(self) -> bool:
        """Whether it can keep what is done here; not while its disk is full or has failed. Raises as `do`.

        While it stands still it is as it was: a lease is not to end since nobody answers.
        """
        now_s = asyncio.get_running_loop().time()
        if now_s > self._asked_s + KEEPS_S:
            self._asked_s = now_s
            with suppress(TimeoutError):
                async with asyncio.timeout(KEEPS_S):
                    stats = await self.client.stats()
                workers = stats["workers"]
                self._keeps = stats["journal"]["changes"] == "taken" and not workers["full"] and not workers["stopped"]
        return self._keeps

    async def do(
        self,
        envelope: TaskEnvelope,
        ended: Callable[[int, Outcome], None] = lambda _row, _outcome: None,
        known: Mapping[int, Outcome] = MappingProxyType({}),
        kind: str = "",
    ) -> tuple[Outcome, ...]:
        """The outcomes of an envelope's tasks, once all have ended.

        ended: called with each, and its row.  known: the outcomes of rows that are not done again, nor told to `ended`.
        kind: that all are for, if other engines could do them as well.

        Raises LinkClosed, NotRunning, EngineStopped where the engine is gone, Overloaded, IntakeFull where it has no room;
        UnknownKind where it has no agents of `kind`, or no more.
        """
        ids: list[str | Outcome] = []
        named: list[Submission] = []
        for at, row in enumerate(envelope.rows):
            if at in known:
                ids.append(known[at])
                continue
            try:
                [submission] = submissions_of([row])
                named.append(submission._replace(name=f"{envelope.sender}.{envelope.id}.{at}"))
                ids.append("")
            except (BadArgument, BadAddress) as error:
                late = TaskExpired("its deadline was over when it came to the node that does it")
                ids.append(Outcome(None, failure_of(late if _is_late(row) else error)))
        is_anyones = all(each.address == kind for each in named)
        accepted = iter(await self._accept(named, is_anyones=is_anyones, is_begun=False))
        given = iter(named)
        filled = [(each, None) if isinstance(each, Outcome) else (next(accepted), next(given)) for each in ids]

        async def outcome(at: int, accepted: str | Outcome, submission: Submission | None) -> Outcome:
            found = await self._outcome(accepted)
            if is_anyones and submission is not None:
                found = await self._begun(found, accepted, submission, f"{envelope.sender}.{envelope.id}_{at}")
            if at not in known:
                ended(at, found)
            return found

        doing = (outcome(at, *each) for at, each in enumerate(filled))
        outcomes = await asyncio.gather(*doing, return_exceptions=True)
        if failed := [each for each in outcomes if isinstance(each, BaseException)]:
            raise failed[0]
        return tuple(each for each in outcomes if isinstance(each, Outcome))

    async def _begun(self, found: Outcome, accepted: str | Outcome, submission: Submission, name: str) -> Outcome:
        """The outcome of a task for a kind that was begun: one whose agent went to another node first is given to the next.

        Each attempt has a name of its own, which the engine remembers.  Raises UnknownKind where there is no agent any more.
        """
        for attempt in range(ATTEMPTS):
            if found.error is None or not await self._is_astray(found.error, accepted, submission.address):
                break
            again = submission._replace(name=f"{name}_{attempt}.0")
            [accepted] = await self._accept([again], is_anyones=True, is_begun=True)
            found = await self._outcome(accepted)
        return found

    async def _is_astray(self, failure: Failure, accepted: str | Outcome, kind: str) -> bool:
        """Whether a task for a kind was not begun, since the agent that it was for was about to go, or no other was there."""
        if isinstance(accepted, Outcome) or failure.type not in ASTRAY:
            return False
        agent = (await self.client.task(accepted))["agent"] or kind
        if agent == kind:
            return failure.type == UnknownKind.__name__
        return is_elsewhere(failure, *parse(agent))

    async def _accept(self, named: list[Submission], *, is_anyones: bool, is_begun: bool) -> list[str | Outcome]:
        """The id of each task, or why the engine does not take it. is_begun: others of the envelope were accepted already.

        is_anyones: they are for a kind, which other engines may have agents of.
        """
        while named:
            try:
                return list(await self.client.submit(named))
            except (LinkClosed, NotRunning, EngineStopped, JournalFailed):
                raise
            except (Overloaded, IntakeFull, SubmitStopped) as error:
                is_begun = is_begun or isinstance(error, SubmitStopped)
                if not is_begun:
                    raise
                await asyncio.sleep(AGAIN_S)
            except (EngineError, PoolError) as error:
                if is_anyones and isinstance(error, UnknownKind):
                    raise
                if len(named) == 1:
                    return [Outcome(None, failure_of(error))]
                half = len(named) // 2
                first = await self._accept(named[:half], is_anyones=is_anyones, is_begun=is_begun)
                return first + await self._accept(named[half:], is_anyones=is_anyones, is_begun=True)
        return []

    async def _outcome(self, accepted: str | Outcome) -> Outcome:
        wait_s = RESULT_S
        while not isinstance(accepted, Outcome):
            try:
                accepted = Outcome(await self.client.result(accepted, wait_s))
            except TaskOpen:
                if not wait_s:
                    await asyncio.sleep(AGAIN_S)
                wait_s = RESULT_S
            except IntakeFull as error:
                if not wait_s:  # nobody waited for it: it is what the task itself failed with
                    return Outcome(None, failure_of(error))
                wait_s = 0.0  # as many wait for an end as may
            except GONE:
                raise
            except (EngineError, PoolError) as error:
                accepted = Outcome(None, failure_of(error))
        return accepted


def _is_late(row: Sequence[Any]) -> bool:
    """Whether the deadline of a task is over."""
    at_s = row[5].get("deadline_at") if len(row) > 5 and type(row[5]) is dict else None
    return isinstance(at_s, int | float) and at_s <= time.time()
