"""The sprints of one engine: which campaigns run, which wait for their backlog, and what can be said to them.

Owns that a backlog is worked on by one campaign at a time, that one which was killed goes on at the next start, and where its
files are. How a campaign goes is known on the floor of the sprints.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from engine.sprintagents import SprintAgents
from pools.usage import cpu_s
from sprints.archive import Archive
from sprints.backlog import Backlog
from sprints.campaign import Campaign, Hands, Settings
from sprints.errors import SprintBusy, SprintError, SprintOver
from sprints.outcome import Outcome
from sprints.runner import Runner

if TYPE_CHECKING:
    from engine.engine import Engine

__all__ = ["Sprinting"]


class Sprinting:
    """The campaigns of an engine. folder: where the sprints' own folders are."""

    def __init__(self, engine: Engine, folder: str) -> None:
        self.archive = Archive(folder)
        self._engine = engine
        #: By the name of the backlog: the campaign that runs, and those that wait for it to end.
        self._running: dict[str, tuple[Campaign, asyncio.Task[None]]] = {}
        self._queued: dict[str, list[tuple[Campaign, asyncio.Future[None]]]] = {}

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
            if is_over and (told.aborted is not None or (left is not None and left <= 1)):
                continue
            if not is_over:
                self._engine.note("sprint.resumed", f"{sprint} goes on in {told.spans[-1].phase if told.spans else 'plan'}")
            self._start(name, campaign, is_going_on=True)

    async def close(self) -> None:
        """Leave what runs as it is: it goes on at the next start."""
        running = [task for _, task in self._running.values()]
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    # -- campaigns -----------------------------------------------------------------------------------------------------

    async def run(self, backlog: Backlog, settings: Settings, *, is_queued: bool = False) -> Campaign:
        """Begin a campaign; returns once it runs, its agents are there or it has failed.

        is_queued: wait until the one before has ended, where the backlog is being worked on.

        Raises SprintBusy, BadBacklog.
        """
        campaign = Campaign(self.archive, backlog, settings, self._hands())
        busy = self._running.get(backlog.name)
        if busy is not None:
            if not is_queued:
                raise SprintBusy(backlog.name, busy[0].sprint)
            turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._queued.setdefault(backlog.name, []).append((campaign, turn))
            await turn
        else:
            self._start(backlog.name, campaign)
        return campaign

    async def ended(self, campaign: Campaign) -> None:
        """Return when a campaign has ended. Raises what it failed with."""
        running = self._running.get(campaign.backlog.name)
        if running is not None and running[0] is campaign:
            await asyncio.shield(running[1])

    async def begun(self, campaign: Campaign) -> None:
        """Return once a campaign has its first sprint, or has ended without. Raises what it failed with before."""
        running = self._running.get(campaign.backlog.name)
        task = None if running is None or running[0] is not campaign else running[1]
        begun = asyncio.get_running_loop().create_task(campaign.begun.wait())
        try:
            await asyncio.wait([begun] if task is None else [begun, task], return_when=asyncio.FIRST_COMPLETED)
        finally:
            begun.cancel()
        if not campaign.sprint and task is not None and task.done():
            task.result()

    def _start(self, name: str, campaign: Campaign, *, is_going_on: bool = False) -> None:
        task = asyncio.get_running_loop().create_task(campaign.run(is_going_on=is_going_on))
        self._running[name] = campaign, task
        task.add_done_callback(lambda done: self._ended(name, done))

    def _ended(self, name: str, task: asyncio.Task[None]) -> None:
        campaign, _ = self._running.pop(name)
        if task.cancelled():
            return
        error = task.exception()
        if error is not None:
            self._engine.note("sprint.failed", f"{campaign.sprint or name}: {error}")
        waiting = self._queued.get(name)
        if waiting:
            following, turn = waiting.pop(0)
            self._start(name, following)
            if not turn.done():
                turn.set_result(None)

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
            facts: dict[str, Any] = {"backlog": name, "sprint": campaign.sprint, "queued": len(self._queued.get(name, ()))}
            if runner is not None:
                state = runner.sprint
                facts |= {"wave": state.wave, "phase": state.phase, "is_paused": state.is_paused, "counts": state.counts}
                facts["left_s"] = runner.left_s()
            shown.append(facts)
        return shown

    def pause(self, sprint: str) -> None:
        """Have a sprint send nothing more, and its time stand still. Raises UnknownSprint, SprintOver."""
        self._runner(sprint, "be paused").pause()

    def go_on(self, sprint: str) -> None:
        """Have a paused sprint go on. Raises UnknownSprint, SprintOver."""
        self._runner(sprint, "go on").resume()

    def abort(self, sprint: str, why: str) -> None:
        """End a sprint before its time, and its campaign with it. Raises UnknownSprint, SprintOver."""
        self._runner(sprint, "be aborted").abort(why)

    def _runner(self, sprint: str, asked: str) -> Runner:
        for campaign, _ in self._running.values():
            if campaign.sprint == sprint and campaign.runner is not None:
                return campaign.runner
        self.archive.path(sprint)
        raise SprintOver(sprint, asked)
