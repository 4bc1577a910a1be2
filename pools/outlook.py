"""What is to be expected of the tasks of one kind and method: how likely one fails in a place, and with a size.

Owns the estimate. Places and sizes are pulled to what they have in common as far as their differences may be chance, so that
a place with three failures out of three is no proof where half of all tasks fail. Pure; it is made anew from time to time.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import TypeVar

from pools.history import PRIOR_FAILED, PRIOR_TASKS, Evidence, Record, Spot, least_of

__all__ = ["LEAST_COUNT", "Outlook"]

#: Tasks that the common rate of places counts for against a place's own, at least and at most.
LEAST_STRENGTH, MOST_STRENGTH = 0.5, 10_000.0
#: Outcomes of a place or size, as they count now, before it is called good or bad at something.
LEAST_COUNT = 5.0

_Level = TypeVar("_Level", bound=Hashable)


class Outlook:
    """The outlook of one pair at one moment.

    rate: how likely a task of it fails, wherever it runs.  share: how many did, as they count now.
    places, sizes, spots: the rate where it is known where it runs.
    """

    __slots__ = ("_known_places", "_known_sizes", "_seen_rate", "places", "rate", "share", "sizes", "spots")

    def __init__(self, record: Record | None, now_s: float) -> None:
        failed, count = (0.0, 0.0) if record is None else record.whole(now_s)
        rate = self.rate = (failed + PRIOR_FAILED) / (count + PRIOR_TASKS)
        self.share = failed / count if count else 0.0
        places = {} if record is None else record.places(now_s)
        sizes = {} if record is None else record.sizes(now_s)
        spots = {} if record is None else record.spots(now_s)
        self._known_places = {place for place, seen in places.items() if seen.tasks >= LEAST_COUNT}
        self._known_sizes = {size for size, seen in sizes.items() if seen.tasks >= LEAST_COUNT}
        # What is compared is what was looked at: of the others nobody knows where they ran.
        seen_failed, seen = (sum(each[at] for each in places.values()) for at in range(2))
        self._seen_rate: float = (seen_failed + rate * PRIOR_TASKS) / (seen + PRIOR_TASKS)
        self.places: Mapping[str, float] = _shrunk(places, dict.fromkeys(places, self._seen_rate))
        self.sizes: Mapping[int, float] = _shrunk(sizes, dict.fromkeys(sizes, self._seen_rate))
        self.spots: Mapping[Spot, float] = {}
        self.spots = _shrunk(spots, {spot: self.expect(*spot) for spot in spots})

    def expect(self, place: str, size: int) -> float:
        """The probability that a task of this size fails in this place."""
        known = self.spots.get((place, size))
        if known is not None:
            return known
        usual = self._seen_rate
        by_place, by_size = self.places.get(place, usual), self._by_size(size, usual)
        # Two causes that know nothing of each other, and what all tasks have in common counted once.
        return min(max(1.0 - (1.0 - by_place) * (1.0 - by_size) / (1.0 - usual), 0.0), 1.0)

    def _by_size(self, size: int, usual: float) -> float:
        """The rate of a size; of one that was not seen, the mean of the next ones below and above."""
        known = self.sizes.get(size)
        if known is not None:
            return known
        below = max((each for each in self.sizes if each < size), default=size)
        above = min((each for each in self.sizes if each > size), default=size)
        beside = [self.sizes[each] for each in (below, above) if each != size]
        return sum(beside) / len(beside) if beside else usual

    def best(self, size: int) -> dict[str, float]:
        """The places of which enough is known, each with the probability that a task of this size fails there."""
        return {place: self.expect(place, size) for place in self._known_places}

    def ceiling(self, threshold: float) -> int | None:
        """The smallest size with which, and above which, tasks fail as likely as `threshold` although smaller ones do not.

        None where there is none.
        """
        known = sorted(self._known_sizes, reverse=True)
        first = None
        for at, size in enumerate(known):
            if self.sizes[size] < threshold:
                return least_of(first) if first is not None and self._has_sound(known[at:], threshold) else None
            first = size
        return None

    def _has_sound(self, smaller: list[int], threshold: float) -> bool:
        return min(self.sizes[size] for size in smaller) <= threshold / 2


def _shrunk(levels: Mapping[_Level, Evidence], means: Mapping[_Level, float]) -> dict[_Level, float]:
    """The rate of each level, pulled to the mean that it would have without a peculiarity of its own.

    Beta-binomial; the strength of the pull is estimated from how much more the levels differ than chance makes them.
    """
    strength = _strength(levels, means)
    return {level: (failed + strength * means[level]) / (count + strength) for level, (failed, count) in levels.items()}


def _strength(levels: Mapping[_Level, Evidence], means: Mapping[_Level, float]) -> float:
    """How many tasks the mean counts for, by the method of moments.

    Source: Kleinman 1973, Proportions with extraneous variance.
    """
    total = spread = chance = within = 0.0
    for level, (failed, count) in levels.items():
        if count > 0:
            mean = means[level]
            total += count
            spread += count * (failed / count - mean) ** 2
            chance += mean * (1.0 - mean)
            within += count * mean * (1.0 - mean)
    if not total or spread <= chance:
        return MOST_STRENGTH
    between = (spread - chance) / total
    return min(max(within / total / between - 1.0, LEAST_STRENGTH), MOST_STRENGTH)
