"""A node removes an agent when its new node has said that it is there, not before; and takes in what is of this step alone."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from engine.cluster.fence import Fence
from engine.cluster.handover import handovers
from engine.cluster.mover import Mover
from engine.cluster.placement import place
from engine.cluster.placing import DONE, READY
from engine.cluster.plan import Plan, first_plan
from engine.cluster.records import Arrivals, Handover, Order, Reply, decode, encode
from engine.cluster.subjects import Subjects
from engine.migrated import Exported, Imported
from pools.errors import LinkClosed, UnknownKind

STEP = first_plan(["n1", "n2"]).with_drained("n1").next({})
MINE = [key for key in range(30) if place(f"counter/{key}", ("n1", "n2")) == "n1"]


class FakeClient:
    """An engine with numbered counters."""

    def __init__(self, keys: list[int]) -> None:
        self.keys = set(keys)
        self.given: set[int] = set()
        self.busy: set[int] = set()
        self.taken: list[str] = []
        self.error: Exception | None = None
        self.limit = 30

    async def kinds(self) -> dict[str, Any]:
        return {"counter": {}}

    async def stats(self) -> dict[str, Any]:
        return {"agents": {"total": len(self.keys), "limit": self.limit}}

    async def pools(self) -> list[dict[str, Any]]:
        return [{"name": "p", "agents": len(self.keys), "agents_limit": self.limit, "kinds": []}]

    async def request(self, _verb: str, kind: str) -> dict[str, Any]:
        assert kind == "counter"
        return {"ranges": [[key, key + 1] for key in sorted(self.keys)], "names": []}

    async def export_agents(self, _kind: str, keys: list[int]) -> Exported:
        able = [key for key in keys if key not in self.busy]
        self.given.update(able)
        return Exported([{"key": key, "state": {"total": key}} for key in able], [*self.busy], [], {})

    async def import_agents(self, _kind: str, agents: list[dict[str, Any]], *, name: str) -> Imported:
        if self.error is not None:
            raise self.error
        self.taken.append(name)
        self.keys.update(agent["key"] for agent in agents)
        return Imported(len(agents), False)

    async def remove(self, _kind: str, keys: list[int]) -> None:
        self.keys -= set(keys)

    async def spawn(self, _kind: str, *, keys: Any) -> Any:
        added = [key for start, stop in keys.ranges for key in range(start, stop) if key not in self.keys]
        self.keys.update(added)
        return SimpleNamespace(added=len(added))


class FakePlacing:
    """The plan, and what nodes have said."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.versions = {READY: {"n2": 2}, DONE: {}}

    async def read(self) -> Plan:
        return self.plan

    async def change(self, change: Callable[[Plan], Plan]) -> Plan:
        self.plan = change(self.plan)
        return self.plan

    async def say(self, what: str, node: str, version: int) -> None:
        self.versions[what][node] = version

    async def said(self, what: str, nodes: list[str]) -> dict[str, int]:
        return {node: self.versions[what].get(node, 0) for node in nodes}


class FakeNats:
    """The other node. says: its answer to each part."""

    def __init__(self, *says: str | Exception) -> None:
        self.says = list(says)
        self.parts: list[Handover] = []

    async def request(self, subject: str, data: bytes, *, timeout: float) -> Any:
        assert (subject, timeout > 0) == ("c.placement.give.n2", True)
        self.parts.append(decode(data, Handover))
        said = self.says.pop(0) if len(self.says) > 1 else self.says[0]
        if isinstance(said, Exception):
            raise said
        return SimpleNamespace(data=encode(Reply("n2", said, 0, "")))


class Setup:
    """A mover among fakes."""

    def __init__(self, folder: Path, node: str, *says: str | Exception, keys: list[int] | None = None) -> None:
        self.client: Any = FakeClient(MINE if keys is None else keys)
        self.placing: Any = FakePlacing(STEP)
        self.nats: Any = FakeNats(*(says or ("done",)))
        self.said: list[str] = []
        fence = Fence(folder / "placement")
        self.mover = Mover(node, self.client, self.nats, Subjects("c"), self.placing, fence, self.said.append)

    async def work(self) -> None:
        plan = await self.mover.look()
        assert plan is not None
        await self.mover._work(plan)


@pytest.mark.parametrize("answer", ["again", "refused", TimeoutError(), "nonsense"])
async def test_without_a_word_that_they_are_there_agents_stay_and_are_given_again(tmp_path: Path, answer: Any) -> None:
    setup = Setup(tmp_path, "n1", "done", answer if answer != "nonsense" else TimeoutError("late"))
    await setup.work()
    assert setup.client.keys == set(MINE)
    assert setup.client.given == set(MINE)
    assert DONE not in setup.placing.versions[DONE]
    setup.nats.says = ["done"]
    await setup.work()
    assert setup.client.keys == set()
    await setup.work()
    assert setup.placing.versions[DONE] == {"n1": 2}


async def test_nobody_is_given_out_for_a_node_that_is_not_ready_or_does_not_take_the_kind(tmp_path: Path) -> None:
    setup = Setup(tmp_path, "n1", "refused")
    setup.placing.versions[READY] = {"n2": 1}
    await setup.work()
    assert setup.nats.parts == []
    setup.placing.versions[READY] = {"n2": 2}
    await setup.work()
    assert len(setup.nats.parts) == 1
    assert setup.client.given == set()


async def test_nobody_goes_before_all_that_may_get_some_are_ready_and_the_step_cannot_be_taken_back(tmp_path: Path) -> None:
    setup = Setup(tmp_path, "n1")
    setup.placing.plan = first_plan(["n1", "n2", "n3"]).with_drained("n1").next({})
    setup.placing.versions[READY] = {"n2": 2, "n3": 1}
    await setup.work()
    assert (setup.client.given, setup.nats.parts, setup.placing.plan.is_begun) == (set(), [], False)
    assert setup.mover.plan is not None
    setup.placing.plan = setup.placing.plan.undrained("n1").next({})
    setup.placing.versions[READY] = {"n2": 2, "n3": 2}
    await setup.mover._work(setup.mover.plan)
    assert (setup.client.given, setup.nats.parts, setup.placing.plan.version) == (set(), [], 3)


async def test_a_step_that_has_begun_is_not_taken_for_one_that_has_not(tmp_path: Path) -> None:
    setup = Setup(tmp_path, "n1")
    await setup.work()
    begun = setup.mover.plan
    assert begun is not None
    assert begun.is_begun
    setup.placing.plan = STEP
    assert await setup.mover.look() == begun
    setup.placing.plan = begun.next({"n1": 2, "n2": 2})
    assert await setup.mover.look() == setup.placing.plan


async def test_who_is_busy_goes_later_and_the_node_is_done_after_that(tmp_path: Path) -> None:
    setup = Setup(tmp_path, "n1")
    setup.client.busy = {MINE[0]}
    await setup.work()
    await setup.work()
    assert setup.client.keys == {MINE[0]}
    assert setup.placing.versions[DONE] == {}
    setup.client.busy = set()
    await setup.work()
    await setup.work()
    assert (setup.client.keys, setup.placing.versions[DONE]) == (set(), {"n1": 2})


async def test_what_comes_is_taken_in_its_step_alone_and_once_nobody_is_in_the_way(tmp_path: Path) -> None:
    setup = Setup(tmp_path, "n2", keys=[MINE[0]])
    [part] = handovers(2, "n1", "a", "counter", [{"key": MINE[0], "state": {}}])
    setup.placing.versions[READY] = {}
    await setup.work()
    assert setup.placing.versions[READY] == {}
    assert any("come from other nodes" in line for line in setup.said)
    assert (await setup.mover._take(part)).said == "again"
    setup.client.keys = set()
    await setup.work()
    assert setup.placing.versions[READY] == {"n2": 2}
    assert (await setup.mover._take(part)).said == "done"
    assert setup.client.taken == ["2.n1.a"]
    for version in (1, 3):
        [other] = handovers(version, "n1", "b", "counter", [])
        assert (await setup.mover._take(other)).said == "again"
    [wrong] = handovers(2, "n1", "c", "counter", [{"key": 1, "state": {}}])
    setup.placing.plan = first_plan(["n1", "n2", "n3"]).with_drained("n1").next({})
    setup.mover.plan = setup.placing.plan
    astray = next(key for key in MINE if place(f"counter/{key}", ("n2", "n3")) == "n3")
    [wrong] = handovers(2, "n1", "c", "counter", [{"key": astray, "state": {}}])
    assert (await setup.mover._take(wrong)).said == "refused"
    assert setup.client.taken == ["2.n1.a"]


async def test_many_who_ask_for_the_plan_at_once_are_one_question(tmp_path: Path) -> None:
    setup = Setup(tmp_path, "n1")
    reads = 0
    read = setup.placing.read

    async def counted() -> Plan:
        nonlocal reads
        reads += 1
        await asyncio.sleep(0)
        found: Plan = await read()
        return found

    setup.placing.read = counted
    assert await asyncio.gather(*(setup.mover.look() for _ in range(100))) == [STEP] * 100
    assert reads <= 2
    await setup.mover.look(within_s=60)
    assert reads <= 2
    await setup.mover.look()
    assert reads in (2, 3)


async def test_an_older_plan_than_was_seen_in_an_earlier_life_is_not_taken_up(tmp_path: Path) -> None:
    Fence(tmp_path / "placement").see(3)
    setup = Setup(tmp_path, "n2")
    assert await setup.mover.look() is None
    [part] = handovers(2, "n1", "a", "counter", [])
    assert (await setup.mover._take(part)).said == "again"


async def test_a_node_spawns_its_own_and_none_while_places_change(tmp_path: Path) -> None:
    setup = Setup(tmp_path, "n1", keys=[])
    order = Order("spawn", "counter", 30, ())
    assert (await setup.mover._obey(order)).said == "again"
    setup.placing.plan = first_plan(["n1", "n2"]).with_drained("n1")
    assert (await setup.mover._obey(order)).said == "again"
    setup.placing.plan = first_plan(["n1", "n2"])
    setup.mover.plan = None
    Path(tmp_path / "placement").unlink()
    assert (await setup.mover._obey(order)).count == len(MINE)
    assert setup.client.keys == set(MINE)
    assert (await setup.mover._obey(order)).count == 0


class Others:
    """The other nodes, of which each has room for so many. heard: what each was asked."""

    def __init__(self, **room: int) -> None:
        self.room = room
        self.heard: dict[str, int] = {}

    async def request(self, subject: str, data: bytes, *, timeout: float) -> Any:
        head, _, node = subject.rpartition(".")
        assert (head, timeout > 0) == ("c.placement.room", True)
        arrivals = decode(data, Arrivals)
        assert [arrivals.node, *(kind for kind, _ in arrivals.rows)] == ["n1", "counter"]
        self.heard[node] = arrivals.rows[0][1]
        if node not in self.room:
            raise TimeoutError
        said = "done" if self.heard[node] <= self.room[node] else "refused"
        return SimpleNamespace(data=encode(Reply(node, said, 0, "" if said == "done" else "no room")))


@pytest.mark.parametrize(
    ("room", "said", "text"),
    [
        ({"n2": 30, "n3": 30}, "done", ""),
        ({"n2": 0, "n3": 30}, "refused", "n2: no room"),
        ({"n2": 0, "n3": 0}, "refused", "n2: no room; n3: no room"),
        ({"n2": 30}, "done", ""),
    ],
)
async def test_a_node_asks_those_to_which_its_agents_would_go_before_it_is_drained(
    tmp_path: Path, room: dict[str, int], said: str, text: str
) -> None:
    names = ("n1", "n2", "n3")
    mine = [key for key in range(60) if place(f"counter/{key}", names) == "n1"]
    stranger = next(key for key in range(60) if place(f"counter/{key}", names) == "n2")
    setup = Setup(tmp_path, "n1", keys=[*mine, stranger])
    setup.placing.plan = first_plan(names)
    others = Others(**room)
    setup.mover._nats = others  # type: ignore[assignment]
    reply = await setup.mover._obey(Order("drain", "", 0, ()))
    assert (reply.said, reply.text, reply.count) == (said, text, len(mine))
    goals = [place(f"counter/{key}", names[1:]) for key in mine]
    assert others.heard == {"n2": goals.count("n2"), "n3": goals.count("n3")}


async def test_a_node_asks_those_to_which_agents_of_a_kind_would_go_before_that_is_wanted(tmp_path: Path) -> None:
    setup = Setup(tmp_path, "n1", keys=[*range(30)])
    setup.placing.plan = first_plan(("n1", "n2", "n3")).with_kind("counter", ["n1"])
    others = Others(n2=29, n3=30)
    setup.mover._nats = others  # type: ignore[assignment]
    homes = [place(f"counter/{key}", ("n1", "n2", "n3")) for key in range(30)]
    for nodes, heard, said in (
        (("n2",), {"n2": 30}, "n2: no room"),
        (("n3",), {"n3": 30}, ""),
        (("n1",), {}, ""),
        ((), {"n2": homes.count("n2"), "n3": homes.count("n3")}, ""),
    ):
        others.heard = {}
        reply = await setup.mover._obey(Order("place", "counter", 0, nodes))
        assert (reply.text, others.heard) == (said, heard)
    assert setup.placing.plan == first_plan(("n1", "n2", "n3")).with_kind("counter", ["n1"])


async def test_a_node_says_whether_it_has_room(tmp_path: Path) -> None:
    setup = Setup(tmp_path, "n2", keys=[*range(25)])
    assert (await setup.mover._have_room(Arrivals("n1", (["counter", 5],)))).said == "done"
    reply = await setup.mover._have_room(Arrivals("n1", (["counter", 6],)))
    assert (reply.said, reply.text) == ("refused", "6 more agents do not fit, it has 25 of 30")


async def test_a_node_spawns_none_while_another_is_about_to_have_more_or_fewer(tmp_path: Path) -> None:
    setup = Setup(tmp_path, "n1", keys=[])
    order = Order("spawn", "counter", 30, ())
    Path(tmp_path / "placement").unlink(missing_ok=True)
    setup.placing.plan = first_plan(["n1", "n2"]).joined("n1", 1_000).joined("n2", 4_000)
    assert (await setup.mover._obey(order)).said == "again"
    setup.placing.plan = first_plan(["n1", "n2"], {"n1": 1_000, "n2": 4_000})
    setup.mover.plan = None
    assert (await setup.mover._obey(order)).said == "done"
    assert setup.placing.plan.kinds == ("counter",)
    weights = {"n1": 1, "n2": 4}
    assert setup.client.keys == {key for key in range(30) if place(f"counter/{key}", ("n1", "n2"), weights) == "n1"}


@pytest.mark.parametrize(("error", "said"), [(UnknownKind("x"), "refused"), (LinkClosed("x"), "again")])
async def test_an_engine_that_takes_nothing_is_told_of(tmp_path: Path, error: Exception, said: str) -> None:
    setup = Setup(tmp_path, "n2", keys=[])
    await setup.work()
    setup.client.error = error
    [part] = handovers(2, "n1", "a", "counter", [])
    answers: list[bytes] = []

    async def respond(data: bytes) -> None:
        answers.append(data)

    message: Any = SimpleNamespace(data=encode(part), respond=respond)
    await setup.mover._on_offer(message)
    assert decode(answers[0], Reply).said == said
    message = SimpleNamespace(data=b"nonsense", respond=respond)
    await setup.mover._on_offer(message)
    assert decode(answers[1], Reply).said == "refused"
