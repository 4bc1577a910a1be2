"""Another release is made to count, on a real server: decided by who does not drive, followed by who does."""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path
from typing import Any

import orjson
import pytest

from engine.cluster.current import Current
from engine.cluster.logbook import Logbook
from engine.cluster.records import BadRecord
from engine.cluster.replica import Replica
from engine.cluster.rollback import Rollback
from engine.cluster.stores import Stores
from engine.cluster.warehouse import Warehouse
from engine.cluster.wishes import ABORT, PAUSE, RESUME, Wish
from engine.errors import UnknownSprint
from pools.errors import BadArgument
from sprints.archive import Archive
from sprints.errors import RollbackRefused, ShipRefused
from sprints.hook import Hook
from sprints.ledger import open_ledger
from sprints.queue import Queued, new_queued_id
from tests.cluster.test_shipping import WAIT, Leader, shores
from tests.support.fabric import Lines
from tests.support.processes import until

pytestmark = pytest.mark.timeout(300)

BACKLOG = {
    "schema": "engine.backlog/v1",
    "name": "app",
    "roles": {"maker": {"kind": "maker", "agents": 1}},
    "tasks": [{"id": "a", "role": "maker", "method": "make"}],
}


class Past:
    """Sprints that were, as the servers keep them, and a desk beside."""

    def __init__(self, stores: Stores, folder: Path) -> None:
        self.stores = stores
        self._replica = Replica(stores.pieces(), stores.subjects, folder / "written")
        self._archive = Archive(str(self._replica.folder), self._replica)
        desk = Replica(stores.pieces(), stores.subjects, folder / "desk")
        logbook = Logbook(stores.orders(), desk)
        loop = asyncio.get_running_loop()
        warehouse = Warehouse(
            stores.pieces(), stores.chest, stores.subjects, lambda doing: asyncio.run_coroutine_threadsafe(doing, loop).result()
        )
        self.archive = logbook.archive
        self.rollback = Rollback(logbook, stores.ships(), warehouse, follow_s=0.0)
        self.patient = Rollback(logbook, stores.ships(), warehouse, follow_s=60.0)

    async def begin(self) -> str:
        """A sprint that runs; its id."""
        order = Queued(new_queued_id(), time.time(), BACKLOG, {})
        await self.stores.orders().place(order)
        sprint = await asyncio.to_thread(self._archive.make, time.time(), BACKLOG)
        await self._add(sprint, "sprint", id=sprint, backlog="app", settings={"queued": order.id})
        return sprint

    async def end(self, sprint: str, *releases: str) -> None:
        """It has shipped these, and ends."""
        for release in releases:
            await self._add(sprint, "shipped", release=release, items=["a"], releases="r")
        await self._add(sprint, "ended")

    async def _add(self, sprint: str, event: str, **facts: Any) -> None:
        def add() -> None:
            ledger = open_ledger(self._replica, self._archive.path(sprint), sprint, time.time, lambda _line: None)
            ledger.add(event, 1.0, **facts)
            ledger.sync()
            ledger.close()

        await asyncio.to_thread(add)

    async def notes(self, sprint: str) -> list[str]:
        """Where the ledger of a sprint says that it was rolled back to, as the servers have it."""
        await self.rollback._logbook.read(sprint)
        return [event["to"] for event in self.archive.events(sprint) if event["e"] == "rolled_back"]


async def followed(leader: Leader, release: str) -> None:
    """A leader has a release as its current one, and nothing beside it."""
    said = Lines()
    following = asyncio.ensure_future(Current(leader.dock, leader.folder, said).follow())
    try:
        link = leader.folder / "releases" / "current"
        await until(lambda: link.is_symlink() and link.readlink().name == release, 60)
    finally:
        following.cancel()
        await asyncio.wait((following,))
    assert all("cannot be made current" not in line for line in said), said


async def test_a_release_is_taken_back_and_is_current_wherever_one_drives(tmp_path: Path) -> None:
    async with shores(tmp_path) as shore:
        stores = shore.stores
        past = Past(stores, tmp_path)
        with pytest.raises(BadArgument, match="no sprint has shipped yet"):
            await past.rollback.look("")
        with pytest.raises(UnknownSprint):
            await past.rollback.look("sp-20200101-001")
        one = Leader(shore, tmp_path, 1)
        sprints, releases = [], []
        for item, content in (("a", b"A"), ("b", b"B")):
            sprint = await past.begin()
            shipped = await one.ship("releases", sprint, {item: content}, [], is_here=True)
            if item == "a":
                with pytest.raises(BadArgument, match="has shipped nothing"):
                    await past.rollback.look(sprint)
            await past.end(sprint, shipped.release)
            sprints.append(sprint)
            releases.append(shipped.release)

        looked = await past.rollback.look("")
        assert {key: looked[key] for key in ("id", "folder", "from", "to")} == {
            "id": sprints[1],
            "folder": "releases",
            "from": releases[1],
            "to": releases[0],
        }
        done = await past.rollback.go(looked)
        assert (done["node"], done["not_noted"]) == (None, [])
        assert one.files == {"a": b"A", "b": b"B"}, "nobody drives yet"
        assert [await past.notes(sprint) for sprint in sprints] == [[releases[0]]] * 2

        await followed(one, releases[0])
        assert one.files == {"a": b"A"}
        again = await past.patient.go(looked)  # the answer to the first try was lost
        assert (again["node"], again["to"]) == ("n1", releases[0])
        assert await past.notes(sprints[1]) == [releases[0]]
        with pytest.raises(RollbackRefused, match="is the first release"):
            await past.rollback.look("")

        two = Leader(shore, tmp_path, 2)  # a node that never had any
        await followed(two, releases[0])
        assert two.files == {"a": b"A"}
        third = await past.begin()
        after = await two.ship("releases", third, {"c": b"C"}, [], is_here=True)
        assert two.files == {"a": b"A", "c": b"C"}, "what was taken back is not shipped on"
        with pytest.raises(RollbackRefused, match=f"{third} still runs, and may ship: abort it first"):
            await past.rollback.look("")
        await past.end(third, after.release)
        with pytest.raises(RollbackRefused, match="changed since it was looked at"):
            await past.rollback.go({**looked, "to": releases[1]})

        forth = await past.rollback.look(sprints[1])
        assert (forth["from"], forth["to"]) == (after.release, releases[1])
        await past.rollback.go(forth)
        await followed(two, releases[1])
        assert two.files == {"a": b"A", "b": b"B"}

        context, subject = stores._context, stores.subjects.build
        await context.purge_stream("c-artifacts", subject=subject("artifact", hash_of(b"C")))
        with pytest.raises(RollbackRefused, match="is not whole: the servers have c no more"):
            await past.rollback.look(third)


def hash_of(content: bytes) -> str:
    import hashlib

    return hashlib.sha256(content).hexdigest()


async def test_nothing_is_taken_back_while_something_ships_or_may_have(tmp_path: Path) -> None:
    async with shores(tmp_path) as shore:
        stores = shore.stores
        past = Past(stores, tmp_path)
        one = Leader(shore, tmp_path, 1)
        made = []
        for item in "ab":
            sprint = await past.begin()
            shipped = await one.ship("releases", sprint, {item: item.encode()}, [], is_here=True)
            await past.end(sprint, shipped.release)
            made.append(shipped.release)
        looked = await past.rollback.look("")

        held, go = tmp_path / "held", tmp_path / "go"
        hooks = [Hook((sys.executable, "-c", WAIT, str(held), str(go)))]
        third = await past.begin()
        shipping = asyncio.ensure_future(one.ship("releases", third, {"c": b"C"}, hooks, is_here=True))
        await until(held.exists, 60)
        with pytest.raises(RollbackRefused, match=f"{third} ships on n1 now in the hook .*: wait, or abort it first"):
            await past.rollback.look("")
        with pytest.raises(RollbackRefused, match=f"{third} ships on n1 now"):
            await past.rollback.go(looked)
        following = asyncio.ensure_future(Current(one.dock, one.folder, Lines()).follow())  # it waits until nothing is shipped
        two = Leader(shore, tmp_path, 2)
        with pytest.raises(ShipRefused, match="n1 was lost while the hook"):
            await two.ship("releases", third, {"c": b"C"}, hooks, is_here=True)
        go.touch()
        with pytest.raises(ShipRefused, match="changed by somebody else"):
            await shipping
        following.cancel()
        await asyncio.wait((following,))
        await past.end(third)
        with pytest.raises(RollbackRefused, match=f"of {third} has shipped is not known; .* sprint settle {third}"):
            await past.rollback.look("")
        assert await stores.ships().settle(third)
        assert (await past.rollback.go(await past.rollback.look("")))["to"] == made[0]
        await followed(two, made[0])


async def test_what_is_wanted_stays_and_an_end_that_was_wanted_is_wanted_for_good(tmp_path: Path) -> None:
    async with shores(tmp_path) as shore:
        stores = shore.stores
        wishes, name = stores.wishes(), "sp-20261121-001"
        assert (await wishes.newest(name), await wishes.names()) == (None, set())
        for what in (PAUSE, RESUME):
            assert await wishes.want(name, Wish(what, 1.0, "x")) == Wish(what, 1.0, "x")
        many = [Wish(PAUSE, float(at), "x") for at in range(8)]
        await asyncio.gather(*(stores.wishes().want(name, wish) for wish in many))  # of two at once both are there, in turn
        assert len((await stores.pieces().read(stores.subjects.build("sprint.wish", name))).values) == 10
        end = await wishes.want(name, Wish(ABORT, 9.0, "enough"))
        assert await wishes.want(name, Wish(RESUME, 10.0, "x")) == end == await wishes.newest(name)
        assert await wishes.names() == {name}
        for odd in (b"", b"{", b"{}", b'["sing", 1.0, "x"]', b'["pause", "1", "x"]', b'["pause", 1.0]'):
            subject = stores.subjects.build("sprint.wish", f"odd-{len(odd)}-{odd[-3:].hex()}")
            await stores.pieces().append(subject, odd, 0)
            with pytest.raises(BadRecord):
                await wishes.newest(stores.subjects.parse(subject).parts[0])


async def test_a_stream_that_was_made_before_there_were_wishes_takes_them(tmp_path: Path) -> None:
    async with shores(tmp_path) as shore:
        stores = shore.stores
        context, wishes = stores._context, stores.wishes()
        config = (await context.stream_info("c-sprints")).config
        config.subjects = [subject for subject in config.subjects or () if "wish" not in subject]
        await context.update_stream(config)
        await stores.orders().place(Queued(new_queued_id(), 1.0, BACKLOG, {}))
        await stores.open()
        await wishes.want("q-000000000000", Wish(ABORT, 1.0, "x"))
        assert [one.backlog for one in await stores.orders().open_ones()] == [orjson.loads(orjson.dumps(BACKLOG))]
