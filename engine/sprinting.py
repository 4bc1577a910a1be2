"""The sprints of one engine: which campaigns run, which wait for their backlog, and what can be said to them.

Owns that a backlog is worked on by one campaign at a time, that one which was killed goes on at the next start, and where its
files are. How a campaign goes is known on the floor of the sprints.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from checkpoints.errors import CheckpointError
from engine.errors import EngineError
from engine.sprintagents import SprintAgents
from pools.errors import PoolError
from pools.usage import cpu_s
from sprints.archive import Archive
from sprints.backlog import Backlog
from sprints.campaign import Campaign, Hands, Settings
from sprints.errors import CampaignFailed, SprintBusy, SprintError, SprintOver, TooManyQueued, UnknownSprint
from sprints.outcome import Outcome
from sprints.runner import Runner

if TYPE_CHECKING:
    from engine.engine import Engine

__all__ = ["Sprinting"]

#: Campaigns that may wait for one backlog: who queues more has a clock run wild.
QUEUED = 100
#: Campaigns that are known after they have ended, with what they failed with.
ENDED = 1_000


class Sprinting:
    """The campaigns of an engine. folder: where the sprints' own folders are."""

    def __init__(self, engine: Engine, folder: str) -> None:
        self.archive = Archive(folder)
        self._engine = engine
        #: By the name of the backlog: the campaign that runs, and those that wait for it to end.
        self._running: dict[str, tuple[Campaign, asyncio.Task[None]]] = {}
        self._queued: dict[str, list[tuple[Campaign, asyncio.Future[None]]]] = {}
        #: By their first sprint: campaigns that have ended, the newest last, with what they failed with.
        self._over: dict[str, BaseException | None] = {}

    # -- life ----------------------------------------------------------------------------------------------------------

    def resume(self) -> None:
        """Go on with what was killed."""
        newest: dict[str, str] = {}
        for sprint in self.archive.ids():
            header = next(iter(self.archive.events(sprint)), None)
            if header is not None and header["e"] == "sprint":
                newest[header["backlog"]] = sprint
        for name, sprint in newest.items():
            try:
                campaign, is_over = Campaign.restored(self.archive, sprint, self._hands())
            except (SprintError, OSError, ValueError, TypeError) as error:
                self._engine.note("sprint.broken", f"{sprint} cannot go on: {error}")
                continue
            told = self.archive.chronicle(sprint)
            left = told.header.get("left")
            if is_over and (told.aborted is not None or campaign.is_futile or (left is not None and left <= 1)):
                continue
            if not is_over:
                self._engine.note("sprint.resumed", f"{sprint} goes on in {told.spans[-1].phase if told.spans else 'plan'}")
            self._start(name, campaign, is_going_on=True)

    async def close(self) -> None:
        """Leave what runs as it is: it goes on at the next start. What waits for its turn does not come to it."""
        for waiting in self._queued.values():
            for _, turn in waiting:
                turn.cancel()
        self._queued.clear()
        running = [task for _, task in self._running.values()]
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    # -- campaigns -----------------------------------------------------------------------------------------------------

    async def run(self, backlog: Backlog, settings: Settings, *, is_queued: bool = False) -> Campaign:
        """Begin a campaign; returns once it runs, its agents are there or it has failed.

        is_queued: wait until the one before has ended, where the backlog is being worked on.

        Raises SprintBusy, TooManyQueued, BadBacklog.
        """
        campaign = Campaign(self.archive, backlog, settings, self._hands())
        busy = self._running.get(backlog.name)
        if busy is not None:
            if not is_queued:
                raise SprintBusy(backlog.name, busy[0].sprint)
            await self._wait(backlog.name, campaign)
        else:
            self._start(backlog.name, campaign)
        return campaign

    async def _wait(self, name: str, campaign: Campaign) -> None:
        """Return when it is this campaign's turn, and it has begun. Who is cancelled meanwhile has no turn."""
        waiting = self._queued.setdefault(name, [])
        if len(waiting) >= QUEUED:
            raise TooManyQueued(name, QUEUED)
        place = campaign, asyncio.get_running_loop().create_future()
        waiting.append(place)
        try:
            await place[1]
        except asyncio.CancelledError:
            if place in waiting:
                waiting.remove(place)
            raise

    async def ended(self, first: str) -> None:
        """Return when a campaign has ended, known by its first sprint. Raises what it failed with, UnknownSprint."""
        for campaign, task in self._running.values():
            if campaign.first == first:
                await asyncio.wait([task])
        if first not in self._over:
            raise UnknownSprint(first)
        error = self._over[first]
        if error is not None:
            raise error

    async def begun(self, campaign: Campaign) -> None:
        """Return once a campaign has its first sprint, or has ended without. Raises what it failed with before."""
        running = self._running.get(campaign.backlog.name)
        if running is None or running[0] is not campaign:
            return
        task = running[1]
        begun = asyncio.get_running_loop().create_task(campaign.begun.wait())
        try:
            await asyncio.wait([begun, task], return_when=asyncio.FIRST_COMPLETED)
        finally:
            begun.cancel()
        if not campaign.sprint and task.done():
            error = _told(campaign.backlog.name, task.exception())
            if error is not None:
                raise error

    def _start(self, name: str, campaign: Campaign, *, is_going_on: bool = False) -> None:
        task = asyncio.get_running_loop().create_task(campaign.run(is_going_on=is_going_on))
        self._running[name] = campaign, task
        task.add_done_callback(lambda done: self._ended(name, done))

    def _ended(self, name: str, task: asyncio.Task[None]) -> None:
        campaign, _ = self._running.pop(name)
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
                self._start(name, following)
                turn.set_result(None)
                break
        if not waiting:
            self._queued.pop(name, None)

    def _hands(self) -> Hands:
        return Hands(self._agents_of, self._prepare, self._cpu_s, self._told)

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
        await self._runner(sprint, "be paused").pause()

    async def go_on(self, sprint: str) -> None:
        """Have a paused sprint go on. Raises UnknownSprint, SprintOver."""
        await self._runner(sprint, "go on").resume()

    async def abort(self, sprint: str, why: str) -> None:
        """End a sprint before its time, and its campaign with it. Raises UnknownSprint, SprintOver."""
        await self._runner(sprint, "be aborted").abort(why)

    def _runner(self, sprint: str, asked: str) -> Runner:
        for campaign, _ in self._running.values():
            if campaign.sprint == sprint and campaign.runner is not None:
                return campaign.runner
        self.archive.path(sprint)
        raise SprintOver(sprint, asked)


def _told(backlog: str, error: BaseException | None) -> BaseException | None:
    """An error as it is told to others: one of a floor as it is, any other one as what the campaign failed with."""
    if error is None or isinstance(error, SprintError | PoolError | EngineError | CheckpointError):
        return error
    failed = CampaignFailed(f"the sprints of {backlog!r} ended by {type(error).__name__}: {error}")
    failed.__cause__ = error
    return failed
