"""Pools and workers: what each of them does now.

Owns the two tables and what stands in their columns. What was recorded of them can be seen of any past instant; memory of
single workers is known of now alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

from textual.binding import Binding, BindingType
from textual.widget import Widget

from engine.dashboard.agent import AgentBoard
from engine.dashboard.board import Board
from engine.dashboard.cells import UNKNOWN, ago, bytes_of, count, percent, said
from engine.dashboard.deeds import breaker_deeds, pool_deeds
from engine.dashboard.doing import choose, do
from engine.dashboard.heat import Heat
from engine.dashboard.rows import Cell, Heading, Row, Rows
from engine.dashboard.source import Document, Want, want
from engine.dashboard.states import tone_of

__all__ = ["WorkersBoard"]

OVERVIEW, PS = want("overview"), want("ps")
#: The share of a limit from which on a pool is near it.
NEAR = 0.85

POOLS = (
    Heading("POOL"),
    Heading("STATE"),
    Heading("WORKERS", is_right=True, rank=6),
    Heading("AGENTS", is_right=True),
    Heading("ACTIVE", is_right=True, rank=3),
    Heading("BUSY", is_right=True),
    Heading("QUEUE", is_right=True),
    Heading("DONE", is_right=True),
    Heading("FAILED", is_right=True),
    Heading("MEMORY", is_right=True, rank=2),
    Heading("FULL", is_right=True, rank=5),
    Heading("BREAKER", rank=1),
)
WORKERS = (
    Heading("WORKER"),
    Heading("STATE"),
    Heading("TICKS/S", is_right=True),
    Heading("BUSY", is_right=True, rank=1),
    Heading("AGENT", least=10),
    Heading("FOR", is_right=True, rank=2),
    Heading("METHOD", rank=9, least=8),
    Heading("QUEUE", is_right=True),
    Heading("BREAKER"),
    Heading("DONE", is_right=True, rank=4),
    Heading("FAILED", is_right=True, rank=5),
    Heading("RESTARTS", is_right=True, rank=6),
    Heading("MEMORY", is_right=True, rank=7),
    Heading("REASON", rank=3, least=12),
    Heading("PID", is_right=True, rank=10),
)


class WorkersBoard(Board):
    """The screen of pools and workers."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("p", "pause", "Pause/resume"),
        Binding("b", "breaker", "Breaker"),
        Binding("tab", "app.focus_next", "Other table", show=False),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._rates: Mapping[str, Any] = {}

    def wants(self) -> Sequence[Want]:
        """The overview has their rates, `ps` their processes."""
        return OVERVIEW, PS

    def body(self) -> Iterable[Widget]:
        """The heat, and the tables."""
        yield Heat(id="heat")
        yield Rows(POOLS, id="pool-rows")
        yield Rows(WORKERS, id="worker-rows")

    def on_mount(self) -> None:
        """The workers are what is looked through."""
        self.query_one("#worker-rows", Rows).focus()

    def show(self, documents: Mapping[Want, Document]) -> None:
        """Fill the tables."""
        rates = (documents[OVERVIEW].value or {}).get("rates") or {}
        self._rates = rates
        processes = {one["worker"]: one for one in documents[PS].value or ()}
        workers = [{**_of_process(processes.get(one["worker"])), **one} for one in rates.get("workers") or ()]
        self.query_one("#heat", Heat).show(workers)
        self.query_one("#pool-rows", Rows).show([Row(one["name"], _pool(one)) for one in rates.get("pools") or ()])
        self.query_one("#worker-rows", Rows).show([Row(one["worker"], _worker(one)) for one in workers])

    # -- what can be done ----------------------------------------------------------------------------------------------

    @property
    def _chosen(self) -> dict[str, Any] | None:
        """The pool that is chosen, itself or by one of its workers."""
        pools, name = self.query_one("#pool-rows", Rows), self.query_one("#worker-rows", Rows).chosen
        worker = self._worker(name)
        name = pools.chosen if pools.has_focus else worker.get("pool")
        return next((one for one in self._rates.get("pools") or () if one["name"] == name), None)

    def _worker(self, name: str | None) -> Mapping[str, Any]:
        """What is known of a worker."""
        none: Mapping[str, Any] = {}
        return next((one for one in self._rates.get("workers") or () if one["worker"] == name), none)

    def action_pause(self) -> None:
        """Pause the chosen pool, or have it go on."""
        if self._chosen is not None:
            do(self, next(pool_deeds(self._chosen)))

    def action_breaker(self) -> None:
        """Hold the breaker of the chosen pool, or let it decide."""
        if self._chosen is not None:
            choose(self, f"The breaker of pool {said(self._chosen['name'])}", list(breaker_deeds(self._chosen["name"])))

    def on_rows_selected(self, event: Rows.Selected) -> None:
        """Look at the agent that a worker runs."""
        worker = self._worker(event.key)
        if worker.get("agent"):
            self.app.push_screen(AgentBoard(worker["agent"]))


def _of_process(process: Mapping[str, Any] | None) -> dict[str, Any]:
    """What `ps` alone knows of a worker."""
    return {} if process is None else {name: process[name] for name in ("pid", "memory_bytes", "reason")}


def _pool(pool: Mapping[str, Any]) -> list[Cell]:
    used = pool.get("used") or {}
    fullest = max(used.values(), default=None)
    return [
        said(pool["name"]),
        _state(pool["state"]),
        count(pool["workers"]),
        f"{count(pool['agents'])} of {count(pool['agents_limit'])}",
        count(pool.get("active")),
        percent(pool.get("busy")),
        count(pool.get("queue")),
        count(pool["done"]),
        _bad(pool["failed"]),
        bytes_of(pool.get("memory_bytes")),
        percent(fullest) if fullest is None or fullest < NEAR else (percent(fullest), "warning"),
        _breaker(pool.get("breaker")),
    ]


def _worker(worker: Mapping[str, Any]) -> list[Cell]:
    is_running = bool(worker.get("agent"))
    return [
        said(worker["worker"]),
        _state(worker["state"]),
        count(worker.get("ticks_per_s")),
        percent(worker.get("busy")),
        said(worker.get("agent")),
        ago(worker["running_for_s"]) if is_running else UNKNOWN,
        said(worker.get("method")),
        count(worker.get("queue")),
        _breaker(worker.get("breaker")),
        count(worker["done"]),
        _bad(worker["failed"]),
        (count(worker["restarts"]), "warning") if worker["restarts"] else "0",
        bytes_of(worker.get("memory_bytes")),
        said(worker.get("reason")),
        str(worker.get("pid") or UNKNOWN),
    ]


def _state(state: str) -> Cell:
    return said(state), tone_of(state)


def _bad(number: int) -> Cell:
    return (count(number), "error") if number else "0"


def _breaker(state: str | None) -> Cell:
    """A closed breaker lets everything pass; one that is open is the bad one."""
    return said(state) if state in (None, "closed") else (said(state), "error" if state == "open" else "warning")
