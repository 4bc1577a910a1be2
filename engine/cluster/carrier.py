"""Task lines carried into the cluster from one of its nodes, and their answers back as lines.

Owns what becomes of each line: it is refused at once, or sent where its kind or its agent is and answered with what was
recorded of it, and with the node that did it. The first line that it prints says that it can send.
As a program, on a node: `python -m engine.cluster.carrier node.json [--wait] < tasks > results`.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from engine.client import Client
from engine.cluster.access import connected, require_nats
from engine.cluster.local import Local
from engine.cluster.nodefile import NodeFile, read_node_file
from engine.cluster.records import Outcome, TaskResult
from engine.cluster.sender import Sender
from engine.cluster.subjects import ANY, Subjects
from engine.errors import BadLine, EngineError, NotRunning, Unavailable, exit_code
from engine.exactjson import NotExact, NotJson, read
from engine.submission import Submission, submission_of
from pools.errors import BadAddress, BadArgument, Failure, PoolError, UnknownKind

__all__ = ["Carrier", "Line", "main", "read_line"]

#: Lines that are sent in one go, and tasks without an answer from which on no more are.
AT_ONCE, OPEN = 2_000, 50_000
#: Seconds that the servers have to answer, and between two looks at the nodes.
CONNECT_S, LOOK_S = 5.0, 0.1
#: Seconds for which a kind is looked for: on nodes that were all heard, and while some were not.
KIND_S, SILENT_S = 10.0, 30.0


class Line(NamedTuple):
    """A task of a line. at: its number, from 1.  name: what it is called in its answer.  key: that it has, if any."""

    at: int
    name: Any
    capability: str
    submission: Submission
    key: str | int | None = None


def read_line(at: int, place: int, text: bytes) -> Line:
    """The task of a line. place: among the tasks, which is what it is called where it has no id.  Raises BadLine."""
    try:
        value = read(text)
        if type(value) is not dict:
            raise BadArgument("a task is an object")
        capability = value.pop("capability", ANY)
        if type(capability) is not str or ("agent" in value and capability != ANY):
            raise BadArgument('"capability" is a text, for a task that names a "kind"')
        submission, key = submission_of(value), value.get("key")
        if "/" not in submission.address:
            Subjects("c").build("task.queue", capability, submission.address)
        if submission.after:
            raise BadArgument('"after" names tasks of one engine: in a cluster a task cannot wait for others')
    except (NotJson, NotExact, BadArgument, BadAddress) as error:
        raise BadLine(str(error), line=at) from error
    return Line(at, place if submission.name is None else submission.name, capability, submission, key)


def _wanted(line: Line) -> tuple[str, str]:
    """What a node needs to do a task for a kind."""
    return line.submission.address, line.capability


class _Sender(Sender):
    """A sender that knows which node has done what."""

    def __init__(self, *words: Any, **facts: Any) -> None:
        super().__init__(*words, **facts)
        self.done_by: dict[asyncio.Future[Outcome], str] = {}

    def _end(self, result: TaskResult) -> None:
        for future in self._open.get(result.id, ()):
            if not future.done():
                self.done_by[future] = result.node
        super()._end(result)


class Carrier:
    """Lines on their way. put: takes answers, as lines of JSON.  waits: tasks for agents of a lost node wait for it."""

    def __init__(self, node: NodeFile, put: Callable[[bytes], None], *, waits: bool = False) -> None:
        self._node = node
        self._waits = waits
        self._put = put
        self._open: set[asyncio.Future[Outcome]] = set()
        self._less = asyncio.Event()

    async def run(self, lines: Iterator[bytes]) -> None:
        """Carry all of them, and return when each has its answer. Raises FabricAway, Denied: nothing was sent then."""
        async with self._sender() as sender:
            self._answer({"begun": self._node.id})
            part: list[Line] = []
            for place, (at, text) in enumerate((at, text) for at, text in enumerate(lines, 1) if text.strip()):
                try:
                    part.append(read_line(at, place, text))
                except BadLine as error:
                    self._answer({"line": at, "ok": False, "error": {"type": "BadLine", "message": str(error)}})
                if len(part) == AT_ONCE:
                    await self._send(sender, part)
                    part = []
            await self._send(sender, part)
            if self._open:
                await asyncio.wait(tuple(self._open))
                await asyncio.sleep(0)  # the last answers are written by callbacks of this turn

    @asynccontextmanager
    async def _sender(self) -> AsyncIterator[_Sender]:
        node = self._node
        nats = await connected(node.access, f"carrier-{node.id}", lambda line: print(line, file=sys.stderr), wait_s=CONNECT_S)
        try:
            async with AsyncExitStack() as stack:
                facts: dict[str, Any] = {
                    "replicas": node.replicas,
                    "patience": node.patience,
                    "spills": False,
                    "waits": self._waits,
                }
                with suppress(NotRunning):  # it does what it can while the fabric is away
                    client = await stack.enter_async_context(Client(node.engine, node.environ(os.environ), patience_s=0.0))
                    facts |= {"node": node.id, "local": Local(client)}
                yield await stack.enter_async_context(_Sender(nats, node.cluster, node.nodes, **facts))
        finally:
            await nats.close()

    async def _send(self, sender: _Sender, part: list[Line]) -> None:
        """Send some, as soon as there is room for them."""
        while len(self._open) + len(part) > OPEN:
            self._less.clear()
            await self._less.wait()
        unknown = await self._unknown(sender, {_wanted(line) for line in part if "/" not in line.submission.address})
        groups: dict[str, list[Line]] = {}
        keyed: list[Line] = []
        for line in part:
            if _wanted(line) in unknown:
                able = "" if line.capability == ANY else f" and the capability {line.capability}"
                self._fail(line, UnknownKind(f"no node that is heard has agents of the kind {line.submission.address}{able}"))
            elif line.key is not None:
                keyed.append(line)
            else:
                groups.setdefault(line.capability, []).append(line)
        for capability, lines in groups.items():
            try:
                futures = await sender.send([line.submission for line in lines], capability=capability)
            except (EngineError, PoolError) as error:
                for line in lines:
                    self._fail(line, error)
                continue
            for line, future in zip(lines, futures, strict=True):
                self._wait(sender, line, future)
        for line in keyed:
            try:
                self._wait(sender, line, await sender.once(line.key or 0, line.submission, capability=line.capability))
            except (EngineError, PoolError) as error:
                self._fail(line, error)

    def _wait(self, sender: _Sender, line: Line, future: asyncio.Future[Outcome]) -> None:
        self._open.add(future)
        future.add_done_callback(lambda done: self._ended(sender, line, done))

    async def _unknown(self, sender: _Sender, wanted: set[tuple[str, str]]) -> set[tuple[str, str]]:
        """Those of some kinds and capabilities that no node has; who learns of a kind says so soon, when it is asked."""
        clock = asyncio.get_running_loop()
        began_s = heard_s = clock.time()
        query = Subjects(self._node.cluster).build("discovery.query")
        while True:
            infos = [member.heartbeat.info for member in sender.members.values()]
            known = {(kind, able) for info in infos for kind in info.kinds for able in (ANY, *info.capabilities)}
            if wanted <= known:
                return set()
            if not set(self._node.nodes) <= sender.members.keys():
                heard_s = clock.time()
            if clock.time() - heard_s > KIND_S or clock.time() - began_s > SILENT_S:
                return wanted - known
            await sender.nats.publish(query)
            await asyncio.sleep(LOOK_S)

    def _ended(self, sender: _Sender, line: Line, done: asyncio.Future[Outcome]) -> None:
        self._open.discard(done)
        self._less.set()
        node = sender.done_by.pop(done, None)
        if done.cancelled():
            return
        error = done.exception()
        if isinstance(error, Exception):
            self._fail(line, error)
            return
        outcome = done.result()
        answer: dict[str, Any] = {"node": node, "id": line.name, "ok": outcome.error is None}
        self._answer(answer | ({"value": outcome.value} if outcome.error is None else {"error": outcome.error.as_dict()}))

    def _fail(self, line: Line, error: Exception) -> None:
        failure = Failure(type(error).__name__, str(error), getattr(error, "retry_after_s", None))
        self._answer({"node": None, "id": line.name, "ok": False, "error": failure.as_dict()})

    def _answer(self, answer: dict[str, Any]) -> None:
        self._put(orjson.dumps(answer, option=orjson.OPT_APPEND_NEWLINE))


def _print(line: bytes) -> None:
    sys.stdout.buffer.write(line)
    sys.stdout.buffer.flush()


def main(words: list[str]) -> int:
    """Carry the lines of standard input; returns the exit code."""
    if not 1 <= len(words) <= 2 or words[1:] not in ([], ["--wait"]):
        print("usage: python -m engine.cluster.carrier node.json [--wait] < tasks", file=sys.stderr)
        return 2
    try:
        require_nats()
    except Unavailable as error:
        print(error, file=sys.stderr)
        return exit_code(error)
    from nats.errors import Error

    try:
        node = read_node_file(Path(words[0]))
        asyncio.run(Carrier(node, _print, waits=bool(words[1:])).run(iter(sys.stdin.buffer.read().splitlines())))
    except (EngineError, OSError, Error) as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return exit_code(error)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
