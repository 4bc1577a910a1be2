"""One accepted task: its story, from what it waited for to where its time went.

Owns the arrangement; the story is the engine's own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

import orjson
from textual.binding import Binding, BindingType
from textual.containers import Container, Vertical
from textual.content import Content
from textual.widget import Widget

from engine.cli.figures import span
from engine.cli.why import PARTS, standing
from engine.dashboard.agent import AgentBoard
from engine.dashboard.board import Board, Command
from engine.dashboard.cells import UNKNOWN, ago, clock, count, percent, said
from engine.dashboard.deeds import Deed, letter_deeds, named, task_deeds
from engine.dashboard.doing import commands_for, do
from engine.dashboard.hanging import Hanging, Hung
from engine.dashboard.panel import style_of
from engine.dashboard.scroll import Scroll
from engine.dashboard.source import EMPTY, Document, Want, want
from engine.dashboard.spark import bar
from engine.dashboard.states import tone_of
from engine.dashboard.told import Told

__all__ = ["TaskBoard"]

#: The panels: what each is called, and what it says where there is nothing.
PANELS = {
    "task": ("TASK", ""),
    "why": ("WHAT HOLDS IT", "nothing"),
    "waited": ("WAITED FOR", "no other task"),
    "tries": ("ATTEMPTS", "none yet"),
    "time": ("WHERE ITS TIME WENT", ""),
    "args": ("ARGUMENTS", "none"),
}
#: The columns in which they stand, beside each other where there is room.
COLUMNS = (("task", "why", "args"), ("tries", "time", "waited"))
#: Columns of the bars of time.
BAR = 20


class TaskBoard(Board):
    """The screen of one task. is_letter: whether it was chosen among the dead letters."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,backspace", "app.pop_screen", "Back to all"),
        Binding("r", "deed('Retry')", "Retry"),
        Binding("x", "deed('Cancel')", "Cancel"),
        Binding("delete,X", "deed('Drop')", "Drop", key_display="X"),
        Binding("a", "agent", "Its agent"),
    ]

    def __init__(self, task: str, *, is_letter: bool) -> None:
        super().__init__()
        self._reference = task
        self._is_letter = is_letter
        self._document = EMPTY

    def wants(self) -> Sequence[Want]:
        """Its story."""
        return (want("why", task=self._reference),)

    def body(self) -> Iterable[Widget]:
        """The panels; each is as high as what it says."""
        panels = {}
        for name, (title, _) in PANELS.items():
            panels[name] = Told(id=f"task-{name}", classes="panel part")
            panels[name].border_title = title
        columns = [Vertical(*(panels[name] for name in names), classes="column") for names in COLUMNS]
        yield Scroll(Container(*columns, id="parts"), id="one-task")

    def on_mount(self) -> None:
        """The panels are scrolled by keys."""
        self.query_one("#one-task").focus()

    def show(self, documents: Mapping[Want, Document]) -> None:
        """Fill the panels."""
        self._document = documents[self.wants()[0]]
        told, error = self._document.value, self._document.error
        if told is None:
            self.query_one("#task-task", Told).tell(Content("…" if error is None else said(error)))
            return
        self.entitle("task-task", f"TASK {said(told['task']['name'] or told['task']['id'])}")
        parts: dict[str, list[Hung]] = {
            "task": [
                *_task(told, self.stage),
                *([] if error is None else [Content.assemble((said(error), style_of("error")))]),
            ],
            "why": [Content.assemble((said(each["text"]), style_of("warning"))) for each in told["obstacles"]],
            "waited": [_waited(each) for each in told["waited_for"]],
            "tries": [_attempt(at, each, told, self.stage) for at, each in enumerate(told["attempts"])],
            "time": _time(told["time"]),
            "args": _arguments(told),
        }
        for name, lines in parts.items():
            none = Content.assemble((PANELS[name][1], "$muted"))
            self.query_one(f"#task-{name}", Told).tell(Hanging(lines or [none]))
        self.refresh_bindings()

    def _deeds(self) -> list[Deed]:
        if self._document.value is None:
            return []
        task = self._document.value["task"]
        return list(letter_deeds(task) if self._is_letter else task_deeds(task))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """What cannot be done with it is not offered."""
        return action != "deed" or bool(named(self._deeds(), str(parameters[0])))

    def commands(self) -> Iterable[Command]:
        """What can be done with it."""
        return commands_for(self, self._deeds())

    def action_deed(self, name: str) -> None:
        """Have something done with it."""
        for deed in named(self._deeds(), name)[:1]:
            do(self, deed)

    def action_agent(self) -> None:
        """Look at its agent, if it has one already."""
        told = self._document.value
        if told is not None and "/" in told["task"]["agent"]:
            self.app.push_screen(AgentBoard(told["task"]["agent"]))


def _task(told: Mapping[str, Any], stage: Any) -> list[Hung]:
    """What it is, and how it stands."""
    task = told["task"]
    what, place = standing(task), told["place"]
    rows: dict[str, Any] = {
        "state": (said(task["state"]), style_of(tone_of(task["state"]) or "bold")),
        "": (said(what), style_of("error") if task["cause"] is not None else "") if what else None,
        "id": (said(task["id"]), ""),
        "agent": (said(task["agent"]) + (" (any of its kind)" if task["is_any"] else ""), ""),
        "method": (said(task["method"]), ""),
        "worker": None if place is None else (f"{said(place['worker'])} in pool {said(place['pool'])}, {place['state']}", ""),
        "accepted": (f"{clock(task['accepted_s'], stage.zone)}, {ago(max(stage.now_s - task['accepted_s'], 0.0))} ago", ""),
        "ended": None if task["ended_s"] is None else (clock(task["ended_s"], stage.zone), ""),
        "progress": None if task["progress"] is None else (percent(task["progress"]), "bold"),
        "options": (_options(task), "") if _options(task) else None,
        "requeue of": (said(task["requeue_of"]), "") if task["requeue_of"] else None,
        "again as": (said(task["requeued_as"]), "") if task["requeued_as"] else None,
    }
    return [
        (Content.assemble((f"{name:<11}", "$muted")), Content.assemble(row)) for name, row in rows.items() if row is not None
    ]


def _options(task: Mapping[str, Any]) -> str:
    options = {name: value for name, value in task["options"].items() if name != "after"}
    return said(", ".join(f"{name} {value}" for name, value in options.items())) if options else ""


def _waited(each: Mapping[str, Any]) -> Content:
    state = (f"{said(each['state']):<10}", style_of(tone_of(each["state"])))
    return Content.assemble(state, f" {span(each['waited_s']):>9}  ", said(each["task"]))


def _attempt(at: int, each: Mapping[str, Any], told: Mapping[str, Any], stage: Any) -> Hung:
    number = told["task"]["attempts"] - len(told["attempts"]) + 1 + at
    end_s = told["now_s"] if each["ended_s"] is None else each["ended_s"]
    took = span(max(end_s - each["started_s"], 0.0))
    error = each["error"]
    outcome = said(told["task"]["state"]) if error is None else f"{said(error['type'])}: {said(error['message'])}"
    style = style_of("error") if error is not None else style_of(tone_of(told["task"]["state"]))
    when = f"{clock(each['started_s'], stage.zone)}  "
    begins = Content.assemble((f"{number:>2}  ", "$muted"), (when, "$muted"), f"{took:>9}  ")
    return begins, Content.assemble(f"{said(each['agent'])}  ", (outcome, style))


def _time(spent: Mapping[str, float]) -> list[Hung]:
    total_s = spent["total_s"]
    lines: list[Hung] = []
    for name, words in PARTS.items():
        share = spent[name] / total_s if total_s > 0 else 0.0
        full, left = bar(share, BAR)
        figure = f"{span(spent[name]):>9}" if spent[name] else f"{UNKNOWN:>9}"
        lines.append(Content.assemble((f"{words:<23}", "$muted"), f"{figure}  ", (full, style_of("accent")), (left, "$muted")))
    return [*lines, Content.assemble(("in all                 ", "$muted"), (f"{span(total_s):>9}", "bold"))]


def _arguments(told: Mapping[str, Any]) -> list[Hung]:
    if told["args_bytes"] is None:
        return []
    if told["args"] is None:
        return [Content.assemble((f"{count(told['args_bytes'])} bytes", "$muted"))]
    return [Content(said(orjson.dumps(told["args"]).decode()))]
