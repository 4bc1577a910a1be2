"""`Table`: a field of values by name, of which a task records only what it changed.

Owns the entries and what is needed to record and to take back the changes since the last record. Values are JSON values; a list
or an object is kept as its own encoded copy and read back fresh, so that no alias can change it: set the name again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from math import copysign
from typing import Any, Generic, NamedTuple, TypeVar

import orjson

from pools import values
from pools.errors import BadReply

__all__ = ["Sealed", "Table", "encoded"]

V = TypeVar("V")


class _Nothing:
    """Stands for the value of a name that was not there."""


_NOTHING = _Nothing()


class Table(MutableMapping[str, V], Generic[V]):
    """JSON values by name, in no order that can be relied on.

    It works as a dict does. A value that is read is a copy: changing it changes nothing here.
    """

    __slots__ = ("_before", "_items", "size_bytes")

    def __init__(self, entries: Mapping[str, V] | Iterable[tuple[str, V]] = ()) -> None:
        self._items: dict[str, Any] = {}
        self._before: dict[str, Any] = {}
        #: Bytes of all entries as JSON.
        self.size_bytes = 0
        self.update(entries)
        self._before = {}

    def __setitem__(self, name: str, value: V) -> None:
        """Set one JSON value. Raises BadReply for a name or a value that JSON cannot keep."""
        if type(name) is not str:
            raise BadReply(f"cannot be kept: the name is of type {type(name).__name__}, use text")
        wrong = values.fault(name, "the name") or values.fault(value, "the value")
        if wrong is not None:
            raise BadReply(f"cannot be kept: {wrong}")
        item = bytes(memoryview(values.dumps(value))) if type(value) in (list, dict, tuple) else value
        self._note(name)
        if name in self._items:
            self.size_bytes -= _size_bytes(name, self._items[name])
        self._items[name] = item
        self.size_bytes += _size_bytes(name, item)

    def __delitem__(self, name: str) -> None:
        """Remove a name. Raises KeyError."""
        item = self._items[name]
        self._note(name)
        del self._items[name]
        self.size_bytes -= _size_bytes(name, item)

    def _note(self, name: str) -> None:
        """Remember what a name had when its last change was recorded."""
        if name not in self._before:
            self._before[name] = self._items.get(name, _NOTHING)

    def __getitem__(self, name: str) -> V:
        value: V = _read(self._items[name])
        return value

    def __contains__(self, name: object) -> bool:
        return name in self._items

    def __iter__(self) -> Iterator[str]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Table | dict):
            return dict(self) == dict(other)
        return NotImplemented

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Table({dict(self)!r})"

    # -- for the engine ------------------------------------------------------------------------------------------------

    def seal(self) -> Sealed:
        """What has changed since the last seal; it cannot be taken back any more."""
        before, self._before = self._before, {}
        if not before:
            return Sealed(self, {}, [])
        items = self._items
        puts = {name: items[name] for name, item in before.items() if name in items and _differ(items[name], item)}
        return Sealed(self, puts, [name for name, item in before.items() if name not in items and item is not _NOTHING])

    def undo(self) -> None:
        """Take back what has changed since the last seal; the engine's way to undo a failed task."""
        before, self._before = self._before, {}
        for name, item in before.items():
            now = self._items.pop(name, _NOTHING)
            if now is not _NOTHING:
                self.size_bytes -= _size_bytes(name, now)
            if item is not _NOTHING:
                self._items[name] = item
                self.size_bytes += _size_bytes(name, item)

    def saved(self) -> bytes:
        """All entries as one JSON object."""
        return encoded(self._items)


class Sealed(NamedTuple):
    """What one record has of a table. puts: entries as they are kept, by name.  gone: names that were removed."""

    table: Table[Any]
    puts: dict[str, Any]
    gone: list[str]


def encoded(items: Mapping[str, Any]) -> bytes:
    """Entries as they are kept, as one JSON object."""
    return values.dumps({name: orjson.Fragment(item) if type(item) is bytes else item for name, item in items.items()})


def _read(item: Any) -> Any:
    return orjson.loads(item) if type(item) is bytes else item


def _differ(item: Any, other: Any) -> bool:
    """Whether two entries are not the same JSON: 1, 1.0 and true are three, 0.0 and -0.0 two."""
    return type(item) is not type(other) or item != other or (type(item) is float and copysign(1, item) != copysign(1, other))


def _size_bytes(name: str, item: Any) -> int:
    """Bytes of one entry as JSON, with its colon and comma."""
    return len(values.dumps(name)) + (len(item) if type(item) is bytes else len(values.dumps(item))) + 2
