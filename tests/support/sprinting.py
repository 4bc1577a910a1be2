"""A sprint with everything that it needs but an engine: agents that answer as they are told, on real files."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from checkpoints.files import Disk, Files
from sprints.archive import Archive
from sprints.backlog import Backlog, read_backlog
from sprints.clock import Clock
from sprints.hook import Hook
from sprints.item import Item
from sprints.ledger import Ledger, Line, open_ledger
from sprints.outcome import Outcome
from sprints.place import PlaceDisk
from sprints.plan import plan_sprint
from sprints.release import Releases
from sprints.runner import Parts, Runner
from sprints.shipper import Shipper
from sprints.sprint import Sprint
from sprints.witness import Witness

__all__ = ["Answers", "Rig", "document"]

#: What an agent does with an item: its outcome, or None for no answer.
Deed = Callable[[Item], Outcome | None]


def done(item: Item) -> Outcome:
    """It was done, and changed something."""
    return Outcome(item.id, True, item.args, agent="maker/1", ran_s=0.001, waited_s=0.0, effects={"fields": 1})


def document(*tasks: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    """A backlog of tasks, which need not say what goes without saying."""
    rows = [{"role": "maker", "method": "make"} | dict(task) for task in tasks]
    return {
        "schema": "engine.backlog/v1",
        "name": "app",
        "roles": {"maker": {"kind": "maker", "agents": 4}},
        "tasks": rows,
    } | more


class Answers:
    """Agents that do what they are told with each item, in a turn of the loop of its own."""

    def __init__(self, deed: Deed = done) -> None:
        self.deed = deed
        self.sent: list[str] = []
        self.again: list[str] = []
        self.recalled: list[str] = []
        self.runner: Runner | None = None

    async def send(self, items: Sequence[Item], *, is_again: bool) -> None:
        self.sent += (item.id for item in items)
        if is_again:
            self.again += (item.id for item in items)
        asyncio.get_running_loop().call_soon(self._answer, items)

    def _answer(self, items: Iterable[Item]) -> None:
        outcomes = [outcome for item in items if (outcome := self.deed(item)) is not None]
        if self.runner is not None:
            self.runner.answered(outcomes)

    async def recall(self, items: Sequence[str]) -> None:
        self.recalled += items

    def close(self) -> None:
        self.runner = None


class Rig:
    """One sprint of a backlog, begun or gone on with, in a folder of its own."""

    def __init__(
        self,
        folder: Path,
        row: Mapping[str, Any],
        agents: Answers,
        *,
        speed: float = 20.0,
        hooks: Sequence[Hook] = (),
        files: Files | None = None,
        sprint: str | None = None,
    ) -> None:
        self.backlog: Backlog = read_backlog(row)
        self.archive = Archive(str(folder / "sprints"))
        self.id = sprint or self.archive.make(1_795_219_200.0, self.backlog.row())
        (folder / "work").mkdir(exist_ok=True)
        self.events: list[Mapping[str, Any]] = []
        self.lines: list[Line] = []
        self.ledger: Ledger = open_ledger(files or Disk(), self.archive.path(self.id), self.id, time.time, self.lines.append)
        self.witness = Witness(str(folder / "work"))
        releases = Releases(PlaceDisk(), str(folder / "releases"), time.time)
        self.shipper = Shipper(self.id, releases, str(folder / "work"), hooks)
        self.agents = agents
        for line in self.lines:
            self.witness.resume(line.facts)
            if line.facts.get("verdict") == "done":
                self.shipper.take(line.facts["item"], line.facts.get("artifacts", ()), line.digest)
        parts = Parts(self.backlog.items, self.ledger, self.witness, self.shipper, agents, Clock(speed), self._closing)
        self.runner = agents.runner = Runner(self._sprint(), parts, self.events.append)

    def _sprint(self) -> Sprint:
        header = {"id": self.id, "backlog": "app", "digest": self.backlog.digest(), "agents": 4, "capacity": 40}
        plan = plan_sprint(self.backlog, 40)
        if self.lines:
            return Sprint.restored([line.facts for line in self.lines], self.backlog.shape, plan, self.backlog.items)
        return Sprint(header, self.backlog.shape, plan, self.backlog.items)

    async def _closing(self) -> Mapping[str, Any]:
        return {"impact": {}}

    async def run(self) -> None:
        """Run it to its end, and give everything back."""
        try:
            await self.runner.run()
        finally:
            await self.close()

    async def close(self) -> None:
        """Give everything back."""
        await self.witness.close()
        self.ledger.close()

    def told(self, kind: str) -> list[Mapping[str, Any]]:
        """The events of a kind, in the order in which they were told."""
        return [event for event in self.events if event["e"] == kind]
