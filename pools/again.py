"""What is sent a second time, after the channel that it went over was lost.

Owns the flights of a link while nobody can answer them, and the suspicion: a death is charged to the task that ran, which is
sent again last, to be run in a process of its own, and fails if it ends that one too. The tasks beside it are answered as if
nothing had happened. It is for links whose other side remembers what it did. Below: nothing. Above: the link.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Protocol

import orjson

from pools.errors import Failure, FrameTooLarge, TaskCancelled, failure_of
from pools.lane import Listener, Sink, refuse
from pools.message import TASK

__all__ = ["ANSWERED", "AWAY", "DEATHS", "Again", "Flight", "Wire"]

#: Workers that a task may be charged with before it fails unheard. After the first it runs in a process of its own, whose death
#: its worker survives and tells of, so what follows is most likely nobody's fault: a task may have bad luck.
DEATHS = 5
#: Times that a section is sent again where nothing is known of what ended the process.
TRIES = 20
#: Sections of one message when they are sent again.
AT_ONCE = 16
#: Seconds that a suspect waits for the others: what still has no answer then may wait for as long as it likes.
PATIENCE_S = 1.0


class Wire(Protocol):
    """The part of a channel that a link needs."""

    def send(self, letter: str, data: Any) -> None:
        """Send one message. Raises FrameTooLarge, TypeError."""
        ...


class _Answered:
    """Stands in a flight for a token that has its answer."""


ANSWERED = _Answered()
#: How a task fails that was taken back, and whose worker has not said whether it had run.
AWAY = failure_of(TaskCancelled("cancelled while its worker was away; whether it ran is not known"))


class Flight:
    """One section that was sent.

    section: it as it was sent.  sent: the same as JSON, where it may be sent again.
    places: the positions of it that were sent last; None for all.
    deaths: how often each suspected task has ended its process.  tries: how often the section was sent again.
    unwanted: the positions that were taken back; whoever asks for those tasks once more sends them once more.
    opening: the states of the breakers in which it was sent.
    """

    __slots__ = ("deaths", "left", "opening", "places", "section", "sent", "sent_s", "sink", "tokens", "tries", "unwanted")

    def __init__(self, sink: Sink, tokens: Sequence[Any], sent_s: float, section: dict[str, Any]) -> None:
        self.sink = sink
        self.tokens = tokens
        self.section = section
        self.left = len(tokens)
        self.sent_s = sent_s
        self.sent = b""
        self.places: list[int] | None = None
        self.deaths: dict[int, int] | None = None
        self.tries = 0
        self.unwanted: set[int] = set()
        self.opening: tuple[int, int] | None = None

    def task(self, place: int) -> tuple[str, str] | None:
        """The agent's address and the method of the task at a place of what was sent last; None where there is none."""
        at = self.places[place] if self.places is not None and place < len(self.places) else place
        section = self.section
        if at >= len(section["i"]):
            return None
        names = section["m"]
        method = names if type(names) is str else names[0][names[1][at]]
        return f"{section['k']}/{section['i'][at]}", method

    def answer(self, positions: Sequence[int]) -> list[Any]:
        """Mark tasks as answered; returns their tokens."""
        tokens = self.tokens if type(self.tokens) is list else list(self.tokens)
        answered = [tokens[position] for position in positions]
        for position in positions:
            tokens[position] = ANSWERED
        self.tokens = tokens
        self.left -= len(answered)
        return answered

    def mark(self, reply: Mapping[str, Any], count: int) -> None:
        """Remember which tasks were answered, so that a lost channel fails only the others."""
        if type(self.tokens) is not list:
            self.tokens = list(self.tokens)
        if "i" in reply:
            for position in reply["i"]:
                self.tokens[position] = ANSWERED
        else:
            first = reply.get("o", 0)
            self.tokens[first : first + count] = [ANSWERED] * count

    def halves(self, number: Callable[[], int]) -> Iterator[tuple[dict[str, Any], Flight]]:
        """The same as two sections with numbers of their own, each with its flight."""
        count = len(self.section["i"])
        for part in (slice(0, count // 2), slice(count // 2, count)):
            names = self.section["m"]
            piece = self.section | {"n": number(), "i": self.section["i"][part]}
            piece["m"] = names if type(names) is str else [names[0], names[1][part]]
            if "a" in self.section:
                piece["a"] = self.section["a"][part]
            for name in ("q", "d", "tp"):
                if name in self.section:
                    piece[name] = self.section[name][part]
            half = Flight(self.sink, self.tokens[part], self.sent_s, piece)
            half.opening = self.opening
            yield piece, half

    def part(self, places: list[int]) -> dict[str, Any]:
        """The section with some of its tasks only, which keep their positions."""
        self.places = places
        section: dict[str, Any] = orjson.loads(self.sent)
        section["r"] = 1
        section.pop("d", None)  # it was as of then; who sends it takes it back when its time is over
        if len(places) == len(self.tokens):
            return section
        section["p"] = places
        section["i"] = [section["i"][at] for at in places]
        if "a" in section:
            section["a"] = [section["a"][at] for at in places]
        for name in ("q", "tp"):
            if name in section:
                section[name] = [section[name][at] for at in places]
        if type(section["m"]) is not str:
            names, column = section["m"]
            section["m"] = [names, [column[at] for at in places]]
        return section


class Again:
    """The flights of one link that wait for another channel.

    flights: by number, shared with the link.  later: calls a function after some seconds.
    """

    def __init__(self, flights: dict[int, Flight], later: Callable[[float, Callable[[], None]], object]) -> None:
        self._flights = flights
        self._later = later
        self._wire: Wire | None = None
        self._sent: set[int] = set()
        self._suspects: deque[tuple[int, int]] = deque()
        #: Suspects that were sent over this channel.
        self._alone: set[tuple[int, int]] = set()

    @property
    def is_waiting(self) -> bool:
        """Whether a suspected task waits to be sent alone."""
        return bool(self._suspects)

    def detach(self, running: tuple[int, int] | None, failure: Failure) -> int:
        """The channel is lost. Charges the task that ran, and gives up what has ended too many; returns how many tasks."""
        self._wire = None
        given_up = 0 if running is None else self._charge(*running, failure)
        for number, flight in [(number, flight) for number, flight in self._flights.items() if flight.unwanted]:
            unwanted = [at for at in sorted(flight.unwanted) if flight.tokens[at] is not ANSWERED]
            given_up += self._give_up(number, unwanted, AWAY)
        for number, flight in [(number, flight) for number, flight in self._flights.items() if flight.tries >= TRIES]:
            given_up += self._give_up(number, [at for at, token in enumerate(flight.tokens) if token is not ANSWERED], failure)
        return given_up

    def _charge(self, number: int, place: int, failure: Failure) -> int:
        flight = self._flights.get(number)
        places = None if flight is None else flight.places or range(len(flight.tokens))
        if flight is None or places is None or place >= len(places) or flight.tokens[places[place]] is ANSWERED:
            return 0
        position = places[place]
        deaths = flight.deaths = flight.deaths or {}
        deaths[position] = deaths.get(position, 0) + 1
        return self._give_up(number, [position], failure) if deaths[position] >= DEATHS else 0

    def take_back(self, numbers: Sequence[int], is_meant: Callable[[Any], bool] | None, failure: Failure) -> int:
        """Send some tasks no more; returns how many. is_meant: whether the one with this token is; None for all."""
        taken = 0
        for number in numbers:
            tokens = self._flights[number].tokens
            meant = [at for at, token in enumerate(tokens) if token is not ANSWERED and (is_meant is None or is_meant(token))]
            taken += self._give_up(number, meant, failure)
        return taken

    def _give_up(self, number: int, positions: list[int], failure: Failure) -> int:
        flight = self._flights[number]
        tokens = flight.answer(positions)
        for position in positions:
            if flight.deaths:
                flight.deaths.pop(position, None)
        if flight.left <= 0:
            del self._flights[number]
        refuse(flight.sink, tokens, failure)
        return len(tokens)

    def attach(self, wire: Wire) -> None:
        """Send over another channel what was not answered, each task in its old place, but no suspect yet."""
        self._wire = wire
        self._alone.clear()
        self._sent = set(self._flights)
        self._suspects = deque((number, at) for number, flight in self._flights.items() for at in flight.deaths or ())
        sections = []
        for flight in self._flights.values():
            flight.tries += 1
            if places := _open(flight):
                sections.append(flight.part(places))
        for at in range(0, len(sections), AT_ONCE):
            _send(wire, sections[at : at + AT_ONCE])
        if self._suspects:
            self._later(PATIENCE_S, partial(self._send_suspects, wire))
        self.go_on()

    def _send_suspects(self, wire: Wire) -> None:
        """The others have had their time: send every suspect. wire: the channel that this was meant for."""
        if wire is not self._wire:
            return
        for number, position in self._suspects:
            flight = self._flights.get(number)
            if flight is not None and flight.tokens[position] is not ANSWERED and (number, position) not in self._alone:
                self._send_alone(flight, number, position)

    def go_on(self) -> None:
        """Send the next suspect, once everything else that was sent again has its answer, and the suspect before it too.

        None of them waits for longer than PATIENCE_S: its process is its own, and whoever asked wants to know.
        """
        while self._suspects and self._wire is not None:
            number, position = self._suspects[0]
            flight = self._flights.get(number)
            if flight is None or flight.tokens[position] is ANSWERED:
                self._suspects.popleft()
                if flight is not None and flight.deaths:
                    flight.deaths.pop(position, None)
                continue
            if (number, position) in self._alone or any(map(self._is_open, self._sent)):
                return
            self._send_alone(flight, number, position)

    def _send_alone(self, flight: Flight, number: int, position: int) -> None:
        """Send one task, to be run in a process of its own."""
        if self._wire is not None:
            self._alone.add((number, position))
            self._wire.send(TASK, [flight.part([position]) | {"x": [0]}])

    def progressed(self, said: Iterable[tuple[int, int, float]]) -> None:
        """Tell who sent tasks in flight how far they are, if he listens. said: section, position in it, and 0 to 1."""
        for number, position, fraction in said:
            flight = self._flights.get(number)
            if flight is not None and isinstance(flight.sink, Listener) and 0 <= position < len(flight.tokens):
                token = flight.tokens[position]
                if token is not ANSWERED:
                    flight.sink.progressed(token, fraction)

    def _is_open(self, number: int) -> bool:
        flight = self._flights.get(number)
        return flight is not None and bool(_open(flight))


def _send(wire: Wire, sections: list[dict[str, Any]]) -> None:
    """Send sections together, or one by one where they do not go into a frame; each of them did."""
    try:
        wire.send(TASK, sections)
    except FrameTooLarge:
        for section in sections:
            wire.send(TASK, [section])


def _open(flight: Flight) -> list[int]:
    """The positions of a flight that have no answer, without the suspects."""
    suspects = flight.deaths or ()
    return [at for at, token in enumerate(flight.tokens) if token is not ANSWERED and at not in suspects]
