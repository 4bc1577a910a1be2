"""Which steps wait for which: circles among them, and which may begin.

Owns the graph of one walk: a step is free once all that it waits for has ended well, and lost once one of them has not. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

__all__ = ["WorkGraph", "circle_in"]


def circle_in(after: Mapping[str, Iterable[str]]) -> list[str] | None:
    """Steps that wait for each other, each for the next, the first again at the end; None where there are none.

    after: what each step waits for.  Any depth: nothing calls itself.
    """
    done: set[str] = set()
    for root in after:
        way: dict[str, None] = {}
        rest = [(root, iter(after[root]))]
        while rest:
            step, following = rest[-1]
            if step in done:
                rest.pop()
                continue
            way[step] = None
            ahead = next(following, None)
            if ahead is None:
                done.add(step)
                way.pop(step)
                rest.pop()
            elif ahead in way:
                members = list(way)
                return [*members[members.index(ahead) :], ahead]
            elif ahead not in done:
                rest.append((ahead, iter(after[ahead])))
    return None


class WorkGraph:
    """The steps of one walk. after: what each waits for, without a circle.

    ended, lost: the steps that are through, well or not; those that will never begin.
    """

    def __init__(self, after: Mapping[str, Iterable[str]]) -> None:
        self._left = {step: set(before) for step, before in after.items()}
        self._behind: dict[str, list[str]] = {step: [] for step in after}
        for step, before in self._left.items():
            for one in before:
                self._behind[one].append(step)
        self.ended: list[str] = []
        self.lost: list[str] = []

    def begin(self) -> list[str]:
        """The steps that wait for nothing."""
        return [step for step, left in self._left.items() if not left]

    def end(self, step: str, *, is_well: bool) -> list[str]:
        """A step has ended; returns those that are free by that. Where it is not well, all behind it are lost."""
        self.ended.append(step)
        if is_well:
            free = []
            for behind in self._behind[step]:
                self._left[behind].discard(step)
                if not self._left[behind] and behind not in self.lost:
                    free.append(behind)
            return free
        rest = list(self._behind[step])
        while rest:
            one = rest.pop()
            if one not in self.lost:
                self.lost.append(one)
                rest += self._behind[one]
        return []
