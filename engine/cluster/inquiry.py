"""What became of tasks on other nodes, asked for: by who leads a sprint, of the nodes that did its items.

Owns that a node is asked for many tasks at once, and again until it answers, or is known to be lost. What it answers is what
it says; the leader looks at the artifacts itself.
"""

from __future__ import annotations

import asyncio
from asyncio import Future
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from engine.cluster.membership import Member
from engine.cluster.records import BadRecord, Proof, Question, Told, decode, encode
from engine.cluster.subjects import Subjects

if TYPE_CHECKING:
    from nats.aio.client import Client as Nats

__all__ = ["Inquiry"]

#: Tasks of one question, and bytes of the paths in it: its answer is one record.
TASKS, PATH_BYTES = 100, 100_000
#: Seconds that an answer may take, with artifacts that are brought to the servers before it; and between two questions.
ANSWER_S, AGAIN_S = 60.0, 0.3


class _Asked(NamedTuple):
    name: str
    paths: Sequence[str]
    answer: Future[Told | None]

    @property
    def size_bytes(self) -> int:
        """About how much of a question it takes."""
        return len(self.name) + sum(3 * len(path) + 100 for path in self.paths)


class Inquiry:
    """Asks for one sprint. node: who asks.  work: the folder of artifacts.  members: the nodes that are heard of.

    lost_s: seconds after which a node that is not heard of at all is lost.
    """

    def __init__(
        self, nats: Nats, subjects: Subjects, node: str, work: str, members: Callable[[], Mapping[str, Member]], lost_s: float
    ) -> None:
        self._nats = nats
        self._subjects = subjects
        self._node = node
        self._work = work
        self._members = members
        self._lost_s = lost_s
        self._queues: dict[str, list[_Asked]] = {}
        self._askers: dict[str, asyncio.Task[None]] = {}

    def close(self) -> None:
        """Ask nothing more."""
        for asker in self._askers.values():
            asker.cancel()

    async def ask(self, node: str, name: str, paths: Sequence[str]) -> Told | None:
        """What a node tells of a task; None where the node is lost."""
        asked = _Asked(name, paths, asyncio.get_running_loop().create_future())
        self._queues.setdefault(node, []).append(asked)
        if node not in self._askers or self._askers[node].done():
            self._askers[node] = asyncio.ensure_future(self._ask_all(node))
        return await asked.answer

    async def take_back(self, node: str, names: Sequence[str]) -> None:
        """Have a node take back what it has of these tasks; where it does not answer, it is let be."""
        from nats.errors import Error

        for start in range(0, len(names), TASKS):
            question = Question(self._node, self._work, tuple([name, []] for name in names[start : start + TASKS]), True)
            with suppress(Error, TimeoutError):
                await self._nats.publish(self._subjects.build("sprint.account", node), encode(question))

    async def _ask_all(self, node: str) -> None:
        queue = self._queues[node]
        await asyncio.sleep(0)  # others that ended together with this one come along
        while queue:
            part: list[_Asked] = []
            size_bytes = 0
            while queue and len(part) < TASKS and size_bytes < PATH_BYTES:
                part.append(queue.pop(0))
                size_bytes += part[-1].size_bytes
            told = await self._answered(node, part)
            for asked, one in zip(part, told, strict=True):
                if not asked.answer.done():
                    asked.answer.set_result(one)

    async def _answered(self, node: str, part: Sequence[_Asked]) -> Sequence[Told | None]:
        from nats.errors import Error

        loop = asyncio.get_running_loop()
        began_s = loop.time()
        question = Question(self._node, self._work, tuple([asked.name, list(asked.paths)] for asked in part), False)
        subject = self._subjects.build("sprint.account", node)
        while True:
            with suppress(Error, TimeoutError, BadRecord):
                proof = decode((await self._nats.request(subject, encode(question), timeout=ANSWER_S)).data, Proof)
                if len(proof.told) == len(part) and proof.node == node:
                    return proof.told
            member = self._members().get(node)
            is_silent = member is None and loop.time() - began_s > self._lost_s
            if is_silent or (member is not None and member.state == "offline"):
                return [None] * len(part)
            await asyncio.sleep(AGAIN_S)
