"""The run of an audit on an engine: spawn, ask, gather.

Owns the order of the work and the counting of what happened. It decides nothing about Python files (the agents do)
and shows nothing (the caller watches).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from typing import Any, Protocol

from engine import Engine
from examples.audit.agents import KINDS, MOST_FINDINGS, Module, Package, Report
from examples.audit.inspection import Finding
from examples.audit.memory import memory_bytes
from examples.audit.outcome import Broken, Outcome, Run
from examples.audit.totals import Totals
from examples.audit.tree import Tree

__all__ = ["AGENT_FAILED", "KINDS", "Job", "Watch"]

#: Address of the one report.
REPORT = "report/all"
#: Packages that the report is asked to gather in one task: enough to overlap, few enough to show progress.
BATCH = 100
#: Seconds to wait for sums that are on their way to a package when every module has answered, and between two questions.
PATIENCE_S, PAUSE_S = 5.0, 0.02
#: The cause of a module whose agent failed, which says nothing about the module.
AGENT_FAILED = "agent-failed"


class Watch(Protocol):
    """Whoever shows how far the work is."""

    def begin(self, words: str, total: int) -> None:
        """A part of the work begins. total: its steps."""
        ...

    def advance(self, steps: int) -> None:
        """Some steps were done."""
        ...


class Job:
    """One audit.

    agents: spawned at least; where the tree has fewer modules, packages and report, numbered module agents stand by.
    done: modules that were answered so far, for whoever interrupts.
    """

    def __init__(self, tree: Tree, engine: Engine, watch: Watch, *, agents: int) -> None:
        self.done = 0
        self._tree = tree
        self._engine = engine
        self._watch = watch
        self._wanted = agents
        self._tasks = 0
        self._worked = 0
        self._workers = 0
        self._broken: list[Broken] = []
        self._counts: dict[int, int] = {}
        self._lines = {root.label: 0 for root in tree.roots}

    async def run(self) -> Outcome:
        """Do all of it."""
        began_s = time.perf_counter()
        spawned = await self._spawn()
        spawn_s = time.perf_counter() - began_s
        await self._audit()
        unheard = await self._gather()
        totals = Totals.of_dict(await self._ask("totals"))
        groups = {name: Totals.of_dict(sums) for name, sums in (await self._ask("by_group")).items()}
        findings = await self._collect()
        seconds = time.perf_counter() - began_s
        run = Run(
            agents=spawned,
            worked=self._worked,
            workers=self._workers,
            tasks=self._tasks,
            spawn_s=spawn_s,
            seconds=seconds,
            memory_bytes=memory_bytes(),
        )
        kept = sum(map(len, findings.values()))
        self._broken.sort(key=lambda broken: (broken.module.label, broken.module.place))
        return Outcome(
            self._tree,
            totals,
            groups,
            self._lines,
            findings,
            self._broken,
            sum(self._counts.values()) - kept,
            unheard,
            run,
        )

    async def _spawn(self) -> dict[str, int]:
        """Make every agent exist; returns how many, by what they are for."""
        engine, tree = self._engine, self._tree
        modules = await engine.spawn(Module, keys=[module.key for module in tree.modules])
        packages = await engine.spawn(Package, keys=[package.key for package in tree.packages])
        report = await engine.spawn(Report, keys=["all"])
        self._workers = modules.workers
        parts = {"for modules": modules.added, "for packages": packages.added, "for the report": report.added}
        rest = self._wanted - sum(parts.values())
        return {**parts, "standing by": (await engine.spawn(Module, count=rest)).added if rest > 0 else 0}

    async def _audit(self) -> None:
        """Have every module audited by its agent."""
        modules = self._tree.modules
        tasks = ((f"module/{m.key}", "audit", m.path, f"{m.label}/{m.place}", m.package) for m in modules)
        self._watch.begin("auditing", len(modules))
        async for results in self._engine.map_batches(tasks):
            for result in results:
                if result.error is None:
                    self._take(result.id, result.value)
                else:
                    self._lose(result.id, f"{result.error.type}: {result.error.message}")
            self.done += len(results)
            self._watch.advance(len(results))
        self._tasks += self.done

    def _take(self, index: int, answer: dict[str, Any]) -> None:
        module = self._tree.modules[index]
        self._worked += 1
        self._lines[module.label] += answer["lines"]
        if answer["findings"]:
            self._counts[index] = answer["findings"]
        if answer["cause"]:
            self._broken.append(Broken(module, answer["cause"], answer["detail"], answer["line"]))

    def _lose(self, index: int, why: str) -> None:
        """Count a module whose agent failed, in its package too, which would wait for it otherwise."""
        module = self._tree.modules[index]
        self._broken.append(Broken(module, AGENT_FAILED, why, 1))
        self._engine.tell(f"package/{module.package}", "add", Totals.of_broken(AGENT_FAILED).as_dict())

    async def _gather(self) -> int:
        """Have the report ask every package; returns how many had not heard of all their modules in the end."""
        waiting = {package.key: [package.key, package.group, package.modules] for package in self._tree.packages}
        self._watch.begin("gathering", len(waiting))
        deadline_s = time.monotonic() + PATIENCE_S
        is_last, unheard = False, 0
        while waiting:
            still: list[str] = []
            for batch in _batches(list(waiting.values()), BATCH):
                late = await self._ask("gather", batch, is_last)
                still += late
                self._watch.advance(len(batch) - len(late))
            waiting = {key: waiting[key] for key in still}
            if waiting and not is_last:
                await asyncio.sleep(PAUSE_S)
                is_last = time.monotonic() > deadline_s
                unheard = len(waiting) * is_last
        self._worked += len(self._tree.packages) + 1
        return unheard

    async def _collect(self) -> dict[int, list[Finding]]:
        """Ask every module that has findings for them."""
        indexes = list(self._counts)
        modules = self._tree.modules
        found: dict[int, list[Finding]] = {}
        self._watch.begin("collecting", len(indexes))
        tasks = ((f"module/{modules[index].key}", "findings", 0, MOST_FINDINGS) for index in indexes)
        async for results in self._engine.map_batches(tasks):
            for result in results:
                if result.error is None:
                    found[indexes[result.id]] = [Finding(*row) for row in result.value]
            self._tasks += len(results)
            self._watch.advance(len(results))
        return found

    async def _ask(self, method: str, *arguments: Any) -> Any:
        self._tasks += 1
        return await self._engine.ask(REPORT, method, *arguments)


def _batches(rows: list[list[Any]], size: int) -> Iterator[list[list[Any]]]:
    for first in range(0, len(rows), size):
        yield rows[first : first + size]
