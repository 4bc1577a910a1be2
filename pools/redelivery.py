"""A section of tasks that is sent a second time, after the worker that had it died.

Owns the division: what was done and recorded is answered again, the rest is run. Who remembers is the ledger.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pools.answers import PlacedAnswers
from pools.executor import Executor
from pools.job import Answers, Known, read_job
from pools.ledger import Ledger
from pools.residents import Residents

__all__ = ["accept_again"]


def accept_again(
    section: dict[str, Any],
    executor: Executor,
    kinds: Mapping[str, Residents],
    answers: Answers,
    ledger: Ledger,
    *,
    has_known: bool,
) -> None:
    """Take a section that may have been sent before. has_known: whether any answer of the process before is known.

    `w` in it says below which number every answer was received, `p` which positions of a whole section it has.
    Raises BadFrame for columns that do not fit each other.
    """
    if "w" in section:
        ledger.received(section["w"])
    positions = section.pop("p", None)
    placed = answers if positions is None else PlacedAnswers(answers, positions)
    known = ledger.answers(section.get("n", 0)) if has_known else None
    if not known:
        executor.accept(section, placed)
        return
    job = read_job(section, kinds, placed)
    places = positions or range(job.count)
    job.rows = iter(
        [
            (key, Known(known[place]), None) if place in known else (key, method, argument)
            for place, (key, method, argument) in zip(places, job.rows, strict=True)
        ]
    )
    executor.put(job)
