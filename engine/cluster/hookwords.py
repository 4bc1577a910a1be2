"""The words that hooks left on nodes: told to who asks, and asked for by who leads after somebody was lost.

Owns that a node is asked again while its hook runs, and until it answers or has been silent for so long that it counts as lost.
What a word is, `sprints.hookword` knows. That a hook was not begun is an answer too: then it cannot be any more.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from engine.cluster.nodefile import NodeFile
from engine.cluster.pieces import Overtaken
from engine.cluster.records import BadRecord, HookAnswer, HookQuestion, decode, encode
from engine.cluster.subjects import Subjects
from sprints.hookword import Word, word_of

if TYPE_CHECKING:
    from nats.aio.client import Client as Nats
    from nats.aio.msg import Msg
    from nats.aio.subscription import Subscription

__all__ = ["HOOKS", "HookWords"]

#: The folder of the words, beside the node's file.
HOOKS = "hooks"
#: Seconds that an answer may take, and between two questions.
ANSWER_S, AGAIN_S = 3.0, 0.2


class HookWords:
    """The words of a node's hooks, and its way to those of others. told: hears in a line what could not be answered."""

    def __init__(self, nats: Nats, node: NodeFile, told: Callable[[str], None]) -> None:
        self._nats = nats
        self._node = node
        self._told = told
        self._subjects = Subjects(node.cluster)
        self._subscription: Subscription | None = None

    def path(self, run: str) -> str:
        """The file of a hook that runs here."""
        return str(self._node.file.parent / HOOKS / run)

    async def open(self) -> None:
        """Answer from now on. Raises nats.errors.Error."""
        self._subscription = await self._nats.subscribe(
            self._subjects.build("sprint.hook", self._node.id), cb=self._on_question
        )

    async def close(self) -> None:
        """Answer nothing more."""
        from nats.errors import Error

        if self._subscription is not None:
            with suppress(Error):
                await self._subscription.unsubscribe()

    async def _on_question(self, message: Msg) -> None:
        from nats.errors import Error

        try:
            run = decode(message.data, HookQuestion).run
            word = await asyncio.to_thread(word_of, self.path(run))
            await message.respond(encode(HookAnswer(self._node.id, run, word.state, word.why)))
        except (BadRecord, OSError, Error) as error:
            self._told(f"what became of a hook is not answered: {error}")

    async def ask(self, node: str, run: str, leads: Callable[[], bool]) -> Word:
        """What became of a hook that a node was to run, once it does not run; lost where the node is. leads: whether to go on.

        Raises Overtaken where this node leads no more, OSError where its own file cannot be read.
        """
        loop = asyncio.get_running_loop()
        until_s = loop.time() + self._node.offline_s
        while leads():
            word = await self._asked(node, run)
            if word is not None and word.state != "running":
                return word
            if word is not None:
                until_s = loop.time() + self._node.offline_s
            elif loop.time() > until_s:
                return Word("lost")
            await asyncio.sleep(AGAIN_S)
        raise Overtaken("this node leads no more")

    async def _asked(self, node: str, run: str) -> Word | None:
        """What became of it; None where that is not known now."""
        from nats.errors import Error

        if node == self._node.id:
            return await asyncio.to_thread(word_of, self.path(run))
        question, subject = encode(HookQuestion(self._node.id, run)), self._subjects.build("sprint.hook", node)
        with suppress(Error, TimeoutError, BadRecord):
            answer = decode((await self._nats.request(subject, question, timeout=ANSWER_S)).data, HookAnswer)
            if (answer.node, answer.run) == (node, run):
                return Word(answer.state, answer.why)
        return None
