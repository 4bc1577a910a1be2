"""Many answers made into one: their sum, their number, their list, the least, the largest or the mean.

Pure: it is handed batches as they come and knows neither agents nor ways to them. The order in which answers come changes
nothing of the outcome.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from math import fsum
from typing import Any, NamedTuple

from pools.errors import BadArgument, BadReply, Failure, failure_of
from pools.result import Batch

__all__ = ["LIST_MOST", "WAYS", "Reduced", "Reduction"]

#: Ways to make one value of many.
WAYS = ("sum", "count", "list", "min", "max", "mean")
#: Values that a list may have unless the caller gives another limit: they are all in memory at once.
LIST_MOST = 10_000
#: Types that can be added and compared; a bool counts as 0 or 1.
NUMBERS = frozenset({int, float, bool})


class Reduced(NamedTuple):
    """What many answers were made into.

    value: of those that answered.  asked, answered, failed: agents.  failures: how many failed, by the name of the error.
    first: the first agent, in the order of the agents, that failed, and why; None where none did.
    """

    value: Any
    asked: int
    answered: int
    failed: int
    failures: dict[str, int]
    first: tuple[str, Failure] | None

    def as_dict(self) -> dict[str, Any]:
        """The outcome as JSON has it."""
        first = None if self.first is None else {"agent": self.first[0], **self.first[1].as_dict()}
        return {**self._asdict(), "first": first}


class Reduction:
    """What is gathered of the answers of `asked` agents, which batches name by their place, 0 and on.

    way: one of WAYS.  most: values that a list may have.
    Raises BadArgument for a way that there is not, and for a list of more agents than that.
    """

    def __init__(self, way: Any, asked: int, most: int = LIST_MOST) -> None:
        if way not in WAYS:
            raise BadArgument(f"reduce is {', '.join(WAYS[:-1])} or {WAYS[-1]}, not {way!r:.40}")
        if type(most) is not int or most < 1:
            raise BadArgument(f"limit is a whole number of values, 1 or more, got {most!r:.40}")
        if way == "list" and asked > most:
            raise BadArgument(
                f"a list may have {most:,} values, and {asked:,} agents would be asked: give a larger limit, or another reduce"
            )
        self._way = way
        self._asked = asked
        self._answered = 0
        self._listed: dict[int, Any] = {}
        self._whole = 0
        self._parts = array("d")
        self._ends: list[Any] = []
        self._failures: Counter[str] = Counter()
        self._first: tuple[int, Failure] | None = None

    def add(self, batch: Batch) -> None:
        """Take some answers."""
        ids, values = batch.ids, batch.values
        if batch.failures:
            for at, failure in batch.failures.items():
                self._fail(ids[at], failure)
            kept = [at for at in range(len(values)) if at not in batch.failures]
            ids, values = [ids[at] for at in kept], [values[at] for at in kept]
        if self._way not in ("count", "list") and not NUMBERS.issuperset(map(type, values)):
            values = self._numbers(ids, values)
        self._answered += len(values)
        if self._way == "list":
            self._listed.update(zip(ids, values, strict=True))
        elif values and self._way in ("sum", "mean"):
            self._sum(values)
        elif values and self._way != "count":
            end: Callable[[Iterable[Any]], Any] = min if self._way == "min" else max
            self._ends = [end([*self._ends, *values])]

    def _numbers(self, ids: Sequence[int], values: Sequence[Any]) -> list[Any]:
        """The values that are numbers; an agent that gave something else counts as one that failed."""
        numbers = []
        for place, value in zip(ids, values, strict=True):
            if type(value) in NUMBERS:
                numbers.append(value)
            else:
                self._fail(place, failure_of(BadReply(f"{self._way} takes numbers, and it gave {value!r:.60}")))
        return numbers

    def _sum(self, values: Sequence[Any]) -> None:
        """Whole numbers are added at once, the others at the end, all together: then their order changes nothing."""
        if float not in set(map(type, values)):
            self._whole += sum(values)
            return
        self._parts.extend(value for value in values if type(value) is float)
        self._whole += sum(value for value in values if type(value) is not float)

    def _fail(self, place: int, failure: Failure) -> None:
        self._failures[failure.type] += 1
        if self._first is None or place < self._first[0]:
            self._first = place, failure

    def silent(self, failure: Failure) -> None:
        """Whoever has neither answered nor failed has failed with this."""
        left = self._asked - self._answered - self._failures.total()
        if left:
            self._failures[failure.type] += left
            self._first = self._first or (-1, failure)

    def reduced(self, name_of: Callable[[int], str]) -> Reduced:
        """The outcome. name_of: the agent at a place; -1 stands for somebody among all."""
        first = None if self._first is None else (name_of(self._first[0]), self._first[1])
        failed = self._failures.total()
        return Reduced(self._value(), self._asked, self._answered, failed, dict(self._failures), first)

    def _value(self) -> Any:
        """The value; of nobody 0, an empty list, or None."""
        if self._way == "count":
            return self._answered
        if self._way == "list":
            return [self._listed[place] for place in sorted(self._listed)]
        if self._way in ("min", "max"):
            return self._ends[0] if self._ends else None
        total = self._whole + fsum(self._parts) if self._parts else self._whole
        if self._way == "sum":
            return total
        return total / self._answered if self._answered else None
