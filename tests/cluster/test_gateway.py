"""Tasks between nodes on real parts: each has exactly one recorded result, whoever is killed meanwhile."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from pathlib import Path

import pytest

from engine.client import Client
from engine.cluster.local import Local
from engine.cluster.placement import place
from engine.cluster.placing import Placing
from engine.cluster.pull import Pull
from engine.cluster.records import TaskEnvelope, encode
from engine.cluster.sender import Sender
from engine.cluster.streams import Streams
from engine.cluster.subjects import Subjects
from engine.submission import rows_of, submission_of
from tests.support.nodes import Cluster, clusters
from tests.support.processes import until

#: Two engines and their gateways share a small machine with other tests.
pytestmark = pytest.mark.timeout(300)

NAMES = ("n1", "n2")
KEYS = 20
HOMES = [place(f"counter/{key}", NAMES) for key in range(KEYS)]


async def totals(cluster: Cluster) -> dict[str, list[int]]:
    """What the counters of each node have."""
    found = {}
    for name, node in cluster.nodes.items():
        async with Client(environ=node.commands.environ) as client:
            found[name] = [await client.ask(f"counter/{key}", "get") for key in range(KEYS)]
    return found


async def apart(sender: Sender) -> None:
    """A call that is too much for one envelope travels in several, and what is too much for any fails alone."""
    sizes = (*[50_000] * 30, 2_000_000, 5)
    outcomes = await sender.run([{"kind": "counter", "method": "get", "args": ["x" * size]} for size in sizes], timeout_s=60)
    said = [outcome.error.message for outcome in outcomes if outcome.error is not None]
    assert [at for at, text in enumerate(said) if "cannot travel" in text] == [30]
    assert len(said) == len(sizes), "a method was called with arguments that it does not have"


async def once_for_a_key(cluster: Cluster, sender: Sender) -> None:
    """Of tasks with one key one is done, whoever sends them: at the same time, and after it has ended."""
    mark = {"kind": "marker", "method": "mark", "args": [str(cluster.folder), "keyed"]}
    ping = {"kind": "counter", "method": "ping"}
    async with cluster.sender() as other:
        futures = [await who.once("k", mark) for who in (sender, other, sender)]
        assert {(await asyncio.wait_for(future, 60)).value[-1] for future in futures} == {"keyed"}
        assert (await asyncio.wait_for(await other.once("k", mark | {"deadline_s": 50}), 60)).value[-1] == "keyed"
        for wrong in (ping, mark | {"args": [str(cluster.folder), "other"]}, mark | {"method": "asks"}):
            error = (await asyncio.wait_for(await other.once("k", wrong), 60)).error
            assert error is not None
            assert (error.type, error.message) == ("DuplicateTask", "key 'k' stands for another task of this cluster")
        assert cluster.runs().count("keyed") == 1
        both = [await sender.once("k2", mark), await other.once("k2", ping)]  # neither is recorded yet
        errors = [(await asyncio.wait_for(future, 60)).error for future in both]
    assert [error.type for error in errors if error is not None] == ["DuplicateTask"], errors
    known = cluster.runs().count("keyed")
    await asyncio.wait_for(await sender.once("k3", mark), 60)
    assert cluster.runs().count("keyed") == known + 1
    (cluster.folder / "runs").unlink()


async def placed_and_told(cluster: Cluster, sender: Sender) -> None:
    """Agents live where they are placed, and what is wrong is told of its own task."""
    adds = [{"agent": f"counter/{key}", "method": "add", "args": [key]} for key in range(KEYS)]
    assert [outcome.value for outcome in await sender.run(adds, envelope_tasks=7)] == list(range(KEYS))
    assert await totals(cluster) == {name: [key if HOMES[key] == name else 0 for key in range(KEYS)] for name in NAMES}
    wrong = [
        {"kind": "counter", "method": "nothing"},
        {"kind": "counter", "method": "get"},
        {"agent": "nobody/1", "method": "x"},
    ]
    errors = [outcome.error for outcome in await sender.run(wrong)]
    assert [None if error is None else error.type for error in errors] == ["UnknownMethod", None, "UnknownKind"]
    away = f"counter/{KEYS}"
    asks = [{"agent": f"marker/{key}", "method": "asks", "args": [str(cluster.folder), f"asks{key}", away]} for key in range(2)]
    for outcome in await sender.run(asks):
        assert outcome.error is not None
        assert (outcome.error.type, away in outcome.error.message) == ("UnknownAgent", True)
    assert sorted(cluster.runs()) == ["asks0", "asks1"]
    (cluster.folder / "runs").unlink()


async def superseded(cluster: Cluster, sender: Sender) -> None:
    """A gateway that was stopped until its task was done elsewhere comes second, and that is counted."""
    hold, nodes = cluster.folder / "hold", cluster.nodes
    hold.touch()
    [future] = await sender.send([{"kind": "marker", "method": "mark", "args": [str(cluster.folder), "once"]}])
    await until(lambda: any(each.heartbeat.running for each in sender.members.values()), 60)
    first = next(name for name, each in sender.members.items() if each.heartbeat.running)
    stopped = nodes[first].gateway
    assert stopped is not None
    os.kill(stopped.pid, signal.SIGSTOP)
    await until(lambda: cluster.runs() == ["once", "once"], 60)
    hold.unlink()
    assert (await asyncio.wait_for(future, 60)).value == ["once"]
    os.kill(stopped.pid, signal.SIGCONT)
    await until(lambda: "superseded: another node was first with 1 tasks" in nodes[first].log, 60)
    await until(lambda: first in sender.members and sender.members[first].heartbeat.superseded == 1, 60)
    for node in nodes.values():
        async with Client(environ=node.commands.environ) as client:
            counts = (await client.stats())["tasks"]
            assert counts["open"] == 0


async def once_over_a_dead_gateway(cluster: Cluster, sender: Sender) -> None:
    """A gateway is killed at work and started again: its engine has the task already, and does it once."""
    hold, n2 = cluster.folder / "hold", cluster.nodes["n2"]
    hold.touch()
    key = next(key for key in range(KEYS) if place(f"marker/{key}", NAMES) == "n2")
    [future] = await sender.send([{"agent": f"marker/{key}", "method": "mark", "args": [str(cluster.folder), "agent"]}])
    await until(lambda: "agent" in cluster.runs(), 60)
    before = sender.members["n2"].heartbeat.info.incarnation
    n2.kill_gateway()
    n2.start_gateway()

    def has_it_again() -> bool:
        beat = sender.members["n2"].heartbeat
        return beat.info.incarnation != before and beat.running == 1

    await until(has_it_again, 60)
    hold.unlink()
    assert (await asyncio.wait_for(future, 60)).value[-1] == "agent"
    assert cluster.runs().count("agent") == 1


async def lost_and_back(cluster: Cluster, sender: Sender) -> int:
    """A node is killed at work: others do what is for a kind, what is for its agents waits for it; returns the agent."""
    hold, n1 = cluster.folder / "hold", cluster.nodes["n1"]
    hold.touch()
    words = [f"k{at}" for at in range(12)]
    tasks = [{"kind": "marker", "method": "mark", "args": [str(cluster.folder), word]} for word in words]
    futures = await sender.send(tasks, envelope_tasks=1)
    await until(lambda: set(words) <= set(cluster.runs()), 60)
    n1.kill_gateway()
    await n1.kill_engine()
    hold.unlink()
    done = await asyncio.wait_for(asyncio.gather(*futures), 90)
    assert all(outcome.error is None and word in outcome.value for word, outcome in zip(words, done, strict=True))

    lost = next(key for key in range(KEYS) if HOMES[key] == "n1" and key)
    add = {"agent": f"counter/{lost}", "method": "add", "args": [1]}
    [waiting] = await sender.send([add])
    [late] = await sender.send([add | {"deadline_at": time.time() + 0.5}])
    await until(lambda: "n1" not in sender.members or sender.members["n1"].state == "offline", 60)
    assert not waiting.done()
    async with cluster.sender(waits=False) as asker:
        for _ in range(2):  # it was never heard of, which takes a while
            [outcome] = await asker.run([add], timeout_s=60)
            assert outcome.error is not None
            assert (outcome.error.type, outcome.error.message[:24]) == ("AgentUnavailable", "unavailable: n1 is not h")
        assert (await asker.run([{"kind": "counter", "method": "get"}], timeout_s=60))[0].error is None
    await n1.start_engine()
    n1.start_gateway()
    assert (await asyncio.wait_for(waiting, 90)).value == lost + 1
    expired = (await asyncio.wait_for(late, 90)).error
    assert expired is not None
    assert expired.type == "TaskExpired"
    return lost


async def over_a_dead_server(cluster: Cluster, sender: Sender, lost: int) -> None:
    """The server is killed while tasks are sent, and started again: each is done, once."""
    [server] = cluster.servers
    assert server.pid is not None
    before = sender.sent
    adds = [{"agent": f"counter/{key}", "method": "add", "args": [key]} for key in range(KEYS)]
    sending = asyncio.ensure_future(sender.run(adds, envelope_tasks=1))
    await until(lambda: sender.sent > before, 60)
    os.kill(server.pid, signal.SIGKILL)
    await server.wait()
    await server.start()
    await server.ready()
    outcomes = await asyncio.wait_for(sending, 90)
    assert [outcome.value for outcome in outcomes] == [2 * key + (key == lost) for key in range(KEYS)]
    assert cluster.said.count("connected to the fabric again") == 1


async def shared(cluster: Cluster, sender: Sender) -> None:
    """Tasks that many send at once share an envelope, and none of them waits for a slow one."""
    hold, before = cluster.folder / "hold", sender.sent
    hold.touch()
    key = next(key for key in range(KEYS) if place(f"marker/{key}", NAMES) == "n1")
    mark = {"agent": f"marker/{key}", "method": "mark", "args": [str(cluster.folder), "slow"]}
    gets = [{"agent": f"counter/{key}", "method": "get"} for key in range(KEYS) if HOMES[key] == "n1"]
    slow, *quick = [asyncio.ensure_future(sender.run([task])) for task in (mark, *gets)]
    assert all(outcome.error is None for [outcome] in await asyncio.wait_for(asyncio.gather(*quick), 60))
    assert sender.sent == before + 1
    assert not slow.done()
    hold.unlink()
    assert (await asyncio.wait_for(slow, 60))[0].value[-1] == "slow"


async def recorded(cluster: Cluster, sender: Sender, tasks: int) -> None:
    """Every task has one outcome that is recorded, and no more."""
    found = await cluster.recorded(sender)
    assert set(found.values()) == {1}
    assert len(found) == tasks
    assert {envelope for _, envelope, _ in found} == {str(number + 1) for number in range(sender.sent)}


async def test_each_task_between_two_nodes_has_one_result_whoever_is_killed_or_stopped(tmp_path: Path) -> None:
    async with clusters(tmp_path, NAMES) as cluster, cluster.sender() as sender:
        await placed_and_told(cluster, sender)
        await superseded(cluster, sender)
        await once_over_a_dead_gateway(cluster, sender)
        lost = await lost_and_back(cluster, sender)
        await over_a_dead_server(cluster, sender, lost)
        await shared(cluster, sender)
        await recorded(cluster, sender, 2 * KEYS + 20 + 1 + HOMES.count("n1") + 2)


async def done_here(cluster: Cluster, sender: Sender) -> None:
    """Without the fabric tasks are done here, and recorded when it is back."""
    [server] = cluster.servers
    streams = Streams(sender.nats, Subjects("c"), 1)
    assert (await sender.run([{"kind": "counter", "method": "get"}]))[0].value == 0
    assert sender.local_tasks == 0
    await server.stop()
    await until(lambda: not sender.nats.is_connected, 60)
    adds = [{"agent": f"counter/{key}", "method": "add", "args": [5]} for key in range(3)]
    outcomes = await sender.run([*adds, {"kind": "counter", "method": "get"}])
    assert [outcome.value for outcome in outcomes][:3] == [5, 5, 5]
    assert sender.local_tasks == 4
    await server.start()
    await server.ready()
    await until(lambda: sender.nats.is_connected, 60)
    async with asyncio.timeout(60):
        while (found := await streams.recorded(sender.id, "2")) == {}:
            await asyncio.sleep(0.05)
    assert [found[row] for row in range(len(outcomes))] == outcomes
    assert sender.superseded == 0


async def lost_on_the_way(sender: Sender) -> None:
    """A result that the server has delivered, but not to its reader, is read again."""
    task = {"kind": "counter", "method": "get"}
    assert (await sender.run([task]))[0].error is None
    readers = await sender.nats.jetstream(timeout=10).consumers_info("c-results")
    [name] = [reader.name for reader in readers if sender.id in (reader.config.filter_subject or "")]
    thief = Pull(sender.nats, "c-results", name, 1, 30.0)
    stolen = asyncio.ensure_future(thief.next())
    while not stolen.done():
        assert (await asyncio.wait_for(sender.run([task]), 60))[0].error is None
    found = stolen.result()
    assert found is not None
    assert found.subject.startswith(f"c.task.result.{sender.id}.")
    await thief.close()


async def answered(streams: Streams) -> None:
    """Return once no envelope waits."""
    async with asyncio.timeout(60):
        while (await streams.context.stream_info("c-tasks")).state.messages:
            await asyncio.sleep(0.05)


async def late_first_sending(sender: Sender) -> None:
    """An envelope that was sent again, and comes after that as it was sent first, is done once."""
    streams, subject = Streams(sender.nats, Subjects("c"), 1), "c.task.assign.n1"
    rows = [{"agent": "counter/11", "method": "add", "args": [1]}, {"agent": "counter/12", "method": "add", "args": [1]}] * 2
    envelope = TaskEnvelope("late", "1", tuple(rows_of([submission_of(row) for row in rows])))
    await streams.send(subject, envelope, is_again=True)
    await answered(streams)
    await streams.context.publish(subject, encode(envelope), stream="c-tasks")  # without an id, as if none was remembered
    await answered(streams)
    assert [outcome.value for outcome in (await streams.recorded("late", "1")).values()] == [1, 1, 2, 2]
    counters = [{"agent": f"counter/{key}", "method": "get"} for key in (11, 12)]
    assert [outcome.value for outcome in await sender.run(counters)] == [2, 2]


async def drained(cluster: Cluster, sender: Sender) -> None:
    """A gateway that is asked to end answers what it has, and says that it leaves."""
    hold = cluster.folder / "hold"
    hold.touch()
    [node] = cluster.nodes.values()
    [future] = await sender.send([{"kind": "marker", "method": "mark", "args": [str(cluster.folder), "last"]}])
    await until(lambda: cluster.runs() == ["last"], 60)
    assert node.gateway is not None
    node.gateway.terminate()
    await until(lambda: sender.members["n1"].state == "draining", 60)
    assert not future.done()
    hold.unlink()
    assert (await asyncio.wait_for(future, 60)).value == ["last"]
    assert await asyncio.to_thread(node.gateway.wait, 60) == 0
    await until(lambda: "n1" not in sender.members, 60)
    assert not (node.folder / "joined.json").exists()


async def test_a_node_works_alone_without_the_fabric_and_leaves_in_order(tmp_path: Path) -> None:
    async with clusters(tmp_path, ("n1",)) as cluster:
        [node] = cluster.nodes.values()
        async with Client(environ=node.commands.environ) as client:
            async with cluster.sender(node="n1", local=Local(client)) as sender:
                await done_here(cluster, sender)
            async with cluster.sender() as sender:
                await node.joined()
                await apart(sender)
                await once_for_a_key(cluster, sender)
                await lost_on_the_way(sender)
                await late_first_sending(sender)
                await drained(cluster, sender)

        # A gateway that finds no server says so once, and joins when there is one.
        [server] = cluster.servers
        await server.stop()
        said = len(node.log.splitlines())
        node.start_gateway()
        await until(lambda: "not joined: FabricAway: no server answers" in node.log, 60)
        await server.start()
        await server.ready()
        await node.joined()
        assert len(node.log.splitlines()) - said <= 4
        node.kill_gateway()

        # A file that names other nodes changes nothing: the cluster has a plan, and n2 has not joined.
        node.tell(nodes=["n1", "n2"])
        node.start_gateway()
        await node.joined()
        async with cluster.sender() as sender:
            assert (await Placing(sender.nats.jetstream(), "c", 1).read()).members == ("n1",)
            assert (await sender.run([{"agent": "counter/7", "method": "get"}]))[0].value is not None
