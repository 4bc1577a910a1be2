"""One agent: its state, what it does and what waits for it, its last tasks, what went wrong, its checkpoints.

Owns the arrangement of what the engine tells of it. Nobody is woken by looking.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

import orjson
from rich.cells import cell_len
from textual.binding import Binding, BindingType
from textual.containers import Container, Vertical
from textual.content import Content
from textual.widget import Widget

from engine.cli.figures import size, span
from engine.dashboard.board import Board, Command
from engine.dashboard.cells import ago, clock, count, said
from engine.dashboard.deeds import agent_deeds
from engine.dashboard.doing import commands_for, do
from engine.dashboard.figures import Tone
from engine.dashboard.hanging import Hanging, Hung
from engine.dashboard.panel import style_of
from engine.dashboard.scroll import Scroll
from engine.dashboard.source import EMPTY, Document, Want, want
from engine.dashboard.states import tone_of
from engine.dashboard.told import Told

__all__ = ["AgentBoard"]

#: Tasks of the mailbox that are shown.
SHOWN = 8
#: The panels: what each is called, and what it says where there is nothing.
PANELS = {
    "now": ("NOW", ""),
    "fields": ("STATE", "no fields"),
    "waits": ("MAILBOX", "nothing waits"),
    "last": ("LAST TASKS", "none came lately"),
    "wrong": ("WENT WRONG", "nothing since its worker began"),
    "tasks": ("ACCEPTED TASKS", "none that are still known"),
    "marks": ("CHECKPOINTS", "its tasks made none"),
}


#: The columns in which they stand, beside each other where there is room.
COLUMNS = (("now", "fields", "waits"), ("last", "wrong", "tasks", "marks"))


class AgentBoard(Board):
    """The screen of one agent."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,backspace", "app.pop_screen", "Back to all"),
        Binding("r", "release", "Release"),
        Binding("c", "copy", "Copy", show=False),
    ]

    def __init__(self, address: str) -> None:
        super().__init__()
        self.address = address
        self._document = EMPTY

    def wants(self) -> Sequence[Want]:
        """What is known of it."""
        return (want("agent", agent=self.address),)

    def body(self) -> Iterable[Widget]:
        """The panels; each is as high as what it says."""
        panels = {}
        for name, (title, _) in PANELS.items():
            panels[name] = Told(id=f"agent-{name}", classes="panel part")
            panels[name].border_title = title
        columns = [Vertical(*(panels[name] for name in names), classes="column") for names in COLUMNS]
        yield Scroll(Container(*columns, id="parts"), id="agent")

    def on_mount(self) -> None:
        """The panels are scrolled by keys."""
        self.query_one("#agent").focus()
        self.query_one("#agent-now").border_title = said(self.address)

    def show(self, documents: Mapping[Want, Document]) -> None:
        """Fill the panels."""
        self._document = documents[self.wants()[0]]
        told, error = self._document.value, self._document.error
        if told is None or error is not None:
            why = "" if error is None else said(error)
            self.query_one("#agent-now", Told).tell(Content(why or "…"))
            if told is None:
                return
        now_s = self.stage.now_s
        parts: dict[str, list[Hung]] = {
            "now": _now(told, error),
            "fields": _fields(told),
            "waits": _waits(told),
            "last": [_last(one, now_s) for one in told["last"]],
            "wrong": [_wrong(one, now_s) for one in told["failures"]] + _record(told),
            "tasks": [_task(one, now_s) for one in told["tasks"]],
            "marks": [_mark(one, self.stage) for one in told["checkpoints"]],
        }
        for name, lines in parts.items():
            none = Content.assemble((PANELS[name][1], "$muted"))
            self.query_one(f"#agent-{name}", Told).tell(Hanging(lines or [none]))
        self.refresh_bindings()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Only who is in quarantine can be let out."""
        return action != "release" or bool(self._deeds())

    def _deeds(self) -> list[Any]:
        return [] if self._document.value is None else list(agent_deeds(self._document.value))

    def commands(self) -> Iterable[Command]:
        """What can be done with it."""
        return commands_for(self, self._deeds())

    def action_release(self) -> None:
        """Let it out of quarantine."""
        for deed in self._deeds()[:1]:
            do(self, deed)

    def action_copy(self) -> None:
        """Have its address in the clipboard."""
        self.app.copy_to_clipboard(self.address)
        self.app.notify(said(self.address), title="Copied", markup=False)


def _now(told: Mapping[str, Any], error: Exception | None) -> list[Hung]:
    """Where it is, and what it does."""
    status, state, running = told["status"], told["worker_state"], told["running"]
    is_up = state == "running"
    places = [
        *_pair("pool", *((f"{said(told['pool'])}, paused", "warning") if told["is_paused"] else (said(told["pool"]), ""))),
        *_pair("worker", *((said(told["worker"]), "") if is_up else (f"{said(told['worker'])} {state}", "error"))),
        *_pair("shard", str(told["shard"]), ""),
    ]
    counts = [("restarts", told["restarts"]), ("mailbox", told["mailbox_count"])]
    counts += [("on trial, tasks to end well:", told["apart"])] if told["apart"] else []
    numbers = [part for name, number in counts for part in _pair(name, count(number), "warning" if number else "")]
    lines: list[Hung] = [
        Content.assemble((f"{said(status):<12}", style_of(tone_of(status) or "bold")), *places),
        Content.assemble(" " * 12, *numbers),
    ]
    if running is not None:
        what = f"{said(running['method'])} for {ago(running['for_s'])}"
        task = (f"  {said(running['task'])}", "$muted")
        lines.append(Content.assemble(("runs        ", "$muted"), (what, style_of("success")), task))
    if error is not None:
        lines.append(Content.assemble((said(error), style_of("error"))))
    return lines


def _pair(name: str, text: str, tone: Tone) -> list[tuple[str, str]]:
    return [(f"{name} ", "$muted"), (text, style_of(tone)), ("   ", "")]


def _fields(told: Mapping[str, Any]) -> list[Hung]:
    if told["state"] is None:
        return [Content.assemble((said(told["unreadable"]), style_of("error")))]
    width = max(map(cell_len, [*told["state"], *told["omitted"], ""]))
    known = {name: (said(orjson.dumps(value).decode()), "") for name, value in told["state"].items()}
    known |= {name: (f"{size(size_bytes)}, too large to be shown", "$muted") for name, size_bytes in told["omitted"].items()}
    return [
        (Content.assemble((f"{said(name):<{width}}  ", "$muted")), Content.assemble(value)) for name, value in known.items()
    ]


def _waits(told: Mapping[str, Any]) -> list[Hung]:
    """What is behind the task that runs, and what its worker has not begun."""
    rows = [("mailbox", one) for one in told["mailbox"]] + [("worker", one) for one in told["queued"]]
    lines: list[Hung] = []
    for where, one in rows[:SHOWN]:
        waited = (f"{ago(one['age_s']):>8}", "bold")
        lines.append(Content.assemble(f"{said(one['method']):<16} ", waited, (f"  in the {where}", "$muted")))
    if len(rows) > SHOWN or told["mailbox_count"] > len(told["mailbox"]):
        more = told["mailbox_count"] + len(told["queued"]) - min(len(rows), SHOWN)
        lines.append(Content.assemble((f"and {count(more)} more", "$muted")))
    if told["in_front"]:
        lines.append(Content.assemble((f"{count(told['in_front'])} tasks of all agents wait before its worker", "$muted")))
    return lines


def _last(one: Mapping[str, Any], now_s: float) -> Hung:
    error = one["error"]
    what = ("ok", style_of("success")) if error is None else (said(error), style_of("error"))
    when = f"{ago(max(now_s - one['ended_s'], 0.0)):>8} ago  "
    took = (f"{span(one['took_s']):>8}  ", "$muted")
    return Content.assemble((when, "$muted")), Content.assemble(f"{said(one['method']):<16} ", took, what)


def _wrong(one: Mapping[str, Any], now_s: float) -> Hung:
    when = f"{ago(max(now_s - one['at_s'], 0.0)):>8} ago  "
    error = (said(one["error"]), style_of("error"))
    return Content.assemble((when, "$muted")), Content.assemble(f"{said(one['method']):<16} ", error)


def _record(told: Mapping[str, Any]) -> list[Hung]:
    record = told["quarantine"]
    if record is None:
        return []
    tone = style_of(tone_of(record["status"]) or "muted")
    found = Content.assemble((said(record["status"]), tone), f", severity {record['severity']}: {said(record['cause'])}")
    tried = Content.assemble(("  tried  ", "$muted"))
    return [found, *((tried, Content(f"{said(fix['fix'])}: {said(fix['outcome'])}")) for fix in record["fixes"])]


def _task(one: Mapping[str, Any], now_s: float) -> Hung:
    cause = one["cause"]
    why = "" if cause is None else f"  {said(cause['type'])}: {said(cause['message'])}"
    when = f"{ago(max(now_s - one['accepted_s'], 0.0)):>8} ago  "
    state = (f"{said(one['state']):<10}", style_of(tone_of(one["state"])))
    begins = Content.assemble((when, "$muted"), state, " ")
    name = said(one["name"] or one["id"])
    return begins, Content.assemble(f"{said(one['method'])}  ", (name, "$muted"), (why, style_of("error")))


def _mark(one: Mapping[str, Any], stage: Any) -> Hung:
    share = "" if one["progress"] is None else f"{one['progress']:.0%}"
    said_of = {name: one[name] for name in ("partial_result", "context", "metadata") if one[name] is not None}
    facts = said(orjson.dumps(said_of).decode()) if said_of else ""
    when = f"{clock(one['at_s'], stage.zone)}  "
    done = (f"{share:>4}  ", "bold")
    return Content.assemble((when, "$muted")), Content.assemble(f"{said(one['kind']):<12} ", done, (facts, "$muted"))
