"""Ledgers of sprints that are told in a few words, for tests of what is computed from them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sprints.chronicle import Chronicle, chronicle_of
from sprints.shape import SHAPES, shape_row

__all__ = ["told_of"]


def told_of(
    receipts: Iterable[dict[str, Any]] = (),
    *,
    planned: Iterable[str] | None = None,
    exec_s: float = 100.0,
    planned_s: float = 720.0,
    carried: dict[str, list[str]] | None = None,
    more: Iterable[dict[str, Any]] = (),
    is_over: bool = True,
    **header: Any,
) -> Chronicle:
    """A pipeline of one wave. receipts: without what goes without saying; each ends a second after the one before."""
    receipts = [
        {"role": "maker", "method": "make", "verdict": "done", "item": f"t{at}"} | each for at, each in enumerate(receipts)
    ]
    items = [each["item"] for each in receipts] if planned is None else list(planned)
    first = {"id": "sp-20261121-001", "backlog": "app", "agents": 10, "workers": 2, "shape": shape_row(SHAPES["pipeline"])}
    events: list[dict[str, Any]] = [{"e": "sprint", "s": 0.0, "at": 1_795_219_200.0, **first, **header}]
    events.append({"e": "phase", "s": 0.0, "wave": 0, "phase": "plan", "planned_s": 60.0})
    events.append({"e": "planned", "s": 1.0, "wave": 0, "items": items, "carried_in": []})
    events.append({"e": "phase", "s": 1.0, "wave": 0, "phase": "exec", "planned_s": planned_s})
    events += [{"e": "receipt", "s": 2.0 + at, **each} for at, each in enumerate(receipts)]
    events += more
    end_s = 1.0 + exec_s
    events.append({"e": "phase", "s": end_s, "wave": 0, "phase": "test", "planned_s": 60.0})
    events.append({"e": "phase", "s": end_s, "wave": 0, "phase": "ship", "planned_s": 60.0})
    events += [{"e": "carried", "s": end_s, "items": left, "why": why} for why, left in (carried or {}).items()]
    if is_over:
        events.append({"e": "ended", "s": end_s, "counts": {}})
    return chronicle_of(events)
