"""What sprints were worth, counted again from the lines of their ledgers.

Owns the reading of each ledger as plain lines of JSON, up to the first that is not whole. Whether somebody changed a line
is `engine sprint verify`'s to say.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

__all__ = ["read_sprints", "read_step"]

LEDGER = "ledger.jsonl"


def read_sprints(folder: Path, until_s: float = math.inf) -> dict[str, int] | None:
    """features, tests, bugs_fixed and code_lines of every sprint in a folder; None where there is none. Raises OSError.

    until_s: unix time; what was written down after it is not counted.
    """
    found: dict[str, set[tuple[str, str]]] = {"features": set(), "bugs": set()}
    sums = Counter[str]()
    ledgers = sorted(folder.glob(f"sp-*/{LEDGER}")) if folder.is_dir() else []
    begun = [events for ledger in ledgers if (events := list(_events(ledger, until_s))) and events[0].get("e") == "sprint"]
    for header, *events in begun:
        backlog = str(header.get("backlog", ""))
        done = [event for event in events if event["e"] == "receipt" and event["verdict"] == "done"]
        for event in done:
            effects = event.get("effects") or {}
            sums.update(tests=effects.get("tests", 0), lines=effects.get("lines", 0))
        for name, singular in (("features", "feature"), ("bugs", "bug")):
            counts = Counter(event[singular] for event in done if event.get(singular) is not None)
            planned = header.get(name) or {}
            found[name] |= {(backlog, what) for what, count in counts.items() if count >= planned.get(what, 1)}
    if not begun:
        return None
    return {
        "features": len(found["features"]),
        "tests": sums["tests"],
        "bugs_fixed": len(found["bugs"]),
        "code_lines": sums["lines"],
    }


def read_step(folder: Path, sprint: str, until_s: float = math.inf) -> dict[str, Any]:
    """The `wave` and `phase` that a sprint is in. Raises OSError where it has no ledger."""
    step: dict[str, Any] = {"wave": -1, "phase": "ship"}  # before the first one, as a sprint says of itself
    for event in _events(folder / sprint / LEDGER, until_s):
        if event["e"] == "phase":
            step = event
    return step


def _events(ledger: Path, until_s: float) -> Iterator[dict[str, Any]]:
    for line in ledger.read_bytes().split(b"\n"):
        try:
            event = orjson.loads(line)
        except ValueError:
            return
        if event["at"] <= until_s:
            yield event
