"""A section of tasks that is sent a second time, after the worker that had it died.

Owns the division: what was done and recorded is answered again, the rest is run; but what is older than all that is remembered
is refused, as it may have been done. Who remembers is the ledger.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pools.answers import PlacedAnswers, RecordedAnswers, SessionAnswers
from pools.errors import BadFrame
from pools.executor import Executor
from pools.job import TOO_OLD, Answers, Known, read_job
from pools.lane import PLACE_BITS
from pools.ledger import Ledger
from pools.method import Method
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
            done: dict[int, Method] = {at: Known(value) for at, value in known.items()}
            if ledger.recall.is_old(session, min(numbers, default=0) >> PLACE_BITS):
                old = [at for at, own in enumerate(numbers) if ledger.recall.is_old(session, own >> PLACE_BITS)]
                done = dict.fromkeys(old, TOO_OLD) | done
            places = dict(zip(positions, numbers, strict=True)) if positions else numbers
            taking = SessionAnswers(answers, ledger, session, places)
        else:
            said = (ledger.answers(number) if has_known else None) or {}
            done = (
                {at: Known(said[place]) for at, place in enumerate(positions or range(count)) if place in said} if said else {}
            )
            if ledger.recall.is_old(ledger.recall.session_of(number), number):
                done = dict.fromkeys(range(count), TOO_OLD) | done
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise BadFrame(f"a section that was sent again with a bad column: {error!r}") from error
    if positions:
        taking = PlacedAnswers(taking, positions)
    if not done and "x" not in section:
        executor.accept(section, taking)
        return
    job = read_job(section, kinds, taking)
    job.rows = iter(
        [
            (key, done[at], None) if at in done else (key, method, argument)
            for at, (key, method, argument) in enumerate(job.rows)
        ]
    )
    executor.put(job)
