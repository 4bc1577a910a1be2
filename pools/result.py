"""What became of tasks: one result, or many in columns.

Owns the form in which answers reach the person who sent the tasks.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

from pools.errors import Failure, raised

__all__ = ["Batch", "Failed", "Result"]


class Result:
    """What became of one task.

    id: what the sender called it.  value: what the method returned.  error: why it failed, None when it did not.
    """

    __slots__ = ("id", "value")

    ok: ClassVar[bool] = True
    error: Failure | None = None

    def __init__(self, id: Any, value: Any) -> None:
        self.id = id
        self.value = value

    def get(self) -> Any:
        """The value. Raises the error of a task that failed."""
        return self.value

    def as_dict(self) -> dict[str, Any]:
        """The result as a result line shows it."""
        return {"id": self.id, "ok": True, "value": self.value}

    def __repr__(self) -> str:
        return f"Result(id={self.id!r}, value={self.value!r})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Result):
            return NotImplemented
        return (self.id, self.value, self.error) == (other.id, other.value, other.error)

    def __hash__(self) -> int:
        return hash(self.id)


class Failed(Result):
    """The result of a task that failed."""

    __slots__ = ("error",)

    ok: ClassVar[bool] = False
    error: Failure

    def __init__(self, id: Any, error: Failure) -> None:
        self.id = id
        self.value = None
        self.error = error

    def get(self) -> Any:
        """Raises the error."""
        raise raised(self.error)

    def as_dict(self) -> dict[str, Any]:
        """The result as a result line shows it."""
        return {"id": self.id, "ok": False, "error": self.error.as_dict()}

    def __repr__(self) -> str:
        return f"Failed(id={self.id!r}, error={self.error!r})"


_new = object.__new__


class Batch(Sequence[Result]):
    """Results that came together, in columns: for those who count, no object is made for each.

    ids, values: by position; the value of a task that failed is None.  failures: the failure by position.
    """

    __slots__ = ("failures", "ids", "values")

    def __init__(self, ids: Sequence[Any], values: Sequence[Any], failures: Sequence[tuple[int, Failure]] = ()) -> None:
        self.ids = ids
        self.values = values
        self.failures = dict(failures)

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return [self[at] for at in range(*index.indices(len(self)))]
        at = range(len(self))[index]
        failure = self.failures.get(at)
        return Result(self.ids[at], self.values[at]) if failure is None else Failed(self.ids[at], failure)

    def __iter__(self) -> Iterator[Result]:
        if self.failures:
            yield from map(self.__getitem__, range(len(self)))
            return
        for name, value in zip(self.ids, self.values, strict=True):
            result = _new(Result)
            result.id = name
            result.value = value
            yield result
