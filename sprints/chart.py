"""Charts of a sprint as SVG: a line that grows, bars over time, bars by name.

Pure: numbers in, text out. A chart stands by itself in a page: no script, no font, no colour that a dark page would swallow; it
says in words what it shows, for who cannot see it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from math import ceil, floor, log10
from typing import NamedTuple

__all__ = ["Line", "bars", "growth", "rows"]

#: Pixels of a chart, and of the room for its numbers.
WIDTH, HEIGHT = 640, 220
LEFT, RIGHT, TOP, BOTTOM = 56, 12, 10, 30
#: Pixels of one row, and of the room for its name and its number.
ROW, NAME, NUMBER = 22, 150, 90
#: Rows that are shown at most; the rest is one row.
ROWS = 20
#: Points of one line at most: a chart is no wider.
POINTS = 400
#: Colours that differ in lightness too, for eyes and printers that see no hue; the page around may have others for the dark.
COLOURS = ("var(--c0,#1f6f8b)", "var(--c1,#d9702a)", "var(--c2,#93a1ab)", "var(--c3,#7b4b94)")
#: The share of a chart above its highest line, where the steps are named; and pixels of one letter there.
HEAD, LETTER = 0.12, 6.5


class Line(NamedTuple):
    """One line of a chart. points: (x, y), in the order of x."""

    name: str
    points: Sequence[tuple[float, float]]


def growth(title: str, lines: Sequence[Line], x_unit: str, marks: Iterable[tuple[float, str]] = ()) -> str:
    """Lines that grow step by step, such as items done over seconds. marks: places on the x axis that have a name."""
    end = max((x for line in lines for x, _ in line.points), default=0.0) or 1.0
    most = (max((y for line in lines for _, y in line.points), default=0.0) or 1.0) * (1 + HEAD)
    parts = [*_frame(end, most, x_unit), *_marks([(_x(x, end), name) for x, name in marks])]
    for number, line in reversed(list(enumerate(lines))):  # the first one is above the others
        path = _steps([(_x(x, end), _y(y, most)) for x, y in _thinned(line.points)])
        parts.append(f'<path d="{path}" fill="none" stroke="{COLOURS[number % len(COLOURS)]}" stroke-width="2"/>')
    said = "; ".join(f"{line.name} reach {line.points[-1][1]:g}" for line in lines if line.points)
    return _svg(title, HEIGHT + 20, [*parts, *_legend([line.name for line in lines], HEIGHT + 12)], said)


def bars(title: str, values: Sequence[float], width: float, x_unit: str, name: str) -> str:
    """A bar for each stretch of time. width: of one, in the unit of x."""
    most = max(values, default=0.0) or 1.0
    end = max(len(values) * width, 1e-9)
    step = (WIDTH - LEFT - RIGHT) / max(len(values), 1)
    parts = [*_frame(end, most, x_unit)]
    for at, value in enumerate(values):
        top = _y(value, most)
        parts.append(
            f'<rect x="{LEFT + at * step + 0.5:.1f}" y="{top:.1f}" width="{max(step - 1, 0.5):.1f}" '
            f'height="{max(HEIGHT - BOTTOM - top, 0):.1f}" fill="{COLOURS[0]}"/>'
        )
    return _svg(title, HEIGHT, parts, f"{name}: at most {most:g}")


def rows(
    title: str,
    named: Sequence[tuple[str, Sequence[float]]],
    parts: Sequence[str],
    unit: str = "",
    *,
    colours: Sequence[int] = (0, 1, 2, 3),
) -> str:
    """A row for each name, of several parts side by side, the longest first.

    parts: what each part is called.  colours: of each, by its place among COLOURS.
    """
    ordered = sorted(named, key=lambda row: -sum(row[1]))
    shown = list(ordered[:ROWS])
    if len(ordered) > ROWS:
        rest = [sum(values[at] for _, values in ordered[ROWS:]) for at in range(len(parts))]
        shown.append((f"{len(ordered) - ROWS:,} more", rest))
    most = max((sum(values) for _, values in shown), default=0.0) or 1.0
    scale = (WIDTH - NAME - NUMBER) / most
    drawn: list[str] = []
    for at, (name, values) in enumerate(shown):
        top = TOP + at * ROW
        whole = f"<title>{escape(name)}</title>" if _short(name) != name else ""
        drawn.append(f'<text x="{NAME - 6}" y="{top + 13}" text-anchor="end">{escape(_short(name))}{whole}</text>')
        left = float(NAME)
        for number, value in enumerate(values):
            drawn.append(
                f'<rect x="{left:.1f}" y="{top}" width="{value * scale:.1f}" height="{ROW - 5}" '
                f'fill="{COLOURS[colours[number]]}"/>'
            )
            left += value * scale
        drawn.append(f'<text x="{left + 5:.1f}" y="{top + 13}">{_number(sum(values))}{escape(unit)}</text>')
    height = TOP + len(shown) * ROW + 24
    said = "; ".join(f"{name}: {_number(sum(values))}{unit}" for name, values in shown)
    return _svg(title, height, [*drawn, *_legend(parts, height - 8, colours)], said)


def _marks(places: Sequence[tuple[float, str]]) -> Iterable[str]:
    """Lines at places of the x axis, each with its name where there is room for it before the next one."""
    ends = [place for place, _ in places[1:]] + [float(WIDTH)]
    for (at, name), end in zip(places, ends, strict=True):
        yield f'<line x1="{at:.1f}" y1="{TOP}" x2="{at:.1f}" y2="{HEIGHT - BOTTOM}" class="mark"/>'
        if end - at > LETTER * len(name) + 4:
            yield f'<text x="{at + 3:.1f}" y="{TOP + 10}" class="small">{escape(name)}</text>'


def _svg(title: str, height: float, parts: Iterable[str], said: str) -> str:
    return (
        f'<svg viewBox="0 0 {WIDTH} {height:.0f}" role="img" xmlns="http://www.w3.org/2000/svg">'
        f"<title>{escape(title)}</title><desc>{escape(said)}</desc>{''.join(parts)}</svg>"
    )


def _frame(end: float, most: float, x_unit: str) -> Iterable[str]:
    """The axes with their numbers."""
    for value in _ticks(most):
        at = _y(value, most)
        yield f'<line x1="{LEFT}" y1="{at:.1f}" x2="{WIDTH - RIGHT}" y2="{at:.1f}" class="grid"/>'
        yield f'<text x="{LEFT - 6}" y="{at + 4:.1f}" text-anchor="end">{_number(value)}</text>'
    for value in _ticks(end):
        yield f'<text x="{_x(value, end):.1f}" y="{HEIGHT - BOTTOM + 16}" text-anchor="middle">{_number(value)}</text>'
    yield f'<text x="{WIDTH - RIGHT}" y="{HEIGHT - 2}" text-anchor="end" class="small">{escape(x_unit)}</text>'


def _legend(names: Sequence[str], y: float, colours: Sequence[int] = (0, 1, 2, 3)) -> Iterable[str]:
    left = float(LEFT)
    for colour, name in zip(colours, names, strict=False):
        yield f'<rect x="{left:.0f}" y="{y - 9:.0f}" width="10" height="10" fill="{COLOURS[colour]}"/>'
        yield f'<text x="{left + 14:.0f}" y="{y:.0f}" class="small">{escape(name)}</text>'
        left += 30 + 7 * len(name)


def _ticks(most: float) -> list[float]:
    """Some round numbers from 0 to the most."""
    step = 10.0 ** floor(log10(most)) / 2
    while most / step > 5:
        step *= 2
    return [step * at for at in range(floor(most / step) + 1)]


def _thinned(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """No more points than a chart has places for them, the last one always among them."""
    if len(points) <= POINTS:
        return list(points)
    each = ceil(len(points) / POINTS)
    return [*points[::each], points[-1]]


def _steps(points: Sequence[tuple[float, float]]) -> str:
    path = ""
    for at, (x, y) in enumerate(points):
        path += f"M{x:.1f} {y:.1f}" if not at else f"H{x:.1f}V{y:.1f}"
    return path


def _x(value: float, end: float) -> float:
    return LEFT + (WIDTH - LEFT - RIGHT) * value / end


def _y(value: float, most: float) -> float:
    return HEIGHT - BOTTOM - (HEIGHT - BOTTOM - TOP) * value / most


def _short(name: str) -> str:
    return name if len(name) <= 20 else f"{name[:19]}…"


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.3g}"
