"""Bytes that no client would send: the connection they came on ends or is answered, and everybody else goes on working."""

from __future__ import annotations

import asyncio
import os
import random
import select
import socket
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import orjson
import pytest

from engine import control
from engine.client import Client
from engine.errors import LinkClosed
from pools.counter import Counter
from pools.message import HEAD, LZ4, RESULT, STATUS, TASK, Frames, Message, encode
from pools.spec import FRAME_BYTES
from tests.support.commands import Commands, commands
from tests.support.processes import ended_within, running

#: Seconds that an answer may take on a busy machine.
PATIENCE_S = 10.0
HELLO = encode(STATUS, {"verb": "hello", "id": 1}, 1)


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Commands]:
    """An engine with 100 counters, whose processes are the same at the end, and gone after it."""
    with commands(tmp_path_factory.mktemp("socket")) as made:
        assert made("spawn", "--count", "100").returncode == 0
        pids = made.pids()
        yield made
        assert made.pids() == pids
        assert made("stop").returncode == 0
    assert ended_within(pids, 1)
    log = (made.home / "state" / "engine" / "daemon.log").read_text()
    assert "Traceback" not in log


class Peer:
    """A connection to the engine that sends whatever it is told to."""

    def __init__(self, path: Path) -> None:
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(str(path))
        self.socket.settimeout(PATIENCE_S)
        self._frames = Frames()
        self._messages: list[Message] = []

    def send(self, data: bytes) -> None:
        """Send bytes, as far as the other side takes them."""
        with suppress(BrokenPipeError, ConnectionResetError):
            self.socket.sendall(data)

    def say(self, letter: str, data: Any) -> None:
        """Send a message."""
        self.send(encode(letter, data, 1))

    def hear(self) -> Message | None:
        """The next message; None once the connection has ended."""
        while not self._messages:
            try:
                data = self.socket.recv(1 << 16)
            except ConnectionResetError:
                return None
            if not data:
                return None
            self._messages = self._frames.feed(data)
        return self._messages.pop(0)

    def ask(self, verb: str, **facts: Any) -> dict[str, Any]:
        """What the engine says to a verb."""
        self.say(STATUS, {"verb": verb, "id": 7, **facts})
        message = self.hear()
        assert message is not None
        assert message.data["id"] == 7
        return dict(message.data)

    def task(self, **columns: Any) -> list[Any]:
        """The answer to a section of tasks."""
        self.say(TASK, [{"n": 1, "k": "counter", "i": [1], "m": "ping"} | columns])
        message = self.hear()
        assert message is not None
        assert message.letter == RESULT
        return list(message.data)

    def is_quiet(self) -> bool:
        """Whether nothing is there to be heard."""
        return not self._messages and not select.select([self.socket], [], [], 0)[0]


@pytest.fixture
def peers(daemon: Commands) -> Iterator[Callable[[], Peer]]:
    """Makes connections; one that was there before goes on working through everything that happens on them."""
    with ExitStack() as stack:

        def made() -> Peer:
            peer = Peer(daemon.home / "run" / "engine" / "control.sock")
            stack.callback(peer.socket.close)
            return peer

        other = made()
        before = other.ask("hello")["value"]
        yield made
        assert other.ask("hello")["value"] == before
        assert other.task() == [{"n": 1, "i": [0], "v": ["pong"]}]
        assert other.is_quiet()


def frame(body: bytes, flags: int = 0) -> bytes:
    return HEAD.pack(len(body) + 1, flags) + body


def section(**columns: Any) -> bytes:
    """A frame with a section of tasks, of which some columns are replaced, or left out where they are None."""
    whole = {"n": 1, "k": "counter", "i": [1, 2], "m": "ping"} | columns
    return encode(TASK, [{key: column for key, column in whole.items() if column is not ...}], 1)


GARBAGE = {
    "random bytes": b"\xff" + random.Random(7).randbytes(1 << 16),
    "another protocol": b"GET / HTTP/1.1\r\nHost: engine\r\n\r\n",
    "a frame of nothing": struct.pack("<IB", 0, 0),
    "a header of a frame too large": HEAD.pack(FRAME_BYTES + 2, 0),
    "the largest header": b"\xff" * 5,
    "unknown flags": frame(b"{}", 0x80),
    "a body that is no JSON": frame(b"{'t': 's'}"),
    "a body that is no text": frame(b'{"t":"s","ts":1,"d":"\xff"}'),
    "a body that is no object": frame(b"[1]"),
    "a body that is nested too deep": frame(b'{"t":"s","ts":1,"d":' + b"[" * 5_000 + b"]" * 5_000 + b"}"),
    "a body without data": frame(b'{"t":"s","ts":1}'),
    "a time that is none": frame(b'{"t":"s","ts":"now","d":{}}'),
    "an unknown letter": frame(b'{"t":"z","ts":1,"d":{}}'),
    "a letter that is none": frame(b'{"t":["t"],"ts":1,"d":{}}'),
    "a letter that only the engine sends": encode(RESULT, [{"n": 1, "v": [1]}], 1),
    "a checkpoint": encode("c", {}, 1),
    "a verb that is no object": encode(STATUS, ["stop"], 1),
    "a damaged compressed body": frame(struct.pack("<I", 100) + b"\xff" * 50, LZ4),
    "a compressed body that unpacks to too much": frame(struct.pack("<I", FRAME_BYTES + 1) + b"\0" * 50, LZ4),
    "a compressed body without a length": frame(b"\0", LZ4),
    "sections that are no list": encode(TASK, 5, 1),
    "a section that is no object": encode(TASK, [["counter"]], 1),
    "a section without keys": section(i=...),
    "a section without a kind": section(k=...),
    "a section without a number": section(n=...),
    "a number that is none": section(n="1"),
    "a kind that is no text": section(k=["counter"]),
    "keys that are no list": section(i="12"),
    "fewer arguments than keys": section(a=[1]),
    "more arguments than keys": section(a=[1, 2, 3]),
    "arguments that are no list": section(a="12"),
    "fewer methods than keys": section(m=[["ping"], [0]]),
    "more methods than keys": section(m=[["ping"], [0, 0, 0]]),
    "a method past the table": section(m=[["ping"], [0, 1]]),
    "a method before the table": section(m=[["ping"], [0, -1]]),
    "a method that is no number": section(m=[["ping"], [0, "0"]]),
    "a method that is no name": section(m=[[5], [0, 0]]),
    "methods of another form": section(m={"ping": 0}),
    "half of a good message and a bad one": HELLO[:-1] + b"]" + b"\xff" * 9,
}


@pytest.mark.parametrize("data", GARBAGE.values(), ids=GARBAGE)
def test_garbage_is_answered_with_an_error_and_ends_its_connection(peers: Callable[[], Peer], data: bytes) -> None:
    peer = peers()
    peer.send(data)
    said = peer.hear()
    if said is not None:  # a connection that is reset takes the error with it
        assert said.letter == "e"
        assert said.data["type"] in {"BadFrame", "FrameTooLarge"}
        assert said.data["message"]
        assert peer.hear() is None


def test_what_came_before_garbage_is_answered_and_what_comes_after_is_not(peers: Callable[[], Peer]) -> None:
    peer = peers()
    peer.send(encode(TASK, [{"n": 5, "k": "counter", "i": [1], "m": "ping"}], 1) + frame(b"?") + HELLO)
    heard = []
    while (message := peer.hear()) is not None:
        heard.append(message.letter)
    assert heard in (["e"], ["e", "r"], ["r", "e"])


@pytest.mark.parametrize("cut", [1, 4, 5, 6, len(HELLO) - 1])
def test_half_a_frame_and_then_a_close_ends_quietly(peers: Callable[[], Peer], cut: int) -> None:
    peer = peers()
    peer.send(HELLO[:cut])
    peer.socket.shutdown(socket.SHUT_WR)
    assert peer.hear() is None


def test_a_frame_that_comes_a_byte_at_a_time_is_answered(peers: Callable[[], Peer]) -> None:
    peer = peers()
    for at in range(len(HELLO)):
        peer.send(HELLO[at : at + 1])
    said = peer.hear()
    assert said is not None
    assert said.data["value"]["name"] == "engine"


def test_a_header_announces_much_and_costs_no_memory(daemon: Commands, peers: Callable[[], Peer]) -> None:
    before = resident_bytes(daemon)
    many = [peers() for _ in range(50)]
    for peer in many:
        peer.send(HEAD.pack(FRAME_BYTES, 0) + b"{")
    assert peers().ask("hello")["verb"] == "done"
    assert resident_bytes(daemon) - before < FRAME_BYTES


def resident_bytes(daemon: Commands) -> int:
    pid = (daemon.home / "run" / "engine" / "daemon.lock").read_text().strip()
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.parametrize(
    ("order", "kind", "said"),
    [
        ({"verb": "fly"}, "BadArgument", "no verb 'fly'; there are agent, agents, at, breakers, cancel-task, confirm-deploy"),
        ({"verb": None}, "BadArgument", "verb must be a text, got nothing"),
        ({"verb": ["stop"]}, "BadArgument", "verb must be a text"),
        ({"verb": "spawn", "kind": "nobody", "count": 1}, "UnknownKind", "loaded are: counter"),
        ({"verb": "spawn", "kind": "counter"}, "ValueError", "one of count, add and keys"),
        ({"verb": "spawn", "kind": "counter", "count": "5"}, "BadArgument", "count must be a whole number"),
        ({"verb": "spawn", "kind": "counter", "add": -1}, "BadArgument", "add must be a whole number"),
        ({"verb": "spawn", "kind": "counter", "add": 1.5}, "BadArgument", "add must be a whole number"),
        ({"verb": "spawn", "kind": "counter", "count": 2**63}, "TooManyAgents", "limit of 10,000"),
        ({"verb": "spawn", "kind": "counter", "keys": "abc"}, "BadArgument", "keys must be a list of texts"),
        ({"verb": "spawn", "kind": "counter", "keys": [5]}, "BadArgument", "keys must be a list of texts"),
        ({"verb": "spawn", "kind": "counter", "keys": ["a/b"]}, "BadAddress", "'a/b' cannot be an agent's key"),
        ({"verb": "spawn", "kind": "counter", "count": 0, "reference": "nothing"}, "KindNotLoaded", "names no class"),
        ({"verb": "remove", "kind": "nobody", "ranges": [[0, 2**62]]}, "UnknownKind", "loaded are: counter"),
        ({"verb": "remove", "kind": "counter", "ranges": [[0, 1, 2]]}, "BadArgument", "ranges must be a list of pairs"),
        ({"verb": "remove", "kind": "counter", "ranges": [[0, 2**63]]}, "BadArgument", "ranges must be a list of pairs"),
        ({"verb": "remove", "kind": "counter", "names": ["a b"]}, "BadAddress", "cannot be an agent's key"),
        ({"verb": "agents", "kind": "nobody"}, "UnknownKind", "loaded are: counter"),
        ({"verb": "agents", "skip": "x"}, "BadArgument", "skip must be a whole number"),
        ({"verb": "events", "limit": "x"}, "BadArgument", "limit must be a whole number"),
        ({"verb": "ready", "timeout_s": "x"}, "BadArgument", "timeout_s must be a number of seconds"),
    ],
)
def test_a_verb_that_cannot_be_obeyed_is_answered_and_the_connection_stays(
    peers: Callable[[], Peer], order: dict[str, Any], kind: str, said: str
) -> None:
    peer = peers()
    answer = peer.ask(**order)
    assert (answer["verb"], answer["error"][0]) == ("failed", kind)
    assert said in answer["error"][1]
    assert peer.ask("stats")["value"]["agents"]["total"] == 100


@pytest.mark.parametrize(
    ("columns", "kind"),
    [
        ({"k": "nobody"}, "UnknownKind"),
        ({"k": "Not A Kind"}, "BadAddress"),
        ({"i": [100]}, "UnknownAgent"),
        ({"i": [-1]}, "BadAddress"),
        ({"i": [2**63]}, "BadAddress"),
        ({"i": [1.0]}, "BadAddress"),
        ({"i": [True]}, "BadAddress"),
        ({"i": [[1]]}, "BadAddress"),
        ({"i": ["../1"]}, "BadAddress"),
        ({"m": "__init__"}, "UnknownMethod"),
        ({"m": "_state"}, "UnknownMethod"),
        ({"m": ""}, "UnknownMethod"),
        ({"m": "add", "a": [1.0]}, "BadArgument"),
        ({"m": "add", "a": [[1, 2]]}, "BadArgument"),
        ({"m": "add", "a": [{"self": 1}]}, "BadArgument"),
        ({"m": "add", "a": [{"x": 2**64 - 1, "ctx": 1}]}, "BadArgument"),
    ],
)
def test_a_task_that_cannot_be_done_fails_alone(peers: Callable[[], Peer], columns: dict[str, Any], kind: str) -> None:
    peer = peers()
    (answer,) = peer.task(**columns)
    assert [error[1] for error in answer["e"]] == [kind]
    assert peer.task() == [{"n": 1, "i": [0], "v": ["pong"]}]


def test_three_hundred_connections_are_served_and_one_past_the_limit_is_told_so(peers: Callable[[], Peer]) -> None:
    many = [peers() for _ in range(300)]
    for peer in many:
        peer.say(STATUS, {"verb": "hello", "id": 1})
    assert all(peer.hear() is not None for peer in many)
    assert all(peer.task() == [{"n": 1, "i": [0], "v": ["pong"]}] for peer in many)
    more = [peers() for _ in range(control.PEERS - len(many))]
    said = more[-1].hear()
    assert said is not None
    assert (said.letter, said.data["type"]) == ("e", "EngineStopped")
    assert f"{control.PEERS} connections already" in said.data["message"]
    assert more[-1].hear() is None
    for peer in many[:10]:
        peer.socket.close()
    deadline_s = time.monotonic() + PATIENCE_S
    while True:
        late = peers()
        late.say(STATUS, {"verb": "hello", "id": 1})
        answer = late.hear()
        if answer is not None and answer.letter == STATUS:
            break
        assert time.monotonic() < deadline_s


def test_a_peer_that_never_reads_is_dropped_while_others_work(daemon: Commands, peers: Callable[[], Peer]) -> None:
    before = resident_bytes(daemon)
    deaf, other = peers(), peers()
    order = encode(STATUS, {"verb": "hello", "id": "x" * 900_000}, 1)
    deaf.socket.settimeout(0.2)
    sent = 0
    with suppress(BrokenPipeError, ConnectionResetError):
        while sent < 3 * control.UNREAD_BYTES:
            try:
                sent += deaf.socket.send(order[sent % len(order) :])
            except TimeoutError:
                break
            if sent % len(order) == 0:
                assert other.ask("hello")["verb"] == "done"
    assert sent > control.UNREAD_BYTES
    poll = select.poll()
    poll.register(deaf.socket, select.POLLHUP)
    assert poll.poll(PATIENCE_S * 1_000) != []
    assert other.ask("hello")["verb"] == "done"
    assert resident_bytes(daemon) - before < 4 * control.UNREAD_BYTES


def test_a_peer_that_hangs_up_takes_its_tasks_back(peers: Callable[[], Peer]) -> None:
    other = peers()
    for _ in range(20):
        peer = peers()
        peer.say(TASK, [{"n": number, "k": "counter", "i": [1] * 500, "m": "ping"} for number in range(10)])
        peer.socket.close()
    deadline_s = time.monotonic() + PATIENCE_S
    while other.ask("stats")["value"]["tasks"]["open"]:
        assert time.monotonic() < deadline_s
    tasks = other.ask("stats")["value"]["tasks"]
    assert tasks["accepted"] == sum(tasks[name] for name in ("done", "failed", "cancelled", "expired", "open"))


async def test_half_a_frame_and_then_silence_ends_the_connection_after_a_while(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control, "FRAME_S", 0.2)
    monkeypatch.setattr(control, "LOOK_S", 0.05)
    async with running(kinds=[Counter]) as engine:
        server = control.Control(engine, lambda _emergency: None)
        await server.listen(tmp_path / "control.sock")
        reader, writer = await asyncio.open_unix_connection(str(tmp_path / "control.sock"))
        other_reader, other = await asyncio.open_unix_connection(str(tmp_path / "control.sock"))
        writer.write(HELLO + HELLO[:-1])
        async with asyncio.timeout(PATIENCE_S):
            heard = Frames().feed(await reader.read())
        assert [message.letter for message in heard] == ["s", "e"]
        assert heard[1].data["message"].startswith("half a frame, and nothing more for ")
        other.write(HELLO)
        async with asyncio.timeout(PATIENCE_S):
            assert Frames().feed(await other_reader.read(1 << 16))[0].data["value"]["name"] == engine.name
        for each in (writer, other):
            each.close()
            await each.wait_closed()
        await server.close()


async def test_an_engine_that_talks_nonsense_fails_the_client_and_not_its_process(tmp_path: Path) -> None:
    run = tmp_path / "run" / "engine"
    run.mkdir(mode=0o700, parents=True)
    run.parent.chmod(0o700)

    async def nonsense(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(orjson.dumps({"not": "a frame"}) * 10)
        with suppress(ConnectionError):
            await reader.read()
        writer.close()

    server = await asyncio.start_unix_server(nonsense, run / "control.sock")
    for patience_s in (None, 0.0):
        client = Client("engine", {"ENGINE_HOME": str(tmp_path)}, patience_s=patience_s)
        with pytest.raises(LinkClosed, match="the engine ended the connection"):
            async with asyncio.timeout(PATIENCE_S), client:
                await client.stats()
    server.close()
    await server.wait_closed()
