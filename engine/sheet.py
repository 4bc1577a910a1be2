"""Task lines that say little, read many at once: a column for each field.

Owns which lines can be read so, and what their columns must hold. Whoever reads a line by itself, with all that may be said
about it, takes the others. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, MutableSequence, Sequence
from itertools import compress
from operator import itemgetter
from typing import Any, NamedTuple

from engine.options import PLACES
from engine.submission import LINE
from pools import values
from pools.lane import sent_form
from pools.ranked import NORMAL

__all__ = ["SHAPES", "Sheet", "sheets_of"]

#: Fields of lines that are read in columns.
FIELDS = LINE | {"priority"}
#: Numbers of fields among the lines that are read in one go; with more of them each line costs more than by itself.
SHAPES = 4
#: Lines are few if they are one of so many, and then searched for.
FEW = 16


class Sheet(NamedTuple):
    """Tasks of one priority. tokens: what each is called by its sender, else its number.  arguments: as they are sent.

    is_plain: whether the arguments are sound by their types alone.
    """

    priority: int
    tokens: Sequence[Any]
    addresses: Sequence[str]
    methods: Sequence[str]
    arguments: Sequence[Any]
    is_plain: bool


def sheets_of(lines: Sequence[Any], first: int) -> tuple[list[Sheet], Sequence[int]]:
    """What can be read in columns, and the positions of the other lines.

    lines: as they were given, numbered from `first` on. Tasks for one agent stay in their order within a priority: where that
    would need more than one sheet, none is made.
    """
    everything = range(len(lines))
    if set(map(type, lines)) != {dict}:
        return [], everything
    try:
        lengths = bytearray(map(len, lines))
    except ValueError:  # a line with more than 255 fields
        return [], everything
    if len(set(lengths)) > SHAPES:
        return [], everything
    sheets: list[Sheet] = []
    rest: list[int] = []
    of_agents = read = 0
    for at, alike in _groups(lines, lengths):
        shape = alike[0].keys()
        if not shape <= FIELDS:
            rest += at
            continue
        read += 1
        of_agents += "agent" in shape
        found = _sheets([*shape], alike, at, first)
        if found is None or (of_agents and read > 1):
            return [], everything
        sheets += found
    return sheets, sorted(rest)


def _groups(lines: Sequence[Any], lengths: bytearray) -> Iterator[tuple[Sequence[int], Sequence[Any]]]:
    """The lines that have as many fields, with their positions: few are searched for and taken out of the others."""
    at: Sequence[int] = range(len(lines))
    counts = sorted((lengths.count(length), length) for length in set(lengths))
    if len(counts) == 1:
        yield at, lines
        return
    at, left = list(at), list(lines)
    for count, length in counts[:-1]:
        places: list[int] = []
        if count * FEW <= len(lengths):
            place = -1
            for _ in range(count):
                place = lengths.index(length, place + 1)
                places.append(place)
        else:
            places += compress(range(len(lengths)), map(length.__eq__, lengths))
        yield [at[place] for place in places], [left[place] for place in places]
        _take_out(at, places)
        _take_out(left, places)
        _take_out(lengths, places)
    yield at, left


def _take_out(column: MutableSequence[Any], places: list[int]) -> None:
    if len(places) * FEW <= len(column):
        for place in reversed(places):
            del column[place]
    else:
        gone = set(places)
        column[:] = type(column)(each for place, each in enumerate(column) if place not in gone)  # type: ignore[call-arg]


def _sheets(shape: Sequence[str], lines: Sequence[dict[str, Any]], at: Sequence[int], first: int) -> list[Sheet] | None:
    """The lines that stand at some positions and have as many fields, by priority; None if one must be looked at by itself."""
    try:
        columns = {field: [*map(itemgetter(field), lines)] for field in shape}
        is_right = _is_right(columns)
    except (KeyError, TypeError):  # other fields; a list or an object where a text should stand
        return None
    if not is_right:
        return None
    tokens = columns["id"] if "id" in columns else [first + each for each in at]
    if None in tokens:
        tokens = [first + each if token is None else token for each, token in zip(at, tokens, strict=True)]
    given = columns.get("args")
    arguments = [None] * len(at) if given is None else [*map(sent_form, given)]
    is_plain = given is None or set(map(type, arguments)) <= values.PLAIN
    addresses = columns["agent"] if "agent" in columns else columns["kind"]
    whole = Sheet(NORMAL, tokens, addresses, columns["method"], arguments, is_plain)
    return [whole] if "priority" not in columns else list(_parted(whole, columns["priority"]))


def _is_right(columns: dict[str, list[Any]]) -> bool:
    """Whether each column holds what it should. Raises TypeError where texts should stand and do not."""
    if ("agent" in columns) == ("kind" in columns) or "method" not in columns:
        return False
    is_agent = "agent" in columns
    addresses = set(columns["agent" if is_agent else "kind"])
    return (
        _are_texts(addresses)
        and all(("/" in address) is is_agent for address in addresses)
        and _are_texts(set(columns["method"]))
        and ("priority" not in columns or set(columns["priority"]) <= PLACES.keys())
        and ("args" not in columns or set(map(type, columns["args"])) == {list})
    )


def _are_texts(distinct: Collection[Any]) -> bool:
    return set(map(type, distinct)) == {str}


def _parted(whole: Sheet, priorities: Sequence[str]) -> Iterator[Sheet]:
    """A sheet for each priority, the highest first."""
    if len(set(priorities)) == 1:
        yield whole._replace(priority=PLACES[priorities[0]])
        return
    is_bare = whole.arguments.count(None) == len(priorities)  # of other values, equal ones need not be the same
    if is_bare and _is_one(whole.addresses) and _is_one(whole.methods):
        yield from _parted_tokens(whole, priorities)
        return
    rows = _rows(range(len(priorities)), priorities)
    for name in sorted(rows, key=PLACES.__getitem__, reverse=True):
        mine = rows[name]
        tokens, addresses, methods, arguments = (_picked(column, mine) for column in whole[1:5])
        yield Sheet(PLACES[name], tokens, addresses, methods, arguments, whole.is_plain)


def _is_one(texts: Sequence[str]) -> bool:
    """Whether all are the same."""
    return texts.count(texts[0]) == len(texts)


def _parted_tokens(whole: Sheet, priorities: Sequence[str]) -> Iterator[Sheet]:
    """The same where nothing but the tokens differs, as with tasks without arguments for a kind."""
    rows = _rows(whole.tokens, priorities)
    for name in sorted(rows, key=PLACES.__getitem__, reverse=True):
        tokens = rows[name]
        addresses, methods, arguments = ([column[0]] * len(tokens) for column in whole[2:5])
        yield Sheet(PLACES[name], tokens, addresses, methods, arguments, whole.is_plain)


def _rows(column: Iterable[Any], priorities: Sequence[str]) -> dict[str, list[Any]]:
    """What of a column has which priority."""
    rows: dict[str, list[Any]] = {name: [] for name in set(priorities)}
    pushes: dict[str, Callable[[Any], None]] = {name: mine.append for name, mine in rows.items()}
    for each, push in zip(column, map(pushes.__getitem__, priorities), strict=True):
        push(each)
    return rows


def _picked(column: Sequence[Any], rows: Sequence[int]) -> Sequence[Any]:
    if len(rows) == 1:
        return (column[rows[0]],)
    picked: Sequence[Any] = itemgetter(*rows)(column)
    return picked
