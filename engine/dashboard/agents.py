"""The agents: filtered, sorted and searched by the engine, a window of them at a time.

Owns what is asked for and how the window is moved. However many agents there are, WINDOW of them are fetched and shown.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any, ClassVar

from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widget import Widget

from engine.dashboard.agent import AgentBoard
from engine.dashboard.board import Board, Command
from engine.dashboard.cells import count, said
from engine.dashboard.choice import Choice
from engine.dashboard.filterline import FilterLine
from engine.dashboard.rows import Cell, Heading, Row, Rows
from engine.dashboard.source import EMPTY, Document, Want, want
from engine.dashboard.states import tone_of
from engine.dashboard.told import Told

__all__ = ["WINDOW", "AgentsBoard"]

#: Agents that are fetched and shown at once.
WINDOW = 200
#: What the engine sorts by; without it they come as they were spawned.
SORTS = (None, "address", "pool", "worker", "status", "mailbox", "restarts")
#: Of these the largest come first.
NUMBERS = frozenset({"mailbox", "restarts"})
#: The statuses that the key for them goes through.
STATUSES = ((), ("run",), ("wait",), ("idle",), ("asleep",), ("dormant",), ("quarantined",))
#: What may be named in the filter.
NAMES = ("kind", "pool", "worker", "status")
#: Who has a problem.
PROBLEMS = ("quarantined", "restarted", "wait")

COLUMNS = (
    Heading("AGENT", least=20),
    Heading("POOL", rank=2),
    Heading("WORKER", rank=1),
    Heading("STATUS"),
    Heading("MAILBOX", is_right=True),
    Heading("RESTARTS", is_right=True, rank=1),
)


class AgentsBoard(Board):
    """The screen of agents."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "filter", "Filter", key_display="/"),
        Binding("s", "sort(1)", "Sort"),
        Binding("S", "turn", "Other way", show=False),
        Binding("f", "status", "Status"),
        Binding("z", "problems", "Problems"),
        Binding("n", "page(1)", "Next"),
        Binding("N", "page(-1)", "Before", show=False),
        Binding("c", "copy", "Copy", show=False),
        Binding("escape", "clear", "Everybody", show=False),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._choice = Choice()
        self._statuses: tuple[str, ...] = ()
        self._sort: str | None = None
        self._is_descending = False
        self._skip = 0
        self._document = EMPTY

    def wants(self) -> Sequence[Want]:
        """The window."""
        choice = self._choice
        where = {name: choice.get(name) for name in ("kind", "pool", "worker")} | {"filter": choice.words}
        order = {"sort": self._sort, "is_descending": self._is_descending}
        return (want("agents", **where, status=self._meant, **order, skip=self._skip, limit=WINDOW),)

    @property
    def _meant(self) -> tuple[str, ...]:
        """The statuses that are meant."""
        return self._choice.several("status") or self._statuses

    def body(self) -> Iterable[Widget]:
        """What is meant, and the table."""
        yield FilterLine(NAMES, "a part of the address, ^expression$ or !not; kind: pool: worker: status:")
        yield Told(id="window")
        yield Rows(COLUMNS, id="agent-rows")

    def on_mount(self) -> None:
        """The agents are what is looked through."""
        self.query_one("#agent-rows", Rows).focus()

    def show(self, documents: Mapping[Want, Document]) -> None:
        """Fill the table."""
        self._document = documents[self.wants()[0]]
        page = self._document.value
        self.query_one("#window", Told).tell(self._window())
        if page is not None:
            self.query_one("#agent-rows", Rows).show([Row(one["agent"], _cells(one)) for one in page["agents"]])
            if not page["agents"] and self._skip and page["matched"]:
                self._skip = max((page["matched"] - 1) // WINDOW * WINDOW, 0)  # they have become fewer meanwhile
                self.stage.again("agents")

    def _window(self) -> Content:
        """Which of how many are shown, and how they were chosen."""
        page, error = self._document.value, self._document.error
        if error is not None:
            return Content.assemble((f" {said(error)}", "$error"))
        parts: list[Any] = []
        if page is not None:
            shown, matched, total = len(page["agents"]), page["matched"], page["total"]
            first = self._skip + 1
            which = f"{first:,}–{self._skip + shown:,}" if shown and (self._skip or shown < matched) else count(shown)
            parts += [(f" showing {which} of {count(matched)}", "bold")]
            if matched != total:
                parts.append((f", of {count(total)} in all", "$muted"))
        for name, text in self._chosen():
            parts += [(f"   {name} ", "$muted"), (text, "$accent bold")]
        if page is not None and page["silent"]:
            parts.append((f"   not told by {', '.join(map(said, page['silent']))}", "$warning"))
        return Content.assemble(*parts)

    def _chosen(self) -> Iterable[tuple[str, str]]:
        if self._choice.text:
            yield "filter", said(self._choice.text)
        if self._statuses and self._meant == self._statuses:
            yield "status", "problems" if self._statuses == PROBLEMS else " ".join(self._statuses)
        if self._sort is not None:
            yield "sorted by", f"{self._sort} {'↓' if self._is_descending else '↑'}"
        elif self._is_descending:
            yield "sorted by", "spawning ↓"

    def commands(self) -> Iterable[Command]:
        """What can be chosen here."""
        yield Command("Filter agents", "by a part of the address, or an expression", self.action_filter)
        yield Command("Agents with problems", "in quarantine, taken back, or with tasks in their mailbox", self.action_problems)
        for sort in SORTS[1:]:
            yield Command(f"Sort agents by {sort}", "the engine sorts all of them", partial(self._sort_by, sort))

    # -- choosing ------------------------------------------------------------------------------------------------------

    def _changed(self) -> None:
        """Something else is asked for: from its beginning."""
        self._skip = 0
        self.query_one("#agent-rows", Rows).move_cursor(row=0)
        self.stage.again("agents")

    def action_filter(self) -> None:
        """Write what is looked for."""
        self.query_one(FilterLine).open()

    def on_filter_line_chosen(self, event: FilterLine.Chosen) -> None:
        """Look for something else."""
        self._choice = event.choice
        self._changed()

    def on_filter_line_left(self) -> None:
        """Look through what was found."""
        self.query_one("#agent-rows", Rows).focus()

    def action_clear(self) -> None:
        """All agents again."""
        self.query_one(FilterLine).action_leave()
        if self._statuses:
            self._statuses = ()
            self._changed()

    def action_status(self) -> None:
        """Those of the next status."""
        at = STATUSES.index(self._statuses) if self._statuses in STATUSES else 0
        self._statuses = STATUSES[(at + 1) % len(STATUSES)]
        self._changed()

    def action_problems(self) -> None:
        """Those that have a problem, or all again."""
        self._statuses = () if self._statuses == PROBLEMS else PROBLEMS
        self._changed()

    def action_sort(self, by: int) -> None:
        """By the next column."""
        self._sort_by(SORTS[(SORTS.index(self._sort) + by) % len(SORTS)])

    def _sort_by(self, sort: str | None) -> None:
        self._sort, self._is_descending = sort, sort in NUMBERS
        self._changed()

    def action_turn(self) -> None:
        """The other way round."""
        self._is_descending = not self._is_descending
        self._changed()

    def action_page(self, by: int) -> None:
        """The window after this one, or before it."""
        matched = (self._document.value or {}).get("matched", 0)
        skip = min(max(self._skip + by * WINDOW, 0), max((matched - 1) // WINDOW * WINDOW, 0))
        if skip != self._skip:
            self._changed()
            self._skip = skip

    # -- one of them ---------------------------------------------------------------------------------------------------

    def on_rows_selected(self, event: Rows.Selected) -> None:
        """Look at one."""
        if event.key is not None:
            self.app.push_screen(AgentBoard(event.key))

    def action_copy(self) -> None:
        """Have the address of the chosen one in the clipboard."""
        chosen = self.query_one("#agent-rows", Rows).chosen
        if chosen is not None:
            self.app.copy_to_clipboard(chosen)
            self.app.notify(said(chosen), title="Copied", markup=False)


def _cells(agent: Mapping[str, Any]) -> list[Cell]:
    return [
        said(agent["agent"]),
        said(agent["pool"]),
        said(agent["worker"]),
        (said(agent["status"]), tone_of(agent["status"])),
        (count(agent["mailbox"]), "warning") if agent["mailbox"] else "0",
        (count(agent["restarts"]), "warning") if agent["restarts"] else "0",
    ]
