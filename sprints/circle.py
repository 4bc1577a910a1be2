"""A circle among things that wait for each other, if there is one.

Pure; one pass over all of them, whatever their number and the length of their chains.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

__all__ = ["find_circle"]


def find_circle(after: Mapping[str, Sequence[str]]) -> list[str]:
    """The names of one circle, each of which waits for the next, the first one again at the end; empty if there is none.

    after: whom each waits for; a name that is no key waits for nobody.
    """
    done: set[str] = set()
    for start in after:
        if start in done:
            continue
        way = [start]
        on_way = {start}
        branches = [iter(after[start])]
        while way:
            for other in branches[-1]:
                if other in on_way:
                    return [*way[way.index(other) :], other]
                if other not in done and other in after:
                    way.append(other)
                    on_way.add(other)
                    branches.append(iter(after[other]))
                    break
            else:
                branches.pop()
                last = way.pop()
                on_way.discard(last)
                done.add(last)
    return []
