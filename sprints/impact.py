"""What a sprint was worth: velocity, quality, coverage, efficiency and what was learned, each with its formula.

Pure. Every figure is computed from receipts and times of the ledger; one that cannot be known is None, and never a guess.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from sprints.chronicle import Chronicle, Settled

__all__ = ["Impact", "Pattern", "impact_of", "patterns_of"]

#: How often the same must be seen in one sprint to be a pattern and no accident.
SEEN = 3
#: Verdicts that count against the work itself: it was answered or tried, and was not right.
DEFECTS = ("failed", "unproven")

#: What was seen: `failure` or `success`, the role, the method, and the type of the failure.
Pattern = tuple[str, str, str, str]


@dataclass(frozen=True, slots=True)
class Impact:
    """The figures of one sprint.

    done, failed, unproven, expired, cancelled, carried: items.
    velocity: items done a minute of the sprint's time; done / (seconds / 60).
    defect_rate: (failed + unproven) / (done + failed + unproven); None where nothing was judged.
    quality: 1 - defect_rate.  success: done / planned; None where nothing was planned.
    coverage: distinct features with a shipped item / distinct features planned; None where none was planned.
    efficiency: seconds that agents ran for what they answered / (seconds of exec x workers), both by the machine's clock, at
    most 1; None without exec.
    learning: patterns that no earlier sprint has shown.  patterns: the new ones.
    features, bugs: distinct ones with all of their items done that were planned.  tests, lines: as agents reported them.
    """

    done: int
    failed: int
    unproven: int
    expired: int
    cancelled: int
    carried: int
    velocity: float
    defect_rate: float | None
    quality: float | None
    success: float | None
    coverage: float | None
    efficiency: float | None
    learning: int
    patterns: tuple[Pattern, ...]
    features: int
    bugs: int
    tests: int
    lines: int
    artifacts: int
    ran_s: float
    seconds: float

    def row(self) -> dict[str, Any]:
        """The figures as they stand in a ledger; patterns as lists."""
        row = asdict(self)
        row["patterns"] = [list(pattern) for pattern in self.patterns]
        return {key: round(value, 6) if isinstance(value, float) else value for key, value in row.items()}


def patterns_of(receipts: Iterable[Settled]) -> set[Pattern]:
    """What these receipts show again and again.

    A failure is one if the same role and method failed SEEN times with the same type of error; a success, if they were done
    SEEN times and never failed.
    """
    failures: Counter[Pattern] = Counter()
    done: Counter[tuple[str, str]] = Counter()
    for receipt in receipts:
        if receipt.verdict == "done":
            done[receipt.role, receipt.method] += 1
        elif receipt.verdict in DEFECTS:
            failures["failure", receipt.role, receipt.method, receipt.error or receipt.verdict] += 1
    broken = {pattern[1:3] for pattern in failures}
    found = {pattern for pattern, count in failures.items() if count >= SEEN}
    return found | {("success", *pair, "") for pair, count in done.items() if count >= SEEN and pair not in broken}


def impact_of(told: Chronicle, known: Iterable[Pattern] = ()) -> Impact:
    """The figures of a sprint. known: patterns that earlier sprints have shown."""
    verdicts = told.verdicts
    judged = verdicts["done"] + sum(verdicts[verdict] for verdict in DEFECTS)
    defect_rate = sum(verdicts[verdict] for verdict in DEFECTS) / judged if judged else None
    ran_s = told.ran_s
    new = tuple(sorted(patterns_of(told.receipts) - set(known)))
    planned = set(told.planned)
    features = _groups(told, "feature")
    bugs = _groups(told, "bug")
    return Impact(
        done=verdicts["done"],
        failed=verdicts["failed"],
        unproven=verdicts["unproven"],
        expired=verdicts["expired"],
        cancelled=verdicts["cancelled"],
        carried=told.left,
        velocity=verdicts["done"] / (told.seconds / 60) if told.seconds else 0.0,
        defect_rate=defect_rate,
        quality=None if defect_rate is None else 1 - defect_rate,
        success=verdicts["done"] / len(planned) if planned else None,
        coverage=_share(_groups(told, "feature", is_shipped=True)),
        efficiency=min(ran_s / told.room_s, 1.0) if told.room_s else None,
        learning=len(new),
        patterns=new,
        features=_whole(features),
        bugs=_whole(bugs),
        tests=_effects(told, "tests"),
        lines=_effects(told, "lines"),
        artifacts=sum(receipt.artifacts for receipt in told.receipts if receipt.verdict == "done"),
        ran_s=ran_s,
        seconds=told.seconds,
    )


def _groups(told: Chronicle, what: str, *, is_shipped: bool = False) -> dict[str, tuple[int, int]]:
    """How many items of each feature, or bug, were planned, and how many of them are done, or shipped too."""
    planned = told.header.get(f"{what}s") or {}
    done: Counter[str] = Counter()
    for receipt in told.receipts:
        name = receipt.feature if what == "feature" else receipt.bug
        if name is not None and receipt.verdict == "done" and (not is_shipped or receipt.item in told.shipped):
            done[name] += 1
    return {name: (count, done[name]) for name, count in planned.items()}


def _share(groups: dict[str, tuple[int, int]]) -> float | None:
    return sum(done > 0 for _, done in groups.values()) / len(groups) if groups else None


def _whole(groups: dict[str, tuple[int, int]]) -> int:
    return sum(done >= count for count, done in groups.values())


def _effects(told: Chronicle, name: str) -> int:
    return sum(receipt.effects.get(name, 0) for receipt in told.receipts if receipt.verdict == "done")
