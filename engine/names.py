"""What tasks are called by those who submit them: the same name twice is the same task.

Owns the names, of tasks that are known and of those that were let go a while ago, and whether a second submission under a name
asks for the same. Pure.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from typing import NamedTuple
from zlib import crc32

from engine.options import Reference
from engine.submission import Submission

__all__ = ["Former", "Names", "check_of"]

#: Names of tasks that were let go, and the seconds for which they are remembered: a sender that has not asked again by then
#: does not come back.
FORMER, FORMER_S = 100_000, 86_400.0


class Former(NamedTuple):
    """A task that was let go. state: how it ended.  check: of what was asked.  ended_s: when, in seconds since 1970."""

    number: int
    state: str
    check: int
    ended_s: float


class Names:
    """The names of one journal's tasks."""

    def __init__(self) -> None:
        #: Numbers of the tasks that are known, and what was let go, the oldest first.
        self.numbers: dict[Reference, int] = {}
        self.former: OrderedDict[Reference, Former] = OrderedDict()

    def find(self, name: Reference) -> int | None:
        """The number of the task that is called so, whether it is known still or was let go."""
        number = self.numbers.get(name)
        if number is None and name in self.former:
            return self.former[name].number
        return number

    def take_back(self, name: Reference, number: int) -> None:
        """Forget a name, unless it is another task's by now."""
        if self.numbers.get(name) == number:
            del self.numbers[name]

    def let_go(self, name: Reference, former: Former) -> bool:
        """A task is not kept any more: remember its name for a while; returns whether it had it."""
        if self.numbers.get(name) != former.number:
            return False
        del self.numbers[name]
        self.former.pop(name, None)
        self.former[name] = former
        return True

    def put(self, name: Reference, number: int) -> bool:
        """A task is called so from now on; returns whether a name that was remembered is known again."""
        self.numbers[name] = number
        return self.former.pop(name, None) is not None

    def overflow(self, now_s: float) -> list[Reference]:
        """Forget what is too much or too old; returns it."""
        gone: list[Reference] = []
        former = self.former
        while former:
            oldest = next(iter(former))
            if len(former) <= FORMER and former[oldest].ended_s > now_s - FORMER_S:
                break
            del former[oldest]
            gone.append(oldest)
        return gone

    def restore(self, items: Iterable[tuple[Reference, Former]]) -> None:
        """Remember what was remembered before."""
        self.former.update(sorted(items, key=lambda item: item[1].ended_s))


def check_of(submission: Submission, argument: bytes | None) -> int:
    """A number that another task has only if the same is asked of the same agents under the same conditions.

    argument: as JSON.
    """
    check = crc32(argument or b"", crc32(f"{submission.address} {submission.method}".encode()))
    at_s, left_s = submission.deadline_at, submission.deadline_s
    if submission.after or submission.sticky is not None or left_s is not None:
        said = (submission.after, submission.sticky, left_s if at_s is None else None, at_s)
        check = crc32(repr(said).encode(), check)
    if submission.options is not _PLAIN:
        check = crc32(repr(submission.options).encode(), check)
    return check


_PLAIN = Submission(None, "", "", None, None).options
