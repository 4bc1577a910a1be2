"""`Log`: a field that only grows.

Owns the append-only list that a step can be charged for by its tail. Items are JSON values; a list or an object is kept
as its own encoded copy and read back fresh, so that no alias can change what was appended.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Generic, TypeVar, overload

import orjson

from pools import values
from pools.errors import BadReply

__all__ = ["Log"]

T = TypeVar("T")


class Log(Sequence[T], Generic[T]):
    """An append-only list of JSON values.

    Reading works as with a list; `append` and `extend` are the only changes.
    """

    __slots__ = ("_items", "size_bytes")

    def __init__(self, items: Iterable[T] = ()) -> None:
        self._items: list[Any] = []
        #: Bytes of all items as JSON.
        self.size_bytes = 0
        self.extend(items)

    def append(self, item: T) -> None:
        """Add one JSON value at the end. Raises BadReply for a value that JSON cannot keep."""
        wrong = values.fault(item, "the item")
        if wrong is not None:
            raise BadReply(f"cannot be appended: {wrong}")
        encoded = values.dumps(item)
        self.size_bytes += len(encoded) + 1
        self._items.append(bytes(memoryview(encoded)) if type(item) in (list, dict, tuple) else item)

    def extend(self, items: Iterable[T]) -> None:
        """Add each value in turn."""
        for item in items:
            self.append(item)

    def cut(self, length: int, size_bytes: int) -> None:
        """Take back what was appended after the log had this length; the engine's way to undo a failed task."""
        del self._items[length:]
        self.size_bytes = size_bytes

    def __len__(self) -> int:
        return len(self._items)

    @overload
    def __getitem__(self, index: int) -> T: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[T]: ...
    def __getitem__(self, index: int | slice) -> T | Sequence[T]:
        if isinstance(index, slice):
            return [self._read(item) for item in self._items[index]]
        item: T = self._read(self._items[index])
        return item

    def __iter__(self) -> Iterator[T]:
        return map(self._read, self._items)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Log | list):
            return list(self) == list(other)
        return NotImplemented

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Log({list(self)!r})"

    @staticmethod
    def _read(item: Any) -> Any:
        return orjson.loads(item) if type(item) is bytes else item
