"""The sprints of one backlog, one after the other, each of which learns from those before.

Owns what is carried from sprint to sprint: which items are done, what was measured, what the next one should do otherwise. How
one sprint runs is `runner`'s; who does its items is handed in. A campaign that was killed goes on in the sprint that it was in.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from checkpoints.errors import FolderInUse
from sprints.archive import BACKLOG, HTML, MARKDOWN, Archive
from sprints.backlog import Backlog, read_backlog
from sprints.capacity import Rate, capacities_of, rates_of
from sprints.chronicle import Chronicle, chronicle_of
from sprints.clock import Clock
from sprints.cost import cost_of, read_price
from sprints.errors import BadBacklog
from sprints.fitting import fitting
from sprints.guard import is_left
from sprints.hook import LONGEST_S, Hook, hook_of
from sprints.impact import Impact, Pattern, impact_of
from sprints.ledger import Ledger, Line, open_ledger
from sprints.optimizer import Advice, optimize_next
from sprints.outcome import Outcome
from sprints.place import PlaceDisk
from sprints.plan import Capacity, Plan, plan_sprint
from sprints.release import Releases
from sprints.report import html_report, markdown_report
from sprints.runner import Agents, Parts, Runner
from sprints.settings import Settings
from sprints.shape import shape_row
from sprints.shipper import Shipper
from sprints.spec import ITEMS_OUT_AN_AGENT
from sprints.sprint import Sprint
from sprints.thread import in_thread
from sprints.witness import Witness

__all__ = ["RELEASES", "WORK", "Campaign", "Hands"]

#: Sprints in a row in which nothing was done, after which a campaign ends: the next one would fail in the same way.
FUTILE = 2
#: Seconds that what was begun for a sprint may run before that goes on, and between two looks. What an engine that was killed
#: has begun ends at once; a hook of one that left its sprint in good order may have its whole time.
LEFT_S, LOOK_S = LONGEST_S + 60.0, 0.005
#: Where results and releases lie, beside the backlog, where it does not say.
WORK, RELEASES = "work", "releases"


class Hands(NamedTuple):
    """What the engine lends a campaign.

    agents: who does the items of a sprint, by its id; outcomes go to the callable.  prepare: has the agents of the roles there.
    cpu_s: seconds of cpu that the engine has taken so far.  told: called with the id of a sprint and each event of it.
    is_known: whether it knows an item of a backlog as one of a sprint with this id.  shipper: what makes a sprint's releases.
    """

    agents: Callable[[str, Backlog, Callable[[Iterable[Outcome]], None]], Agents]
    prepare: Callable[[Backlog], Awaitable[None]]
    cpu_s: Callable[[], float]
    told: Callable[[str, Mapping[str, Any]], None]
    is_known: Callable[[str, Backlog], bool]
    shipper: Callable[[str, Releases, str, Sequence[Hook], str], Shipper] = Shipper


class Campaign:
    """The sprints of one backlog. wall: unix time in seconds.  Raises BadBacklog for hooks and prices that cannot be."""

    def __init__(
        self, archive: Archive, backlog: Backlog, settings: Settings, hands: Hands, wall: Callable[[], float] = time.time
    ) -> None:
        self.archive = archive
        self.backlog = backlog
        self.settings = settings
        self.runner: Runner | None = None
        #: What the sprint that runs, or ran last, has told so far; None before the first.
        self.told: Chronicle | None = None
        #: The sprint that runs, or ran last, and the first one, by which the campaign is known; empty before the first.
        self.sprint = self.first = ""
        #: Set once the first sprint is on the disk, from where it goes on whatever happens.
        self.begun = asyncio.Event()
        #: Set while its sprint can be told something, and once that has ended; not while it is about to begin or to go on.
        self.is_ready = asyncio.Event()
        self._hands = hands
        self._wall = wall
        self._price = read_price(settings.price)
        self._hooks = _hooks(backlog)
        self._history: list[Chronicle] = []
        #: By the kind of agents, the oldest first.
        self._rates: dict[str, list[Rate]] = {}
        self._done: set[str] = set()
        #: What is done and in no release, by item: its artifacts, its receipt's digest and sprint.
        self._unshipped: dict[str, tuple[tuple[Mapping[str, Any], ...], str, str]] = {}
        self._known: set[Pattern] = set()
        self._impact: Impact | None = None
        self._advice: Advice | None = None
        #: Of the backlog as the sprint that runs has it, and of the last line that was written.
        self._digest = ""
        self._last_digest: str | None = None
        self._futile = 0

    @classmethod
    def restored(
        cls, archive: Archive, sprint: str, hands: Hands, wall: Callable[[], float] = time.time
    ) -> tuple[Campaign, bool]:
        """The campaign that a sprint belongs to, and whether that sprint has ended.

        Raises BadBacklog, UnknownSprint, OSError, ValueError where its files do not say it.
        """
        told = archive.chronicle(sprint)
        settings = Settings.of(told.header.get("settings") or {})
        backlog = read_backlog(archive.backlog(sprint))
        if told.header.get("digest", backlog.digest()) != backlog.digest():
            place = archive.path(sprint, BACKLOG)
            raise BadBacklog("it was changed: it is not the backlog that the sprint began with", place=place)
        campaign = cls(archive, backlog, settings, hands, wall)
        campaign.sprint, campaign.first = sprint, str(told.header.get("campaign", sprint))
        campaign._futile = int(told.header.get("futile", 0))
        if told.is_over:
            campaign._count(told)
        return campaign, told.is_over

    # -- its way -------------------------------------------------------------------------------------------------------

    async def run(self, *, is_going_on: bool = False) -> None:
        """Run its sprints to their end. is_going_on: the sprint that it was restored from first.

        Raises SprintBusy where another process works on the backlog, LedgerCorrupt of a sprint before: what would be taken for
        open may be done.  Raises LedgerFailed, OSError, and what the engine raises where its agents cannot be had.
        """
        claim = self.archive.claim(self.backlog.name)
        try:
            await self._run_all(is_going_on=is_going_on)
        finally:
            claim.close()

    async def _run_all(self, *, is_going_on: bool) -> None:
        await in_thread(lambda: self._learn_all(self.sprint if is_going_on else None))
        left = self.settings.sprints
        if is_going_on:
            left = await self._run_one(self.sprint)
        while (left is None or left > 0) and (self._has_open() or self._unshipped) and not self.is_futile:
            out_an_agent = self._take_advice()
            await self._hands.prepare(self.backlog)
            row = self.backlog.row()
            self._digest = self.backlog.digest(row)
            sprint = await asyncio.to_thread(self._make, row)
            left = await self._run_one(sprint, left, out_an_agent)

    def _make(self, row: dict[str, Any]) -> str:
        return self.archive.make(self._wall(), row, lambda sprint: self._hands.is_known(sprint, self.backlog))

    @property
    def has_next(self) -> bool:
        """Whether another sprint follows the one that runs, as things stand: there may be one, and items are open."""
        told = self.told
        if told is None or told.aborted is not None or self.is_futile:
            return False
        left, done = told.header.get("left"), told.verdicts["done"]
        return (left is None or left > 1) and len(self._done) + done < len(self.backlog.items)

    @property
    def is_futile(self) -> bool:
        """Whether another sprint would fail in the same way."""
        return self._futile >= FUTILE

    def _has_open(self) -> bool:
        return any(name not in self._done for name in self.backlog.items)

    def _take_advice(self) -> int:
        """Have the backlog as the next sprint shall have it; returns how many items each agent may have out."""
        advice = self._advice if self.settings.is_optimized else None
        if advice is None:
            return ITEMS_OUT_AN_AGENT
        backlog = self.backlog
        roles = {name: replace(role, agents=advice.allocation.get(name, role.agents)) for name, role in backlog.roles.items()}
        items = {
            name: replace(item, priority=advice.priorities[name]) if name in advice.priorities else item
            for name, item in backlog.items.items()
        }
        self.backlog = replace(backlog, roles=roles, items=items, shape=backlog.shape.lasting(advice.seconds))
        return advice.out_an_agent

    async def _run_one(self, sprint: str, left: int | None = None, out_an_agent: int = ITEMS_OUT_AN_AGENT) -> int | None:
        """Run a sprint, or what is left of it; returns how many may follow, None for any number."""
        self.sprint, self.first = sprint, self.first or sprint
        self.is_ready.clear()
        lines: list[Line] = []
        ledger = open_ledger(self.archive.files, self.archive.path(sprint), sprint, self._wall, lines.append)
        self.told = told = chronicle_of(line.facts for line in lines)
        is_over = told.is_over
        self._note_all(sprint, lines)
        try:
            if lines:
                left = lines[0].facts["left"]
            if not is_over:
                if lines:
                    await self._hands.prepare(self.backlog)
                await self._work(told, ledger, lines, left, out_an_agent)
        finally:
            self.runner = None
            self.is_ready.set()
            ledger.close()
        await in_thread(lambda: self._end(sprint, told))
        if not is_over:
            self._count(told)
        if told.aborted is not None:
            return 0
        return None if left is None else left - 1

    def _count(self, told: Chronicle) -> None:
        self._futile = 0 if told.verdicts["done"] > len(told.left_out) else self._futile + 1

    async def _work(self, told: Chronicle, ledger: Ledger, lines: Sequence[Line], left: int | None, out_an_agent: int) -> None:
        """Run the sprint, of which these lines are there; what is written goes into `told`."""
        backlog, settings, hands, sprint = self.backlog, self.settings, self._hands, self.sprint
        begun = lines[0].facts if lines else None
        capacity: Capacity = (begun.get("capacities") or begun["capacity"]) if begun else self._capacities()
        plan = plan_sprint(backlog, capacity, self._done)
        work = self._folder(backlog.ship.work or WORK)
        os.makedirs(work, exist_ok=True)  # noqa: PTH103 - paths are texts here
        releases = Releases(PlaceDisk(), self._folder(backlog.ship.releases or RELEASES), self._wall)
        held = os.path.realpath(self.archive.path(sprint))  # noqa: ASYNC240 - as short as those beside it
        await _until_left(held)
        shipper = hands.shipper(sprint, releases, work, self._hooks, held)
        events = [line.facts for line in lines]
        began_cpu_s = hands.cpu_s()

        async def closing() -> Mapping[str, Any]:
            return await in_thread(lambda: self._closing(told, hands.cpu_s() - began_cpu_s))

        def wrote(line: Line) -> None:
            told.take(line.facts)
            self._note(sprint, line)

        async with Witness(work, settings.path, held=held) as witness:
            for line in lines:
                witness.resume(line.facts)
                if _is_done(line.facts):
                    shipper.take(line.facts["item"], line.facts.get("artifacts", ()), line.digest)
            for item, (artifacts, digest, before) in self._unshipped.items():
                shipper.take(item, artifacts, digest, before)
            agents = hands.agents(sprint, backlog, self._answered)
            parts = Parts(backlog.items, ledger, witness, shipper, agents, Clock(settings.speed), closing, wrote)
            if begun:
                state = Sprint.restored(events, backlog.shape, plan, backlog.items, self._done)
            else:
                header = self._header(sprint, plan, left, out_an_agent)
                state = Sprint(header, backlog.shape, plan, backlog.items, self._done)
            self.runner = Runner(state, parts, self._told)
            self.is_ready.set()
            try:
                await self.runner.run()
            finally:
                agents.close()

    def _told(self, event: Mapping[str, Any]) -> None:
        self.begun.set()
        self._hands.told(self.sprint, event)

    def _answered(self, outcomes: Iterable[Outcome]) -> None:
        if self.runner is not None:
            self.runner.answered(outcomes)

    def _header(self, sprint: str, plan: Plan, left: int | None, out_an_agent: int) -> dict[str, Any]:
        backlog, capacities = self.backlog, self._capacities()
        planned = [backlog.items[name] for name in plan.items]
        unshipped = list(self._unshipped)
        return {
            "id": sprint,
            "backlog": backlog.name,
            "digest": self._digest,
            "shape": shape_row(backlog.shape),
            "agents": backlog.agents,
            "roles": {name: role.agents for name, role in backlog.roles.items()},
            "workers": self.settings.workers,
            "capacity": sum(capacities.values()),
            "capacities": capacities,
            "out_an_agent": out_an_agent,
            "unshipped": unshipped[: fitting(unshipped)],
            "speed": self.settings.speed,
            "seed": self.settings.seed,
            "previous": self._last_digest,
            "left": left,
            "campaign": self.first,
            "futile": self._futile,
            "features": Counter(item.feature for item in planned if item.feature is not None),
            "bugs": Counter(item.bug for item in planned if item.bug is not None),
            "settings": self.settings.row(),
        }

    def _capacities(self) -> dict[str, int]:
        return capacities_of(self.backlog, self.backlog.shape.step_s("exec"), self._rates)

    def _folder(self, name: str) -> str:
        return os.path.normpath(os.path.join(self.settings.folder, name))  # noqa: PTH118 - paths are texts here

    # -- what is learned ---------------------------------------------------------------------------------------------------

    def _learn_all(self, before: str | None) -> None:
        """Take in the sprints of this backlog that were, up to one."""
        for sprint in self.archive.ids():
            if sprint == before:
                break
            if self.archive.backlog_of(sprint) == self.backlog.name:
                lines = self.archive.lines(sprint)
                self._note_all(sprint, lines)
                self._learn(chronicle_of(line.facts for line in lines))

    def _learn(self, told: Chronicle) -> None:
        """Take in what a sprint of this backlog told."""
        if not told.header:  # killed before its first event
            return
        self._history = [*self._history[-9:], told]
        self._done |= {receipt.item for receipt in told.receipts if receipt.verdict == "done"}
        self._done -= told.left_out.keys()
        for kind, rate in rates_of(told, self.backlog).items():
            self._rates.setdefault(kind, []).append(rate)
        self._impact = impact_of(told, self._known)
        self._known |= set(self._impact.patterns)
        self._advice = self._advise(told)

    def _end(self, sprint: str, told: Chronicle) -> None:
        """Learn from the sprint that has run, and write its report."""
        self._learn(told)
        self._report(sprint, told)

    def _note_all(self, sprint: str, lines: Iterable[Line]) -> None:
        for line in lines:
            self._note(sprint, line)

    def _note(self, sprint: str, line: Line) -> None:
        """Know what is done and in no release, which the next sprint ships too, and the line that this one is bound to."""
        facts = line.facts
        self._last_digest = line.digest
        if _is_done(facts):
            self._unshipped[facts["item"]] = (*facts.get("artifacts", ()),), line.digest, sprint
        elif facts["e"] == "shipped":
            for item in (*facts["items"], *facts.get("left_out", ())):
                self._unshipped.pop(item, None)

    def _advise(self, told: Chronicle) -> Advice:
        items = [item for name, item in self.backlog.items.items() if name not in self._done]
        allocation = told.header.get("roles") or {name: role.agents for name, role in self.backlog.roles.items()}
        out = int(told.header.get("out_an_agent", ITEMS_OUT_AN_AGENT))
        return optimize_next(self._history, items, allocation, self.backlog.shape.seconds, out)

    def _closing(self, told: Chronicle, cpu_s: float) -> dict[str, Any]:
        """What stands in the last line of a sprint beside its counts."""
        done = {receipt.item for receipt in told.receipts if receipt.verdict == "done"} - told.left_out.keys()
        settled = {receipt.item: receipt.verdict for receipt in told.receipts}
        free = [
            name
            for name, item in self.backlog.items.items()
            if name not in settled and item.after and not (set(item.after) - done - self._done) and set(item.after) & done
        ]
        following = {
            "carried": [item for items in told.carried.values() for item in items],
            "retry": [item for item, verdict in settled.items() if verdict != "done" or item in told.left_out],
            "follow_ups": free[: fitting(free)],
        }
        impact, cost = impact_of(told, self._known), cost_of(told, self._price, cpu_s)
        return {"impact": impact.row(), "cost": cost.row(), "next": following}

    def _report(self, sprint: str, told: Chronicle) -> None:
        """Write the two forms of the report; the ledger has all that it says."""
        facts = told, self._impact or impact_of(told), cost_of(told, self._price, told.cpu_s), self._advice
        self.archive.write(sprint, MARKDOWN, markdown_report(*facts))
        self.archive.write(sprint, HTML, html_report(*facts))


async def _until_left(folder: str) -> None:
    """Return once nothing runs any more that was begun for a sprint before. Raises FolderInUse, OSError."""
    until_s = time.monotonic() + LEFT_S
    while not is_left(folder):
        if time.monotonic() >= until_s:
            raise FolderInUse(folder, None)
        await asyncio.sleep(LOOK_S)


def _is_done(facts: Mapping[str, Any]) -> bool:
    return facts["e"] == "receipt" and bool(facts["verdict"] == "done")


def _hooks(backlog: Backlog) -> list[Any]:
    """The hooks of a backlog. Raises BadBacklog."""
    hooks = []
    for at, row in enumerate(backlog.ship.hooks):
        try:
            hooks.append(hook_of(row))
        except ValueError as error:
            raise BadBacklog(str(error), key=f"ship.hooks[{at}]") from error
    return hooks
