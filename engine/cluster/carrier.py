"""Task lines carried into the cluster from one of its nodes, and their answers back as lines.

Owns what becomes of each line: it is refused at once, or sent where its kind or its agent is and answered with what was
recorded of it, and with the node that did it. The first line that it prints says that it can send.
As a program, on a node: `python -m engine.cluster.carrier node.json < tasks > results`.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from engine.cluster.access import connected, require_nats
from engine.cluster.nodefile import NodeFile, read_node_file
from engine.cluster.records import BadRecord, Outcome, TaskResult
from engine.cluster.sender import Sender
from engine.cluster.subjects import ANY, Subjects
from engine.errors import BadLine, EngineError, Unavailable, exit_code
from engine.exactjson import NotExact, NotJson, read
from engine.submission import Submission, submission_of
from pools.errors import BadAddress, BadArgument, Failure, PoolError, UnknownKind

__all__ = ["Carrier", "Line", "main", "read_line"]

#: Lines that are sent in one go, and tasks without an answer from which on no more are.
AT_ONCE, OPEN = 2_000, 50_000
#: Seconds that the servers have to answer, that a kind is looked for on nodes, and between two looks.
CONNECT_S, KIND_S, LOOK_S = 5.0, 5.0, 0.1


class Line(NamedTuple):
    """A task of a line. at: its number, from 1.  name: what it is called in its answer."""

    at: int
    name: Any
    capability: str
    submission: Submission


def read_line(at: int, place: int, text: bytes) -> Line:
    """The task of a line. place: among the tasks, which is what it is called where it has no id.  Raises BadLine."""
    try:
        value = read(text)
        if type(value) is not dict:
            raise BadArgument("a task is an object")
        capability = value.pop("capability", ANY)
        if type(capability) is not str or ("agent" in value and capability != ANY):
            raise BadArgument('"capability" is a text, for a task that names a "kind"')
        submission = submission_of(value)
        if "/" not in submission.address:
            Subjects("c").build("task.queue", capability, submission.address)
        if submission.after:
            raise BadArgument('"after" names tasks of one engine: in a cluster a task cannot wait for others')
    except (NotJson, NotExact, BadArgument, BadAddress) as error:
        raise BadLine(str(error), line=at) from error
    return Line(at, place if submission.name is None else submission.name, capability, submission)


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
    """Lines on their way. put: takes answers, as lines of JSON."""

    def __init__(self, node: NodeFile, put: Callable[[bytes], None]) -> None:
        self._node = node
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
            async with _Sender(nats, node.cluster, node.nodes, replicas=node.replicas, patience=node.patience) as sender:
                yield sender
        finally:
            await nats.close()

    async def _send(self, sender: _Sender, part: list[Line]) -> None:
        """Send some, as soon as there is room for them."""
        while len(self._open) + len(part) > OPEN:
            self._less.clear()
            await self._less.wait()
        unknown = await self._unknown(sender, {_wanted(line) for line in part if "/" not in line.submission.address})
        groups: dict[str, list[Line]] = {}
        for line in part:
            if _wanted(line) in unknown:
                able = "" if line.capability == ANY else f" and the capability {line.capability}"
                self._fail(line, UnknownKind(f"no node that is heard has agents of the kind {line.submission.address}{able}"))
            else:
                groups.setdefault(line.capability, []).append(line)
        for capability, lines in groups.items():
            try:
                futures = await sender.send([line.submission for line in lines], capability=capability)
            except (EngineError, PoolError, BadRecord) as error:
                for line in lines:
                    self._fail(line, error)
                continue
            for line, future in zip(lines, futures, strict=True):
                self._open.add(future)
                future.add_done_callback(lambda done, line=line: self._ended(sender, line, done))  # type: ignore[misc]

    async def _unknown(self, sender: _Sender, wanted: set[tuple[str, str]]) -> set[tuple[str, str]]:
        """Those of some kinds and capabilities that no node has; who learns of a kind says so soon, when it is asked."""
        clock = asyncio.get_running_loop()
        until_s = clock.time() + KIND_S
        query = Subjects(self._node.cluster).build("discovery.query")
        while True:
            infos = [member.heartbeat.info for member in sender.members.values()]
            known = {(kind, able) for info in infos for kind in info.kinds for able in (ANY, *info.capabilities)}
            if wanted <= known or clock.time() > until_s:
                return wanted - known
            await sender.nats.publish(query)
            await asyncio.sleep(LOOK_S)

    def _ended(self, sender: _Sender, line: Line, done: asyncio.Future[Outcome]) -> None:
        self._open.discard(done)
        self._less.set()
        node = sender.done_by.pop(done, None)
        if done.cancelled():
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
    if len(words) != 1:
        print("usage: python -m engine.cluster.carrier node.json < tasks", file=sys.stderr)
        return 2
    try:
        require_nats()
    except Unavailable as error:
        print(error, file=sys.stderr)
        return exit_code(error)
    from nats.errors import Error

    try:
        node = read_node_file(Path(words[0]))
        asyncio.run(Carrier(node, _print).run(iter(sys.stdin.buffer.read().splitlines())))
    except (EngineError, OSError, Error) as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return exit_code(error)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
