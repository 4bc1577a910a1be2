"""The picture of an audit: what was found, and in which packages, as one SVG.

Owns the drawing. Colours say the level, lengths the counts, and each bar carries its number, so that no axis is
needed. The same outcome gives the same bytes.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from examples.audit.outcome import Outcome, spoken
from examples.audit.report.table import counted
from examples.audit.rules.catalogue import BY_CODE, RULES

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.patches import Patch

__all__ = ["chart"]

#: Bars of the right half; the left has one for each rule.
PACKAGES = len(RULES)
#: Characters of a package's name that fit beside its bar.
LABEL_CHARS = 28
#: Inches of the whole picture.
SIZE = (12.0, 5.8)
#: Where the halves begin, where their bars do, and how far these reach, as shares of the width.
LEFT, LEFT_BARS, LEFT_WIDTH = 0.025, 0.325, 0.145
RIGHT, RIGHT_BARS, RIGHT_WIDTH = 0.545, 0.715, 0.215
#: The same from the bottom: the lowest row and the space for all rows.
BOTTOM, HEIGHT = 0.035, 0.70
LEVELS = ("error", "warning", "note")
#: Distances of the names in the legend, as shares of the width.
LEGEND = {"error": 0.795, "warning": 0.860, "note": 0.943}
COLOURS = {"error": "#b3352a", "warning": "#e09a3e", "note": "#7f97ab"}
INK, FAINT = "#1f2429", "#6b7480"

_STYLE: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "audit",
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "text.color": INK,
    "font.size": 9.5,
}


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar. code: a rule's, in a column of its own, or nothing.  counts: its length for each level."""

    code: str
    label: str
    counts: dict[str, int]

    @property
    def total(self) -> int:
        """Length of the whole bar."""
        return sum(self.counts.values())


def chart(outcome: Outcome) -> bytes:
    """The picture as SVG. Raises ImportError where matplotlib is not installed."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=SIZE, facecolor="white")
        _head(figure, outcome)
        _half(figure, "By rule", _rules(outcome), LEFT, LEFT_BARS, LEFT_WIDTH)
        groups = len(outcome.groups)
        part = f", the first {PACKAGES} of {groups:,}" if groups > PACKAGES else ""
        _half(figure, f"By package{part}", _packages(outcome), RIGHT, RIGHT_BARS, RIGHT_WIDTH)
        picture = io.BytesIO()
        figure.savefig(picture, format="svg", metadata={"Date": None, "Creator": None})
    return picture.getvalue()


def _rules(outcome: Outcome) -> list[Bar]:
    bars = [Bar(rule.code, rule.title, {rule.level: outcome.totals.rules.get(rule.code, 0)}) for rule in RULES]
    return sorted(bars, key=lambda bar: (-bar.total, bar.code))


def _packages(outcome: Outcome) -> list[Bar]:
    bars = []
    for name, totals in outcome.loudest_groups()[:PACKAGES]:
        counts = dict.fromkeys(LEVELS, 0)
        for code, count in totals.rules.items():
            counts[BY_CODE[code].level] += count
        bars.append(Bar("", _shortened(spoken(name)), counts))
    return bars


def _shortened(name: str) -> str:
    return name if len(name) <= LABEL_CHARS else name[: LABEL_CHARS - 1] + "…"


def _head(figure: Figure, outcome: Outcome) -> None:
    totals = outcome.totals
    figure.text(
        LEFT,
        0.935,
        f"{counted(totals.findings, 'finding')} in {counted(totals.audited, 'Python module')}",
        fontsize=18,
        weight="bold",
        va="center",
    )
    facts = ", ".join(
        counted(count, thing)
        for count, thing in ((totals.lines, "line"), (totals.functions, "function"), (len(outcome.groups), "package"))
    )
    figure.text(LEFT, 0.875, facts, fontsize=10.5, color=FAINT, va="center")
    for level, place in LEGEND.items():
        figure.add_artist(_swatch(place - 0.016, 0.8675, COLOURS[level]))
        figure.text(place, 0.875, level, fontsize=10, color=FAINT, va="center")


def _swatch(x: float, y: float, colour: str) -> Patch:
    from matplotlib.patches import Rectangle

    side = 0.010
    return Rectangle((x, y), side, side * SIZE[0] / SIZE[1] * 0.8, facecolor=colour, linewidth=0)


def _half(figure: Figure, title: str, bars: Sequence[Bar], labels: float, left: float, width: float) -> None:
    """One column of bars with their labels. labels, left, width: where it stands, as shares of the figure's width."""
    axes = figure.add_axes((left, BOTTOM, width, HEIGHT))
    longest = max((bar.total for bar in bars), default=0) or 1
    axes.set_axis_off()
    axes.set_xlim(0, longest)
    axes.set_ylim(PACKAGES - 0.4, -0.6)
    figure.text(labels, BOTTOM + HEIGHT + 0.035, title, weight="bold", fontsize=11, va="center")
    for row, bar in enumerate(bars):
        height = BOTTOM + HEIGHT * (PACKAGES - 0.4 - row) / (PACKAGES + 0.2)
        figure.text(labels, height, bar.code, color=FAINT, va="center")
        figure.text(labels + (0.043 if bar.code else 0.0), height, bar.label, va="center")
        _bar(axes, row, bar, longest)


def _bar(axes: Axes, row: int, bar: Bar, longest: int) -> None:
    start = 0
    for level in LEVELS:
        count = bar.counts.get(level, 0)
        if count:
            axes.barh(row, count, left=start, height=0.62, color=COLOURS[level], linewidth=0)
        start += count
    axes.text(start + 0.025 * longest, row, f"{bar.total:,}", va="center", color=FAINT)
