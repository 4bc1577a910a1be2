"""A section of tasks that is sent a second time, after the worker that had it died.

Owns the division: what was done and recorded is answered again, the rest is run. Who remembers is the ledger.
"""

from __future__ import annotations

from typing import Any

from pools.answers import PlacedAnswers
from pools.errors import BadFrame
from pools.executor import Executor
from pools.job import Answers
from pools.ledger import Ledger

__all__ = ["accept_again"]


def accept_again(section: dict[str, Any], executor: Executor, answers: Answers, ledger: Ledger, *, has_known: bool) -> None:
    """Take a section that may have been sent before. has_known: whether any answer of the process before is known.

    `w` in it says below which number every answer was received, `p` which positions of a whole section it has.
    Raises BadFrame for columns that do not fit each other.
    """
    try:
        number, keys = section["n"], section["i"]
        if "w" in section:
            ledger.received(section["w"])
        positions = section.pop("p", None) or range(len(keys))
        known = ledger.answers(number) if has_known else None
        if known:
            done = [position for position in positions if position in known]
            answers.answer_at(number, done, [known[position] for position in done], [])
            left = [at for at, position in enumerate(positions) if position not in known]
            positions, section = [positions[at] for at in left], _part(section, left)
    except (KeyError, TypeError, IndexError) as error:
        raise BadFrame(f"a section that was sent again with a bad column: {error!r}") from error
    if positions:
        executor.accept(section, answers if type(positions) is range else PlacedAnswers(answers, positions))
    else:
        answers.flush()


def _part(section: dict[str, Any], at: list[int]) -> dict[str, Any]:
    """Some tasks of a section."""
    part = section | {"i": [section["i"][one] for one in at]}
    if "a" in section:
        part["a"] = [section["a"][one] for one in at]
    if type(section["m"]) is not str:
        names, column = section["m"]
        part["m"] = [names, [column[one] for one in at]]
    return part
