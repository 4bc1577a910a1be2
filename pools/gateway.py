"""Tasks that arrive in frames from somewhere else and are sent on: from a client's socket, from a worker to another.

Owns the matching of answers to the sections they came in. Where an agent lives is `resolve`'s knowledge; the windows on the
way out are the links'.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Container, Hashable, Iterable, Mapping, Sequence
from functools import partial
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Protocol, cast

from checkpoints.stamp import STAMPED
from pools.address import ANY, Key, key_of, valid_kind
from pools.again import Wire
from pools.duelane import DueLane
from pools.errors import BadFrame, Failure, FrameTooLarge, PoolError, failure_of
from pools.lane import PLACE_BITS, Lane, refuse
from pools.link import Link
from pools.message import RESULT
from pools.section import PLACES, Row, Section
from pools.tracedlane import TracedDueLane, TracedLane
from pools.ways import Deal, Ended, ResolveKey

if TYPE_CHECKING:
    from pools.choices import Choices
    from pools.queuedspans import QueuedSpans

__all__ = ["Aside", "Gateway"]

_case, _method = itemgetter(3), itemgetter(3)


class Aside(Protocol):
    """Chooses the agents of tasks for a kind, and learns how they ended."""

    def clear(self, kind: str, method: str, count: int) -> Hashable:
        """What `learn` is told with the end of tasks that need no look at each; None where they do."""
        ...

    def choose(
        self, kind: str, method: str, argument: Any, done: Callable[[Any, list[Failure]], None] | None
    ) -> tuple[Key, Hashable] | None:
        """The agent, and what `learn` is told with the end. None where the task is done here; then `done` gets its end.

        done: None for a task that has to run as it is.  Raises PoolError.
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
    queued: begins the spans of tasks that wait here to be sent on; None where nothing is traced.
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
        queued: QueuedSpans | None = None,
    ) -> None:
        self._clock = clock
        #: Chooses for tasks that are sent to a kind; without, `resolve` does.
        self.aside: Aside | None = None
        #: Remembers who was chosen for tasks that the peer may send again; without, their numbers choose.
        self.choices: Choices | None = None
        self._queued = queued
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
            read = [Section.read(section) for section in sections]
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

    def _accept_one(self, section: Section) -> None:
        number, kind, session, rows = section.number, section.kind, section.session, section.rows
        self._accepted(len(rows))
        session = session or self.session
        is_plain = session is None and not section.is_timely and self._queued is None
        if self._deal is not None and is_plain and all(row[2] is None for row in rows):
            rows = self._accept_dealt(section)
        cases: Mapping[int, Hashable] = {}
        if self.choices is not None and self.session is not None and section.session is None:
            rows, cases = self._accept_chosen(section, self.choices, self.session)
        now_s = self._clock()
        for position, own, key, method, argument, left_s in rows:
            case = cases.get(position)
            token: _Token = (number, position, number << PLACE_BITS | position if own is None else own, case)
            try:
                meant = ANY if key is None else key_of(key)
                turn = None if session is None else (number >> 1) + position if own is None else own
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
                if self._queued is not None:
                    self._queued.put(token, section.parents.get(position), kind, found, method)
                if left_s is not None:
                    cast("DueLane", lane).dues.append(now_s + left_s)

    def _accept_chosen(self, section: Section, choices: Choices, session: str) -> tuple[list[Row], Mapping[int, Hashable]]:
        """The tasks of a section that the peer may send again, each with its agent; and their cases, by place.

        Who is chosen is written down first. Where that cannot be done, tasks are left to their numbers; what is refused is
        answered, and missing.
        """
        number = section.number
        if section.mark is not None:
            choices.forget(session, section.mark)
        known = dict(enumerate(choices.of(session, number)))
        rows = [_with_key(row, known.get(row[0])) for row in section.rows]
        fresh = [row for row in rows if row[2] is ANY]
        if not fresh:
            return rows, {}
        if section.is_again:
            try:
                choices.check(session, number)
            except PoolError as error:
                refuse(self, [_token(number, row, None) for row in fresh], failure_of(error))
                rows = [row for row in rows if row[2] is not ANY]
            return rows, {}
        chosen = self._choose(section, fresh)
        if chosen and choices.keep(session, number, list(chosen), [key for key, _ in chosen.values()]):
            rows = [_with_key(row, chosen[row[0]][0] if row[0] in chosen else ANY) for row in rows]
            rows = [row for row in rows if row[2] is not ANY]
        else:
            rows = [row for row in rows if row[2] is not ANY or row[0] in chosen]
        return rows, {place: case for place, (_, case) in chosen.items()}

    def _choose(self, section: Section, rows: Sequence[Row]) -> dict[int, tuple[Key, Hashable]]:
        """Agent and case of each of some tasks for a kind, by place; those that are refused are answered."""
        chosen: dict[int, tuple[Key, Hashable]] = {}
        by_method: dict[str, list[Row]] = {}
        for row in rows:
            by_method.setdefault(row[3], []).append(row)
        for method, alike in by_method.items():
            case = None if self.aside is None else self.aside.clear(section.kind, method, len(alike))
            if self.aside is None or case is not None:
                self._watched += 0 if case is None else len(alike)
                chosen |= self._dealt(section, alike, case)
            else:
                chosen |= self._judged(section, alike, self.aside)
        return dict(sorted(chosen.items()))

    def _dealt(self, section: Section, rows: Sequence[Row], case: Hashable) -> dict[int, tuple[Key, Hashable]]:
        dealt, refusal = self._ask_deal(section.kind, len(rows))
        keys = [key for _, part in dealt for key in part]
        if refusal is not None:
            refuse(self, [_token(section.number, row, case) for row in rows[len(keys) :]], failure_of(refusal))
        return {row[0]: (key, case) for row, key in zip(rows, keys, strict=False)}

    def _judged(self, section: Section, rows: Sequence[Row], aside: Aside) -> dict[int, tuple[Key, Hashable]]:
        chosen: dict[int, tuple[Key, Hashable]] = {}
        for row in rows:
            try:
                found = aside.choose(valid_kind(section.kind), row[3], row[4], None)
            except PoolError as error:
                refuse(self, [_token(section.number, row, None)], failure_of(error))
            else:
                self._watched += 1
                if found is not None:
                    chosen[row[0]] = found
        return chosen

    def _accept_dealt(self, section: Section) -> list[Row]:
        """Send on a section that leaves every choice to the engine, and whose numbers nobody will say again.

        Returns the tasks that have to be looked at one by one.
        """
        if self.aside is None:
            self._deal_rows(section, section.rows, None)
            return []
        left: list[Row] = []
        for method, count in Counter(map(_method, section.rows)).items():
            rows = section.rows if count == len(section.rows) else [row for row in section.rows if row[3] == method]
            case = self.aside.clear(section.kind, method, count)
            if case is None:
                left += rows
            else:
                self._watched += count
                self._deal_rows(section, rows, case)
        return left

    def _deal_rows(self, section: Section, given: Sequence[Row], case: Hashable) -> None:
        number = section.number
        rows = iter(given)
        dealt, refusal = self._ask_deal(section.kind, len(given))
        for link, keys in dealt:
            tasks = self._lane_of(link, section, None).rows
            for key, (position, _, _, method, argument, _) in zip(keys, rows, strict=False):
                tasks.extend(((number, position, number << PLACE_BITS | position, case), key, method, argument))
        if refusal is not None:
            refuse(self, [_token(number, row, case) for row in rows], failure_of(refusal))

    def _ask_deal(self, kind: str, count: int) -> tuple[Sequence[tuple[Link, Sequence[Key]]], PoolError | None]:
        try:
            return self._deal(kind, count) if self._deal is not None else ([], None)
        except PoolError as error:
            return [], error

    def _done(self, token: _Token, value: Any, failures: list[Failure]) -> None:
        """Answer a task that was done aside."""
        self.answered((token,), (value,), [(0, failure) for failure in failures])

    def _lane_of(self, link: Link, section: Section, session: str | None, *, is_timely: bool = False) -> Lane:
        key = id(link), section.kind, session, section.priority, section.manner, is_timely
        lane = self._lanes.get(key)
        if lane is None:
            kind = section.kind
            lane = self._lanes[key] = self._new_lane(link, kind, is_timely=is_timely)
            lane.session, lane.ids, lane.priority, lane.manner = session, _numbers, section.priority, section.manner
            self._links[id(link)] = link
        if section.mark is not None:
            lane.mark = section.mark
        return lane

    def _new_lane(self, link: Link, kind: str, *, is_timely: bool) -> Lane:
        leave = None if self._queued is None else self._queued.leave
        if is_timely:
            timely = link, kind, self, self._clock
            return DueLane(*timely) if leave is None else TracedDueLane(*timely, leave)
        return Lane(link, kind, self) if leave is None else TracedLane(link, kind, self, leave)

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


def _token(number: int, row: Row, case: Hashable) -> _Token:
    return number, row[0], number << PLACE_BITS | row[0], case


def _with_key(row: Row, key: Key) -> Row:
    """A task with its agent, if it names none itself."""
    position, own, named, method, argument, left_s = row
    return position, own, key if named is ANY else named, method, argument, left_s


def _numbers(tokens: Sequence[Any]) -> list[int]:
    return [own for _, _, own, _ in tokens]
