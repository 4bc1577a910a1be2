"""New code for the agents of an engine that goes on working: checked, given to a few workers first, watched, taken back.

Owns the decisions and what is kept of them: one deploy at a time. The moving is `roll`'s, the comparison `verdict`'s.
"""

from __future__ import annotations

import asyncio
import time
from asyncio import Task
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from checkpoints.errors import CheckpointError
from pools.briefing import Briefing
from pools.code import Code
from pools.errors import DeployRefused, PoolError
from pools.events import Event
from pools.placement import Placement
from pools.plan import Plan, plan_of
from pools.repertoire import Repertoire
from pools.roll import Roll
from pools.spares import Spares
from pools.spec import BOUND, CANARY
from pools.standing import BACK, IDLE, ROLLED, ROLLING, Standing
from pools.station import Back, Station
from pools.understudy import Understudy, understudy
from pools.verdict import Tasks

if TYPE_CHECKING:
    from pools.roster import Roster

__all__ = ["Deploys"]

#: Seconds that the first workers are watched at least, and at most where fewer than so many tasks came: of so many, twice the
#: bound is told from chance.
CANARY_S, CANARY_MOST_S, CANARY_TASKS = 1.0, 10.0, 1_000
#: Seconds between two looks at the counts, and between two tries to take back what could not be taken back everywhere.
LOOK_S, AGAIN_S = 0.05, 1.0


class Deploys:
    """The deploys of one engine.

    on_loaded: told the facts of each kind that runs with new code, once all of it does.
    """

    def __init__(
        self,
        stations: Callable[[], list[Station]],
        placement: Placement,
        repertoire: Repertoire,
        briefing: Briefing,
        spares: Spares,
        *,
        on_loaded: Callable[[dict[str, Any]], object],
        on_event: Callable[[Event], None],
    ) -> None:
        self.now = Code()
        self.next: Code | None = None
        self.phase = IDLE
        self.roster: Roster | None = None
        self._stations = stations
        self._repertoire = repertoire
        self._briefing = briefing
        self._spares = spares
        self._placement = placement
        self._on_loaded = on_loaded
        self._on_event = on_event
        self._plan: Plan | None = None
        self._roll: Roll | None = None
        self._task: Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._is_checking = False
        self._why = ""
        self._old = Tasks()
        self._facts: dict[str, Any] = {}

    def code_of(self, station: Station) -> Code:
        """The code that a worker runs."""
        return self.next if self.next is not None and station.number == self.next.number else self.now

    # -- what a person asks for ----------------------------------------------------------------------------------------

    async def deploy(
        self,
        module: str,
        *,
        kind: str | None = None,
        canary: float = CANARY,
        bound: float = BOUND,
        confirm_after_s: float | None = None,
        is_one_way: bool = False,
        path: str | None = None,
    ) -> dict[str, Any]:
        """Give all workers the code of a module; returns how that stands when they have it, or when it was taken back.

        kind: the only one that is meant, by its class or its name.  canary: share of the agents that gets it first, above 0 up
        to 1.  bound: 0 to 1.  confirm_after_s: None waits for `confirm`.  path: the folder where the module stands.
        is_one_way: no canary, and no way back: for states that the old code could not read.
        Raises KindNotLoaded, DeployRefused; then everything runs as before.
        """
        if not 0 < canary <= 1 or not 0 <= bound <= 1:
            raise DeployRefused(f"canary is above 0 up to 1 and bound 0 to 1, not {canary!r} and {bound!r}")
        if self._is_checking or self.phase != IDLE:
            under_way = "another is being checked" if self.phase == IDLE else f"{self._facts['module']}, {self.phase}"
            raise DeployRefused(
                f"a deploy is under way already ({under_way}): confirm it, or take it back, first: engine deploy status"
            )
        self._is_checking = True
        try:
            first = [*([path] if path else []), *self.now.first]
            found = await self._spares.survey(module, first, self._repertoire.paths)
            plan = plan_of(module, kind, found, self._repertoire, self.now, is_one_way=is_one_way, path=path)
            plan = plan._replace(canary=1.0 if is_one_way else canary, bound=bound, confirm_after_s=confirm_after_s)
            await self._begin(plan)
        finally:
            self._is_checking = False
        if self._task is not None:
            await asyncio.shield(self._task)
        return self.status()

    async def rollback(self) -> dict[str, Any]:
        """Give all workers the old code again; returns how it stands then. Raises DeployRefused where nothing can be."""
        plan, task = self._plan, self._task
        if plan is None or self.phase == IDLE:
            raise DeployRefused("no deploy is under way; what was confirmed is taken back by deploying what was there before")
        if plan.is_one_way:
            raise DeployRefused(f"{plan.module} was deployed one way: the old code cannot read what the new one has written")
        self._why = self._why or "it was asked for"
        if self.phase == ROLLED:
            self.phase = BACK  # from now on: who comes next, even in this turn, finds it on its way back
            if task is not None:
                task.cancel()  # nobody needs to look on
            task = self._task = asyncio.get_running_loop().create_task(self._go_back())
        if task is not None:
            await asyncio.shield(task)
        return self.status()

    async def confirm(self) -> dict[str, Any]:
        """Let the new code stay: the processes with the old one end. Raises DeployRefused where none waits for it."""
        if self.phase != ROLLED or self.next is None or self._plan is None:
            raise DeployRefused(f"no deploy waits to be confirmed ({self.phase})")
        if any(station.number != self.next.number for station in self._stations()):
            raise DeployRefused(f"not every worker runs code {self.next.number}: take it back: engine deploy rollback")
        plan, self.now, self.next, self.phase = self._plan, self.next, None, IDLE
        self._stop_waiting()
        await self._note()
        self._repertoire.add(self.now.added, ())
        added = [plan.facts[kind] for kind in plan.facts.keys() - plan.before.keys()]
        for facts in added if plan.facts else await self._told():
            self._repertoire.first.setdefault(facts["kind"], facts["reference"])
            self._on_loaded(facts)
        self._tell("confirmed", f"{plan.module} is confirmed: everything runs code {self.now.number}")
        if self._roll is not None:
            await self._roll.cool()
        self._roll = None
        return self.status()

    def status(self) -> dict[str, Any]:
        """How the last deploy stands: `phase`, `code` (the number of the code that counts), and what came of it."""
        roll, next_code = self._roll, self.next
        new, old = roll.tasks() if roll is not None else (Tasks(), Tasks())
        counted = {"new": [new.total, new.failed], "old": [old.total, old.failed]}
        warm = 0 if roll is None else len(roll.warm)
        return {
            "phase": self.phase,
            "code": self.now.number,
            "next": None if next_code is None else next_code.number,
            "marks": (next_code or self.now).marks,
            **self._facts,
            "share": self._share(),
            **({"tasks": counted} if roll is not None else {}),
            "warm": {"processes": warm, "memory_bytes": 0 if roll is None else roll.warm_bytes},
            "workers": {station.name: station.number for station in self._stations()},
        }

    # -- the way forth -------------------------------------------------------------------------------------------------

    async def _begin(self, plan: Plan) -> None:
        self._plan, self._why = plan, ""
        self._open(plan.code, plan.back)
        self.phase = ROLLING
        self._facts = plan.opening(time.time())
        try:
            await self._keep()
        except BaseException:
            self.next, self._roll, self._plan, self.phase = None, None, None, IDLE
            raise
        self._task = asyncio.get_running_loop().create_task(self._forth(plan))

    def _open(self, code: Code, back: Back) -> Roll:
        self.next = code
        self._roll = Roll(self._stations(), self.now, code, back, self._prepared)
        return self._roll

    async def _prepared(self, code: Code, station: Station) -> Understudy:
        order = self._briefing.code(code)
        made, facts = await understudy(code.number, self._spares.take, station.admit, order)
        plan = self._plan
        expected = plan.facts if plan is not None and code is plan.code else {}
        if any(one["mark"] != expected.get(one["kind"], one)["mark"] for one in facts):
            await made.close()
            raise DeployRefused("its source was changed again while it was deployed")
        return made

    async def _forth(self, plan: Plan) -> None:
        began_s, roll = time.monotonic(), self._roll
        if roll is None:
            return
        first, rest = roll.divided(self._share_of, plan.canary)
        self._facts["canary_share"] = round(sum(map(self._share_of, first)), 4)
        self._tell(
            "began",
            f"{plan.module}: {', '.join(sorted(plan.facts))} as code {plan.code.number}, on "
            f"{', '.join(station.name for station in first)} first ({self._facts['canary_share']:.0%} of the agents)",
        )
        try:
            for station in first:
                await self._move(roll, station)
            if rest:
                await self._watch(roll, plan)
            for station in rest:
                await self._move(roll, station)
                self._look(roll, plan)
        except (PoolError, OSError) as error:
            self._why = self._why or f"worker {station.name}: {error}"
        if self._why and not (plan.is_one_way and roll.fresh):
            await self._go_back()
            return
        await self._arrived(plan, time.monotonic() - began_s)

    async def _move(self, roll: Roll, station: Station) -> None:
        if not self._why:
            await roll.forth(station)
            self._facts["highest_share"] = max(self._facts["highest_share"], self._share())

    async def _arrived(self, plan: Plan, seconds: float) -> None:
        self.phase = ROLLED
        self._facts |= {"outcome": "rolled", "seconds": round(seconds, 3), "why": self._why}
        for kind in plan.before:
            self._on_loaded(plan.facts[kind])
        await self._note()
        self._tell("rolled", f"{plan.module}: every worker runs code {plan.code.number}, after {seconds:.1f} s")
        if plan.is_one_way:
            await self.confirm()
            return
        self._wait(plan)

    def _wait(self, plan: Plan) -> None:
        """Look on until it is confirmed, by somebody or by the clock."""
        loop = asyncio.get_running_loop()
        if plan.confirm_after_s is not None:
            self._timer = loop.call_later(plan.confirm_after_s, lambda: loop.create_task(self._confirm_if_well()))
        self._task = loop.create_task(self._stay(plan))

    async def _confirm_if_well(self) -> None:
        if self.phase == ROLLED:
            await self.confirm()

    def _share_of(self, station: Station) -> float:
        """The share of all agents that a worker has."""
        beside = sum(one.pool == station.pool for one in self._stations())
        return self._placement.used[station.pool] / beside / max(self._placement.count, 1)

    def _share(self) -> float:
        roll = self._roll
        return 0.0 if roll is None else round(sum(map(self._share_of, roll.fresh)), 4)

    # -- looking -------------------------------------------------------------------------------------------------------

    async def _watch(self, roll: Roll, plan: Plan) -> None:
        """Look at the first workers, until enough is known of them."""
        began_s = time.monotonic()
        while not self._why:
            since_s = time.monotonic() - began_s
            is_enough = since_s >= CANARY_S and roll.tasks()[0].total >= CANARY_TASKS
            if is_enough or since_s >= CANARY_MOST_S:
                return
            await asyncio.sleep(LOOK_S)
            self._look(roll, plan)

    async def _stay(self, plan: Plan) -> None:
        """Look on while it is not confirmed."""
        while self.phase == ROLLED and self._roll is not None:
            self._look(self._roll, plan)
            if self._why:
                await self._go_back()
                return
            await asyncio.sleep(LOOK_S)

    def _look(self, roll: Roll, plan: Plan) -> None:
        if not plan.is_one_way:
            self._why = self._why or roll.wrong(plan.bound)

    # -- the way back --------------------------------------------------------------------------------------------------

    async def _go_back(self) -> None:
        roll, plan, began_s = self._roll, self._plan, time.monotonic()
        if roll is None or plan is None or self.next is None:
            return
        self.phase = BACK
        self._stop_waiting()
        if self._facts["outcome"] != "stuck":
            self._tell("back", f"{plan.module} is taken back: {self._why}")
        await self._note()
        wrong = await roll.home(roll.fresh)
        if wrong:
            why, self.phase = f"{self._why}; {'; '.join(wrong)}", ROLLED
            if self._facts["why"] != why:
                self._tell("stuck", f"{plan.module} could not be taken back, which is tried again each second: {why}")
            self._facts |= {"outcome": "stuck", "why": why}
            self._timer = asyncio.get_running_loop().call_later(AGAIN_S, self._try_again)
            return
        for facts in plan.before.values() or await self._told():
            self._on_loaded(facts)
        self.next, self.phase = None, IDLE
        self._facts |= {"outcome": "back", "why": self._why + roll.remainder, "back_s": round(time.monotonic() - began_s, 3)}
        await self._note()
        await roll.cool()
        self._roll = None
        self._tell("ended", f"everything runs code {self.now.number} again, after {self._facts['back_s']:.2f} s")

    def _try_again(self) -> None:
        if self.phase == ROLLED:
            self.phase, self._task = BACK, asyncio.get_running_loop().create_task(self._go_back())

    async def _told(self) -> list[dict[str, Any]]:
        """The facts of each kind as a worker tells them, where the engine that began the deploy is gone, and what it knew."""
        station, references = self._stations()[0], self._repertoire.references
        asked = [station.request_if_up("kind", reference=one, paths=()) for one in self.code_of(station).references(references)]
        told = await asyncio.gather(*(one for one in asked if one is not None), return_exceptions=True)
        return [facts for facts in told if isinstance(facts, dict)]

    def _stop_waiting(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    async def stop(self) -> None:
        """Decide nothing more, and end the warm processes."""
        self._stop_waiting()
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        if self._roll is not None:
            await self._roll.cool()

    # -- what is kept --------------------------------------------------------------------------------------------------

    async def _note(self) -> None:
        """Keep how it stands; where that fails, what is kept leads to the same code, or to the one before."""
        try:
            await self._keep()
        except CheckpointError as error:
            self._tell("unkept", f"how the deploy stands ({self.phase}) is not kept: {error}")

    async def _keep(self) -> None:
        old = Tasks() if self._roll is None else self._roll.tasks()[1]
        if self.roster is not None:
            await self.roster.coded(Standing(self.now, self.next, self.phase, self._plan, old).as_row())

    def restore(self, roster: Roster) -> None:
        """Take up what was kept: the workers begin with the code that they are to have; `resume` does the rest."""
        self.roster = roster
        kept = Standing.of_row(roster.code())
        self.now, self.next, self.phase, self._plan, self._old = kept
        self._repertoire.add(self.now.added, ())
        if self._plan is not None:
            is_rolled = self.phase == ROLLED
            known = {"outcome": "rolled", "highest_share": 1.0} if is_rolled else {"highest_share": None}
            self._facts = self._plan.opening(time.time()) | known

    @property
    def begins_with(self) -> int:
        """The number of the code that workers begin with."""
        return (self.next or self.now).number

    async def resume(self) -> None:
        """Say which code runs after a start, and end what was interrupted."""
        plan, code = self._plan, self.next
        if plan is None:
            return
        if code is None:
            await self._note()
            text = f"everything runs code {self.now.number}; a deploy that was interrupted is forgotten ({plan.module})"
            self._tell("resumed", text)
            return
        roll = self._open(code, plan.back)
        if self.phase != ROLLED:
            self._why = "it was interrupted by the end of the engine"
            await self._go_back()
            return
        roll.resume(self._old)
        self._tell("resumed", f"everything runs code {code.number}; it is not confirmed ({plan.module})")
        self._wait(plan)

    def _tell(self, name: str, text: str) -> None:
        self._on_event(Event(f"deploy.{name}", text, time.time()))
