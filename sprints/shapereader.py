"""A shape, read from what a backlog says under `sprint`.

Owns the ways to write one: a name that is known, waves of one's own, another time for either. Pure.
"""

from __future__ import annotations

import math
import re
from typing import Any

from sprints.fields import Fields, Path, Where, nowhere
from sprints.shape import SHAPES, Shape, Wave, even_wave
from sprints.spec import PHASES, TEXT_CHARS, TIME_S, WAVES

__all__ = ["SHARE", "SPRINT_KEYS", "WAVE_KEYS", "read_shape"]

SPRINT_KEYS = ("shape", "seconds", "waves")
WAVE_KEYS = ("name", "focus", "seconds", "steps", "agents", "tasks")
#: A share as a text.
SHARE = r"^(100|[0-9]{1,2}(\.[0-9]+)?)%$"
#: How far the shares of tasks may be from 1 together: thirds are written as 33.3%.
SHARES_OFF = 0.01


def read_shape(row: object, path: Path = (), where: Where = nowhere) -> Shape:
    """The shape that a row says: `shape` by name, or `waves`; `seconds` stretches it. None is `pipeline`. Raises BadBacklog."""
    fields = Fields({} if row is None else row, path, where, SPRINT_KEYS)
    if "waves" in fields:
        name = fields.text("shape", "own")
        if name in SHAPES:
            raise fields.wrong(f"is known by its name, so it cannot have waves of its own: {name}", "shape")
        shape = Shape(name, _waves(fields))
    else:
        shape = SHAPES[fields.choice("shape", "pipeline", tuple(SHAPES))]
    seconds = fields.number("seconds", shape.seconds, most=TIME_S, is_above_0=True)
    return shape if seconds == shape.seconds else shape.lasting(seconds)


def _waves(fields: Fields) -> tuple[Wave, ...]:
    rows = fields.rows("waves", most=WAVES)
    if not rows:
        raise fields.wrong("has no wave; a sprint has one at least", "waves")
    waves = tuple(_wave(row, (*fields.path, "waves", at), fields.where, len(rows)) for at, row in enumerate(rows))
    whole = math.fsum(wave.tasks for wave in waves)
    if abs(whole - 1) > SHARES_OFF:
        raise fields.wrong(f"the shares of tasks make {whole:.0%} together, not 100%", "waves")
    return waves


def _wave(row: object, path: Path, where: Where, count: int) -> Wave:
    fields = Fields(row, path, where, WAVE_KEYS)
    name, focus = fields.name("name"), fields.text("focus", "", TEXT_CHARS)
    agents, tasks = _share(fields, "agents", 1.0), _share(fields, "tasks", 1 / count)
    if not agents:
        raise fields.wrong("must be above 0: nobody would do its tasks", "agents")
    if ("steps" in fields) == ("seconds" in fields):
        raise fields.wrong("must have either seconds, or steps with seconds for each of the four")
    if "seconds" in fields:
        seconds = fields.number("seconds", 0.0, most=TIME_S, is_above_0=True)
        return even_wave(name, seconds, agents=agents, tasks=tasks, focus=focus)
    steps = Fields(fields.get("steps"), (*path, "steps"), where, PHASES)
    plan, test, ship = (steps.number(phase, 0.0, most=TIME_S) for phase in ("plan", "test", "ship"))
    if "exec" not in steps:
        raise steps.wrong("is missing", "exec")
    return Wave(name, (plan, steps.number("exec", 0.0, most=TIME_S, is_above_0=True), test, ship), agents, tasks, focus)


def _share(fields: Fields, key: str, default: float) -> float:
    value: Any = fields.get(key)
    if isinstance(value, str):
        if not re.fullmatch(SHARE, value):
            raise fields.wrong(f"must be a share such as 20%, or 0.2, not {value!r:.60}", key)
        return float(value[:-1]) / 100
    return fields.number(key, default, most=1.0)
