"""Sprints of a cluster on real parts: agents of all nodes take part, and whoever leads may be lost, in exec and in ship.

ENGINE_CLUSTER_TEST=1 makes the short proof a longer one; ENGINE_CLUSTER_LEADERS is how many leaders are lost each way then, 5
by default.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections import Counter
from pathlib import Path
from random import Random
from typing import Any

import pytest

from engine.cluster.wishes import ABORT, PAUSE, RESUME, Wish
from tests.support.nodes import Cluster, Node, clusters
from tests.support.processes import until
from tests.support.voyages import OLD, Harbour, backlog, harbours, hook

LEADERS = int(os.environ.get("ENGINE_CLUSTER_LEADERS") or 5) if os.environ.get("ENGINE_CLUSTER_TEST") else 0

pytestmark = pytest.mark.timeout(400 + 4 * 90 * LEADERS)

NAMES = ("n1", "n2", "n3")
ITEMS = 24
#: What an undisturbed sprint of `backlog` comes to.
VERDICTS = {f"i{at}": "done" for at in range(ITEMS)}
VERDICTS |= dict.fromkeys(["claimed", *(f"old{at}" for at in range(OLD))], "unproven")
DONE = {item for item, verdict in VERDICTS.items() if verdict == "done"}


class Voyage:
    """One backlog with a folder of its own, from its order to its end."""

    def __init__(self, harbour: Harbour, name: str, **facts: Any) -> None:
        self.harbour = harbour
        self.name = name
        self.folder = harbour.cluster.folder / name
        self.folder.mkdir()
        self.row = backlog(self.folder, ITEMS, [hook(self.folder, **facts)], name)
        self.order = ""

    async def begin(self) -> None:
        self.order = await self.harbour.place(self.row)

    @classmethod
    def of(cls, harbour: Harbour, name: str) -> Voyage:
        """One that was."""
        known = cls.__new__(cls)
        known.harbour, known.name, known.folder = harbour, name, harbour.cluster.folder / name
        return known

    def lines(self, name: str) -> list[str]:
        """The lines of a file that its tasks or its hook leave."""
        file = self.folder / name
        return file.read_text().split() if file.exists() else []

    async def events(self, kind: str) -> list[dict[str, Any]]:
        """The events of a kind in its ledgers."""
        await self.harbour.events()
        archive = self.harbour.archive
        mine = [sprint for sprint in archive.ids() if archive.backlog_of(sprint) == self.name]
        return [event for sprint in mine for event in archive.events(sprint) if event["e"] == kind]

    async def receipts(self) -> dict[str, str]:
        """Each item's verdict; no item has two."""
        found = [(event["item"], event["verdict"]) for event in await self.events("receipt")]
        assert len(dict(found)) == len(found)
        return dict(found)

    async def is_as_undisturbed(self) -> None:
        """Its order ends, with the receipts of an undisturbed one."""
        ended = await self.harbour.ended(self.order, 180)
        assert ended.error is None
        assert await self.receipts() == VERDICTS

    async def has_shipped_once(self) -> None:
        """One release with all that is done counts, and the hook has shipped once."""
        shipped = await self.events("shipped")
        assert [set(event["items"]) for event in shipped] == [DONE]
        assert set(self.lines("ships")) == {shipped[0]["release"]}


async def leader(harbour: Harbour) -> Node:
    await until(lambda: bool(harbour.leader()), 60)
    return harbour.cluster.nodes[harbour.leader()]


async def lose_driver(node: Node) -> None:
    node.kill_driver()


async def lose_node(node: Node) -> None:
    """Everything of it at once; its NATS server stays, since that may be on any host."""
    node.kill_driver()
    node.kill_gateway()
    await node.kill_engine()


async def stop_driver(node: Node) -> None:
    assert node.driver is not None
    os.kill(node.driver.pid, signal.SIGSTOP)


async def come_back(node: Node, *, drives: bool = True) -> None:
    if node.driver is not None and node.driver.poll() is None:
        os.kill(node.driver.pid, signal.SIGCONT)
        return
    if node.gateway is None or node.gateway.poll() is not None:
        await node.start_engine()
        node.start_gateway()
        await node.joined()
    if drives:
        node.start_driver()


async def undisturbed(harbour: Harbour) -> None:
    """All nodes take part; what others made lies with the leader, and in the one release."""
    voyage = Voyage(harbour, "calm")
    hold = voyage.folder / "hold"
    hold.touch()
    await voyage.begin()
    await until(lambda: len(voyage.lines("runs")) >= 6, 60)
    hold.unlink()
    await voyage.is_as_undisturbed()
    await voyage.has_shipped_once()
    assert sorted(voyage.lines("runs")) == sorted(f"f{at}" for at in range(ITEMS))
    nodes = harbour.cluster.nodes
    receipts = {event["item"]: event for event in await voyage.events("receipt")}
    assert {receipts[f"old{at}"]["why"] for at in range(OLD)} == {
        f"old{at} was there before, and was not written since" for at in range(OLD)
    }
    made = {name: len(list((node.folder / "work").glob("f*"))) for name, node in nodes.items()}
    first = await leader(harbour)
    assert made[first.name] == ITEMS
    assert sum(made.values()) > ITEMS, "nobody but the leader did anything"
    files = first.folder / "releases" / "current" / "files"
    assert sorted(file.name for file in files.iterdir()) == sorted(f"f{at}" for at in range(ITEMS))


async def lost_in_exec(harbour: Harbour, name: str, lose: Any, chance: Random) -> None:
    """Another goes on; nothing that has a receipt is run again."""
    voyage = Voyage(harbour, name)
    hold = voyage.folder / "hold"
    hold.touch()
    await voyage.begin()
    await until(lambda: len(voyage.lines("runs")) >= 4, 60)
    lost = await leader(harbour)
    await asyncio.sleep(chance.uniform(0, 0.6))
    await lose(lost)
    ran, proven = voyage.lines("runs"), await voyage.receipts()
    hold.unlink()
    await voyage.is_as_undisturbed()
    await voyage.has_shipped_once()
    times = Counter(voyage.lines("runs"))
    assert [item for item in proven if item in DONE and times[f"f{item[1:]}"] != 1] == []
    if lose is lose_driver:
        assert set(times.values()) == {1}
    print(f"{name}: {lost.name} lost after {len(ran)} runs and {len(proven)} receipts; {times.total()} runs in all")
    await come_back(lost)


#: Items that build on one, and those that build on all of these; each may be done on another node.
WALLS, ROOFS = 9, 3


def house(folder: Path) -> dict[str, Any]:
    """A backlog of items that build on what others have made: a ground, walls on it, roofs on these."""
    build = {"role": "maker", "method": "build"}
    ground = {"id": "ground", "role": "maker", "method": "make", "args": [str(folder), "g0"], "artifacts": ["g0"]}
    names = [f"w{at}" for at in range(WALLS)]
    walls = [
        build | {"id": name, "after": ["ground"], "args": [str(folder), name, ["g0"]], "artifacts": [name]} for name in names
    ]
    look = {"command": ["grep", "was built", *names]}  # in the work folder of who drives then
    roof = build | {"after": names, "check": look}
    tops = [f"r{at}" for at in range(ROOFS)]
    roofs = [roof | {"id": name, "args": [str(folder), name, ["g0", *names]], "artifacts": [name]} for name in tops]
    return backlog(folder, 0, (), folder.name) | {"tasks": [ground, *walls, *roofs]}


async def built_on(harbour: Harbour) -> None:
    """Each item finds what those before it have made, wherever that was; so does its check, on the node that drives by then."""
    lost = await leader(harbour)
    follows, other = (node for node in harbour.cluster.nodes.values() if node is not lost)
    other.kill_driver()
    follows.kill_gateway()  # so nothing of it comes there for its own agents
    voyage = Voyage(harbour, "house")
    voyage.row = house(voyage.folder)
    hold = voyage.folder / "hold"
    hold.touch()
    await voyage.begin()
    async with asyncio.timeout(90):  # those with an odd number are held
        while len(await voyage.receipts()) < 1 + -(-WALLS // 2):
            await asyncio.sleep(0.1)
    lost.kill_driver()
    await until(lambda: harbour.leader() == follows.name, 60)
    hold.unlink()
    assert (await harbour.ended(voyage.order)).error is None
    walls, roofs = [f"w{at}" for at in range(WALLS)], [f"r{at}" for at in range(ROOFS)]
    assert await voyage.receipts() == dict.fromkeys(["ground", *walls, *roofs], "done")
    assert sorted(voyage.lines("runs")) == sorted(["g0", *walls, *roofs])
    files = follows.folder / "releases" / "current" / "files"
    lines = [line for name in walls for line in ("g0 was made", f"{name} was built")]
    for name in roofs:
        assert (files / name).read_text().splitlines() == ["g0 was made", *lines, f"{name} was built"]
    assert all((node.folder / "work" / "g0").exists() for node in (lost, other)), "one node did it all"
    follows.start_gateway()
    await follows.joined()
    for node in (lost, other):
        node.start_driver()


async def wished_for(harbour: Harbour) -> None:
    """What is wanted while nobody drives is obeyed by who does next, and by who follows that one."""
    wishes, nodes = harbour.stores.wishes(), list(harbour.cluster.nodes.values())
    voyage = Voyage(harbour, "wished")
    hold = voyage.folder / "hold"
    hold.touch()
    await voyage.begin()
    await until(lambda: len(voyage.lines("runs")) >= 4, 60)
    for node in nodes:
        node.kill_driver()
    sprint = (await voyage.events("sprint"))[0]["id"]
    await wishes.want(sprint, Wish(PAUSE, 1.0, "wished"))
    for node in nodes[:2]:  # one after the other
        node.start_driver()
        await harbour.until_event(lambda event: event["e"] == "paused")
        await until(lambda node=node: f"{sprint} goes on here" in node.driven, 60)  # type: ignore[misc]
        node.kill_driver()
    assert len(await voyage.events("paused")) == 1
    await wishes.want(sprint, Wish(RESUME, 2.0, "wished"))
    hold.unlink()
    for node in nodes:
        node.start_driver()
    await voyage.is_as_undisturbed()
    await voyage.has_shipped_once()

    ended = Voyage(harbour, "unwished")
    hold = ended.folder / "hold"
    hold.touch()
    await ended.begin()
    await until(lambda: len(ended.lines("runs")) >= 4, 60)
    for node in nodes:
        node.kill_driver()
    await wishes.want(ended.order, Wish(ABORT, 3.0, "wished"))
    waits = await harbour.place(ended.row)
    await wishes.want(waits, Wish(ABORT, 4.0, "wished"))
    for node in nodes:
        node.start_driver()
    assert (await harbour.ended(ended.order)).error is None
    assert ((await harbour.ended(waits)).error or ("",))[0] == "TakenOut"
    assert [event["why"] for event in await ended.events("aborted")] == ["wished"]
    assert await ended.events("shipped") == []
    assert [event["e"] for event in await ended.events("sprint")] == ["sprint"]
    hold.unlink()


async def lost_in_hook(harbour: Harbour, name: str, lose: Any, *, again: bool = False) -> None:
    """The hook is at work when its leader is lost: it goes on by itself, is begun once, and another leader goes by its word.

    Where its node is lost too, nobody knows: it is run again if it may be, and else nothing is shipped.
    """
    voyage = Voyage(harbour, name, again=again)
    dock = voyage.folder / "dock"
    dock.touch()
    await voyage.begin()
    await until(lambda: bool(voyage.lines("shipping")), 90)
    lost = await leader(harbour)
    await lose(lost)
    await until(lambda: harbour.leader() not in ("", lost.name), 60)
    if lose is not lose_node:
        assert await voyage.events("shipped") == [], "it was not waited for"
        dock.unlink()
    elif again:
        await until(lambda: len(voyage.lines("shipping")) == 2, 90)
        dock.unlink()
    await voyage.is_as_undisturbed()
    if lose is not lose_node or again:
        await voyage.has_shipped_once()
        assert len(voyage.lines("shipping")) == 1 + (lose is lose_node)
    else:
        assert len(voyage.lines("shipping")) == 1
        assert await voyage.events("shipped") == []
        [event] = await voyage.events("not_shipped")
        assert f"{lost.name} was lost while the hook" in event["why"]
        assert await harbour.stores.ships().settle((await voyage.events("sprint"))[0]["id"])
        dock.unlink()
    await come_back(lost)


async def back_in_hook(harbour: Harbour, name: str) -> None:
    """A node whose every process of the fabric was killed while its hook ran tells of it when it is back in time."""
    voyage = Voyage(harbour, name)
    dock = voyage.folder / "dock"
    dock.touch()
    await voyage.begin()
    await until(lambda: bool(voyage.lines("shipping")), 90)
    lost = await leader(harbour)
    others = [node for node in harbour.cluster.nodes.values() if node is not lost]
    for node in others:
        await stop_driver(node)
    await lose_node(lost)
    await come_back(lost, drives=False)
    for node in others:
        await come_back(node)
    await until(lambda: harbour.leader() not in ("", lost.name), 60)
    lost.start_driver()
    dock.unlink()
    await voyage.is_as_undisturbed()
    await voyage.has_shipped_once()
    assert len(voyage.lines("shipping")) == 1


async def stays_followed(harbour: Harbour) -> None:
    """The leader that was stopped in its hook goes on, cannot ship any more, and follows."""
    voyage = Voyage(harbour, "after")
    await voyage.begin()
    await voyage.is_as_undisturbed()
    await voyage.has_shipped_once()
    counting = [len(await Voyage.of(harbour, name).events("shipped")) for name in ("hook-once", "hook-stopped")]
    assert counting == [0, 1]


async def lost_in_ship(harbour: Harbour, name: str, lose: Any, chance: Random) -> None:
    """The leader is lost at any moment of its shipping."""
    voyage = Voyage(harbour, name, again=lose is lose_node)
    await voyage.begin()
    lost = await leader(harbour)
    await until(lambda: f"{name} phase ship" in lost.driven or "phase ship" in lost.driven.rpartition("phase plan")[2], 90)
    await asyncio.sleep(chance.uniform(0, 0.8))
    await lose(lost)
    await voyage.is_as_undisturbed()
    await voyage.has_shipped_once()
    print(f"{name}: {lost.name} lost; the hook began {len(voyage.lines('shipping'))} times")
    await come_back(lost)


async def test_a_lost_leader_is_followed_and_nothing_is_shipped_twice(tmp_path: Path, chance: Random) -> None:
    async with clusters(tmp_path, NAMES, 3) as cluster, harbours(cluster) as harbour:
        try:
            await undisturbed(harbour)
            await lost_in_exec(harbour, "exec-driver", lose_driver, chance)
            await lost_in_exec(harbour, "exec-node", lose_node, chance)
            await built_on(harbour)
            await wished_for(harbour)
            await lost_in_hook(harbour, "hook-driver", lose_driver)
            await lost_in_hook(harbour, "hook-again", lose_node, again=True)
            await lost_in_hook(harbour, "hook-once", lose_node)
            await lost_in_hook(harbour, "hook-stopped", stop_driver)
            await back_in_hook(harbour, "hook-back")
            await stays_followed(harbour)
            for number in range(LEADERS):
                for lose in (lose_driver, lose_node):
                    await lost_in_exec(harbour, f"exec-{lose.__name__}-{number}", lose, chance)
                    await lost_in_ship(harbour, f"ship-{lose.__name__}-{number}", lose, chance)
        finally:
            _show(cluster)


def _show(cluster: Cluster) -> None:
    for node in cluster.nodes.values():
        print(f"-- {node.name}\n{node.driven}")
