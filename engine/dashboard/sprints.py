"""The sprints: which there were and are, and of the chosen one its steps, what was done and what was carried.

Owns the table, and the words under the steps. The facts come from ledgers, as `engine sprint ls` and `show` have them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widget import Widget

from engine.cli.figures import plural
from engine.dashboard.board import Board, Command
from engine.dashboard.cells import UNKNOWN, count, minutes, moment, money, percent, said
from engine.dashboard.deeds import Deed, named, sprint_deeds
from engine.dashboard.doing import commands_for, do
from engine.dashboard.figures import Tone
from engine.dashboard.gantt import PHASES, Gantt
from engine.dashboard.hanging import Hanging, Hung
from engine.dashboard.panel import style_of
from engine.dashboard.rows import Cell, Heading, Row, Rows
from engine.dashboard.scroll import Scroll
from engine.dashboard.source import EMPTY, Document, Want, want
from engine.dashboard.spark import bar
from engine.dashboard.states import tone_of
from engine.dashboard.told import Told

__all__ = ["SprintsBoard"]

SPRINTS = want("sprints")
#: Columns of the bar of progress, where there is room and where not.
BAR, NARROW_BAR = 40, 8
#: Lines and columns from which on there is room.
TALL, WIDE = 32, 110

COLUMNS = (
    Heading("SPRINT"),
    Heading("BACKLOG", rank=1, least=8),
    Heading("BEGAN", rank=3),
    Heading("STATE"),
    Heading("TOOK", is_right=True, rank=4),
    Heading("DONE", is_right=True),
    Heading("OF", is_right=True),
    Heading("FAILED", is_right=True, rank=2),
    Heading("CARRIED", is_right=True),
    Heading("EFFICIENCY", is_right=True, rank=5),
    Heading("COST", is_right=True, rank=6),
    Heading("RELEASE", rank=7),
)


class SprintsBoard(Board):
    """The screen of sprints."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("p", "deed('Pause Resume')", "Pause/resume"),
        Binding("x", "deed('Abort')", "Abort"),
        Binding("b", "deed('Roll')", "Roll back"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._document = EMPTY

    def wants(self) -> Sequence[Want]:
        """The sprints, each with its steps."""
        return (SPRINTS,)

    def body(self) -> Iterable[Widget]:
        """The table, and the chosen one."""
        yield Rows(COLUMNS, id="sprint-rows")
        chosen = Scroll(Told(id="progress"), Gantt(id="gantt"), Told(id="outcome"), id="sprint", classes="panel")
        chosen.border_title = "NO SPRINT YET"
        yield chosen

    def on_mount(self) -> None:
        """The sprints are what is looked through."""
        self.query_one("#sprint-rows", Rows).focus()

    def show(self, documents: Mapping[Want, Document]) -> None:
        """Fill the table."""
        self._document = documents[SPRINTS]
        self.query_one("#sprint-rows", Rows).show(
            [Row(one["id"], _cells(one, self.stage.zone)) for one in self._document.value or ()]
        )
        self._show_chosen()

    def on_resize(self) -> None:
        """Use the room that there is now."""
        if self.is_ready:
            self._show_chosen()

    def on_rows_highlighted(self) -> None:
        """Another one is chosen."""
        self._show_chosen()

    @property
    def _chosen(self) -> dict[str, Any] | None:
        chosen = self.query_one("#sprint-rows", Rows).chosen if self.is_ready else None
        return next((one for one in self._document.value or () if one["id"] == chosen), None)

    def _deeds(self) -> list[Deed]:
        return [] if self._chosen is None else list(sprint_deeds(self._chosen))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """What cannot be done with the chosen one is not offered."""
        return action != "deed" or bool(named(self._deeds(), str(parameters[0])))

    def commands(self) -> Iterable[Command]:
        """What can be done with the chosen one."""
        return commands_for(self, self._deeds())

    def action_deed(self, names: str) -> None:
        """Have something done with the chosen one."""
        for deed in named(self._deeds(), names)[:1]:
            do(self, deed)

    def _show_chosen(self) -> None:
        sprint = self._chosen
        self.refresh_bindings()
        self.query_one("#gantt", Gantt).show(sprint, is_short=self.app.size.height < TALL)
        progress, outcome = self.query_one("#progress", Told), self.query_one("#outcome", Told)
        if sprint is None:
            self.entitle("sprint", "NO SPRINT YET")
            error = self._document.error
            progress.tell(Content(said(error) if error is not None else "begin one with: engine sprint run BACKLOG.yaml"))
            outcome.tell(Content(""))
        else:
            self.entitle("sprint", f"{sprint['id']} {said(sprint['backlog'])}")
            progress.tell(_progress(sprint, NARROW_BAR if self.app.size.width < WIDE else BAR))
            outcome.tell(Hanging(_outcome(sprint)))


def _state(sprint: Mapping[str, Any]) -> tuple[str, Tone]:
    state = said(sprint["state"])
    return state, "accent" if state in PHASES else "warning" if state == "left some" else tone_of(state)


def _failed(sprint: Mapping[str, Any]) -> int:
    """Items whose work was wrong."""
    verdicts = sprint["verdicts"]
    return int(verdicts.get("failed", 0) + verdicts.get("unproven", 0))


def _carried(sprint: Mapping[str, Any]) -> int:
    return int(sum(sprint["carried"].values()))


def _cells(sprint: Mapping[str, Any], zone: Any) -> list[Cell]:
    failed, carried = _failed(sprint), _carried(sprint)
    cost = sprint.get("cost") or {}
    releases = sprint.get("releases") or ()
    return [
        sprint["id"],
        said(sprint["backlog"]),
        moment(sprint["began_s"], zone),
        _state(sprint),
        minutes(sprint["seconds"]),
        count(sprint["verdicts"].get("done", 0)),
        count(sprint["planned"]),
        (count(failed), "error") if failed else "0",
        (count(carried), "warning") if carried else "0",
        percent((sprint.get("impact") or {}).get("efficiency")),
        money(cost.get("total"), cost.get("currency")),
        said(releases[-1]["release"].partition("-")[0]) if releases else UNKNOWN,
    ]


def _progress(sprint: Mapping[str, Any], width: int) -> Content:
    """How far it is: what is done of what was planned. width: of the bar."""
    planned, done = sprint["planned"], sprint["verdicts"].get("done", 0)
    share = done / planned if planned else None
    full, left = bar(share, width)
    now = sprint.get("now") or {}
    state, tone = _state(sprint)
    parts: list[tuple[str, str]] = [
        (f"{state}  ", style_of(tone)),
        (full, style_of("success")),
        (left, "$muted"),
        (f" {percent(share)}  ", "bold"),
        (f"{done:,} of {plural(planned, 'item')} done", ""),
    ]
    if now.get("left_s") is not None:
        parts.append((f"  {minutes(now['left_s'])} left in {state}", "bold"))
    if now.get("queued"):
        parts.append((f"  {now['queued']:,} waiting", "$muted"))
    return Content.assemble(*parts, "\n")


def _outcome(sprint: Mapping[str, Any]) -> list[Hung]:
    """What became of it, in lines."""
    impact = sprint.get("impact") or {}
    facts = {
        "efficiency": percent(impact.get("efficiency")),
        "quality": percent(impact.get("quality")),
        "done a minute": f"{impact['velocity']:,.1f}" if impact.get("velocity") is not None else UNKNOWN,
        "agents": count(sprint.get("agents")),
    }
    lines: list[Hung] = [
        Content(""),
        Content("   ").join([Content.assemble((f"{name} ", "$muted"), (text, "bold")) for name, text in facts.items()]),
    ]
    verdicts = {name: number for name, number in sprint["verdicts"].items() if name != "done" and number}
    if verdicts:
        lines.append(_named("not done", ", ".join(f"{number:,} {said(name)}" for name, number in verdicts.items()), "error"))
    if sprint["carried"]:
        said_why = ", ".join(f"{number:,} {said(why)}" for why, number in sprint["carried"].items())
        lines.append(_named("carried", f"{_carried(sprint):,}: {said_why}", "warning"))
    lines += [
        _named("shipped", f"{said(one['release'])}: {plural(one['items'], 'item')}", "success") for one in sprint["releases"]
    ]
    lines += [_named("not shipped", said(why), "error") for why in sprint.get("not_shipped") or ()]
    if sprint.get("rolled_back"):
        lines.append(_named("rolled back", f"to {said(sprint['rolled_back'])}", "warning"))
    return lines


def _named(name: str, text: str, tone: str) -> Hung:
    return Content.assemble((f"{name:<12}", style_of(tone))), Content(text)
