"""One section of tasks as it came in a frame.

Owns its form, and what is none. Who its tasks go to is the gateway's business. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import repeat
from typing import Any, NamedTuple

from pools.lane import PACED, PLACE_BITS, REFUSED
from pools.ranked import CRITICAL, LOW, NORMAL

__all__ = ["PLACES", "Row", "Section"]

#: Places of one section.
PLACES = 1 << PLACE_BITS
#: Position, the number that it was given, key, method, argument, and for how many seconds it is of use; None for any number.
Row = tuple[int, int | None, Any, str, Any, float | None]


class Section(NamedTuple):
    """A task section as it came.

    session, mark: of a peer that hands on what others numbered.  is_again: it may have been sent before.
    priority: which goes first.  manner: what becomes of tasks that are too many.  is_timely: whether any is of use for some
    time only.  rows: of each task.  parents: the spans that tasks are parts of, by place.
    """

    number: int
    kind: str
    session: str | None
    mark: int | None
    is_again: bool
    priority: int
    manner: int
    is_timely: bool
    rows: list[Row]
    parents: Mapping[int, str] = {}

    @classmethod
    def read(cls, section: dict[str, Any]) -> Section:
        """A section of tasks. Raises KeyError, TypeError, IndexError, ValueError, AttributeError where it is none."""
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
        rows = list(
            zip(positions, numbers, keys, methods, arguments, repeat(None, count) if dues is None else dues, strict=True)
        )
        priority = section.get("pr", NORMAL)
        if type(priority) is not int or not LOW <= priority <= CRITICAL:
            raise TypeError("a priority is a number from 0 to 3")
        manner = PACED if section.get("pc") == 1 else REFUSED
        read = cls(number, kind, session, mark, bool(section.get("r")), priority, manner, is_timely, rows)
        return read if "tp" not in section else read._replace(parents=_parents(section["tp"], positions))


def _parents(said: Any, positions: Iterable[int]) -> Mapping[int, str]:
    """The spans that tasks are parts of, by place, as they came; what is no list of such is passed over."""
    if type(said) is not list:
        return {}
    return {position: parent for position, parent in zip(positions, said, strict=False) if type(parent) is str}


def _is_time(due: Any) -> bool:
    return due is None or (type(due) in (int, float) and due >= 0)
