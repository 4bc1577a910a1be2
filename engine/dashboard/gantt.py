"""The steps of one sprint on the line of its time: what each took of what was planned for it.

Owns the layout, which is pure, and the drawing. What is done is solid, what is planned and not yet spent is light, what went
over the plan is hatched: it reads without colour.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from operator import attrgetter
from typing import Any, NamedTuple

from textual.content import Content
from textual.widget import Widget

from engine.dashboard.cells import UNKNOWN, minutes, said
from engine.dashboard.panel import style_of

__all__ = ["PHASES", "Gantt", "Step", "steps_of", "waves_of"]

#: The steps of a wave, in their order.
PHASES = ("plan", "exec", "test", "ship")
DONE, PLANNED, OVER = "█", "░", "▓"
#: Columns of the names at the left, at most, and of the times at the right.
LEFT, RIGHT = 22, 16
#: Columns between two times on the axis, at least.
APART = 12


class Step(NamedTuple):
    """One step. begin_s, end_s: sprint time, as far as it got; planned_s: how long it may take.  is_begun: whether it was."""

    wave: str
    phase: str
    begin_s: float
    end_s: float
    planned_s: float
    is_begun: bool

    @property
    def until_s(self) -> float:
        """When it ends at the latest: as planned, or as it did."""
        return max(self.end_s, self.begin_s + self.planned_s)


def steps_of(sprint: Mapping[str, Any]) -> list[Step]:
    """The steps of a sprint, those to come after those that were. sprint: as the source's `sprints` has it."""
    waves: Sequence[Mapping[str, Any]] = sprint.get("waves") or ()
    begun = {(span["wave"], span["phase"]): span for span in sprint.get("steps") or ()}
    is_over = bool(sprint.get("is_over"))
    steps: list[Step] = []
    at_s = 0.0
    for number, wave in enumerate(waves):
        for phase, planned_s in wave["steps"].items():
            span = begun.get((number, phase))
            if span is not None:
                steps.append(Step(said(wave["name"]), phase, span["begin_s"], span["end_s"], span["planned_s"], is_begun=True))
                is_last = is_over or span is not (sprint["steps"] or [None])[-1]
                at_s = span["end_s"] if is_last else steps[-1].until_s
            elif not is_over:
                steps.append(Step(said(wave["name"]), phase, at_s, at_s, planned_s, is_begun=False))
                at_s += planned_s
    return steps


def waves_of(steps: Sequence[Step]) -> list[Step]:
    """The waves of these steps, one each, called by the step that it is in."""
    waves: list[Step] = []
    for wave, group in groupby(steps, key=attrgetter("wave")):
        parts = list(group)
        begun = [part for part in parts if part.is_begun]
        phase = begun[-1].phase if begun and len(begun) < len(parts) else ""
        end_s = begun[-1].end_s if begun else parts[0].begin_s
        planned_s = sum(part.planned_s for part in parts)
        waves.append(Step(wave, phase, parts[0].begin_s, end_s, planned_s, is_begun=bool(begun)))
    return waves


class Gantt(Widget):
    """The steps of a sprint, a line each, and an axis. Where there is little room, a line for each wave."""

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self.steps: list[Step] = []
        self._is_over = False

    def show(self, sprint: Mapping[str, Any] | None, *, is_short: bool) -> None:
        """Show a sprint; none for None."""
        steps = [] if sprint is None else steps_of(sprint)
        if is_short and len({step.wave for step in steps}) > 1:
            steps = waves_of(steps)
        is_over = bool(sprint and sprint.get("is_over"))
        if (steps, is_over) != (self.steps, self._is_over):
            is_other = len(steps) != len(self.steps)
            self.steps, self._is_over = steps, is_over
            self.refresh(layout=is_other)

    def render(self) -> Content:
        """The lines."""
        if not self.steps:
            return Content.styled(f"{UNKNOWN} no step yet", "$muted")
        total_s = max(step.end_s if self._is_over else step.until_s for step in self.steps) or 1.0
        left = min(max(len(_name(step)) for step in self.steps) + 2, LEFT)
        room = max(self.size.width - left - RIGHT, 10)
        now = None if self._is_over else next((step for step in reversed(self.steps) if step.is_begun), None)
        lines = [self._line(step, total_s, left, room, is_now=step is now) for step in self.steps]
        return Content("\n").join([_axis(total_s, left, room), *lines])

    def _line(self, step: Step, total_s: float, left: int, room: int, *, is_now: bool) -> Content:
        begin, planned, end, until = (
            round(min(at_s, total_s) / total_s * room)
            for at_s in (step.begin_s, step.begin_s + step.planned_s, step.end_s, step.until_s)
        )
        if step.is_begun and end == begin:
            begin, end = (begin, end + 1) if end < room else (begin - 1, end)
        solid = max(min(end, planned), begin + 1) - begin if step.is_begun else 0
        over = max(end - begin - solid, 0)
        light = 0 if self._is_over else max(until - begin - solid - over, 0)
        took = minutes(step.end_s - step.begin_s) if step.is_begun else UNKNOWN
        return Content.assemble(
            (f"{_name(step)[: left - 2]:<{left}}", "bold" if is_now else ""),
            " " * begin,
            (DONE * solid, style_of("accent" if is_now else "success")),
            (OVER * over, style_of("warning")),
            (PLANNED * light, "$muted"),
            " " * (room - begin - solid - over - light),
            (f"{took:>6}", "bold" if is_now else ""),
            (f" of {minutes(step.planned_s)}", "$muted"),
        )


def _axis(total_s: float, left: int, room: int) -> Content:
    """The times under which the lines stand."""
    marks = max(min(room // APART, 6), 1)
    line = ""
    for at in range(marks + 1):
        text, column = minutes(total_s * at / marks), round((room - 5) * at / marks)
        line += " " * (column - len(line)) + text
    return Content.styled(" " * left + line, "$muted")


def _name(step: Step) -> str:
    return f"{step.wave} {step.phase}".rstrip()
