"""What was sent over one link and not answered.

Owns the flights by their sections' numbers, and the looks at single tasks among them. Who sends and who takes answers is the
link's business.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pools.address import Key
from pools.again import ANSWERED, Flight
from pools.lane import Sink

__all__ = ["Flights"]


class Flights(dict[int, Flight]):
    """The flights of one link, in the order in which they were sent."""

    def task(self, number: int, place: int) -> tuple[str, str] | None:
        """The agent's address and the method of a task; None where there is none."""
        flight = self.get(number)
        return None if flight is None else flight.task(place)

    def put_off(self, seconds: float) -> None:
        """Have them count as sent so much later: for that time nobody could begin them."""
        for flight in self.values():
            flight.sent_s += seconds

    @property
    def oldest(self) -> tuple[str, str] | None:
        """The agent's address and the method of the first task that was sent and not answered."""
        _, place, _ = next(self.tasks(), (None, (0, 0), ""))
        return self.task(*place)

    def tasks(self, sink: Sink | None = None) -> Iterator[tuple[Any, tuple[int, int], str]]:
        """Of each task without an answer its token, its section and place in it, and the agent's address.

        sink: whose; None for everybody's.
        """
        for number, flight in self.items():
            if sink is None or flight.sink is sink:
                for position, token in enumerate(flight.tokens):
                    if token is not ANSWERED:
                        yield token, (number, position), f"{flight.section['k']}/{flight.section['i'][position]}"

    def of(self, kind: str, key: Key) -> Iterator[tuple[int, int, str, float]]:
        """Of each task of an agent without an answer its section and place in it, its method, and when it was sent."""
        for number, flight in self.items():
            section = flight.section
            if section["k"] == kind and key in section["i"]:
                names = section["m"]
                for place, (token, own) in enumerate(zip(flight.tokens, section["i"], strict=True)):
                    if own == key and token is not ANSWERED:
                        method = names if type(names) is str else names[0][names[1][place]]
                        yield number, place, method, flight.sent_s

    def cancels(self, meant: Mapping[int, list[int]]) -> Iterator[dict[str, Any]]:
        """What the other side is told to end tasks, sections that are meant whole together. meant: positions by section."""
        whole = [number for number, positions in meant.items() if positions and len(positions) == self[number].left]
        if len(whole) > 1:
            yield {"sections": whole}
            meant = {number: positions for number, positions in meant.items() if number not in set(whole)}
        for number, positions in meant.items():
            for position in positions:
                yield {"sections": [number], "position": position}
