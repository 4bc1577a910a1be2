"""The accepted tasks and the dead letters: a window of them, the newest first.

Owns what is asked for, and what can be done with the chosen one. One of them with its story is `task`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widget import Widget

from engine.cli.why import standing
from engine.dashboard.board import Board, Command
from engine.dashboard.cells import ago, count, said
from engine.dashboard.choice import Choice
from engine.dashboard.deeds import Deed, letter_deeds, letters_deed, named, task_deeds
from engine.dashboard.doing import commands_for, do
from engine.dashboard.filterline import FilterLine
from engine.dashboard.rows import Cell, Heading, Row, Rows
from engine.dashboard.source import EMPTY, Document, Want, want
from engine.dashboard.states import tone_of
from engine.dashboard.task import TaskBoard
from engine.dashboard.told import Told

__all__ = ["WINDOW", "TasksBoard"]

#: Tasks that are fetched and shown at once.
WINDOW = 200
#: The states that the key for them goes through.
STATES = (None, "queued", "waiting", "running", "failed", "expired", "cancelled", "done")
#: What may be named in the filter.
NAMES = ("kind", "tag", "tenant", "state")

COLUMNS = (
    Heading("TASK", least=12),
    Heading("STATE"),
    Heading("AGENT", least=12),
    Heading("METHOD", least=8),
    Heading("TRIES", is_right=True, rank=2),
    Heading("AGE", is_right=True),
    Heading("WHY", rank=1, least=16),
)


class TasksBoard(Board):
    """The screen of tasks."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("d", "letters", "Letters", tooltip="tasks that failed for good, or all again"),
        Binding("f", "state", "State"),
        Binding("slash", "filter", "Filter", key_display="/"),
        Binding("r", "deed('Retry')", "Retry"),
        Binding("x", "deed('Cancel')", "Cancel"),
        Binding("delete,X", "deed('Drop')", "Drop", key_display="X"),
        Binding("R", "all", "Retry all", show=False),
        Binding("n", "page(1)", "Next", show=False),
        Binding("N", "page(-1)", "Before", show=False),
        Binding("escape", "clear", "All", show=False),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._choice = Choice()
        self._state: str | None = None
        self._has_letters = False
        self._skip = 0
        self._document = EMPTY

    def wants(self) -> Sequence[Want]:
        """The window."""
        if self._has_letters:
            return (want("dlq", skip=self._skip, limit=WINDOW),)
        only = {name: self._choice.get(name) for name in ("kind", "tag", "tenant")}
        return (want("tasks", state=self._choice.get("state") or self._state, **only, skip=self._skip, limit=WINDOW),)

    def body(self) -> Iterable[Widget]:
        """What is meant, and the table."""
        yield FilterLine(NAMES, "kind: tag: tenant: state:")
        yield Told(id="window")
        yield Rows(COLUMNS, id="task-rows")

    def on_mount(self) -> None:
        """The tasks are what is looked through."""
        self.query_one("#task-rows", Rows).focus()

    def show(self, documents: Mapping[Want, Document]) -> None:
        """Fill the table."""
        self._document = documents[self.wants()[0]]
        self.query_one("#window", Told).tell(self._window())
        now_s = self.stage.now_s
        self.query_one("#task-rows", Rows).show([Row(one["id"], _cells(one, now_s)) for one in self._tasks])
        self.refresh_bindings()

    @property
    def _tasks(self) -> Sequence[dict[str, Any]]:
        """Those that are shown."""
        page = self._document.value or {}
        rows: Sequence[dict[str, Any]] = page.get("letters", page.get("tasks", ()))
        return rows

    def _window(self) -> Content:
        """Which are shown, and how many there are of each state."""
        page, error = self._document.value, self._document.error
        if error is not None:
            return Content.assemble((f" {said(error)}", "$error"))
        if self._choice.words and not self._has_letters:
            names = " ".join(f"{name}:" for name in NAMES)
            return Content.assemble((f" {said(self._choice.words)} chooses nothing: say of what, {names}", "$warning"))
        shown = len(self._tasks)
        which = f"{self._skip + 1:,} to {self._skip + shown:,}" if shown and self._skip else count(shown)
        parts: list[Any] = [(f" showing {which}", "bold")]
        if page is not None and self._has_letters:
            parts += [(f" of {count(page['total'])} ", "bold"), ("dead letters", "$accent bold")]
        elif page is not None:
            counts = page["counts"]
            parts += [(f" of {count(page['kept'])} that are known", "$muted")]
            parts += [(f"   {name} {count(counts[name])}", "$muted") for name in ("open", "done", "failed") if name in counts]
        if self._state and not self._has_letters:
            parts += [("   state ", "$muted"), (self._state, "$accent bold")]
        if self._choice.text and not self._has_letters:
            parts += [("   filter ", "$muted"), (said(self._choice.text), "$accent bold")]
        return Content.assemble(*parts)

    # -- choosing ------------------------------------------------------------------------------------------------------

    def _changed(self) -> None:
        """Something else is asked for: from its beginning."""
        self._skip = 0
        self.query_one("#task-rows", Rows).move_cursor(row=0)
        self.stage.again()

    def action_letters(self) -> None:
        """The dead letters, or all tasks again."""
        self._has_letters = not self._has_letters
        self._changed()

    def action_state(self) -> None:
        """Those of the next state."""
        self._has_letters = False
        self._state = STATES[(STATES.index(self._state) + 1) % len(STATES)]
        self._changed()

    def action_filter(self) -> None:
        """Write what is looked for."""
        self._has_letters = False
        self.query_one(FilterLine).open()

    def on_filter_line_chosen(self, event: FilterLine.Chosen) -> None:
        """Look for something else."""
        self._choice = event.choice
        self._changed()

    def on_filter_line_left(self) -> None:
        """Look through what was found."""
        self.query_one("#task-rows", Rows).focus()

    def action_clear(self) -> None:
        """All tasks again."""
        self.query_one(FilterLine).action_leave()
        if self._state or self._has_letters:
            self._state, self._has_letters = None, False
            self._changed()

    def action_page(self, by: int) -> None:
        """The window after this one, or before it."""
        skip = max(self._skip + by * WINDOW, 0)
        if skip != self._skip and (by < 0 or len(self._tasks) == WINDOW):
            self._changed()
            self._skip = skip

    # -- one of them ---------------------------------------------------------------------------------------------------

    @property
    def _chosen(self) -> dict[str, Any] | None:
        chosen = self.query_one("#task-rows", Rows).chosen if self.is_ready else None
        return next((one for one in self._tasks if one["id"] == chosen), None)

    def _deeds(self) -> list[Deed]:
        """What can be done with the chosen one, and with all dead letters."""
        task = self._chosen
        one = [] if task is None else list(letter_deeds(task) if self._has_letters else task_deeds(task))
        return [*one, *(letters_deed((self._document.value or {}).get("total", 0)) if self._has_letters else ())]

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """What cannot be done with the chosen one is not offered."""
        if action == "deed":
            return bool(named(self._deeds(), str(parameters[0])))
        return action != "all" or self._has_letters

    def on_rows_highlighted(self) -> None:
        """Another one is chosen."""
        self.refresh_bindings()

    def on_rows_selected(self, event: Rows.Selected) -> None:
        """Look at one."""
        if event.key is not None:
            self.app.push_screen(TaskBoard(event.key, is_letter=self._has_letters))

    def commands(self) -> Iterable[Command]:
        """What can be done here."""
        yield Command("Dead letters", "tasks that failed for good, or all tasks again", self.action_letters)
        yield from commands_for(self, self._deeds())

    def action_deed(self, name: str) -> None:
        """Have something done with the chosen one."""
        for deed in named(self._deeds(), name)[:1]:
            do(self, deed)

    def action_all(self) -> None:
        """Try all dead letters again."""
        for deed in letters_deed((self._document.value or {}).get("total", 0)):
            do(self, deed)
            return


def _cells(task: Mapping[str, Any], now_s: float) -> list[Cell]:
    why = standing(task)
    return [
        said(task["name"] or task["id"]),
        (said(task["state"]), tone_of(task["state"])),
        said(task["agent"]),
        said(task["method"]),
        count(task["attempts"]),
        ago(max(now_s - task["accepted_s"], 0.0)),
        (said(why), "error" if task["cause"] is not None else "muted") if why else "",
    ]
