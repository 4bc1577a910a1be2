"""The releases of a cluster's sprints: made by who leads, known to all, and never shipped a second time.

Owns the order of things: the fence of this machine, the record that all nodes see, then what follows from it. A hook runs only
after the record says so. A release is made of what the servers have, wherever that was made, and is switched to only after all
of it is there, so that another leader can have the same one. What the record allows is `shiprecord`'s.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import replace
from threading import Lock
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from engine.cluster.chest import Chest
from engine.cluster.fence import Fence, StaleToken
from engine.cluster.hookwords import HookWords
from engine.cluster.pieces import Overtaken, Pieces
from engine.cluster.records import BadRecord
from engine.cluster.shipledger import ShipLedger
from engine.cluster.shiprecord import ShipRecord, next_step
from engine.cluster.stage import Stage
from engine.cluster.subjects import Subjects
from engine.cluster.warehouse import Warehouse
from engine.errors import Unavailable
from sprints.errors import HookFailed, ShipRefused
from sprints.hook import Hook
from sprints.hookword import Word
from sprints.leash import run_leashed
from sprints.manifest import Manifest
from sprints.release import Draft, Releases
from sprints.shipper import Shipment, Shipper

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["ClusterShipper", "Dock"]

Value = TypeVar("Value")


class Dock(NamedTuple):
    """What the releases of one term have in common.

    token: of the term.  leads: whether that lasts.  ships: the records.  words: of hooks.  pieces: where manifests are kept.
    at_work: held while something is shipped.
    """

    node: str
    token: int
    leads: Callable[[], bool]
    fence: Fence
    ships: ShipLedger
    words: HookWords
    pieces: Pieces
    chest: Chest
    subjects: Subjects
    loop: asyncio.AbstractEventLoop
    at_work: Lock

    @property
    def warehouse(self) -> Warehouse:
        """The releases that the servers keep, for a thread."""
        return Warehouse(self.pieces, self.chest, self.subjects, self.wait)

    def wait(self, doing: Coroutine[Any, Any, Value]) -> Value:
        """Have something done in the loop, from a thread."""
        return asyncio.run_coroutine_threadsafe(doing, self.loop).result()


class ClusterShipper(Shipper):
    """The releases of one sprint. As `Shipper`; folder: of the releases, as the backlog names it."""

    def __init__(
        self, dock: Dock, folder: str, sprint: str, releases: Releases, work: str, hooks: Sequence[Hook], held: str
    ) -> None:
        super().__init__(sprint, releases, work, hooks, held)
        self._dock = dock
        self._folder = folder
        self._record = ShipRecord(folder, sprint, dock.token, dock.node)
        self._revision = 0
        self._warehouse = dock.warehouse
        self._stage = Stage(dock.chest, dock.loop, work, f"{held}/staged")
        #: What a leader that was lost in a hook had done of the same, and hooks that were come to since.
        self._before: ShipRecord | None = None
        self._run_hooks = 0

    def passed(self, moment: str) -> None:
        """See Shipper; a leader that has lost its term ships nothing more. What a hook has shipped is not given up."""
        has_shipped = moment == "ship.hooked" and self._run_hooks
        if not has_shipped and not (self._before is not None and self._before.done):
            super().passed(moment)
        if not self._dock.leads():
            raise ShipRefused(f"{self._dock.node} leads no more")
        if moment == "ship.hooked":
            self._put(self._record.switching())

    def ship(self, items: Sequence[str], left_s: float) -> Shipment:
        """See Shipper. Raises ShipRefused where another leader has followed, or may have shipped."""
        try:
            with self._dock.at_work, self._dock.fence.passing(self._dock.token):
                return self._ship(items, left_s)
        except (StaleToken, Overtaken, Unavailable, BadRecord) as error:
            raise ShipRefused(str(error)) from error

    def _ship(self, items: Sequence[str], left_s: float) -> Shipment:
        dock = self._dock
        known, self._revision = dock.wait(dock.ships.read(self._folder))
        if known is not None and known.state == "hook":
            known = self._heard(known)
        step = next_step(known, self.sprint, items)
        if step == "doubt" and known is not None:
            self._put(replace(known, token=dock.token))  # so that who runs the hook cannot go on, if it is only slow
            raise ShipRefused(_doubt(known))
        if step == "take over" and known is not None:
            shipment = self._take_over(known)
            if known.sprint == self.sprint:
                return shipment
            known, self._revision = dock.wait(dock.ships.read(self._folder))
        current = "" if known is None else known.current
        if current:
            self._warehouse.bring(current, self.releases)
        self._before = known if known is not None and known.state == "hook" else None
        begun = self._before or ShipRecord(self._folder, self.sprint, dock.token, dock.node, current=current)
        self._put(replace(begun, token=dock.token, node=dock.node, run=""))
        self._run_hooks = 0
        try:
            with self._stage.filled(self.entries(items)) as self.work:
                shipment = super().ship(items, left_s)
        except (ShipRefused, Overtaken):
            raise
        except BaseException:
            if self._record.state in ("begun", "hook"):  # nothing was switched, and no hook runs
                self._put(self._record.failing())
            raise
        self._put(self._record.counting())
        return shipment

    def send(self, draft: Draft, hooks: Sequence[Hook], items: tuple[str, ...]) -> Shipment:
        """See Shipper."""

        def written(manifest: Manifest) -> None:
            self._warehouse.keep(draft, manifest)
            content = hashlib.sha256(repr(manifest.entries).encode()).hexdigest()
            if self._before is not None and self._before.done and self._before.content != content:
                raise ShipRefused(_doubt(self._before))
            facts: dict[str, Any] = {"release": manifest.release, "manifest_sha256": manifest.sha256, "items": items}
            facts["content"] = content
            self._record = replace(self._record, **facts, left_out=dict(draft.changed))

        manifest = draft.ship(hooks, self.held, self._run, written)
        return Shipment(manifest.release, manifest.sha256, items, dict(draft.changed))

    def _heard(self, known: ShipRecord) -> ShipRecord:
        """What is to be gone by once it is known what became of a hook; waits while it runs. Raises HookFailed, Overtaken."""
        dock = self._dock
        word = dock.wait(dock.words.ask(known.node, known.run, dock.leads)) if known.run else Word("lost")
        heard = known.heard(word, self.sprint)
        if heard.state == "failed":
            self._put(replace(heard, token=dock.token, node=dock.node))
            if word.state == "no" and known.sprint == self.sprint:
                raise HookFailed(known.hook, word.why)
        return heard

    def _run(self, hook: Hook, files: str, facts: Mapping[str, str], _held: str) -> None:
        """Run a hook, once all know that it runs and those before it have said yes; one of these is not run again.

        It goes on without this process, and leaves word of how it ended: who leads next goes by that.
        """
        at, self._run_hooks = self._run_hooks, self._run_hooks + 1
        if self._before is None or at >= self._before.done:
            run = f"{self.sprint}-{self._revision}-{at}"
            self._put(replace(self._record, state="hook", hook=hook.name, is_again=hook.again, done=at, run=run))
            run_leashed(hook, files, {**facts, "ENGINE_TOKEN": str(self._dock.token)}, word=self._dock.words.path(run))

    def _put(self, record: ShipRecord) -> None:
        """Have all know it. Raises Overtaken."""
        self._revision = self._dock.wait(self._dock.ships.write(record, self._revision))
        self._record = record

    def _take_over(self, known: ShipRecord) -> Shipment:
        """Have a release that counts already, or whose hooks have all said yes, here too, and count."""
        self._warehouse.bring(known.release, self.releases)
        if known.state == "switch":
            record = replace(known.counting(), token=self._dock.token, node=self._dock.node)
            self._put(record)
        return Shipment(known.release, known.manifest_sha256, known.items, dict(known.left_out))


def _doubt(known: ShipRecord) -> str:
    return (
        f"{known.node} was lost while the hook {known.hook!r} of {known.sprint} ran: whether it has shipped is not known,"
        f" and it is not run again; look there, then: engine cluster sprint settle {known.sprint}"
    )
