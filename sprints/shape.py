"""The shape of a sprint: its waves, and the four steps of each with their times.

Pure. Two shapes are known by name: `pipeline`, one wave of 1, 12, 1 and 1 minutes, and `waves`, four of 3, 8, 3 and 1 minutes.
Others are put together by whoever configures them. What a shape does with tasks is the plan's to say.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sprints.spec import PHASE_SHARES, PHASES, SPRINT_S

__all__ = ["SHAPES", "Shape", "Wave", "even_wave", "shape_row", "split_shares"]


@dataclass(frozen=True, slots=True)
class Wave:
    """One pass through plan, exec, test and ship.

    steps: seconds of the four steps, in that order, none of them below 0.  agents: share of the sprint's agents that work on
    it, 0 to 1.  tasks: share of its tasks; the shares of all waves add up to 1.  focus: a line for people.
    """

    name: str
    steps: tuple[float, float, float, float]
    agents: float = 1.0
    tasks: float = 1.0
    focus: str = ""

    @property
    def seconds(self) -> float:
        """How long it may take."""
        return sum(self.steps)

    def step_s(self, phase: str) -> float:
        """How long one of its steps may take."""
        return self.steps[PHASES.index(phase)]


@dataclass(frozen=True, slots=True)
class Shape:
    """A sprint's waves, one after the other; at least one."""

    name: str
    waves: tuple[Wave, ...]

    @property
    def seconds(self) -> float:
        """How long a sprint of this shape may take."""
        return sum(wave.seconds for wave in self.waves)

    def step_s(self, phase: str) -> float:
        """How long one of the steps may take, in all waves together."""
        return sum(wave.step_s(phase) for wave in self.waves)

    def lasting(self, seconds: float) -> Shape:
        """The same shape in another time, each step in its proportion."""
        factor = seconds / self.seconds
        waves = tuple(
            Wave(
                wave.name,
                (wave.steps[0] * factor, wave.steps[1] * factor, wave.steps[2] * factor, wave.steps[3] * factor),
                wave.agents,
                wave.tasks,
                wave.focus,
            )
            for wave in self.waves
        )
        return Shape(self.name, waves)


def even_wave(name: str, seconds: float, *, agents: float = 1.0, tasks: float = 1.0, focus: str = "") -> Wave:
    """A wave whose steps share its time as those of a whole sprint do: 1, 12, 1 and 1 parts."""
    plan, run, test, ship = (seconds * share for share in PHASE_SHARES)
    return Wave(name, (plan, run, test, ship), agents, tasks, focus)


#: The shapes that have a name of their own.
SHAPES: Mapping[str, Shape] = {
    "pipeline": Shape("pipeline", (even_wave("Sprint", SPRINT_S, focus="Everything"),)),
    "waves": Shape(
        "waves",
        (
            even_wave("Quick Wins", 180.0, agents=0.2, tasks=0.2, focus="Low-hanging fruit"),
            even_wave("Core Features", 480.0, agents=0.6, tasks=0.6, focus="Main functionality"),
            even_wave("Polish & Test", 180.0, agents=0.15, tasks=0.15, focus="Quality assurance"),
            even_wave("Ship & Learn", 60.0, agents=0.05, tasks=0.05, focus="Deploy & analyze"),
        ),
    ),
}


def split_shares(total: int, shares: Sequence[float]) -> list[int]:
    """A whole number in parts of these proportions, which add up to it: the largest remainders are rounded up.

    shares: none below 0, one at least above.  Equal remainders go to the earlier part.
    """
    whole = sum(shares)
    exact = [total * share / whole for share in shares]
    parts = [int(part) for part in exact]
    by_remainder = sorted(range(len(parts)), key=lambda at: (parts[at] - exact[at], at))
    for at in by_remainder[: total - sum(parts)]:
        parts[at] += 1
    return parts


def shape_row(shape: Shape) -> dict[str, Any]:
    """A shape as it stands in ledgers and files."""
    return {
        "name": shape.name,
        "waves": [
            {
                "name": wave.name,
                "focus": wave.focus,
                "agents": wave.agents,
                "tasks": wave.tasks,
                "steps": dict(zip(PHASES, wave.steps, strict=True)),
            }
            for wave in shape.waves
        ],
    }
