"""Many tasks of one sender, answered in the order of completion.

Owns the columns in which a stream's tasks wait for their links: everything is done for a chunk of tasks at a time, by
functions that walk a whole column, since here a task must cost a few hundred nanoseconds in all. Reading the caller's
tasks and pacing them is not done here.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from itertools import chain, compress
from operator import itemgetter
from typing import Any, Protocol

from pools import values
from pools.address import ANY, Key
from pools.errors import BadAddress, Failure, PoolError, failure_of
from pools.lane import Columns, Lane, Section, Sink, is_bare, is_name, ready, sent_form
from pools.link import Link
from pools.result import Batch
from pools.ways import ROUTES, Ended, Resolve, Ways

__all__ = ["Aside", "Stream"]

#: Method names that a lane gives a number of its own; with more, each section numbers its own.
NAMES = 32

_address, _method = itemgetter(0), itemgetter(1)


class _Unlike:
    """Stands for the arguments of a task that are not one plain scalar, until they are looked at one by one."""


_UNLIKE = _Unlike()


class StreamLane(Lane):
    """Tasks in columns.

    rows: the positions, in the chunk that is being sent, of this lane's tasks; `push` adds one, `gather` empties it.
    """

    __slots__ = ("_codes", "_count", "_is_plain", "_pieces", "push")

    def __init__(self, link: Link, kind: str, sink: Sink) -> None:
        super().__init__(link, kind, sink)
        self.push = self.rows.append
        #: Columns as they were gathered, one piece a chunk: most leave as they came.
        self._pieces: list[Columns] = []
        self._count = 0
        self._codes: dict[str, int] = {}
        self._is_plain = True

    def __len__(self) -> int:
        return self._count

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

    def take(self, count: int) -> Section:
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
        if len(self._pieces) > 1 and len(self._pieces[0][0]) != count:
            self._join()
        if not self._pieces:
            return (), (), (), ()
        first = self._pieces.pop(0)
        tokens, keys, methods, arguments = first
        if len(tokens) > count:
            self._pieces.insert(0, (tokens[count:], keys[count:], methods[count:], arguments[count:]))
            first = tokens[:count], keys[:count], methods[:count], arguments[:count]
        self._count -= len(first[0])
        return first

    def _join(self) -> None:
        """Make one piece of all."""
        tokens, keys, methods, arguments = (tuple(chain.from_iterable(column)) for column in zip(*self._pieces, strict=True))
        self._pieces = [(tokens, keys, methods, arguments)]

    def drop(self, count: int) -> list[Any]:
        kept = self._count - count
        before = self.cut(kept) if kept else None
        tokens = [token for piece in self._pieces for token in piece[0]]
        self._pieces, self._count = [before] if before else [], kept
        return tokens

    def drop_where(self, is_meant: Callable[[Any], bool]) -> list[Any]:
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
    """Takes the tasks of a stream that were sent to a kind, and answers them to the stream."""

    def send(self, tokens: Sequence[Any], tasks: Sequence[tuple[Any, ...]]) -> None:
        """Send tasks (kind, method, *arguments)."""
        ...

    def cancel(self) -> None:
        """Take back what is not answered."""
        ...


class Stream:
    """Many tasks, answered in the order of completion.

    limit: tasks sent or answered and not taken yet.  wake: called when there is something to take.
    aside: makes what sends the stream's tasks for a kind; without, they go to whom `resolve` chooses.
    """

    def __init__(
        self,
        resolve: Resolve,
        limit: int,
        wake: Callable[[], None],
        ended: Ended,
        aside: Callable[[Stream], Aside | None] | None = None,
    ) -> None:
        self._aside = None if aside is None else aside(self)
        self._ended = ended
        self._ways = Ways(self, StreamLane)
        self._resolve = resolve
        #: Each address has a number, by which is found where the position of a task for it goes. For numbered agents of
        #: one kind, the home kind, it is the key itself, so that a task needs one look-up; `_others` has the other keys.
        self._numbers: dict[str, int] = {}
        self._pushes: list[Callable[[int], None]] = []
        self._others: list[Key] = []
        self._home: str | None = None
        self._lost: int | None = None
        self._limit = limit
        self._wake = wake
        self.ready: deque[Batch] = deque()
        #: Tasks sent and not answered.
        self.open = 0
        self._untaken = 0

    @property
    def room(self) -> int:
        """Tasks that may be sent now."""
        return self._limit - self.open - self._untaken

    def send(self, tokens: Sequence[Any], tasks: Sequence[tuple[Any, ...]]) -> None:
        """Send tasks (address, method, *arguments); a result's id is its task's token.

        Raises IndexError, having sent nothing, for a task without a method.
        """
        addresses, methods = [*map(_address, tasks)], [*map(_method, tasks)]
        self.open += len(tasks)
        lost: list[tuple[int, Failure]] = []
        try:
            numbers = itemgetter(*addresses)(self._numbers)
            if len(tasks) == 1:
                numbers = (numbers,)
        except (KeyError, TypeError):
            if self._aside is not None and addresses and self._send_aside(self._aside, addresses, tokens, tasks):
                return
            numbers = self._numbers_of(addresses, lost)
        arguments, is_plain = _arguments_of(tasks)
        pushes = self._pushes
        for at, number in enumerate(numbers):
            pushes[number](at)
        columns = tokens, self._keys_of(numbers) if self._others else numbers, methods, arguments
        for lane in self._ways.lanes():
            if lane.rows:
                lane.gather(columns, is_plain=is_plain)
        for at, failure in lost:
            self.answered((tokens[at],), (None,), ((0, failure),))
        self._ways.flush()

    def _send_aside(
        self, aside: Aside, addresses: Sequence[Any], tokens: Sequence[Any], tasks: Sequence[tuple[Any, ...]]
    ) -> bool:
        """Have the tasks for kinds sent aside, and send the others; False if there are none for a kind."""
        if addresses.count(addresses[0]) == len(tasks):
            is_kind = [_is_kind(addresses[0])] * len(tasks)
        else:
            is_kind = [*map(_is_kind, addresses)]
        count = sum(is_kind)
        if count == len(tasks):
            aside.send(tokens, tasks)
        elif count:
            aside.send([*compress(tokens, is_kind)], [*compress(tasks, is_kind)])
            others = [not each for each in is_kind]
            self.open -= len(tasks) - count
            self.send([*compress(tokens, others)], [*compress(tasks, others)])
        return count > 0

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
        push = self._ways.lane_of(link, kind).push
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

    def refuse(self, token: Any, error: PoolError) -> None:
        """Answer a task that could not even be read."""
        self.open += 1
        self.answered((token,), (None,), ((0, failure_of(error)),))

    def answered(self, tokens: Sequence[Any], results: Sequence[Any], failures: Sequence[tuple[int, Failure]]) -> None:
        """Keep results for whoever takes them."""
        count = len(results)
        self.open -= count
        self._untaken += count
        self._ended(count, failures)
        self.ready.append(Batch(tokens, results, failures))
        self._wake()

    def take(self) -> Batch:
        """The oldest results that were not taken. Raises IndexError when there are none."""
        taken = self.ready.popleft()
        self._untaken -= len(taken)
        return taken

    def cancel(self) -> None:
        """Take back what is not answered; each such task still gets its answer, `TaskCancelled` where it did not run."""
        self._ways.cancel()
        if self._aside is not None:
            self._aside.cancel()


def _is_kind(address: Any) -> bool:
    return type(address) is str and "/" not in address


def _drop(_at: int) -> None:
    """Where the tasks go whose address leads nowhere."""
