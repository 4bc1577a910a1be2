"""Tasks that arrive in frames from somewhere else and are sent on: from a client's socket, from a worker to another.

Owns the matching of answers to the sections they came in. Where an agent lives is `resolve`'s knowledge; the windows on the
way out are the links'.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Container, Hashable, Iterable, Mapping, Sequence
from functools import partial
from itertools import repeat
from operator import itemgetter
from typing import Any, NamedTuple, Protocol, cast

from checkpoints.stamp import STAMPED
from pools.address import ANY, Key, key_of, valid_kind
from pools.again import Wire
from pools.duelane import DueLane
from pools.errors import BadFrame, Failure, FrameTooLarge, PoolError, failure_of
from pools.lane import PACED, PLACE_BITS, REFUSED, Lane, refuse
from pools.link import Link
from pools.message import RESULT
from pools.ranked import CRITICAL, LOW, NORMAL
from pools.ways import Deal, Ended, ResolveKey

__all__ = ["Aside", "Gateway"]

#: Places of one section.
PLACES = 1 << PLACE_BITS
_case, _method = itemgetter(3), itemgetter(3)


class Aside(Protocol):
    """Chooses the agents of tasks for a kind, and learns how they ended."""

    def clear(self, kind: str, method: str, count: int) -> Hashable:
        """What `learn` is told with the end of tasks that need no look at each; None where they do."""
        ...

    def choose(
        self, kind: str, method: str, argument: Any, done: Callable[[Any, list[Failure]], None]
    ) -> tuple[Key, Hashable] | None:
        """The agent, and what `learn` is told with the end. None where the task is done here; then `done` gets its end.

        Raises PoolError.
        """
        ...

    def learn(self, case: Any, count: int, failures: Iterable[Failure]) -> None:
        """Take in how tasks ended."""
        ...


class Gateway:
    """One peer that sends tasks.

    wire: the way back to it.  defer: calls a function at the end of this turn of the loop.
    accepted, ended: told how many tasks came, and how they ended.
    deal: chooses the agents of a section that is addressed to a kind; None asks `resolve` for each task.
    waits: told what the peer says of questions that take long, and None once the peer is gone.  clock: monotonic seconds.
    """

    def __init__(
        self,
        resolve: ResolveKey,
        wire: Wire,
        defer: Callable[[Callable[[], None]], object],
        accepted: Callable[[int], None],
        ended: Ended,
        deal: Deal | None = None,
        waits: Callable[[Gateway, dict[str, Any] | None], None] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clock = clock
        #: Chooses for tasks that are sent to a kind, where no number says who may be asked again; without, `resolve` does.
        self.aside: Aside | None = None
        #: Tasks in flight whose end it wants to know.
        self._watched = 0
        self._deal = deal
        self._resolve = resolve
        self._wire = wire
        self._defer = defer
        self._accepted = accepted
        self._ended = ended
        self._waits = waits
        self._lanes: dict[tuple[int, str, str | None, int, int, bool], Lane] = {}
        self._links: dict[int, Link] = {}
        self._answers: dict[int, tuple[list[int], list[Any], list[Any]]] = {}
        self._is_due = False
        #: The peer's own name in hexadecimal, if it numbers its tasks so that it can come back.
        self.session: str | None = None

    def accept(self, sections: Any) -> None:
        """Send on the tasks of one message: all of them, or none.

        Raises BadFrame for columns that do not fit each other.
        """
        try:
            read = [_read(section) for section in sections]
        except (KeyError, TypeError, IndexError, ValueError, AttributeError) as error:
            raise BadFrame(f"a section of tasks with a bad column: {error!r}") from error
        if self.session is not None and any(len(section.rows) > PLACES for section in read):
            raise BadFrame(f"a section of a peer that numbers its tasks has up to {PLACES:,} tasks")
        if self.session is not None and any(section.number < STAMPED for section in read):
            raise BadFrame("a section's number says when it was given: microseconds since 1970; this peer counts otherwise")
        for section in read:
            self._accept_one(section)
        for link in self._links.values():
            link.offer([lane for lane in self._lanes.values() if lane.link is link])

    def _accept_one(self, section: _Section) -> None:
        number, kind, session, rows = section.number, section.kind, section.session, section.rows
        self._accepted(len(rows))
        session = session or self.session
        if self._deal is not None and session is None and not section.is_timely and all(row[2] is None for row in rows):
            rows = self._accept_dealt(section)
        now_s = self._clock()
        for position, own, key, method, argument, left_s in rows:
            token: _Token = (number, position, number << PLACE_BITS | position if own is None else own, None)
            try:
                meant = ANY if key is None else key_of(key)
                turn = token[2] if session is not None else None
                if meant is ANY and turn is None and self.aside is not None:
                    chosen = self.aside.choose(valid_kind(kind), method, argument, partial(self._done, token))
                    if chosen is None:
                        continue
                    meant, case = chosen
                    token = (*token[:3], case)
                    self._watched += 1
                link, found = self._resolve(valid_kind(kind), meant, turn, is_again=section.is_again)
            except PoolError as error:
                self.answered((token,), (None,), ((0, failure_of(error)),))
            else:
                lane = self._lane_of(link, section, session, is_timely=left_s is not None)
                lane.rows.extend((token, found, method, argument))
                if left_s is not None:
                    cast("DueLane", lane).dues.append(now_s + left_s)

    def _accept_dealt(self, section: _Section) -> list[_Row]:
        """Send on a section that leaves every choice to the engine, and whose numbers nobody will say again.

        Returns the tasks that have to be looked at one by one.
        """
        if self.aside is None:
            self._deal_rows(section, section.rows, None)
            return []
        left: list[_Row] = []
        for method, count in Counter(map(_method, section.rows)).items():
            rows = section.rows if count == len(section.rows) else [row for row in section.rows if row[3] == method]
            case = self.aside.clear(section.kind, method, count)
            if case is None:
                left += rows
            else:
                self._watched += count
                self._deal_rows(section, rows, case)
        return left

    def _deal_rows(self, section: _Section, given: Sequence[_Row], case: Hashable) -> None:
        number = section.number
        rows = iter(given)
        try:
            dealt, refusal = self._deal(section.kind, len(given)) if self._deal is not None else ([], None)
        except PoolError as error:
            dealt, refusal = [], error
        for link, keys in dealt:
            tasks = self._lane_of(link, section, None).rows
            for key, (position, _, _, method, argument, _) in zip(keys, rows, strict=False):
                tasks.extend(((number, position, number << PLACE_BITS | position, case), key, method, argument))
        if refusal is not None:
            lost = [(number, position, number << PLACE_BITS | position, case) for position, *_ in rows]
            refuse(self, lost, failure_of(refusal))

    def _done(self, token: _Token, value: Any, failures: list[Failure]) -> None:
        """Answer a task that was done aside."""
        self.answered((token,), (value,), [(0, failure) for failure in failures])

    def _lane_of(self, link: Link, section: _Section, session: str | None, *, is_timely: bool = False) -> Lane:
        key = id(link), section.kind, session, section.priority, section.manner, is_timely
        lane = self._lanes.get(key)
        if lane is None:
            kind = section.kind
            lane = self._lanes[key] = DueLane(link, kind, self, self._clock) if is_timely else Lane(link, kind, self)
            lane.session, lane.ids, lane.priority, lane.manner = session, _numbers, section.priority, section.manner
            self._links[id(link)] = link
        if section.mark is not None:
            lane.mark = section.mark
        return lane

    def answered(self, tokens: Sequence[Any], results: Sequence[Any], failures: Sequence[tuple[int, Failure]]) -> None:
        """Keep answers until the end of this turn, by the section they belong to."""
        failed = dict(failures)
        self._ended(len(tokens), failures)
        if self._watched and self.aside is not None:
            self._learn(self.aside, tokens, failed)
        for index, ((number, position, *_), value) in enumerate(zip(tokens, results, strict=True)):
            kept = self._answers.get(number)
            if kept is None:
                kept = self._answers[number] = ([], [], [])
            if index in failed:
                kept[2].append([len(kept[0]), *failed[index]])
            kept[0].append(position)
            kept[1].append(value)
        if not self._is_due:
            self._is_due = True
            self._defer(self._flush)

    def _learn(self, aside: Aside, tokens: Sequence[Any], failed: Mapping[int, Failure]) -> None:
        for case, count in Counter(map(_case, tokens)).items():
            if case is not None:
                self._watched -= count
                aside.learn(case, count, [failure for at, failure in failed.items() if tokens[at][3] == case])

    def _flush(self) -> None:
        self._is_due = False
        answers, self._answers = self._answers, {}
        sections = [
            {"n": number, "i": positions, "v": results} | ({"e": errors} if errors else {})
            for number, (positions, results, errors) in answers.items()
        ]
        try:
            self._wire.send(RESULT, sections)
        except FrameTooLarge:
            for section in sections:
                self._send_one(section)

    def _send_one(self, section: dict[str, Any]) -> None:
        try:
            self._wire.send(RESULT, [section])
        except FrameTooLarge:
            errors = {error[0]: error[1:] for error in section.get("e", ())}
            for index, (position, value) in enumerate(zip(section["i"], section["v"], strict=True)):
                single = {"n": section["n"], "i": [position], "v": [value]}
                self._wire.send(RESULT, [single | ({"e": [[0, *errors[index]]]} if index in errors else {})])

    def cancel(self, numbers: Sequence[int], position: int | None = None, *, is_late: bool = False) -> None:
        """Take back tasks of some sections: all, or the one at a position. is_late: because no answer came in time."""
        wanted = set(numbers)

        def is_meant(token: Any) -> bool:
            return token is not None and token[0] in wanted and position in (None, token[1])

        for link in self._links.values():
            link.cancel_where(self, is_meant, is_late=is_late)

    def told(self, waits: dict[str, Any]) -> None:
        """Take what the peer says of questions that take long."""
        if self._waits is not None:
            self._waits(self, waits)

    def addresses(self, places: Container[tuple[int, int]]) -> dict[tuple[int, int], str]:
        """Whom tasks that are in flight went to, by the section and the place in it that the peer sent them in."""
        found = (pair for link in self._links.values() for pair in link.flights.tasks(self))
        return {token[:2]: address for token, _, address in found if token[:2] in places}

    def close(self) -> None:
        """The peer is gone: take back everything of its."""
        if self._waits is not None:
            self._waits(self, None)
        for link in self._links.values():
            link.cancel(self)


#: The number of a section, the place in it, the task's own number, and what foresight is told with its end.
_Token = tuple[int, int, int, Hashable]
#: Position, the number that it was given, key, method, argument, and for how many seconds it is of use; None for any number.
_Row = tuple[int, int | None, Any, str, Any, float | None]


class _Section(NamedTuple):
    """A task section as it came.

    session, mark: of a peer that hands on what others numbered.  is_again: it may have been sent before.
    priority: which goes first.  manner: what becomes of tasks that are too many.  is_timely: whether any is of use for some
    time only.  rows: of each task.
    """

    number: int
    kind: str
    session: str | None
    mark: int | None
    is_again: bool
    priority: int
    manner: int
    is_timely: bool
    rows: list[_Row]


def _read(section: dict[str, Any]) -> _Section:
    """A section of tasks; many errors where it is none."""
    number, kind, keys, names = section["n"], section["k"], section["i"], section["m"]
    if type(number) is not int or type(kind) is not str or type(keys) is not list:
        raise TypeError("a number, a kind and a list of keys make a section")
    count = len(keys)
    if type(names) is str:
        methods = [names] * count
    else:
        table, codes = names
        if any(type(name) is not str for name in table) or any(type(code) is not int or code < 0 for code in codes):
            raise TypeError("methods are names and indexes")
        methods = [table[code] for code in codes]
    arguments = section.get("a")
    if arguments is None:
        arguments = [None] * count
    elif type(arguments) is not list:
        raise TypeError("arguments are a list")
    positions = section.get("p")  # of a section that is sent again, those that have no answer
    if positions is None:
        positions = range(count)
    elif any(type(position) is not int or not 0 <= position < PLACES for position in positions):
        raise TypeError("positions are small numbers")
    session, numbers, mark = section.get("c"), section.get("q", [None] * count), section.get("cw", section.get("w"))
    if session is not None and not (type(session) is str and all(type(own) is int and own >= 0 for own in numbers)):
        raise TypeError("a session is a text, and its numbers are numbers")
    if mark is not None and type(mark) is not int:
        raise TypeError("a mark is a number")
    dues = section.get("d")
    if dues is not None and not (type(dues) is list and all(map(_is_time, dues))):
        raise TypeError("the time of a task is a number of seconds from 0, or null")
    is_timely = dues is not None and any(due is not None for due in dues)
    rows = list(zip(positions, numbers, keys, methods, arguments, repeat(None, count) if dues is None else dues, strict=True))
    priority = section.get("pr", NORMAL)
    if type(priority) is not int or not LOW <= priority <= CRITICAL:
        raise TypeError("a priority is a number from 0 to 3")
    manner = PACED if section.get("pc") == 1 else REFUSED
    return _Section(number, kind, session, mark, bool(section.get("r")), priority, manner, is_timely, rows)


def _is_time(due: Any) -> bool:
    return due is None or (type(due) in (int, float) and due >= 0)


def _numbers(tokens: Sequence[Any]) -> list[int]:
    return [own for _, _, own, _ in tokens]
