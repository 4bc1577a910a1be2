"""What became of tasks before, by kind and method, and within that by the place where they ran and by their size.

Owns the counts and how they fade. What follows from them is the outlook's knowledge. Pure: the time is a parameter.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

__all__ = [
    "HALF_LIFE_OUTCOMES", "HALF_LIFE_S", "PRIOR", "PRIOR_FAILED", "PRIOR_TASKS", "Evidence", "History", "Pair", "Record",
    "Spot", "least_of", "size_of",
]  # fmt: skip

#: A kind and a method.
Pair = tuple[str, str]
#: Where a task ran, an agent's address or a pool's name, and its size class.
Spot = tuple[str, int]

#: Seconds, and outcomes of one pair, after which an outcome counts half: causes come and go within minutes, and 64 agents
#: of one pair have some 80 outcomes each in the latter.
HALF_LIFE_S, HALF_LIFE_OUTCOMES = 300.0, 5_000
#: What is taken for known of a pair before anything is: half a failure in ten tasks, so that one failure proves nothing.
PRIOR_FAILED, PRIOR_TASKS = 0.5, 10.0
PRIOR = PRIOR_FAILED / PRIOR_TASKS
#: Pairs, and places and spots of one pair, that are remembered; past it the one that was fed longest ago is forgotten.
#: All of them full are some 30 MB.
PAIRS, PLACES, SPOTS = 256, 128, 512
#: Doublings of the weight of new outcomes before all weights are written down anew: far from what a float can hold.
DOUBLINGS = 64.0
#: Depth at which nothing is measured any more.
SCALARS = (str, bytes, list, dict)


class Evidence(NamedTuple):
    """Outcomes, as they count now: how many failed, of how many."""

    failed: float
    tasks: float


class Record:
    """The outcomes of one pair.

    Fades by forward decay: a new outcome weighs 2 to the power of the half-lives that have passed, in time and in outcomes,
    and what is read is divided by the weight of now.
    Source: Cormode et al. 2009, Forward decay, section 3.
    """

    __slots__ = ("_at_s", "_exponent", "_half_life_s", "_places", "_sizes", "_spots", "_whole", "learned")

    def __init__(self, now_s: float, half_life_s: float = HALF_LIFE_S) -> None:
        self._half_life_s = half_life_s
        self._at_s = now_s
        self._exponent = 0.0
        self._whole = [0.0, 0.0]
        self._places: dict[str, list[float]] = {}
        self._sizes: dict[int, list[float]] = {}
        self._spots: dict[Spot, list[float]] = {}
        #: Outcomes since the beginning.
        self.learned = 0

    def learn(self, spot: Spot | None, count: int, failed: int, now_s: float) -> None:
        """Take in outcomes of one spot; None where nobody looked where they ran."""
        self._advance(now_s, count)
        self.learned += count
        weight: float = 2.0**self._exponent
        _add(self._whole, weight, count, failed)
        if spot is not None:
            place, size = spot
            _add(_newest(self._places, place, PLACES), weight, count, failed)
            _add(_newest(self._sizes, size, SPOTS), weight, count, failed)
            _add(_newest(self._spots, spot, SPOTS), weight, count, failed)

    def _advance(self, now_s: float, count: int) -> None:
        self._exponent += max(now_s - self._at_s, 0.0) / self._half_life_s + count / HALF_LIFE_OUTCOMES
        self._at_s = max(now_s, self._at_s)
        if self._exponent > DOUBLINGS:
            shrink = 2.0**-self._exponent
            for entry in self._entries():
                entry[0] *= shrink
                entry[1] *= shrink
            self._exponent = 0.0

    def _entries(self) -> Iterator[list[float]]:
        yield self._whole
        yield from self._places.values()
        yield from self._sizes.values()
        yield from self._spots.values()

    def _scale(self, now_s: float) -> float:
        passed = max(now_s - self._at_s, 0.0) / self._half_life_s
        return float(2.0 ** -(self._exponent + passed))

    def whole(self, now_s: float) -> Evidence:
        """All outcomes of the pair."""
        scale = self._scale(now_s)
        return Evidence(self._whole[0] * scale, self._whole[1] * scale)

    def places(self, now_s: float) -> dict[str, Evidence]:
        """Those that ran in a known place, by it."""
        return _scaled(self._places, self._scale(now_s))

    def sizes(self, now_s: float) -> dict[int, Evidence]:
        """The same by size class."""
        return _scaled(self._sizes, self._scale(now_s))

    def spots(self, now_s: float) -> dict[Spot, Evidence]:
        """The same by both."""
        return _scaled(self._spots, self._scale(now_s))


class History:
    """The records of all pairs."""

    def __init__(self, half_life_s: float = HALF_LIFE_S) -> None:
        self._half_life_s = half_life_s
        self._records: dict[Pair, Record] = {}

    def __len__(self) -> int:
        return len(self._records)

    def learn(self, pair: Pair, spot: Spot | None, count: int, failed: int, now_s: float) -> None:
        """Take in outcomes: `failed` of `count` tasks of one pair in one spot.  now_s: monotonic seconds."""
        record = self._records.pop(pair, None) or Record(now_s, self._half_life_s)
        self._records[pair] = record
        record.learn(spot, count, failed, now_s)
        if len(self._records) > PAIRS:
            del self._records[next(iter(self._records))]

    def record(self, pair: Pair) -> Record | None:
        """The record of a pair; None where there is none."""
        return self._records.get(pair)

    def pairs(self, kind: str) -> list[Pair]:
        """The pairs of a kind of which something is known."""
        return [pair for pair in self._records if pair[0] == kind]

    def error_rate(self, kind: str, method: str, now_s: float) -> float:
        """The share of tasks of this kind and method that fail, as far as is known: PRIOR where nothing is."""
        record = self._records.get((kind, method))
        failed, count = (0.0, 0.0) if record is None else record.whole(now_s)
        return (failed + PRIOR_FAILED) / (count + PRIOR_TASKS)


def size_of(argument: object) -> int:
    """The size class of what a task is given, two for each doubling: of a text or a list its length, of a number itself.

    Of several arguments it is that of the largest. 0 for none.
    """
    if argument is None:
        return 0
    if type(argument) is int:  # what is sent most is answered soonest
        largest = abs(argument)
    elif type(argument) is list and len(argument) == 1:
        largest = _size(argument[0])
    else:
        largest = max(map(_size, _each(argument)), default=0)
    bits = largest.bit_length()
    return 2 * bits + (largest >> bits - 2 & 1) if bits > 1 else bits


def least_of(size: int) -> int:
    """The smallest number of a size class."""
    bits = size >> 1
    return size if size < 2 else (2 + (size & 1)) << bits - 2


def _each(argument: object) -> Iterator[object]:
    """The arguments in what is sent for a task: a scalar by itself, a list of them, an object by names."""
    if type(argument) is list:
        yield from argument
    elif isinstance(argument, Mapping):
        yield from argument.values()
    else:
        yield argument


def _size(value: object) -> int:
    if isinstance(value, SCALARS):
        return len(value)
    if type(value) is int:
        return abs(value)
    if type(value) is float:
        return int(min(abs(value), 2.0**62)) if value == value else 0
    return 0


def _newest(table: dict, key: object, most: int) -> list[float]:  # type: ignore[type-arg]
    """The entry under a key, which is the newest now; one too many is forgotten."""
    entry: list[float] = table.pop(key, None) or [0.0, 0.0]
    table[key] = entry
    if len(table) > most:
        del table[next(iter(table))]
    return entry


def _add(entry: list[float], weight: float, count: int, failed: int) -> None:
    entry[0] += weight * failed
    entry[1] += weight * count


def _scaled(table: dict, scale: float) -> dict:  # type: ignore[type-arg]
    return {key: Evidence(failed * scale, count * scale) for key, (failed, count) in table.items()}
