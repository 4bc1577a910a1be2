"""The sprints of one engine: which campaigns run, which wait for their backlog, and what can be said to them.

Owns that a backlog is worked on by one campaign at a time, that one which was killed goes on at the next start, and where its
files are. How a campaign goes is known on the floor of the sprints.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from checkpoints.errors import CheckpointError
from engine.errors import EngineError, EngineStopped
from engine.sprintagents import SprintAgents, name_of
from pools.errors import PoolError
from pools.usage import cpu_s
from sprints.archive import Archive
from sprints.backlog import Backlog
from sprints.campaign import Campaign, Hands
from sprints.chronicle import Chronicle
from sprints.errors import CampaignFailed, SprintBusy, SprintError, SprintOver, TooManyQueued, UnknownSprint
from sprints.outcome import Outcome
from sprints.runner import Runner
from sprints.settings import Settings

if TYPE_CHECKING:
    from engine.host import Host

__all__ = ["Run", "Sprinting"]

#: Campaigns that may wait for one backlog: who queues more has a clock run wild.
QUEUED = 100
#: Campaigns that are known after they have ended, with what they failed with.
ENDED = 1_000


class Run(NamedTuple):
    """A campaign on its way."""

    campaign: Campaign
    task: asyncio.Task[None]


class Sprinting:
    """The campaigns of an engine. folder: where the sprints' own folders are."""

    def __init__(self, engine: Host, folder: str) -> None:
        self.archive = Archive(folder)
        self._engine = engine
        #: By the name of the backlog: the campaign that runs, and those that wait for it to end.
        self._running: dict[str, Run] = {}
        self._queued: dict[str, list[tuple[Campaign, asyncio.Future[Run]]]] = {}
        #: By their first sprint: campaigns that have ended, the newest last, with what they failed with.
        self._over: dict[str, BaseException | None] = {}

    # -- life ----------------------------------------------------------------------------------------------------------

    def resume(self, only: str | None = None) -> Run | None:
        """Go on with what was killed; returns what goes on last.

        only: the name of a backlog of which a sprint was killed in its midst; None goes on with every one, and with campaigns
        that were killed between two sprints.
        """
        newest: dict[str, str] = {}
        run = None
        for sprint in self.archive.ids():
            header = next(iter(self.archive.events(sprint)), None)
            if header is not None and header["e"] == "sprint":
                newest[header["backlog"]] = sprint
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
        return run

    async def close(self) -> None:
        """Leave what runs as it is: it goes on at the next start. What waits for its turn does not come to it."""
        for waiting in self._queued.values():
            for _, turn in waiting:
                turn.cancel()
        self._queued.clear()
        for run in list(self._running.values()):
            await self.leave(run)

    async def leave(self, run: Run) -> None:
        """Leave a campaign as it is."""
        run.task.cancel()
        await asyncio.wait([run.task])

    # -- campaigns -----------------------------------------------------------------------------------------------------

    async def run(self, backlog: Backlog, settings: Settings, *, is_queued: bool = False) -> Run:
        """Begin a campaign.

        is_queued: wait until the one before has ended, where the backlog is being worked on.

        Raises SprintBusy, TooManyQueued, BadBacklog.
        """
        campaign = Campaign(self.archive, backlog, settings, self._hands())
        busy = self._running.get(backlog.name)
        if busy is None:
            return self._start(backlog.name, campaign)
        if not is_queued:
            raise SprintBusy(backlog.name, busy.campaign.sprint)
        return await self._wait(backlog.name, campaign)

    async def _wait(self, name: str, campaign: Campaign) -> Run:
        """Return when it is this campaign's turn, and it has begun. Who is cancelled meanwhile has no turn."""
        waiting = self._queued.setdefault(name, [])
        if len(waiting) >= QUEUED:
            raise TooManyQueued(name, QUEUED)
        turn: asyncio.Future[Run] = asyncio.get_running_loop().create_future()
        place = campaign, turn
        waiting.append(place)
        try:
            return await turn
        except asyncio.CancelledError:
            if place in waiting:
                waiting.remove(place)
            raise

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
        waiting = self._queued.get(name)
        while waiting:
            following, turn = waiting.pop(0)
            if not turn.done():
                turn.set_result(self._start(name, following))
                break
        if not waiting:
            self._queued.pop(name, None)

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
        if event["e"] in ("sprint", "phase", "shipped", "not_shipped", "paused", "resumed", "aborted", "ended"):
            detail = event.get("phase") or event.get("release") or event.get("why") or ""
            self._engine.note(f"sprint.{event['e']}", f"{sprint} {detail}".strip())

    # -- what is said to them ------------------------------------------------------------------------------------------

    def status(self) -> list[dict[str, Any]]:
        """The campaigns that run, each with its sprint."""
        shown = []
        for name, (campaign, _) in self._running.items():
            runner = campaign.runner
            facts: dict[str, Any] = {"backlog": name, "campaign": campaign.first, "sprint": campaign.sprint}
            facts["queued"] = len(self._queued.get(name, ()))
            if runner is not None:
                state = runner.sprint
                facts |= {"wave": state.wave, "phase": state.phase, "is_paused": state.is_paused, "counts": state.counts}
                facts["left_s"] = runner.left_s()
            shown.append(facts)
        return shown

    async def pause(self, sprint: str) -> None:
        """Have a sprint send nothing more, and its time stand still. Raises UnknownSprint, SprintOver."""
        await (await self._runner(sprint, "be paused")).pause()

    async def go_on(self, sprint: str) -> None:
        """Have a paused sprint go on. Raises UnknownSprint, SprintOver."""
        await (await self._runner(sprint, "go on")).resume()

    async def abort(self, sprint: str, why: str) -> None:
        """End a sprint before its time, and its campaign with it. Raises UnknownSprint, SprintOver."""
        await (await self._runner(sprint, "be aborted")).abort(why)

    async def _runner(self, sprint: str, asked: str) -> Runner:
        """What runs a sprint, once that has begun or goes on. Raises UnknownSprint, SprintOver."""
        for run in list(self._running.values()):
            if run.campaign.sprint == sprint:
                await _first_of(run.campaign.is_ready, run.task)
                if run.campaign.sprint == sprint and run.campaign.runner is not None:
                    return run.campaign.runner
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
