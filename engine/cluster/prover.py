"""What a node tells of the tasks that its engine did for a sprint, and the artifacts that they made there.

Owns the answer to a `Question`: what the engine counted of each task, and of each artifact whether it was written since its
task was accepted there, by the clock of this machine alone. Artifacts are on the servers before the answer is sent.
Whether a task is done is found out by who asks.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.client import Client
from engine.cluster.chest import FILE_BYTES, Chest
from engine.cluster.nodefile import NodeFile
from engine.cluster.pieces import StreamFull
from engine.cluster.records import BadRecord, Proof, Question, Told, decode, encode
from engine.cluster.subjects import Subjects
from engine.errors import EngineError
from pools.errors import PoolError
from sprints.artifact import Artifact, ArtifactWrong, open_within, read_artifact

if TYPE_CHECKING:
    from nats.aio.client import Client as Nats
    from nats.aio.msg import Msg
    from nats.aio.subscription import Subscription

__all__ = ["Prover"]

#: Questions that are answered at once, and tasks of one that are taken back at once.
AT_ONCE = 8
#: Seconds by which the clock of files may be behind that of the engine: some ticks.
TICK_S = 0.05
#: Facts of a task that are told.
FACTS = ("state", "agent", "ran_s", "effects", "accepted_s", "ready_s", "started_s", "ended_s")


class Prover:
    """What a gateway answers with. client: of its engine.  told: hears in a line what could not be answered."""

    def __init__(self, nats: Nats, node: NodeFile, chest: Chest, client: Client, told: Callable[[str], None]) -> None:
        self._nats = nats
        self._node = node
        self._chest = chest
        self._client = client
        self._told = told
        self._room = asyncio.Semaphore(AT_ONCE)
        self._tasks: set[asyncio.Task[None]] = set()
        self._subscription: Subscription | None = None
        self._said = ""

    async def open(self) -> None:
        """Answer from now on. Raises nats.errors.Error."""
        subject = Subjects(self._node.cluster).build("sprint.account", self._node.id)
        self._subscription = await self._nats.subscribe(subject, cb=self._on_question)

    async def close(self) -> None:
        """Answer nothing more."""
        from nats.errors import Error

        if self._subscription is not None:
            with suppress(Error):
                await self._subscription.unsubscribe()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _on_question(self, message: Msg) -> None:
        task = asyncio.ensure_future(self._answer(message))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _answer(self, message: Msg) -> None:
        """Answer, where that is possible: who hears nothing asks again."""
        from nats.errors import Error

        async with self._room:
            try:
                answer = await self._proof(decode(message.data, Question))
                await message.respond(encode(answer))
            except (EngineError, PoolError, Error, OSError, TimeoutError, BadRecord) as error:
                said = f"not answered: {type(error).__name__}: {error}"
                if said != self._said:
                    self._told(said)
                self._said = said

    async def _proof(self, question: Question) -> Proof:
        if question.is_over:
            await asyncio.gather(*(self._take_back(name) for name, _ in question.tasks))
            return Proof(self._node.id, tuple(Told(None) for _ in question.tasks))
        told = [await self._tell(question.work, name, paths) for name, paths in question.tasks]
        return Proof(self._node.id, tuple(told))

    async def _take_back(self, name: str) -> None:
        with suppress(EngineError, PoolError):  # it never was accepted, or has ended
            await self._client.cancel(name)

    async def _tell(self, work: str, name: str, paths: list[str]) -> Told:
        facts = await self._facts(name)
        if facts is None or facts["state"] != "done" or not paths:
            return Told(facts)
        made: list[list[Any]] = []
        wrong: list[list[Any]] = []
        folder = os.open(self._work(work), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            for path in paths:
                try:
                    artifact = await asyncio.to_thread(_look, folder, path, facts["accepted_s"])
                    await self._send(folder, artifact)
                    made.append([path, artifact.sha256, artifact.size_bytes])
                except (ArtifactWrong, StreamFull) as error:
                    wrong.append([path, str(error)])
        finally:
            os.close(folder)
        return Told(facts, tuple(made), tuple(wrong))

    async def _facts(self, name: str) -> dict[str, Any] | None:
        """What the engine counted of a task; None where it does not know it, or not any more."""
        from engine.errors import ResultGone, UnknownTask

        try:
            facts = await self._client.task(name)
        except (UnknownTask, ResultGone):
            return None
        return {key: facts[key] for key in FACTS}

    def _work(self, name: str) -> Path:
        folder = self._node.file.parent / name
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    async def _send(self, folder: int, artifact: Artifact) -> None:
        if artifact.size_bytes > FILE_BYTES:
            raise ArtifactWrong(f"has {artifact.size_bytes:,} bytes, more than the {FILE_BYTES:,} that go to another node")
        descriptor, _ = open_within(folder, artifact.path)
        try:
            await self._chest.put(artifact.sha256, descriptor, artifact.size_bytes)
        finally:
            os.close(descriptor)


def _look(folder: int, path: str, since_s: float) -> Artifact:
    """An artifact that was written since a time. Raises ArtifactWrong."""
    artifact = read_artifact(folder, path)
    if artifact.mtime_ns < (since_s - TICK_S) * 1e9:
        raise ArtifactWrong("was there before, and was not written since")
    return artifact
