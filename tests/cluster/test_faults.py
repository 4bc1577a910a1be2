"""A slow host, a clock that is an hour off, a full disk: nothing is lost or counted twice, and no two lead at once.

Only `make cluster-test` runs it; it prints how long it took to find out, and to go on elsewhere.
"""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager, suppress
from pathlib import Path
from random import Random
from typing import Any

import psutil
import pytest

from engine.cluster.placement import place
from engine.cluster.records import Outcome
from engine.cluster.sender import Sender
from tests.support.candidates import candidates
from tests.support.commands import ROOT
from tests.support.fabric import access_to
from tests.support.mounts import fill, mounted
from tests.support.nodes import Cluster, Node, clusters
from tests.support.processes import until
from tests.support.steady import Steady, steady

IS_WANTED = bool(os.environ.get("ENGINE_CLUSTER_TEST"))
#: How often the slow host is stopped.
STOPS = 30
#: Tasks for a kind, and for agents of each node, and seconds for which it is looked what gateways use.
FLOOD, IDLE_S = 60, 5.0
#: What every Python process of a host runs first whose clock is off.
HOUR_S = 3_600
OFF = f"""
import time
time.time = lambda now=time.time: now() + {HOUR_S}
time.time_ns = lambda now=time.time_ns: now() + {HOUR_S * 10**9}
"""

pytestmark = [
    pytest.mark.skipif(not IS_WANTED, reason="a proof of some minutes: make cluster-test"),
    pytest.mark.timeout(600),
]


@asynccontextmanager
async def worked(cluster: Cluster, chance: Random) -> AsyncIterator[tuple[Sender, Steady]]:
    """A cluster that works steadily."""
    async with cluster.sender() as sender, steady(cluster, sender, chance) as load:
        yield sender, load


async def nothing_elsewhere(sender: Sender, node: Node, since_s: float) -> float:
    """The seconds until a node that is stopped is known to be offline."""
    await until(lambda: node.name not in sender.members or sender.members[node.name].state == "offline", 60)
    return time.monotonic() - since_s


def send(signal_number: int, processes: list[psutil.Process]) -> None:
    """Send a signal to all processes of a host."""
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.send_signal(signal_number)


@contextmanager
def disks(folder: Path, *names: str) -> Iterator[tuple[list[Path], Callable[[Node], None]]]:
    """Small disks on which the engines of these nodes keep everything, and what puts each on its own."""
    with ExitStack() as stack:
        mounts: dict[str, Path] = {}
        for name in names:
            (folder / f"disk-{name}").mkdir()
            mounts[name] = stack.enter_context(mounted(folder / f"disk-{name}", "tmpfs", 96))

        def prepared(node: Node) -> None:
            if node.name in mounts:
                node.commands.home = mounts[node.name]
                node.commands.environ["ENGINE_HOME"] = str(mounts[node.name])
                node.tell(engine={"name": "engine", "home": str(mounts[node.name])})

        yield list(mounts.values()), prepared


async def test_a_host_that_stands_still_again_and_again(tmp_path: Path, chance: Random) -> None:
    async with clusters(tmp_path) as cluster, worked(cluster, chance) as (sender, load):
        with candidates(tmp_path, access_to(cluster.servers)) as group:
            group.start("a", "b")
            slow, token = cluster.nodes["n1"], 0
            for _ in range(STOPS):
                leader, token = await group.elected()
                host = [*slow.processes(), psutil.Process(group.processes[leader].pid)]
                send(signal.SIGSTOP, host)
                await asyncio.sleep(chance.uniform(0, 3))
                send(signal.SIGCONT, host)
                await asyncio.sleep(chance.uniform(0, 0.5))

            leader, token = await group.elected()
            host = [*slow.processes(), psutil.Process(group.processes[leader].pid)]
            hold = tmp_path / "hold"
            hold.touch()
            await until(lambda: slow.name in sender.members and sender.members[slow.name].heartbeat.running, 60)
            send(signal.SIGSTOP, host)
            stopped_s = time.monotonic()
            await group.elected(token)
            led_s = time.monotonic() - stopped_s
            offline_s = await nothing_elsewhere(sender, slow, stopped_s)
            hold.unlink()
            send(signal.SIGCONT, host)
            await until(lambda: slow.name in sender.members and sender.members[slow.name].state != "offline", 60)
            print(f"stopped {STOPS} times: {await load.end()}")
            group.check()
            print(f"lease 2 s: another led after {led_s:.1f} s; offline limit 2 s: offline after {offline_s:.1f} s")


async def test_an_engine_that_stands_still_under_a_gateway_that_does_not(tmp_path: Path) -> None:
    """What it has for kinds goes to others, and its node is away until it goes on."""
    async with clusters(tmp_path) as cluster, cluster.sender() as sender:
        n1 = cluster.nodes["n1"]
        engine = [process for process in n1.processes() if n1.gateway is not None and process.pid != n1.gateway.pid]
        send(signal.SIGSTOP, engine)
        tasks = [{"kind": "counter", "method": "ping"}] * 60
        outcomes = await sender.run(tasks, envelope_tasks=1, timeout_s=120)
        assert [outcome.value for outcome in outcomes] == ["pong"] * 60
        await until(lambda: "the engine has not answered for 10 s" in n1.log, 60)
        await until(lambda: "n1" not in sender.members or sender.members["n1"].state == "offline", 60)
        send(signal.SIGCONT, engine)
        await n1.joined()
        key = next(key for key in range(20) if place(f"counter/{key}", tuple(cluster.nodes)) == "n1")
        [outcome] = await sender.run([{"agent": f"counter/{key}", "method": "ping"}], timeout_s=120)
        assert outcome.value == "pong"


async def test_a_host_whose_clock_is_an_hour_off(tmp_path: Path, chance: Random) -> None:
    (tmp_path / "sitecustomize.py").write_text(OFF)
    shifted = {"PYTHONPATH": f"{tmp_path}:{ROOT}"}

    def prepared(node: Node) -> None:
        if node.name == "n2":
            node.commands.environ |= shifted

    async with clusters(tmp_path, prepared=prepared) as cluster, worked(cluster, chance) as (sender, load):
        with candidates(tmp_path, access_to(cluster.servers)) as group:
            group.start("a")
            group.start("b", environ=shifted)
            await until(lambda: set(sender.members) == {"n1", "n2"}, 60)
            assert abs(sender.members["n1"].skew_s) < HOUR_S / 2 < sender.members["n2"].skew_s
            token = 0
            for _ in range(4):
                leader, token = await group.elected(token)
                send(signal.SIGSTOP, [psutil.Process(group.processes[leader].pid)])
                stopped_s = time.monotonic()
                await group.elected(token)
                print(f"lease 2 s: another led after {time.monotonic() - stopped_s:.1f} s")
                send(signal.SIGCONT, [psutil.Process(group.processes[leader].pid)])
            dated = await load.send([{"kind": "counter", "method": "get", "deadline_s": 60}] * 20, 1)
            assert [each.error for each in await asyncio.wait_for(asyncio.gather(*dated), 90)] == [None] * 20
            assert all(member.state in ("online", "busy") for member in sender.members.values())
            print(f"an hour apart: {await load.end()}")
            group.check()


async def test_a_host_whose_disk_is_full(tmp_path: Path, chance: Random) -> None:
    with disks(tmp_path, "n1") as ([mount], prepared):
        async with clusters(tmp_path, prepared=prepared) as cluster, worked(cluster, chance) as (_, load):
            await until(lambda: load.marks > 20, 60)
            everything = fill(mount)
            filled_s = time.monotonic()
            key = next(key for key in range(20) if place(f"marker/{key}", list(cluster.nodes)) == "n1")
            large = {"agent": f"marker/{key}", "method": "mark", "args": [str(tmp_path), "x" * 50_000]}
            others = await load.send([{"kind": "counter", "method": "get"}] * 40, 1)
            assert all(outcome.error is None for outcome in await asyncio.wait_for(asyncio.gather(*others), 90))
            elsewhere_s = time.monotonic() - filled_s
            doctor = await asyncio.to_thread(cluster.nodes["n1"].commands, "doctor")
            assert "has 0MB left" in doctor.stdout
            for _ in range(20):  # what the engine folds meanwhile makes room again for a moment
                fill(mount)
                [waits] = await load.send([large], 1)
                if not (await asyncio.wait([waits], timeout=2))[0]:
                    break
            assert not waits.done()
            everything.unlink()
            emptied_s = time.monotonic()
            assert (await asyncio.wait_for(waits, 90)).error is None
            again_s = time.monotonic() - emptied_s
            print(f"a full disk: {await load.end()}")
            print(
                f"tasks for kinds were done after {elsewhere_s:.1f} s; with room again, the host went on after {again_s:.1f} s"
            )


async def test_hosts_whose_disks_are_all_full(tmp_path: Path) -> None:
    """What is for a kind is done as soon as one has room, what is for agents when theirs has, and nobody is busy meanwhile."""
    with disks(tmp_path, "n1", "n2") as (mounts, prepared):
        async with clusters(tmp_path, prepared=prepared) as cluster, cluster.sender() as sender:
            full = [fill(mount) for mount in mounts]
            own = {
                name: [key for key in range(20) if place(f"marker/{key}", list(cluster.nodes)) == name]
                for name in cluster.nodes
            }
            word = "x" * 30_000

            def large(name: str, **whom: str) -> dict[str, Any]:
                return {**whom, "method": "mark", "args": [str(tmp_path), f"{name}{word}"]}

            sent: dict[str, list[asyncio.Future[Outcome]]] = {}
            sent["kind"] = await sender.send([large(f"k{at}", kind="marker") for at in range(FLOOD)], envelope_tasks=1)
            for name, keys in own.items():
                tasks = [large(f"{name}{at}", agent=f"marker/{keys[at % len(keys)]}") for at in range(FLOOD)]
                sent[name] = await sender.send(tasks, envelope_tasks=1)
            for _ in range(20):  # what the engines fold meanwhile makes room again for a moment
                await asyncio.sleep(0.25)
                for mount in mounts:
                    fill(mount)
            opened = {which: sum(not each.done() for each in each_sent) for which, each_sent in sent.items()}
            assert all(opened.values()), opened
            busy_s = [sum(psutil.Process(node.gateway.pid).cpu_times()[:2]) for node in cluster.nodes.values() if node.gateway]
            await asyncio.sleep(IDLE_S)
            later_s = [sum(psutil.Process(node.gateway.pid).cpu_times()[:2]) for node in cluster.nodes.values() if node.gateway]
            used = [(after - before) / IDLE_S for before, after in zip(busy_s, later_s, strict=True)]
            assert max(used) < 0.5, f"gateways that can have nothing done use {used} of a core"

            full[0].unlink()
            room_s = time.monotonic()
            first = await asyncio.wait_for(asyncio.gather(*sent["kind"], *sent["n1"]), 90)
            took_s = time.monotonic() - room_s
            fill(mounts[1])
            assert any(not each.done() for each in sent["n2"])
            full[1].unlink()
            last = await asyncio.wait_for(asyncio.gather(*sent["n2"]), 90)
            assert [outcome.error for outcome in (*first, *last)] == [None] * 3 * FLOOD
            found = await cluster.recorded(sender)
            assert sorted(found.values()) == [1] * 3 * FLOOD
            print(f"two full disks: open {opened}; with room on one, {2 * FLOOD} tasks after {took_s:.1f} s; idle at {used}")
