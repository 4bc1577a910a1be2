"""The sprints of one engine: which campaigns run, which wait for their backlog, and what can be said to them.

Owns that a backlog is worked on by one campaign at a time, that one which was killed goes on at the next start, and where its
files are. How a campaign goes is known on the floor of the sprints.
"""

from __future__ import annotations

import asyncio
import math
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from checkpoints.errors import CheckpointError
from engine.errors import EngineError, EngineStopped
from engine.harvest import Harvest
from engine.sprintagents import SprintAgents, name_of
from engine.sprintqueue import Run, SprintQueue
from pools.errors import PoolError
from pools.usage import cpu_s
from sprints.archive import Archive
from sprints.backlog import Backlog, read_backlog
from sprints.campaign import Campaign, Hands
from sprints.chronicle import Chronicle
from sprints.errors import CampaignFailed, SprintBusy, SprintError, SprintOver, StillQueued, UnknownSprint
from sprints.outcome import Outcome
from sprints.queue import Queued, new_queued_id
from sprints.runner import Runner
from sprints.settings import Settings

if TYPE_CHECKING:
    from engine.host import Host

__all__ = ["Sprinting"]

#: Campaigns that are known after they have ended, with what they failed with.
ENDED = 1_000


class Sprinting:
    """The campaigns of an engine. folder: where the sprints' own folders are."""

    def __init__(self, engine: Host, folder: str) -> None:
        self.archive = Archive(folder)
        self._harvest = Harvest(self.archive)
        self._reading = asyncio.get_running_loop().run_in_executor(None, self._harvest.read)
        self._engine = engine
        #: By the name of the backlog.
        self._running: dict[str, Run] = {}
        self._queue = SprintQueue(folder)
        #: By their first sprint: campaigns that have ended, the newest last, with what they failed with.
        self._over: dict[str, BaseException | None] = {}

    # -- life ----------------------------------------------------------------------------------------------------------

    def resume(self, only: str | None = None) -> Run | None:
        """Go on with what was killed; returns what goes on last.

        only: the name of a backlog of which a sprint was killed in its midst; None goes on with every one, and with campaigns
        that were killed between two sprints.
        """
        newest: dict[str, str] = {}
        begun: set[str] = set()
        run = None
        for sprint in self.archive.ids():
            header = next(iter(self.archive.events(sprint)), None)
            if header is not None and header["e"] == "sprint":
                newest[header["backlog"]] = sprint
                begun.add((header.get("settings") or {}).get("queued", ""))
        for name, sprint in newest.items():
            if name in self._running or only not in (None, name):
                continue
            try:
                campaign, is_over = Campaign.restored(self.archive, sprint, self._hands())
            except (SprintError, OSError, ValueError, TypeError) as error:
                self._engine.note("sprint.broken", f"{sprint} cannot go on: {error}")
                continue
            told = self.archive.chronicle(sprint)
            if is_over and (only is not None or not _has_more(campaign, told)):
                continue
            if not is_over:
                self._engine.note("sprint.resumed", f"{sprint} goes on in {told.spans[-1].phase if told.spans else 'plan'}")
            run = self._start(name, campaign, is_going_on=True)
        if only is None:
            self._resume_queue(begun)
        return run

    def _resume_queue(self, begun: set[str]) -> None:
        """Have those wait again, or come to their turn, that did when the engine was killed. begun: those that had it."""
        for campaign in self._queue.restored(begun, self._queued):
            if isinstance(campaign, Exception):
                self._engine.note("sprint.broken", f"a campaign that waited cannot go on: {campaign}")
            elif campaign.backlog.name in self._running:
                self._queue.join(campaign)
            else:
                self._start(campaign.backlog.name, campaign)

    def _queued(self, queued: Queued) -> Campaign:
        return Campaign(self.archive, read_backlog(queued.backlog), Settings.of(queued.settings), self._hands())

    async def close(self) -> None:
        """Leave what runs as it is: it goes on at the next start. What waits comes to its turn then, if it is on the disk."""
        self._queue.close()
        for run in list(self._running.values()):
            await self.leave(run)

    async def leave(self, run: Run) -> None:
        """Leave a campaign as it is."""
        run.task.cancel()
        await asyncio.wait([run.task])

    # -- campaigns -----------------------------------------------------------------------------------------------------

    async def run(self, backlog: Backlog, settings: Settings, *, is_queued: bool = False) -> Run:
        """Begin a campaign.

        is_queued: wait until the one before has ended, where the backlog is being worked on. Who is cancelled meanwhile has no
        turn.

        Raises SprintBusy, TooManyQueued, BadBacklog.
        """
        campaign = Campaign(self.archive, backlog, settings, self._hands())
        busy = self._running.get(backlog.name)
        if busy is None:
            return self._start(backlog.name, campaign)
        if not is_queued:
            raise SprintBusy(backlog.name, busy.campaign.sprint)
        waiting = self._queue.join(campaign)
        try:
            return await waiting.turn
        except asyncio.CancelledError:
            self._queue.leave(waiting)
            raise

    async def queue(self, backlog: Backlog, settings: Settings) -> Run | str:
        """The same, where nobody need wait: the campaign that has begun, or the id of one that waits on the disk.

        Raises TooManyQueued, BadBacklog, DiskFull, OSError.
        """
        campaign = Campaign(self.archive, backlog, replace(settings, queued=new_queued_id()), self._hands())
        if backlog.name not in self._running:
            return self._start(backlog.name, campaign)
        waiting = await self._queue.keep(campaign)
        if backlog.name not in self._running:  # that one ended meanwhile
            self._next(backlog.name)
        return waiting.id

    async def turn(self, queued: str) -> Run | str:
        """A campaign that waited, by its id, once it has its turn; its first sprint where that was before this engine's start.

        Raises TakenOut, UnknownSprint.
        """
        waiting = self._queue.find(queued)
        if waiting is not None:
            return await asyncio.shield(waiting.turn)
        for run in self._running.values():
            if run.campaign.settings.queued == queued:
                return run
        for sprint in self.archive.ids():
            header = next(iter(self.archive.events(sprint)), None) or {}
            if (header.get("settings") or {}).get("queued") == queued:
                return str(header.get("campaign") or sprint)
        raise UnknownSprint(queued)

    async def ended(self, first: str) -> None:
        """Return when a campaign has ended, known by its first sprint. Raises what it failed with, UnknownSprint."""
        for run in list(self._running.values()):
            if run.campaign.first == first:
                await asyncio.wait([run.task])
        if first not in self._over:
            raise UnknownSprint(first)
        error = self._over[first]
        if error is not None:
            raise error

    async def begun(self, run: Run) -> None:
        """Return once the first sprint of a campaign is on the disk, or it has ended. Raises what it failed with by then."""
        await _first_of(run.campaign.begun, run.task)
        if run.task.done():
            await self.finished(run)

    async def finished(self, run: Run) -> None:
        """Return once a campaign has ended. Raises what it failed with; EngineStopped where it was left, and can go on."""
        await asyncio.wait([run.task])
        if run.task.cancelled():
            raise EngineStopped(f"{run.campaign.sprint or run.campaign.backlog.name} was left as it is; it can go on")
        error = _told(run.campaign.backlog.name, run.task.exception())
        if error is not None:
            raise error

    def _start(self, name: str, campaign: Campaign, *, is_going_on: bool = False) -> Run:
        if self._leave_all not in self._engine.detached.leaving:
            self._engine.detached.leaving.append(self._leave_all)
        task = asyncio.get_running_loop().create_task(campaign.run(is_going_on=is_going_on))
        run = self._running[name] = Run(campaign, task)
        task.add_done_callback(lambda _: self._ended(name, run))
        return run

    def _leave_all(self) -> None:
        """The engine stops."""
        for run in self._running.values():
            run.task.cancel()

    def _ended(self, name: str, run: Run) -> None:
        del self._running[name]
        campaign, task = run
        if task.cancelled():
            return
        error = _told(name, task.exception())
        if error is not None:
            self._engine.note("sprint.failed", f"{campaign.sprint or name}: {error}")
        self._over[campaign.first] = error
        if len(self._over) > ENDED:
            del self._over[next(iter(self._over))]
        self._forget(campaign.settings.queued)
        self._next(name)

    def _next(self, name: str) -> None:
        """Begin the campaign whose turn it is."""
        waiting = self._queue.next(name)
        if waiting is not None:
            waiting.turn.set_result(self._start(name, waiting.campaign))

    def _forget(self, queued: str) -> None:
        """One that has begun stands in its ledger, and waits no more: what stays on the disk, the next start finds out."""
        try:
            self._queue.forget(queued)
        except OSError as error:
            self._engine.note("sprint.queue", f"{queued} has begun, and stays in the queue until the next start: {error}")

    def _hands(self) -> Hands:
        return Hands(self._agents_of, self._prepare, self._cpu_s, self._told, self._is_known)

    def _is_known(self, sprint: str, backlog: Backlog) -> bool:
        """Whether a task of a backlog was accepted under the id of a sprint, of which nothing but that is left."""
        names = self._engine.detached.register.names
        return any(names.find(name_of(sprint, item)) is not None for item in backlog.items)

    def _agents_of(self, sprint: str, backlog: Backlog, answered: Callable[[Iterable[Outcome]], None]) -> SprintAgents:
        return SprintAgents(sprint, backlog, self._engine.detached, answered)

    async def _prepare(self, backlog: Backlog) -> None:
        """Have the agents of the roles there."""
        wanted: dict[str, int] = {}
        for role in backlog.roles.values():
            wanted[role.kind] = wanted.get(role.kind, 0) + role.agents
        for kind, count in wanted.items():
            await self._engine.spawn(kind, count)

    def _cpu_s(self) -> float:
        """Seconds of cpu of the engine's process and its workers."""
        return cpu_s(os.getpid()) + sum(cpu_s(seat.pid) for seat in self._engine.swarm.seats if seat.pid is not None)

    def _told(self, sprint: str, event: Mapping[str, Any]) -> None:
        if event["e"] == "ended":
            self._follow()
        if event["e"] == "sprint":
            self._forget(event["settings"]["queued"])
        if event["e"] in ("sprint", "phase", "shipped", "not_shipped", "paused", "resumed", "aborted", "ended"):
            detail = event.get("phase") or event.get("release") or event.get("why") or ""
            self._engine.note(f"sprint.{event['e']}", f"{sprint} {detail}".strip())

    # -- what is seen of them --------------------------------------------------------------------------------------------

    def _follow(self) -> None:
        for campaign, _ in self._running.values():
            if campaign.told is not None:
                self._harvest.follow(campaign.told)

    def worth(self) -> dict[str, int] | None:
        """What the sprints that are kept were worth, as `Harvest.worth`."""
        self._follow()
        return self._harvest.worth()

    def now(self) -> list[dict[str, Any]]:
        """The sprints that run, as `Overview.sprint` has one: that which ends first is the first."""
        shown = []
        for campaign, _ in self._running.values():
            runner = campaign.runner
            if runner is None:
                continue
            state, left_s = runner.sprint, runner.whole_left_s()
            facts = {"id": campaign.sprint, "phase": state.phase, "wave": state.wave, "speed": campaign.settings.speed}
            facts |= {"left_s": left_s, "progress": state.progress, "next_in_s": left_s if campaign.has_next else None}
            shown.append(facts)
        return sorted(shown, key=lambda facts: math.inf if facts["left_s"] is None else facts["left_s"])

    # -- what is said to them ------------------------------------------------------------------------------------------

    def status(self) -> list[dict[str, Any]]:
        """The campaigns that run, each with its sprint."""
        shown = []
        for name, (campaign, _) in self._running.items():
            runner = campaign.runner
            facts: dict[str, Any] = {"backlog": name, "campaign": campaign.first, "sprint": campaign.sprint}
            facts["queued"] = self._queue.count(name)
            if runner is not None:
                state = runner.sprint
                facts |= {"wave": state.wave, "phase": state.phase, "is_paused": state.is_paused, "counts": state.counts}
                facts["left_s"] = runner.left_s()
            shown.append(facts)
        return shown

    async def pause(self, sprint: str) -> None:
        """Have a sprint send nothing more, and its time stand still. Raises UnknownSprint, SprintOver, StillQueued."""
        await (await self._runner(sprint, "be paused")).pause()

    async def go_on(self, sprint: str) -> None:
        """Have a paused sprint go on. Raises UnknownSprint, SprintOver, StillQueued."""
        await (await self._runner(sprint, "go on")).resume()

    async def abort(self, sprint: str, why: str) -> None:
        """End a sprint before its time, and its campaign with it; or take one that waits out of the queue.

        Raises UnknownSprint, SprintOver, OSError.
        """
        waiting = self._queue.find(sprint) if sprint else None
        if waiting is not None:
            self._queue.leave(waiting)
            self._engine.note("sprint.aborted", f"{sprint} {why}")
            return
        await (await self._runner(sprint, "be aborted")).abort(why)

    async def _runner(self, sprint: str, asked: str) -> Runner:
        """What runs a sprint, once that has begun or goes on. Raises UnknownSprint, SprintOver, StillQueued."""
        for run in list(self._running.values()):
            if run.campaign.sprint == sprint:
                await _first_of(run.campaign.is_ready, run.task)
                if run.campaign.sprint == sprint and run.campaign.runner is not None:
                    return run.campaign.runner
        if self._queue.find(sprint) is not None:
            raise StillQueued(sprint, asked)
        self.archive.path(sprint)
        raise SprintOver(sprint, asked)


async def _first_of(event: asyncio.Event, task: asyncio.Task[None]) -> None:
    """Return once an event is there, or a task has ended."""
    waiting = asyncio.get_running_loop().create_task(event.wait())
    try:
        await asyncio.wait([waiting, task], return_when=asyncio.FIRST_COMPLETED)
    finally:
        waiting.cancel()


def _has_more(campaign: Campaign, told: Chronicle) -> bool:
    """Whether a campaign may have another sprint after one that has ended."""
    left = told.header.get("left")
    return told.aborted is None and not campaign.is_futile and (left is None or left > 1)


def _told(backlog: str, error: BaseException | None) -> BaseException | None:
    """An error as it is told to others: one of a floor as it is, any other one as what the campaign failed with."""
    if error is None or isinstance(error, SprintError | PoolError | EngineError | CheckpointError):
        return error
    failed = CampaignFailed(f"the sprints of {backlog!r} ended by {type(error).__name__}: {error}")
    failed.__cause__ = error
    return failed
