"""What a worker's link has seen of the last tasks: enough to say what one agent did lately.

Owns how many are remembered. It is told of an answer that has come, a whole slice at a time, and looks at nothing in it until
somebody asks: a task costs nothing.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from pools.address import Key

__all__ = ["Past", "Recent"]

#: Tasks that are remembered of one worker, and answers that they came in: some 600 KB.
TASKS, ANSWERS = 16_384, 1_024


class Past(NamedTuple):
    """A task that has ended. ended_s: monotonic.  took_s: from its sending to its answer.  error: its type and text, if any."""

    ended_s: float
    took_s: float
    method: str
    error: str | None


#: One answer: when it came, after how long, whose tasks, their methods, the places that it is of, and its errors by place.
_Seen = tuple[float, float, str, Sequence[Key], Any, Sequence[int], Sequence[Sequence[Any]]]


class Recent:
    """The last tasks of one worker."""

    def __init__(self) -> None:
        self._seen: deque[_Seen] = deque(maxlen=ANSWERS)
        self._tasks = 0

    def note(self, section: Mapping[str, Any], reply: Mapping[str, Any], took_s: float, now_s: float) -> None:
        """An answer has come: all tasks of a section, or those that it names."""
        count, first = len(reply["v"]), reply.get("o", 0)
        places: Sequence[int] = reply["i"] if "i" in reply else range(first, first + count)
        seen = self._seen
        if len(seen) == ANSWERS:
            self._tasks -= len(seen[0][5])
        seen.append((now_s, took_s, section["k"], section["i"], section["m"], places, reply.get("e", ())))
        self._tasks += count
        while self._tasks > TASKS and len(seen) > 1:
            self._tasks -= len(seen.popleft()[5])

    def of(self, kind: str, key: Key, most: int) -> list[Past]:
        """The last tasks of an agent, the newest first."""
        found: list[Past] = []
        for seen in reversed(self._seen):
            if seen[2] == kind and key in seen[3]:
                found += _tasks(seen, key)
            if len(found) >= most:
                break
        return found[:most]


def _tasks(seen: _Seen, key: Key) -> Iterator[Past]:
    ended_s, took_s, _, keys, methods, places, errors = seen
    failed = {place: f"{error[1]}: {error[2]}" for place, error in ((error[0], error) for error in errors)}
    for at in range(len(places) - 1, -1, -1):
        place = places[at]
        if place < len(keys) and keys[place] == key:
            method = methods if type(methods) is str else methods[0][methods[1][place]]
            yield Past(ended_s, took_s, method, failed.get(at))
