"""What tasks put on record of their way: how far each agent was, as it said so itself, or as was seen before it was replaced.

Owns which are kept of an agent: the newest of each sort, of milestones the last MILESTONES_KEPT, each under a revision. It is
filled by reading a log, and carried over by compaction. A record is only that: nothing of it is ever made a state. Pure.

A waypoint part: a JSON object with `k` and `i`, kind and key of the agent, `n` the revision, `w` the sort, `s` seconds since
1970, `t` and `o` the task and the step in it that it is, `p` the progress, `v` the partial result, `c` the context, `m` the
metadata, `a` the state as it stood; or with `k`, a list `i` of keys, and `x` where there is nothing of them any more.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import orjson

from checkpoints.spec import MILESTONES_KEPT

__all__ = ["MILESTONE", "PRE_FAILOVER", "PROGRESS", "SORTS", "USER", "Waypoint", "Waypoints", "gone_body", "waypoint_body"]

Key = int | str
#: The sorts.
PROGRESS, MILESTONE, PRE_FAILOVER, USER = SORTS = ("progress", "milestone", "pre_failover", "user")
#: Bytes of memory that one takes besides its body, about.
OWN_BYTES = 256


class Waypoint(NamedTuple):
    """One record. body: the part's, as it was recorded."""

    revision: int
    sort: str
    body: bytes

    @property
    def facts(self) -> dict[str, Any]:
        """What it says, decoded anew."""
        said: dict[str, Any] = orjson.loads(self.body)
        return said

    @property
    def size_bytes(self) -> int:
        """The memory it takes, about."""
        return len(self.body) + OWN_BYTES


class Waypoints:
    """The records of many agents."""

    def __init__(self) -> None:
        self._agents: dict[tuple[str, Key], list[Waypoint]] = {}
        #: The memory that all of them take, about.
        self.size_bytes = 0

    def of(self, kind: str, key: Key) -> Sequence[Waypoint]:
        """Those of an agent, oldest first."""
        return self._agents.get((kind, key), ())

    def revision(self, kind: str, key: Key) -> int:
        """The revision of an agent's newest one; 0 where it has none."""
        kept = self._agents.get((kind, key))
        return kept[-1].revision if kept else 0

    def newest(self, kind: str, key: Key, sort: str | None = None) -> Waypoint | None:
        """An agent's newest one, of one sort or of any."""
        return next((one for one in reversed(self.of(kind, key)) if sort in (None, one.sort)), None)

    def has(self, kind: str, keys: Iterable[Key]) -> list[Key]:
        """Those of some keys of which there is any."""
        return [key for key in keys if (kind, key) in self._agents]

    def replaced(self, kind: str, key: Key, sort: str) -> Waypoint | None:
        """Which one goes when an agent gets another of a sort."""
        same = [one for one in self.of(kind, key) if one.sort == sort]
        return same[0] if len(same) >= (MILESTONES_KEPT if sort == MILESTONE else 1) else None

    def fold(self, body: bytes) -> None:
        """Take in one part. Raises ValueError and what a dict raises where it is none."""
        said = orjson.loads(body)
        kind, key = said["k"], said["i"]
        if type(kind) is not str:
            raise ValueError(f"a waypoint of nobody: {body[:80]!r}")
        if "x" in said:
            for gone in key:
                self.size_bytes -= sum(one.size_bytes for one in self._agents.pop((kind, gone), ()))
            return
        revision, sort = said["n"], said["w"]
        if type(key) not in (int, str) or type(revision) is not int or sort not in SORTS:
            raise ValueError(f"a waypoint without its key, revision or sort: {body[:80]!r}")
        made = Waypoint(revision, sort, body)
        old = self.replaced(kind, key, sort)
        kept = self._agents.setdefault((kind, key), [])
        if old is not None:
            kept.remove(old)
            self.size_bytes -= old.size_bytes
        kept.append(made)
        self.size_bytes += made.size_bytes

    def bodies(self) -> Iterator[bytes]:
        """Everything, as bodies of parts, each agent's in the order of the revisions."""
        for kept in self._agents.values():
            for one in kept:
                yield one.body


def waypoint_body(kind: str, key: Key, revision: int, sort: str, facts: dict[str, Any]) -> bytes:
    """The body of one part. facts: the rest, by letter, without what is None.  Raises TypeError for what JSON cannot hold."""
    said = {"k": kind, "i": key, "n": revision, "w": sort}
    return bytes(memoryview(orjson.dumps(said | {name: value for name, value in facts.items() if value is not None})))


def gone_body(kind: str, keys: Sequence[Key]) -> bytes:
    """The body of a part that says that nothing is kept of some agents."""
    return orjson.dumps({"k": kind, "i": keys, "x": True})
