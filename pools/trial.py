"""Whether foresight is of use: risky tasks that were treated against some that were not, and forecasts against what came.

Owns the counts, the test and the words. Who is treated is decided before anything is known of a task's end. Pure.
"""

from __future__ import annotations

from math import erfc, sqrt
from typing import Any

__all__ = ["BINS", "NO_LIFT", "Groups", "Trial", "is_control", "p_value"]

#: Bins of the calibration: tenths of the probability.
BINS = 10
#: Past it a difference may be chance.
SIGNIFICANT = 0.01
#: Tasks that each group must have before anything is said: below, the normal distribution is no description of it.
LEAST_TASKS = 20
NO_LIFT = "no lift"

_MASK = 2**64 - 1


def is_control(seed: int, number: int, share: float) -> bool:
    """Whether the task of this number stays untreated: chosen by a hash of its number, not by load or by risk.

    Source: Steele et al. 2014, the finalizer of SplitMix64.
    """
    mixed = (seed * 0xD1342543DE82EF95 + number * 0x9E3779B97F4A7C15 + 0x9E3779B97F4A7C15) & _MASK
    mixed = (mixed ^ mixed >> 30) * 0xBF58476D1CE4E5B9 & _MASK
    mixed = (mixed ^ mixed >> 27) * 0x94D049BB133111EB & _MASK
    return (mixed ^ mixed >> 31) < share * 2**64


def p_value(failed: int, count: int, other_failed: int, other_count: int) -> float:
    """The probability that two groups of the same kind differ as much by chance: the two-sided z-test of two proportions."""
    if not count or not other_count:
        return 1.0
    pooled = (failed + other_failed) / (count + other_count)
    error = sqrt(pooled * (1.0 - pooled) * (1.0 / count + 1.0 / other_count))
    return erfc(abs(failed / count - other_failed / other_count) / error / sqrt(2.0)) if error else 1.0


class Groups:
    """Tasks that were treated, against some that were not. whose: of which tasks, in words."""

    def __init__(self, whose: str) -> None:
        self._whose = whose
        #: Ended and failed, of the treated and of the control group.
        self._treated, self._control = [0, 0], [0, 0]

    def ended(self, count: int, failed: int, *, is_treated: bool) -> None:
        """Note how tasks of one group ended."""
        group = self._treated if is_treated else self._control
        group[0] += count
        group[1] += failed

    @property
    def lift(self) -> float | None:
        """The share of failures that treatment prevents: 1 less the ratio of the rates. None where that is not known."""
        treated, control = _rate(self._treated), _rate(self._control)
        return None if treated is None or not control else 1.0 - treated / control

    @property
    def p(self) -> float:
        """The probability that the groups differ as they do by chance."""
        return p_value(self._treated[1], self._treated[0], self._control[1], self._control[0])

    @property
    def has_lift(self) -> bool:
        """Whether treatment prevents failures, beyond chance."""
        enough = min(self._treated[0], self._control[0]) >= LEAST_TASKS
        return enough and self.lift is not None and self.lift > 0 and self.p < SIGNIFICANT

    @property
    def verdict(self) -> str:
        """What the trial says, in words."""
        if not self.has_lift:
            return NO_LIFT
        return f"{self.lift:.0%} fewer failures among {self._whose}"

    def compared(self) -> dict[str, Any]:
        """What came of it, as JSON values."""
        return {
            "treated": _group(self._treated),
            "control": _group(self._control),
            "lift": None if self.lift is None else round(self.lift, 4),
            "p": self.p,
            "verdict": self.verdict,
        }


class Trial(Groups):
    """The counts of one engine since its start; its groups are those of risky tasks.

    judged: tasks that were looked at.  risky: of those, the ones with a risk.  helpless: of those, the ones for which nothing
    could be done; they are in neither group.  actions: how often each mitigation was applied.
    conflicts: the groups of tasks that wait for others which would go later than they would.
    """

    def __init__(self) -> None:
        super().__init__("risky tasks")
        self.conflicts = Groups("tasks that wait for others")
        self.judged = self.risky = self.helpless = 0
        self.risks: dict[str, int] = {}
        self.actions: dict[str, int] = {}
        #: For each bin: tasks, the sum of what was forecast, failures.
        self._bins = [[0.0, 0.0, 0.0] for _ in range(BINS)]

    def forecast(self, probability: float, count: int, failed: int) -> None:
        """Note how tasks ended whose probability to fail was said before they were sent."""
        each = self._bins[min(int(probability * BINS), BINS - 1)]
        each[0] += count
        each[1] += probability * count
        each[2] += failed

    @property
    def ece(self) -> float | None:
        """The expected calibration error: how far forecasts are from what came, in the mean over tasks; None without any.

        Source: Naeini et al. 2015, Obtaining well calibrated probabilities using Bayesian binning.
        """
        total = sum(each[0] for each in self._bins)
        return sum(abs(each[1] - each[2]) for each in self._bins) / total if total else None

    def report(self) -> dict[str, Any]:
        """Everything, as JSON values."""
        return {
            "judged": self.judged,
            "risky": self.risky,
            "helpless": self.helpless,
            "risks": dict(self.risks),
            "actions": dict(self.actions),
            **self.compared(),
            "ece": None if self.ece is None else round(self.ece, 4),
            "bins": [
                {"tasks": int(count), "forecast": round(said / count, 4), "failed": round(failed / count, 4)}
                for count, said, failed in self._bins
                if count
            ],
            "dependencies": self.conflicts.compared(),
        }


def _rate(group: list[int]) -> float | None:
    return group[1] / group[0] if group[0] else None


def _group(group: list[int]) -> dict[str, Any]:
    rate = _rate(group)
    return {"tasks": group[0], "failed": group[1], "rate": None if rate is None else round(rate, 4)}
