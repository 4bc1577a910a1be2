"""The engine's socket without an engine's workers: what each verb answers, and what an error takes with it."""

from __future__ import annotations

import asyncio
import stat
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from engine import control as module
from engine.control import Control
from engine.errors import EngineStopped, Unavailable
from engine.looked import LookedHere
from engine.spawned import Spawned
from pools.channel import Channel
from pools.errors import BadArgument, KindNotLoaded, MailboxFull, PoolUnavailable, TooManyAgents
from pools.events import Event
from pools.listing import Listing
from pools.message import STATUS, Message
from pools.placement import Placement
from pools.spec import PoolSpec
from tests.support.processes import until


class Away:
    """A worker that is not there."""

    name = "p"

    def request(self, verb: str, **_facts: Any) -> Any:
        """Refuse it."""
        raise PoolUnavailable(f"no {verb}")


class Engine(LookedHere):
    """As much of an engine as verbs look at; what a verb does is set by the test."""

    def __init__(self) -> None:
        self.name = "mine"
        self.durability = "sync"
        self.events = deque(Event("e", str(number), float(number)) for number in range(5))
        self.memory = [1_000, 9_000]
        self.spawns: list[Any] = []
        self.error: BaseException | None = None
        self.tally = SimpleNamespace(accept=None, end=None)
        placement = Placement([PoolSpec("p", agents=100)], 100)
        placement.add_range("one", 5)
        placement.add_range("two", 7)
        listing = Listing(placement, [SimpleNamespace(name="p", seats=[Away()])])  # type: ignore[list-item]
        self.swarm: Any = SimpleNamespace(
            placement=placement, kinds={"one": {}}, pools=[], seats=[], listing=listing, check_kind=self._check_kind,
            gateway=lambda *_facts: SimpleNamespace(close=lambda: None, aside=None),
        )  # fmt: skip
        self.foresight = SimpleNamespace(of_gateways=None, report=lambda: {"verdict": "no lift"})

    swarm: Any = None
    detached: Any = None

    def note(self, name: str, text: str) -> None:
        """Keep it."""
        self.events.append(Event(name, text, 0.0))

    def _check_kind(self, kind: str) -> None:
        raise BadArgument(f"no {kind}")

    def memory_bytes(self) -> int:
        """The next measure."""
        return self.memory.pop(0)

    async def load(self, reference: str, paths: Any) -> None:
        """Note it, or fail."""
        self.spawns.append((reference, list(paths)))
        if self.error is not None:
            raise self.error

    async def spawn(self, kind: str, count: int | None, **facts: Any) -> Spawned:
        """Note it."""
        self.spawns.append((kind, count, facts))
        if self.error is not None:
            raise self.error
        return Spawned(kind, 4, 4, count, 1, 0.1)


class Peer:
    """A connection that asks one verb after the other."""

    def __init__(self) -> None:
        self.heard: asyncio.Queue[Message] = asyncio.Queue()
        self.is_closed = False
        self.channel = Channel(lambda _channel, message: self.heard.put_nowait(message), self._closed, lambda: 0.0)

    def _closed(self, _channel: Channel, _error: Exception | None) -> None:
        self.is_closed = True

    async def ask(self, verb: Any, **facts: Any) -> dict[str, Any]:
        """The whole answer."""
        self.channel.send(STATUS, {"verb": verb, "id": 7, **facts})
        async with asyncio.timeout(10):
            answer = (await self.heard.get()).data
        assert answer["id"] == 7
        return dict(answer)


class Rig:
    """A control server at a path, its engine, and what it was told of the end."""

    def __init__(self, path: Path) -> None:
        self.path = path / "s"
        self.engine = Engine()
        self.stopped: list[bool] = []
        self.control = Control(self.engine, self.stopped.append)  # type: ignore[arg-type]

    async def peer(self) -> Peer:
        """A new connection."""
        made = Peer()
        await asyncio.get_running_loop().create_unix_connection(lambda: made.channel, str(self.path))
        return made


@asynccontextmanager
async def listening(path: Path) -> AsyncIterator[Rig]:
    rig = Rig(path)
    await rig.control.listen(rig.path)
    try:
        yield rig
    finally:
        await rig.control.close()
        await until(lambda: not rig.control._peers)


async def test_the_socket_is_the_owners_alone_and_says_who_listens(tmp_path: Path) -> None:
    async with listening(tmp_path) as rig:
        assert stat.S_IMODE(rig.path.stat().st_mode) == 0o600
        answer = await (await rig.peer()).ask("hello")
        assert (answer["verb"], answer["value"]["name"]) == ("done", "mine")


async def test_an_answer_that_goes_into_no_frame_is_a_refusal(tmp_path: Path) -> None:
    async with listening(tmp_path) as rig:

        async def long(_order: Any) -> str:
            return "x" * (17 * 1024 * 1024)

        rig.control._verbs["long"] = long
        answer = await (await rig.peer()).ask("long")
        assert (answer["verb"], answer["error"][0]) == ("failed", "FrameTooLarge")


async def test_a_verb_that_is_not_known_is_answered_with_the_list(tmp_path: Path) -> None:
    async with listening(tmp_path) as rig:
        peer = await rig.peer()
        answer = await peer.ask("nothing")
        assert (answer["verb"], answer["error"][0]) == ("failed", "BadArgument")
        named = answer["error"][1].removeprefix("no verb 'nothing'; there are ").split(", ")
        assert named == sorted(rig.control._verbs)
        assert {"agent", "at", "overview", "past", "ps", "stats", "submit", "why"} <= set(named)
        assert (await peer.ask("hello"))["verb"] == "done"


@pytest.mark.parametrize("verb", [None, 5, ["spawn"], {}, ""])
async def test_what_is_no_verb_is_answered_and_the_connection_goes_on(verb: Any, tmp_path: Path) -> None:
    async with listening(tmp_path) as rig:
        peer = await rig.peer()
        answer = await peer.ask(verb)
        assert (answer["verb"], answer["error"][0]) == ("failed", "BadArgument")
        assert (await peer.ask("hello"))["verb"] == "done"


@pytest.mark.parametrize(
    ("error", "said", "more"),
    [
        (KindNotLoaded("no module", "line 1"), ["KindNotLoaded", "no module", None], {"trace": "line 1"}),
        (
            TooManyAgents("full", limit=9, where="the engine"),
            ["TooManyAgents", "full", None],
            {"limit": 9, "where": "the engine"},
        ),
        (MailboxFull("full"), ["MailboxFull", "full", 0.1], {}),
        (ValueError("count must be"), ["ValueError", "count must be", None], {}),
        (EngineStopped("stopped"), ["EngineStopped", "stopped", None], {}),
        (Unavailable("unavailable"), ["Unavailable", "unavailable", None], {}),
    ],
)
async def test_an_error_of_a_verb_goes_back_with_its_facts(error: Exception, said: Any, more: Any, tmp_path: Path) -> None:
    async with listening(tmp_path) as rig:
        rig.engine.error = error
        answer = await (await rig.peer()).ask("spawn", kind="one", count=5)
        assert answer["error"][:2] == said[:2]
        assert {name: value for name, value in answer.items() if name not in ("verb", "id", "error")} == more


async def test_a_spawn_loads_its_kind_first_and_measures_if_asked(tmp_path: Path) -> None:
    async with listening(tmp_path) as rig:
        peer = await rig.peer()
        answer = await peer.ask(
            "spawn", kind="one", count=4, reference="m:One", paths=["/a"], measure=True, warm=True, skills=["draw"]
        )
        assert answer["value"]["agent_bytes"] == 2_000
        facts = {"add": None, "keys": None, "warm": True, "skills": ["draw"]}
        assert rig.engine.spawns == [("m:One", ["/a"]), ("one", 4, facts)]
        answer = await peer.ask("spawn", kind="one", keys=["x"])
        assert answer["value"]["agent_bytes"] is None
        assert rig.engine.spawns[2:] == [("one", None, {"add": None, "keys": ["x"], "warm": False, "skills": ()})]


async def test_a_spawn_that_names_no_kind_is_refused(tmp_path: Path) -> None:
    async with listening(tmp_path) as rig:
        assert (await (await rig.peer()).ask("spawn", count=5))["verb"] == "failed"
        assert rig.engine.spawns == []


@pytest.mark.parametrize(
    ("asked", "shown"),
    [
        ({}, ["one/0", "one/1", "one/2", "one/3", "one/4", "two/0", "two/1", "two/2", "two/3", "two/4", "two/5", "two/6"]),
        ({"limit": 3}, ["one/0", "one/1", "one/2"]),
        ({"skip": 3, "limit": 4}, ["one/3", "one/4", "two/0", "two/1"]),
        ({"skip": 5, "limit": 1}, ["two/0"]),
        ({"skip": 11, "limit": 5}, ["two/6"]),
        ({"skip": 12}, []),
        ({"limit": 0}, []),
        ({"kind": "two", "skip": 5}, ["two/5", "two/6"]),
    ],
)
async def test_agents_are_shown_in_pages_across_kinds(asked: dict[str, Any], shown: list[str], tmp_path: Path) -> None:
    async with listening(tmp_path) as rig:
        value = (await (await rig.peer()).ask("agents", **asked))["value"]
        assert [agent["agent"] for agent in value["agents"]] == shown
        assert value["total"] == (7 if asked.get("kind") else 12)
        assert value["kinds"] == {"one": 5, "two": 7}


async def test_agents_of_a_kind_that_is_not_there_are_refused(tmp_path: Path) -> None:
    async with listening(tmp_path) as rig:
        assert (await (await rig.peer()).ask("agents", kind="none"))["error"][:2] == ["BadArgument", "no none"]


async def test_what_foresight_says_is_told(tmp_path: Path) -> None:
    async with listening(tmp_path) as rig:
        assert (await (await rig.peer()).ask("foresight"))["value"] == {"verdict": "no lift"}


@pytest.mark.parametrize(("limit", "shown"), [(2, ["3", "4"]), (0, []), (100, ["0", "1", "2", "3", "4"])])
async def test_the_newest_events_are_shown_oldest_first(limit: int, shown: list[str], tmp_path: Path) -> None:
    async with listening(tmp_path) as rig:
        value = (await (await rig.peer()).ask("events", limit=limit))["value"]
        assert [event["text"] for event in value] == shown


async def test_ready_waits_for_every_worker_and_not_for_ever(tmp_path: Path) -> None:
    async with listening(tmp_path) as rig:
        peer, seat = await rig.peer(), SimpleNamespace(state="starting")
        rig.engine.swarm.seats = [SimpleNamespace(state="running"), seat]
        assert (await peer.ask("ready", timeout_s=0))["value"] is False
        asyncio.get_running_loop().call_soon(setattr, seat, "state", "running")
        assert (await peer.ask("ready", timeout_s=10))["value"] is True


async def test_past_the_most_connections_one_is_told_so_and_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PEERS", 2)
    async with listening(tmp_path) as rig:
        first, second = await rig.peer(), await rig.peer()
        assert (await second.ask("hello"))["verb"] == "done"
        third = await rig.peer()
        async with asyncio.timeout(10):
            said = (await third.heard.get()).data
        assert (said["type"], "2 connections" in said["message"]) == ("EngineStopped", True)
        await until(lambda: third.is_closed)
        first.channel.close()
        await until(lambda: len(rig.control._peers) == 1)
        assert (await (await rig.peer()).ask("hello"))["verb"] == "done"
