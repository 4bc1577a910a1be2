"""Releases of a cluster on a real server: whoever is lost at whichever moment, nothing is shipped a second time."""

from __future__ import annotations

import asyncio
import hashlib
import os
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from threading import Lock
from typing import Any, NamedTuple

import pytest

from engine.cluster.access import connected
from engine.cluster.chest import Chest, NotThere
from engine.cluster.fence import Fence
from engine.cluster.hookwords import HookWords
from engine.cluster.nodefile import NodeFile
from engine.cluster.pieces import PIECE_BYTES, Overtaken, Pieces
from engine.cluster.replica import Replica
from engine.cluster.shipping import ClusterShipper, Dock
from engine.cluster.stores import Stores
from engine.cluster.subjects import Subjects
from sprints.archive import Archive
from sprints.errors import HookFailed, LedgerFailed, ShipRefused
from sprints.hook import Hook
from sprints.ledger import Line, open_ledger
from sprints.place import PlaceDisk
from sprints.release import MOMENTS, Releases
from tests.support.fabric import Lines, access_to, servers

pytestmark = pytest.mark.timeout(300)

SPRINT, NEXT = "sp-20261121-001", "sp-20261121-002"
LINE = "import os, sys; open(sys.argv[1], 'a').write(os.environ['ENGINE_RELEASE'] + chr(10))"
#: Waits, once one file is there, for another.
WAIT = "import sys, time, pathlib as p; p.Path(sys.argv[1]).touch()\nwhile not p.Path(sys.argv[2]).exists(): time.sleep(0.02)"
#: The moment at which the hooks have said yes, and only their leader knows.
HOOKED = "ship.hooked"


class Killed(BaseException):
    """The process of a leader ends."""


class Shore(NamedTuple):
    """A client of the server, and what that keeps."""

    nats: Any
    stores: Stores


class Leader:
    """A leader on a host of its own, which ends at a moment. Of its hooks it tells once its words are open."""

    def __init__(self, shore: Shore, folder: Path, token: int, *, dies_at: str = "") -> None:
        stores = shore.stores
        self.folder = folder / f"host-{token}"
        self.folder.mkdir(parents=True)
        self.is_alive = True
        self._dies_at = dies_at
        leads = lambda: self.is_alive  # noqa: E731 - a claim in a line
        fence, loop = Fence(self.folder / "fence"), asyncio.get_running_loop()
        ships, pieces = stores.ships(leads), stores.pieces(leads)
        node = NodeFile(self.folder / "node.json", "c", f"n{token}", (f"n{token}",), (), offline_s=0.5)
        words = HookWords(shore.nats, node, lambda _line: None)
        self.dock = Dock(node.id, token, leads, fence, ships, words, pieces, stores.chest, stores.subjects, loop, Lock())

    async def ship(self, folder: str, sprint: str, items: dict[str, bytes], hooks: list[Hook], *, is_here: bool) -> Any:
        """Ship items, each an artifact of its name. is_here: whether they lie in its work folder, or on the servers alone."""
        work, held = self.folder / "work", self.folder / sprint
        work.mkdir(exist_ok=True)
        held.mkdir(exist_ok=True)
        releases = Releases(PlaceDisk(), str(self.folder / "releases"), time.time)
        shipper = ClusterShipper(self.dock, folder, sprint, releases, str(work), hooks, str(held))
        for item, content in items.items():
            source = (work if is_here else self.folder) / item
            source.write_bytes(content)
            sha256 = hashlib.sha256(content).hexdigest()
            descriptor = os.open(source, os.O_RDONLY)
            await self.dock.chest.put(sha256, descriptor, len(content))
            os.close(descriptor)
            shipper.take(item, [{"path": item, "sha256": sha256, "size_bytes": len(content)}], f"{item}-digest")
        look = shipper.passed

        def passed(moment: str) -> None:
            if moment == self._dies_at:
                self.is_alive = False
                raise Killed
            look(moment)

        releases.failpoint = passed
        return await asyncio.to_thread(shipper.ship, list(items), 30.0)

    @property
    def files(self) -> dict[str, bytes]:
        """What its current release has."""
        current = self.folder / "releases" / "current" / "files"
        return {file.name: file.read_bytes() for file in current.iterdir()}


@asynccontextmanager
async def shores(folder: Path) -> AsyncIterator[Shore]:
    async with servers(folder, 1) as made:
        nats = await connected(access_to(made), "test", Lines(), wait_s=30)
        try:
            stores = Stores(nats, Subjects("c"), 1)
            await stores.open()
            yield Shore(nats, stores)
        finally:
            await nats.close()


async def lost_at(shore: Shore, folder: Path, moment: str, *, again: bool = False, tells: bool = False) -> None:
    """A leader is lost at a moment, and another one is asked for the same. tells: its node tells of its hooks."""
    folder.mkdir()
    name, ships = folder.name, folder / "ships"
    hooks = [Hook((sys.executable, "-c", LINE, str(ships)), again=again)]
    items = {"a": b"A", "b": b"B"}
    first = Leader(shore, folder, 1, dies_at=moment)
    with pytest.raises((Killed, Overtaken, ShipRefused)):
        await first.ship(name, SPRINT, items, hooks, is_here=True)
    if tells:
        await first.dock.words.open()
    second = Leader(shore, folder, 2)
    if moment == HOOKED and not again and not tells:
        for sprint in (SPRINT, NEXT):  # nor does a later sprint ship what may have been shipped
            with pytest.raises(ShipRefused, match="n1 was lost while the hook"):
                await second.ship(name, sprint, items, hooks, is_here=False)
        assert len(ships.read_text().split()) == 1
        assert await shore.stores.ships().settle(SPRINT)
        assert not await shore.stores.ships().settle(SPRINT)
        ships.unlink()
    shipment = await second.ship(name, SPRINT, items, hooks, is_here=False)
    assert (shipment.release, shipment.items, shipment.left_out) == (f"0001-{SPRINT}", ("a", "b"), {})
    assert second.files == items
    assert set(ships.read_text().split()) == {shipment.release}
    assert len(ships.read_text().split()) == (2 if moment == HOOKED and again and not tells else 1)
    await first.dock.words.close()

    third = Leader(shore, folder, 3)  # asked for the same once more, and then for what comes after it
    assert await third.ship(name, SPRINT, items, hooks, is_here=False) == shipment
    after = await third.ship(name, NEXT, {"c": b"C"}, hooks, is_here=False)
    assert (after.release, third.files) == (f"0002-{NEXT}", {**items, "c": b"C"})
    assert ships.read_text().split()[-1] == after.release


async def lost_before_its_hook(shore: Shore, folder: Path) -> None:
    """A leader is lost between its claim that a hook runs, and that: who asks can have it run."""
    ships = folder / "unbegun-ships"
    hooks = [Hook((sys.executable, "-c", LINE, str(ships)))]
    first = Leader(shore, folder / "unbegun", 1)

    def dies(_run: str) -> str:
        raise Killed

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(first.dock.words, "path", dies)
        patch.setattr(ClusterShipper, "_put", put_and_die(ClusterShipper._put))
        with pytest.raises(Killed):
            await first.ship("unbegun", SPRINT, {"a": b"A"}, hooks, is_here=True)
    await first.dock.words.open()
    shipment = await Leader(shore, folder / "unbegun", 2).ship("unbegun", SPRINT, {"a": b"A"}, hooks, is_here=False)
    assert ships.read_text().split() == [shipment.release]
    await first.dock.words.close()


def put_and_die(put: Any) -> Any:
    """A leader that is lost gives no record back."""

    def patched(shipper: Any, record: Any) -> None:
        if record.state != "failed":
            put(shipper, record)

    return patched


async def said_no(shore: Shore, folder: Path) -> None:
    """A hook says no after its leader was lost: nothing is shipped, and the next sprint is."""
    held, go = folder / "no-held", folder / "no-go"
    no = Hook((sys.executable, "-c", f"{WAIT}\nsys.exit('it broke')", str(held), str(go)))
    first = Leader(shore, folder / "no", 1)
    await first.dock.words.open()
    shipping = asyncio.ensure_future(first.ship("no", SPRINT, {"a": b"A"}, [no], is_here=True))
    await there(held)
    second = asyncio.ensure_future(Leader(shore, folder / "no", 2).ship("no", SPRINT, {"a": b"A"}, [no], is_here=False))
    await asyncio.sleep(1)
    assert not second.done(), "the hook was not waited for"
    first.is_alive = False
    go.touch()
    with pytest.raises(HookFailed, match="it broke"):
        await second
    with pytest.raises((HookFailed, Overtaken, ShipRefused)):
        await shipping
    shipment = await Leader(shore, folder / "no", 3).ship("no", NEXT, {"b": b"B"}, [], is_here=False)
    assert shipment.items == ("b",)
    await first.dock.words.close()


async def there(file: Path) -> None:
    async with asyncio.timeout(60):
        while not file.exists():
            await asyncio.sleep(0.02)


async def stale(shore: Shore, folder: Path, *, tells: bool) -> None:
    """A leader whose machine has seen a later token ships nothing, and one whose record was changed switches to nothing."""
    name = f"stale-{tells}"
    first = Leader(shore, folder / name, 1)
    first.dock.fence.see(2)
    with pytest.raises(ShipRefused, match="token 1 is stale"):
        await first.ship(name, SPRINT, {"a": b"A"}, [], is_here=True)
    name = f"slow-{tells}"
    slow, second = Leader(shore, folder / name, 1), Leader(shore, folder / name, 2)
    if tells:
        await slow.dock.words.open()
    held, go = folder / f"held-{tells}", folder / f"go-{tells}"
    hooks = [Hook((sys.executable, "-c", WAIT, str(held), str(go)))]
    shipping = asyncio.ensure_future(slow.ship(name, SPRINT, {"a": b"A"}, hooks, is_here=True))
    await there(held)
    following = asyncio.ensure_future(second.ship(name, SPRINT, {"a": b"A"}, hooks, is_here=False))
    if not tells:
        with pytest.raises(ShipRefused, match="n1 was lost while the hook"):
            await following
    slow.is_alive = False
    go.touch()
    with pytest.raises(ShipRefused, match=r"changed by somebody else|leads no more"):
        await shipping
    assert not (slow.folder / "releases" / "current").exists()
    if tells:
        assert (await following).items == ("a",)
        assert second.files == {"a": b"A"}
    await slow.dock.words.close()


async def test_a_leader_may_be_lost_at_every_moment_of_a_release(tmp_path: Path) -> None:
    async with shores(tmp_path) as shore:
        for moment in MOMENTS:
            await lost_at(shore, tmp_path / f"{moment}", moment)
        for again, tells in ((True, False), (True, True), (False, True)):
            await lost_at(shore, tmp_path / f"{HOOKED}-{again}-{tells}", HOOKED, again=again, tells=tells)
        await lost_before_its_hook(shore, tmp_path)
        await said_no(shore, tmp_path)
        for tells in (False, True):
            await stale(shore, tmp_path, tells=tells)


async def test_a_value_is_whole_or_not_there_and_of_two_writers_one_is_overtaken(tmp_path: Path) -> None:
    async with shores(tmp_path) as (_, stores):
        pieces, subject = stores.pieces(), stores.subjects.build("sprint.ledger", SPRINT)
        large = os.urandom(PIECE_BYTES + 10)
        first = await pieces.append(subject, large, 0)
        last = await pieces.append(subject, b"second", first)
        with pytest.raises(Overtaken, match="somebody else"):
            await pieces.append(subject, b"late", first)

        def torn(start: int, _: int) -> bytes:
            if start:
                raise Killed
            return b"x" * PIECE_BYTES

        with pytest.raises(Killed):
            await pieces.pour(subject, 2 * PIECE_BYTES, torn, last)
        assert not await pieces.is_whole(subject)
        last = await pieces.append(subject, b"third", await pieces.last(subject))
        assert await pieces.read(subject) == ([large, b"second", b"third"], last)
        assert await pieces.subjects(stores.subjects.every("sprint.ledger")) == [subject]
        with pytest.raises(Overtaken, match="may not write"):
            await stores.pieces(lambda: False).append(subject, b"no", last)


async def test_a_file_is_what_its_name_says_or_is_not_there(tmp_path: Path) -> None:
    async with shores(tmp_path) as (_, stores):
        chest: Chest = stores.chest
        content = os.urandom(PIECE_BYTES + 1)
        sha256 = hashlib.sha256(content).hexdigest()
        (tmp_path / "source").write_bytes(content)
        (tmp_path / "source").chmod(0o751)
        source = os.open(tmp_path / "source", os.O_RDONLY)
        (tmp_path / "target").mkdir()
        target = os.open(tmp_path / "target", os.O_RDONLY | os.O_DIRECTORY)
        try:
            with pytest.raises(NotThere, match="no file with sha256"):
                await chest.get(sha256, target, "x")
            with pytest.raises(NotThere, match="was written while it was read"):
                await chest.put("0" * 64, source, len(content))
            with pytest.raises(NotThere, match="damaged"):
                await chest.get("0" * 64, target, "x")
            await asyncio.gather(*(chest.put(sha256, source, len(content)) for _ in range(3)))
            await chest.get(sha256, target, "deep/er/x")
            made = tmp_path / "target" / "deep" / "er" / "x"
            assert (made.read_bytes(), made.stat().st_mode & 0o777) == (content, 0o751)
            (tmp_path / "target" / "link").symlink_to(tmp_path)
            for path in ("../x", "/x", "link/x"):
                with pytest.raises((NotThere, OSError)):
                    await chest.get(sha256, target, path)
            assert sorted(one.name for one in (tmp_path / "target").iterdir()) == ["deep", "link"]
            assert not (tmp_path / "x").exists()
        finally:
            os.close(source)
            os.close(target)


async def test_a_ledger_is_on_the_servers_before_it_counts_and_who_led_before_adds_nothing(tmp_path: Path) -> None:
    async with shores(tmp_path) as (_, stores):
        pieces: Pieces = stores.pieces()

        def replica(name: str) -> Replica:
            return Replica(pieces, stores.subjects, tmp_path / name)

        one = replica("one")
        archive = Archive(str(one.folder), one)
        sprint = await asyncio.to_thread(archive.make, time.time(), {"name": "app"})
        ledger = open_ledger(one, archive.path(sprint), sprint, time.time, lambda _line: None)
        ledger.add("sprint", 0.0, id=sprint)
        await asyncio.to_thread(ledger.sync)
        ledger.add("planned", 1.0, items=[])  # never synced: it is nowhere

        two = replica("two")
        await two.restore()
        taken: list[Line] = []
        again = open_ledger(two, str(two.folder / sprint), sprint, time.time, taken.append)
        assert [line.facts["e"] for line in taken] == ["sprint"]
        assert Archive(str(two.folder), two).backlog(sprint) == {"name": "app"}
        again.add("phase", 2.0)
        with pytest.raises(LedgerFailed):  # from the restore on, and not from the next line on
            await asyncio.to_thread(ledger.sync)
        await asyncio.to_thread(again.sync)
        ledger.close()
        again.close()

        await one.restore()
        assert [event["e"] for event in Archive(str(one.folder), one).events(sprint)] == ["sprint", "phase"]
