"""A client without an engine, and with one that hangs up: every wait ends with an error that says what to do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from engine import submission as module
from engine.client import Client
from engine.errors import EngineError, IntakeFull, NotRunning, SubmitStopped, TaskOpen
from engine.paths import find_paths
from pools.channel import Channel
from pools.errors import (
    BadArgument,
    FrameTooLarge,
    KindNotLoaded,
    LinkClosed,
    PoolError,
    TaskCancelled,
    TaskFailed,
    TooManyAgents,
    UnknownKind,
)
from pools.message import STATUS, TASK, Message
from tests.support.processes import until


class Server:
    """The other side by hand: keeps what it hears and answers when told."""

    def __init__(self, home: Path) -> None:
        self.environ = {"ENGINE_HOME": str(home)}
        paths = find_paths("engine", self.environ)
        paths.prepare()
        self.path = paths.socket
        self.heard: list[Message] = []
        self.durability = "memory"
        self.channel = Channel(self._hear, lambda *_facts: None, lambda: 0.0)

    def _hear(self, channel: Channel, message: Message) -> None:
        """Say hello, as every engine does; what else there is to hear is kept."""
        if message.letter == STATUS and message.data["verb"] == "hello" and self.durability:
            facts = {"durability": self.durability}
            channel.send(STATUS, {"verb": "done", "id": message.data["id"], "value": facts})
        else:
            self.heard.append(message)

    async def hear(self, count: int) -> list[Message]:
        """So many messages."""
        await until(lambda: len(self.heard) >= count)
        return self.heard


@asynccontextmanager
async def connected(home: Path, durability: str = "memory", **facts: Any) -> AsyncIterator[tuple[Server, Client]]:
    server = Server(home)
    server.durability = durability
    listener = await asyncio.get_running_loop().create_unix_server(lambda: server.channel, str(server.path))
    try:
        async with Client(environ=server.environ, **facts) as client:
            await until(lambda: server.channel.is_open)
            yield server, client
    finally:
        listener.close()
        await until(lambda: not server.channel.is_open)


async def test_without_an_engine_a_client_says_how_to_start_one(tmp_path: Path) -> None:
    with pytest.raises(NotRunning, match="engine spawn"):
        async with Client(environ={"ENGINE_HOME": str(tmp_path)}):
            pass


async def test_a_socket_that_nobody_listens_at_is_no_engine(tmp_path: Path) -> None:
    server = Server(tmp_path)
    server.path.touch()
    with pytest.raises(NotRunning):
        async with Client(environ=server.environ):
            pass


async def test_a_client_that_is_not_connected_asks_nothing(tmp_path: Path) -> None:
    client = Client(environ={"ENGINE_HOME": str(tmp_path)})
    with pytest.raises(LinkClosed):
        await client.ask("counter/1", "get")
    with pytest.raises(LinkClosed):
        await client.stats()
    await client.close()


async def test_tasks_of_one_client_go_in_the_batches_of_the_wire(tmp_path: Path) -> None:
    async with connected(tmp_path) as (server, client):
        futures = [client.ask("counter/1", "get"), client.ask("counter/x", "add", 2), client.agent("other", 3).get()]
        messages = await server.hear(2)
        assert [message.letter for message in messages] == [TASK, TASK]
        sections = [section for message in messages for section in message.data]
        assert [(section["k"], section["i"]) for section in sections] == [("counter", [1]), ("counter", ["x"]), ("other", [3])]
        server.channel.send("r", [{"n": section["n"], "v": section["i"]} for section in sections])
        assert await asyncio.gather(*futures) == [1, "x", 3]


async def test_a_kind_alone_leaves_the_choice_to_the_engine(tmp_path: Path) -> None:
    async with connected(tmp_path) as (server, client):
        future = client.ask("counter", "get")
        ((section,),) = [message.data for message in await server.hear(1)]
        assert section["i"] == [None]
        server.channel.send("r", [{"n": section["n"], "v": [5]}])
        assert await future == 5


async def test_answers_to_verbs_find_who_asked_in_any_order(tmp_path: Path) -> None:
    async with connected(tmp_path) as (server, client):
        one, two = asyncio.ensure_future(client.stats()), asyncio.ensure_future(client.ps())
        orders = [message.data for message in await server.hear(2)]
        assert [order["verb"] for order in orders] == ["stats", "ps"]
        for order, value in zip(reversed(orders), ([1], {"a": 2}), strict=True):
            server.channel.send(STATUS, {"verb": "done", "id": order["id"], "value": value})
        assert (await one, await two) == ({"a": 2}, [1])


@pytest.mark.parametrize(
    ("said", "error"),
    [
        ({"error": ["UnknownKind", "no x", None]}, UnknownKind),
        ({"error": ["KindNotLoaded", "no x", None], "trace": "line 1"}, KindNotLoaded),
        ({"error": ["TooManyAgents", "no x", None], "limit": 9, "where": "p"}, TooManyAgents),
        ({"error": ["ValueError", "no x", None]}, ValueError),
        ({"error": ["KeyError", "no x", None]}, ValueError),
        ({"error": ["EngineStopped", "no x", None]}, EngineError),
        ({"error": ["Strange", "no x", None]}, PoolError),
    ],
)
async def test_the_error_of_a_verb_is_raised_as_what_it_was(said: Any, error: type[Exception], tmp_path: Path) -> None:
    async with connected(tmp_path) as (server, client):
        asked = asyncio.ensure_future(client.kinds())
        (order,) = [message.data for message in await server.hear(1)]
        server.channel.send(STATUS, {"verb": "failed", "id": order["id"], **said})
        with pytest.raises(error, match="no x") as caught:
            await asked
        facts = {name: getattr(caught.value, name) for name in ("trace", "limit", "where") if name in said}
        assert facts == {name: value for name, value in said.items() if name != "error"}


async def test_an_engine_that_hangs_up_ends_every_wait_with_what_it_said(tmp_path: Path) -> None:
    async with connected(tmp_path) as (server, client):
        task, verb = client.ask("counter/1", "get"), asyncio.ensure_future(client.stats())
        running = asyncio.ensure_future(anext(client.map([("counter/2", "get")])))
        await server.hear(3)
        server.channel.fail(PoolError("as told"))
        for wait in (task, verb):
            with pytest.raises(LinkClosed, match="as told"):
                await wait
        assert (await running).error.type == "LinkClosed"
        with pytest.raises(LinkClosed):
            await client.stats()
        with pytest.raises(LinkClosed):
            await client.ask("counter/1", "get")


async def test_closing_a_client_ends_its_own_waits(tmp_path: Path) -> None:
    async with connected(tmp_path) as (server, client):
        task = client.ask("counter/1", "get")
        client.tell("counter/1", "get")
        await server.hear(2)
        await client.close()
        with pytest.raises((LinkClosed, TaskCancelled)):
            await task
        await client.close()


def numbered(first: int, count: int) -> list[str]:
    """Ids as an engine gives them."""
    return [f"x-{number}" for number in range(first, first + count)]


async def test_tasks_are_submitted_a_thousand_at_a_time_each_with_a_key_of_its_own(tmp_path: Path) -> None:
    async with connected(tmp_path) as (server, client):
        submitting = asyncio.ensure_future(client.submit(("counter/1", "add", number) for number in range(2_001)))
        for at, count in enumerate((1_000, 1_000, 1)):
            order = (await server.hear(at + 1))[at].data
            assert len(order["tasks"]) == count
            server.channel.send(STATUS, {"verb": "done", "id": order["id"], "value": numbered(at * 1_000, count)})
        assert await submitting == numbered(0, 2_001)
        assert len({message.data["key"] for message in server.heard}) == 3
        assert server.heard[2].data["tasks"] == [["counter/1", "add", 2_000, None, None]]
        assert await client.submit([]) == []


async def test_a_submission_that_does_not_go_into_a_frame_goes_in_halves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with connected(tmp_path) as (server, client):
        submitting = asyncio.ensure_future(client.submit([("counter/1", "say", "x" * 7_000_000)] * 4))
        for at in range(2):
            order = (await server.hear(at + 1))[at].data
            assert len(order["tasks"]) == 2
            server.channel.send(STATUS, {"verb": "done", "id": order["id"], "value": numbered(at * 2, 2)})
        assert await submitting == numbered(0, 4)
        with pytest.raises(FrameTooLarge):
            await client.submit([("counter/1", "say", "x" * 17_000_000)])
        assert client._requests == {}


async def test_a_refusal_after_some_were_accepted_says_which(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SUBMIT_TASKS", 1)
    async with connected(tmp_path) as (server, client):
        submitting = asyncio.ensure_future(client.submit([("counter/1", "get")] * 3))
        refusal = {"verb": "failed", "error": ["IntakeFull", "full", 1.0]}
        order = (await server.hear(1))[0].data
        server.channel.send(STATUS, {"verb": "done", "id": order["id"], "value": ["x-1"]})
        order = (await server.hear(2))[1].data
        server.channel.send(STATUS, {**refusal, "id": order["id"]})
        with pytest.raises(SubmitStopped, match="1 of 3 tasks were accepted, then: full") as caught:
            await submitting
        assert (caught.value.ids, caught.value.retry_after_s) == (["x-1"], 1.0)
        submitting = asyncio.ensure_future(client.submit([("counter/1", "get")]))
        order = (await server.hear(3))[2].data
        server.channel.send(STATUS, {**refusal, "id": order["id"]})
        with pytest.raises(IntakeFull):
            await submitting


async def test_a_bad_task_is_refused_before_anything_is_sent(tmp_path: Path) -> None:
    async with connected(tmp_path) as (server, client):
        with pytest.raises(BadArgument):
            await client.submit([("counter/1", "get"), {"agent": "counter/1"}])
        assert server.heard == []


async def test_a_result_is_the_value_or_the_error_of_its_task(tmp_path: Path) -> None:
    answers: list[dict[str, Any]] = [
        {"verb": "done", "value": {"id": "x-1", "state": "done", "value": [5]}},
        {"verb": "done", "value": {"id": "x-1", "state": "failed", "error": ["ValueError", "as told", None]}},
        {"verb": "failed", "error": ["TaskOpen", "not yet", 1.0]},
    ]
    async with connected(tmp_path) as (server, client):
        for at, (answer, error) in enumerate(zip(answers, (None, TaskFailed, TaskOpen), strict=True)):
            asking = asyncio.ensure_future(client.result("x-1", wait_s=3))
            order = (await server.hear(at + 1))[at].data
            assert (order["verb"], order["task"]) == ("result", "x-1")
            assert 2 < order["wait_s"] <= 3
            server.channel.send(STATUS, {**answer, "id": order["id"]})
            if error is None:
                assert await asking == [5]
            else:
                with pytest.raises(error):
                    await asking


# -- patience ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("durability", "facts", "is_known"),
    [
        ("sync", {}, True),
        ("os", {}, True),
        ("memory", {}, False),
        ("sync", {"patience_s": 0}, False),
        ("memory", {"patience_s": 5}, True),
        ("", {"patience_s": 5}, True),
    ],
)
async def test_a_client_tells_its_session_where_what_it_sends_may_be_sent_again(
    durability: str, facts: dict[str, Any], is_known: bool, tmp_path: Path
) -> None:
    async with connected(tmp_path, durability, **facts) as (server, client):
        client.tell("counter/1", "get")
        heard = [message.data["verb"] for message in await server.hear(1 + is_known) if message.letter == STATUS]
        assert heard == ["session"] * is_known


async def test_an_engine_that_does_not_say_what_it_keeps_is_taken_as_one_that_keeps_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.client.HELLO_S", 0.02)
    async with connected(tmp_path, "") as (server, client):
        task = client.ask("counter/1", "get")
        _hello, message = await server.hear(2)
        assert message.letter == TASK
        server.channel.abort()
        with pytest.raises(LinkClosed):
            await asyncio.wait_for(task, 10)
