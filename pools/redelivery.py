"""A section of tasks that is sent a second time, after the worker that had it died.

Owns the division: what was done and recorded is answered again, the rest is run. Who remembers is the ledger.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pools.answers import PlacedAnswers, RecordedAnswers, SessionAnswers
from pools.errors import BadFrame
from pools.executor import Executor
from pools.job import Answers, Known, read_job
from pools.ledger import Ledger
from pools.residents import Residents

__all__ = ["accept_again"]


def accept_again(
    section: dict[str, Any],
    executor: Executor,
    answers: RecordedAnswers,
    *,
    kinds: Mapping[str, Residents],
    ledger: Ledger,
    has_known: bool,
) -> None:
    """Take a section that may have been sent before. has_known: whether any answer of the process before is known.

    `w` in it says below which number every answer was received, `p` which positions of a whole section it has; `c` is the
    session of a client that numbers its tasks itself, `q` their numbers, `cw` the mark of that client; `x` which of them run
    alone.
    Raises BadFrame for columns that do not fit each other.
    """
    try:
        number, count = section["n"], len(section["i"])
        if "w" in section:
            ledger.received(section["w"])
        positions = section.get("p")
        taking: Answers = answers
        if "c" in section:
            session, numbers = bytes.fromhex(section["c"]), section["q"]
            ledger.received_by(session, section.get("cw", 0))
            known = ledger.known_as(session, numbers)
            places = dict(zip(positions, numbers, strict=True)) if positions else numbers
            taking = SessionAnswers(answers, ledger, session, places)
        else:
            said = (ledger.answers(number) if has_known else None) or {}
            known = {at: said[place] for at, place in enumerate(positions or range(count)) if place in said} if said else {}
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise BadFrame(f"a section that was sent again with a bad column: {error!r}") from error
    if positions:
        taking = PlacedAnswers(taking, positions)
    if not known and "x" not in section:
        executor.accept(section, taking)
        return
    job = read_job(section, kinds, taking)
    job.rows = iter(
        [
            (key, Known(known[at]), None) if at in known else (key, method, argument)
            for at, (key, method, argument) in enumerate(job.rows)
        ]
    )
    executor.put(job)
