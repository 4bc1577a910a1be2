"""Tasks that were not sent yet, in columns, and the check that they arrive as they are.

Owns the form in which a sender's tasks wait and leave. When they leave is the link's business.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import compress
from math import isfinite
from typing import Any, ClassVar, Protocol, runtime_checkable

from checkpoints.spec import PLACE_BITS
from pools import values
from pools.address import Key
from pools.errors import BadArgument, Failure, failure_of
from pools.ranked import NORMAL, PRIORITIES

__all__ = [
    "BARE", "FREE", "PACED", "PLACE_BITS", "REFUSED", "Columns", "Lane", "Listener", "Named", "Section", "Sink", "Way",
    "faultless", "is_bare", "is_name", "methods_column", "ready", "refuse", "sent_form", "sound",
]  # fmt: skip

#: Types that stand for one positional argument by themselves. A list, an object or null must be wrapped.
BARE = frozenset({int, str, bool, float})

#: What becomes of tasks that are too many for their kind: they were counted before they came; they are refused; they wait.
FREE, REFUSED, PACED = range(3)

#: Tokens, keys, method names and arguments of some tasks.
Columns = tuple[Sequence[Any], Sequence[Key], Sequence[str], Sequence[Any]]
#: The same as a section carries them: the method names as `methods_column`, None for arguments where no task has one.
Section = tuple[Sequence[Any], Sequence[Key], Any, Sequence[Any] | None]


#: What a section says of each priority: nothing of the usual one.
_RANKS = tuple({} if priority == NORMAL else {"pr": priority} for priority in range(len(PRIORITIES)))


class Named(dict[str, Any]):
    """Arguments given by name."""


def sent_form(arguments: Sequence[Any]) -> Any:
    """Arguments as they are sent: null for none, one plain scalar by itself, an object for names, else a list."""
    if not arguments:
        return None
    if len(arguments) > 1:
        return list(arguments)
    (argument,) = arguments
    if type(argument) in BARE:
        return argument
    return dict(argument) if type(argument) is Named else [argument]


class Sink(Protocol):
    """Where answers go."""

    def answered(self, tokens: Sequence[Any], results: Sequence[Any], failures: Sequence[tuple[int, Failure]]) -> None:
        """Take answers: results by position beside their tokens; a failure names its position, its result is None."""
        ...


@runtime_checkable
class Listener(Protocol):
    """A sink that hears how far its tasks are."""

    def progressed(self, token: Any, fraction: float) -> None:
        """A task says how far it is, 0 to 1."""
        ...


class Way(Protocol):
    """What a lane leads to."""

    def offer(self, lanes: Iterable[Lane]) -> None:
        """Send what these lanes hold, as far as there is room."""
        ...

    def send_alone(self, lane: Lane, token: Any, key: Key, method: str, argument: Any) -> bool:
        """Send one task at once if nothing is under way; returns whether it was sent."""
        ...

    def cancel_where(self, sink: Sink, is_meant: Callable[[Any], bool]) -> None:
        """Take back the tasks of a sink whose token is meant."""
        ...


class Lane:
    """The tasks of one sender, for agents of one kind behind one link, that were not sent yet.

    rows: token, key, method and argument (as it is sent) of each task, one after the other in one flat list: a tuple for
    each would be one more object for the garbage collector to follow.  Other senders may keep their tasks in another form.
    session: of a sender that numbers its tasks itself, ids: those numbers from its tokens.  mark: the section of the lowest
    number that it has no answer to.  name_of: a task's own name from its token, where it stays within a worker.
    priority: which of the lanes goes first.  manner: what becomes of tasks that are too many.  passed: how many of those that
    wait were looked at for that.  is_counted: their effects are, which come beside their values.
    """

    __slots__ = (
        "ids", "is_counted", "is_queued", "kind", "link", "manner", "mark", "name_of", "passed", "priority", "rows", "session",
        "sink",
    )  # fmt: skip

    def __init__(self, link: Way, kind: str, sink: Sink) -> None:
        self.link = link
        self.kind = kind
        self.sink = sink
        self.rows: list[Any] = []
        self.is_queued = False
        self.session: str | None = None
        self.ids: Callable[[Sequence[Any]], list[int]] = list
        self.mark = 0
        self.name_of: Callable[[Any], str] | None = None
        self.priority = NORMAL
        self.manner = REFUSED
        self.is_counted = False
        self.passed = 0

    @property
    def rank(self) -> dict[str, int]:
        """What a section says of its priority, and whether effects are counted."""
        return _RANKS[self.priority] if not self.is_counted else {**_RANKS[self.priority], "fx": 1}

    #: Whether its tasks are of use for some time only.
    is_timely: ClassVar[bool] = False

    def __len__(self) -> int:
        return len(self.rows) // 4

    def keys(self) -> Iterable[Key]:
        """Whom its tasks are for, one for each task."""
        return self.rows[1::4]

    def manners(self, tokens: Sequence[Any]) -> dict[str, Any]:
        """What a section of tasks that were just taken says of them to who cannot know it. tokens: theirs."""
        return {"pc": 1} if self.manner == PACED else {}

    def take(self, count: int) -> Section:
        """Remove the oldest tasks, as they are sent. Those that cannot be are answered, and missing."""
        return ready(self.sink, self.cut(count))

    def cut(self, count: int) -> Columns:
        """Remove the oldest tasks as they are."""
        rows = self.rows[: 4 * count]
        del self.rows[: 4 * count]
        return rows[::4], rows[1::4], rows[2::4], rows[3::4]

    def drop(self, count: int) -> list[Any]:
        """Remove the newest tasks; returns their tokens."""
        start = len(self.rows) - 4 * count
        tokens = self.rows[start::4]
        del self.rows[start:]
        return tokens

    def drop_where(self, is_meant: Callable[[Any], bool]) -> list[Any]:
        """Remove the tasks whose token is meant; returns their tokens."""
        meant = [at for at in range(0, len(self.rows), 4) if is_meant(self.rows[at])]
        tokens = [self.rows[at] for at in meant]
        for at in reversed(meant):
            del self.rows[at : at + 4]
        return tokens


def methods_column(methods: Sequence[str]) -> Any:
    """One name for all, or the distinct names and an index into them for each."""
    names = list(dict.fromkeys(methods))
    if len(names) == 1:
        return names[0]
    number = {name: index for index, name in enumerate(names)}
    return [names, [*map(number.__getitem__, methods)]]


def refuse(sink: Sink, tokens: Sequence[Any], failure: Failure) -> None:
    """Answer tasks with a failure."""
    if tokens:
        sink.answered(tokens, [None] * len(tokens), [(index, failure) for index in range(len(tokens))])


def is_name(method: Any) -> bool:
    """Whether a method can be named so."""
    return type(method) is str and values.fault(method) is None


def _named(sink: Sink, columns: Columns) -> Columns:
    """The tasks whose method is a name; the others are answered."""
    try:
        if all(map(is_name, set(columns[2]))):
            return columns
    except TypeError:
        pass  # a list or an object where a name should stand
    is_named = [is_name(method) for method in columns[2]]
    wrong = [token for token, is_right in zip(columns[0], is_named, strict=True) if not is_right]
    refuse(sink, wrong, failure_of(BadArgument("a method is named by text")))
    tokens, keys, methods, arguments = (list(compress(column, is_named)) for column in columns)
    return tokens, keys, methods, arguments


def _sound(sink: Sink, columns: Columns) -> Columns:
    """The tasks whose arguments arrive as they are; the others, which JSON would change in silence, are answered."""
    types = set(map(type, columns[3]))
    if types <= values.PLAIN:
        return columns
    if types <= values.SCALAR and all(isfinite(argument) for argument in columns[3] if type(argument) is float):
        return columns
    return faultless(sink, columns)


def faultless(sink: Sink, columns: Columns) -> Columns:
    """The tasks whose arguments arrive as they are, looked at one by one; the others are answered."""
    faults = [values.fault(argument, "the argument") for argument in columns[3]]
    if not any(faults):
        return columns
    wrong = [(token, found) for token, found in zip(columns[0], faults, strict=True) if found is not None]
    failures = [(index, failure_of(BadArgument(found))) for index, (_, found) in enumerate(wrong)]
    sink.answered([token for token, _ in wrong], [None] * len(wrong), failures)
    is_sound = [found is None for found in faults]
    tokens, keys, methods, arguments = (list(compress(column, is_sound)) for column in columns)
    return tokens, keys, methods, arguments


def sound(sink: Sink, columns: Columns) -> Columns:
    """The tasks that arrive as they are; the others are answered: what JSON would change, and methods without a name."""
    return _named(sink, _sound(sink, columns))


def ready(sink: Sink, columns: Columns) -> Section:
    """Tasks as a section carries them, the sound ones; the others are answered."""
    tokens, keys, methods, arguments = sound(sink, columns)
    return tokens, keys, methods_column(methods), None if is_bare(arguments) else arguments


def is_bare(arguments: Sequence[Any]) -> bool:
    """Whether no task of a column has an argument."""
    return not arguments or (arguments[0] is None and arguments[-1] is None and arguments.count(None) == len(arguments))
