"""Tasks of one sender and one priority on their way into lanes, in columns.

Owns which lane each task takes: everything is done for a chunk of tasks at a time, by functions that walk a whole column, since
here a task must cost a few hundred nanoseconds in all. When the lanes leave is the link's business.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import chain, compress, islice
from operator import itemgetter
from typing import Any, Protocol

from pools import values
from pools.address import ANY, Key
from pools.errors import BadAddress, Failure, PoolError, failure_of
from pools.lane import PACED, Columns, Lane, Section, Sink, is_bare, is_name, ready, refuse, sent_form
from pools.link import Link
from pools.ways import ROUTES, Deal, Resolve, Ways

__all__ = ["Aside", "Chute", "ColumnLane"]

#: Method names that a lane gives a number of its own; with more, each section numbers its own.
NAMES = 32

_address, _method = itemgetter(0), itemgetter(1)


class _Unlike:
    """Stands for the arguments of a task that are not one plain scalar, until they are looked at one by one."""


_UNLIKE = _Unlike()


class ColumnLane(Lane):
    """Tasks in columns.

    rows: the positions, in the chunk that is being sent, of this lane's tasks; `push` adds one, `gather` empties it.
    """

    __slots__ = ("_codes", "_count", "_is_plain", "_pieces", "_start", "push")

    def __init__(self, link: Link, kind: str, sink: Sink) -> None:
        super().__init__(link, kind, sink)
        self.push = self.rows.append
        #: Columns as they were gathered, one piece a chunk: most leave as they came.
        self._pieces: list[Columns] = []
        #: Tasks of the first piece that have left: slow ones leave a few at a time, and the others need not move for them.
        self._start = 0
        self._count = 0
        self._codes: dict[str, int] = {}
        self._is_plain = True

    def __len__(self) -> int:
        return self._count

    def keys(self) -> Iterable[Key]:
        """As for every lane."""
        return islice(chain.from_iterable(piece[1] for piece in self._pieces), self._start, None)

    def gather(self, columns: Columns, *, is_plain: bool) -> None:
        """Take this lane's tasks out of the columns of a chunk. is_plain: its arguments are sound by their types."""
        rows = self.rows
        tokens, keys, methods, arguments = columns
        if len(rows) == 1:
            (at,) = rows
            self._pieces.append(((tokens[at],), (keys[at],), (methods[at],), (arguments[at],)))
        else:
            mine = itemgetter(*rows)
            self._pieces.append((mine(tokens), mine(keys), mine(methods), mine(arguments)))
        self._count += len(rows)
        self._is_plain = self._is_plain and is_plain
        rows.clear()

    def add(self, columns: Columns, *, is_plain: bool) -> None:
        """Take in tasks that are all this lane's."""
        self._pieces.append(columns)
        self._count += len(columns[0])
        self._is_plain = self._is_plain and is_plain

    def take(self, count: int) -> Section:
        """As for every lane."""
        columns = self.cut(count)
        tokens, keys, methods, arguments = columns
        codes = self._codes_of(methods) if self._is_plain else None
        if not self._count:
            self._is_plain = True
        if codes is None:
            return ready(self.sink, columns)
        names = self._codes
        named: Any = next(iter(names)) if len(names) == 1 else [list(names), codes]
        return tokens, keys, named, None if is_bare(arguments) else arguments

    def _codes_of(self, methods: Sequence[Any]) -> Sequence[int] | None:
        """The number of each name; None where names should be looked at one by one."""
        if len(methods) < 2:
            return None
        numbers: Callable[[Any], tuple[int, ...]] = itemgetter(*methods)
        try:
            return numbers(self._codes)
        except KeyError:
            pass
        except TypeError:
            return None
        try:
            names = self._codes | dict.fromkeys(methods, 0)
        except TypeError:
            return None
        if len(names) > NAMES or not all(map(is_name, names)):
            return None
        self._codes = {name: code for code, name in enumerate(names)}
        return numbers(self._codes)

    def cut(self, count: int) -> Columns:
        """As for every lane."""
        start = self._start
        if len(self._pieces) > 1 and len(self._pieces[0][0]) - start < count:
            self._join()
            start = 0
        if not self._pieces:
            return (), (), (), ()
        tokens, keys, methods, arguments = first = self._pieces[0]
        end = min(start + count, len(tokens))
        self._count -= end - start
        if end < len(tokens):
            self._start = end
        else:
            self._start = 0
            del self._pieces[0]
            if not start:
                return first
        return tokens[start:end], keys[start:end], methods[start:end], arguments[start:end]

    def _join(self) -> None:
        """Make one piece of all that has not left."""
        if start := self._start:
            tokens, keys, methods, arguments = self._pieces[0]
            self._pieces[0] = tokens[start:], keys[start:], methods[start:], arguments[start:]
        tokens, keys, methods, arguments = (tuple(chain.from_iterable(column)) for column in zip(*self._pieces, strict=True))
        self._pieces, self._start = [(tokens, keys, methods, arguments)], 0

    def drop(self, count: int) -> list[Any]:
        """As for every lane."""
        kept = self._count - count
        before = self.cut(kept) if kept else None
        tokens = [token for piece in self._pieces for token in piece[0]][self._start :]
        self._pieces, self._count, self._start = [before] if before else [], kept, 0
        return tokens

    def drop_where(self, is_meant: Callable[[Any], bool]) -> list[Any]:
        """As for every lane."""
        if not self._pieces:
            return []
        self._join()
        ((tokens, *_),) = self._pieces
        kept = [not is_meant(token) for token in tokens]
        columns = tuple(tuple(compress(column, kept)) for column in self._pieces[0])
        self._count = len(columns[0])
        self._pieces = [columns] if self._count else []  # type: ignore[list-item]
        return [token for token in tokens if is_meant(token)]


def _arguments_of(tasks: Sequence[tuple[Any, ...]]) -> tuple[list[Any], bool]:
    """The arguments of tasks as they are sent, and whether their types alone say that they arrive as they are."""
    arguments: list[Any] = [
        None if len(task) == 2 else task[2] if len(task) == 3 and task[2] is not None else _UNLIKE for task in tasks
    ]
    types = set(map(type, arguments))
    if types <= values.PLAIN:
        return arguments, True
    if types <= values.SCALAR:
        return arguments, False
    return [sent_form(task[2:]) for task in tasks], False


class Aside(Protocol):
    """Takes the tasks that are addressed to kinds, and answers them to the sender."""

    def send(self, kind: str, columns: Columns, priority: int, *, is_plain: bool) -> None:
        """Send tasks for one kind, in columns without keys. is_plain: their arguments are sound by their types."""
        ...

    def cancel(self) -> None:
        """Take back what is not answered."""
        ...

    def cancel_where(self, is_meant: Callable[[Any], bool]) -> None:
        """Take back the tasks whose token is meant, as no answer came in time."""
        ...


class Chute:
    """The ways of one sender's tasks of one priority. sink: where answers go.

    deal: chooses the agents of tasks that are addressed to a kind, many at once; None asks `resolve` for each.
    aside: takes such tasks instead.  lane: makes a lane.
    """

    def __init__(
        self,
        sink: Sink,
        resolve: Resolve,
        deal: Deal | None,
        priority: int,
        aside: Aside | None = None,
        lane: Callable[[Link, str, Sink], ColumnLane] = ColumnLane,
    ) -> None:
        self._aside = aside
        self._new_lane = lane
        self._sink = sink
        self._resolve = resolve
        self._deal = deal
        self._priority = priority
        self.ways = Ways(sink, self._lane)
        #: Each address has a number, by which is found where the position of a task for it goes. For numbered agents of
        #: one kind, the home kind, it is the key itself, so that a task needs one look-up; `_others` has the other keys.
        self._numbers: dict[str, int] = {}
        self._pushes: list[Callable[[int], None]] = []
        self._others: list[Key] = []
        self._home: str | None = None
        self._lost: int | None = None

    def _lane(self, link: Link, kind: str, sink: Sink) -> ColumnLane:
        lane = self._new_lane(link, kind, sink)
        lane.priority = self._priority
        lane.manner = PACED
        return lane

    def put(self, tokens: Sequence[Any], tasks: Sequence[tuple[Any, ...]]) -> None:
        """Have tasks (address, method, *arguments) wait in their lanes. Raises IndexError for one without a method."""
        addresses, methods = [*map(_address, tasks)], [*map(_method, tasks)]
        arguments, is_plain = _arguments_of(tasks)
        self.place(addresses, (tokens, (), methods, arguments), is_plain=is_plain)

    def place(self, addresses: Sequence[Any], columns: Columns, *, is_plain: bool) -> None:
        """Give each task to the lane that it takes. columns: of which the keys are found here."""
        tokens, _, methods, arguments = columns
        lost: list[tuple[int, Failure]] = []
        try:
            numbers = itemgetter(*addresses)(self._numbers)
            if len(addresses) == 1:
                numbers = (numbers,)
        except (KeyError, TypeError):
            kinds = () if self._deal is None and self._aside is None else _kinds_in(addresses)
            if kinds:
                self._part(kinds, addresses, columns, is_plain=is_plain)
                return
            numbers = self._numbers_of(addresses, lost)
        pushes = self._pushes
        for at, number in enumerate(numbers):
            pushes[number](at)
        columns = tokens, self._keys_of(numbers) if self._others else numbers, methods, arguments
        for lane in self.ways.lanes():
            if lane.rows:
                lane.gather(columns, is_plain=is_plain)
        for at, failure in lost:
            self._sink.answered((tokens[at],), (None,), ((0, failure),))

    def _part(self, kinds: Sequence[str], addresses: Sequence[Any], columns: Columns, *, is_plain: bool) -> None:
        """Deal the tasks that are addressed to kinds, or set them aside, and give the others to their lanes."""
        if len(kinds) == 1 and addresses.count(kinds[0]) == len(addresses):
            self._send(kinds[0], columns, is_plain=is_plain)
            return
        for kind in kinds:
            self._send(kind, _chosen(columns, [address == kind for address in addresses]), is_plain=is_plain)
        of_kinds = set(kinds)
        rest = [not (type(address) is str and address in of_kinds) for address in addresses]
        if any(rest):
            self.place(list(compress(addresses, rest)), _chosen(columns, rest), is_plain=is_plain)

    def _send(self, kind: str, columns: Columns, *, is_plain: bool) -> None:
        if self._aside is None:
            self.deal(kind, columns, is_plain=is_plain)
        else:
            self._aside.send(kind, columns, self._priority, is_plain=is_plain)

    def deal(self, kind: str, columns: Columns, *, is_plain: bool) -> None:
        """Give tasks addressed to one kind to the lanes of the workers that are to have them, each a slice."""
        tokens, _, methods, arguments = columns
        count, at = len(tokens), 0
        try:
            dealt, refusal = self._deal(kind, count) if self._deal is not None else ([], None)
        except PoolError as error:
            dealt, refusal = [], error
        for link, keys in dealt:
            end = at + len(keys)
            lane = self.ways.lane_of(link, kind)
            lane.add((tokens[at:end], keys, methods[at:end], arguments[at:end]), is_plain=is_plain)
            at = end
        if refusal is not None:
            refuse(self._sink, tokens[at:], failure_of(refusal))

    def _keys_of(self, numbers: Sequence[int]) -> list[Key]:
        others = self._others
        return [number if number < ROUTES else others[number - ROUTES] for number in numbers]

    def _numbers_of(self, addresses: Sequence[Any], lost: list[tuple[int, Failure]]) -> list[int]:
        """The number of each address, in the order of the addresses; those that lead nowhere are noted as lost."""
        if len(self._numbers) >= ROUTES:
            self._forget()
        known = self._numbers
        numbers: list[int] = []
        for at, address in enumerate(addresses):
            try:
                numbers.append(known[address] if address in known else self._number_of(address))
            except PoolError as error:
                lost.append((at, failure_of(error)))
                numbers.append(self._nowhere())
            except TypeError:
                lost.append((at, failure_of(BadAddress(f"an address is a text, not {type(address).__name__}"))))
                numbers.append(self._nowhere())
        return numbers

    def _number_of(self, address: str) -> int:
        """The number of an agent; of the one that was chosen, where the address names a kind. Raises PoolError."""
        link, kind, key = self._resolve(address)
        if "/" not in address and key is not ANY:
            address = f"{kind}/{key}"
            if address in self._numbers:
                return self._numbers[address]
        push = self.ways.lane_of(link, kind).push
        if type(key) is int and key < ROUTES and self._home in (kind, None):
            self._home = kind
            if key >= len(self._pushes):
                self._pushes.extend([_drop] * (key + 1 - len(self._pushes)))
            self._pushes[key] = push
            number = key
        else:
            number = self._other(key, push)
        self._numbers[address] = number
        return number

    def _other(self, key: Key, push: Callable[[int], None]) -> int:
        """A number past those of the home kind's agents."""
        if len(self._pushes) < ROUTES:
            self._pushes.extend([_drop] * (ROUTES - len(self._pushes)))
        self._pushes.append(push)
        self._others.append(key)
        return len(self._pushes) - 1

    def _nowhere(self) -> int:
        """The one number of all addresses that lead nowhere."""
        if self._lost is None:
            self._lost = self._other(None, _drop)
        return self._lost

    def _forget(self) -> None:
        self._numbers.clear()
        self._lost = None
        self._pushes.clear()
        self._others.clear()


def _kinds_in(addresses: Sequence[Any]) -> Sequence[str]:
    """The kinds among addresses, each once."""
    try:
        is_one = len(addresses) > 1 and addresses.count(addresses[0]) == len(addresses)
        distinct = addresses[:1] if is_one else dict.fromkeys(addresses)
        return [address for address in distinct if type(address) is str and "/" not in address]
    except TypeError:  # one is a list: all are looked at one by one
        return ()


def _chosen(columns: Columns, is_chosen: Sequence[bool]) -> Columns:
    tokens, _, methods, arguments = columns
    return [*compress(tokens, is_chosen)], (), [*compress(methods, is_chosen)], [*compress(arguments, is_chosen)]


def _drop(_at: int) -> None:
    """Where the tasks go whose address leads nowhere."""
