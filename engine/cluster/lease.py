"""Who leads the cluster, and until when: a lease on one entry that is changed by compare-and-set.

Owns the decisions of one candidate; the entry, the clock and the messages are handed in. A term's fencing token is the revision
that began it. The argument for "never two valid tokens": a holder counts its lease from before it *sent* the write that was
accepted; another one takes the entry only after it has seen the same revision for the whole lease, and only if that revision
is still the newest, so that it saw it after that write was sent; the whole lease is the longer one of its own and the holder's,
which stands in the entry. Late, lost and repeated messages, and stale reads, change
nothing of this; clocks need agree on how long a second is, within `DRIFT`, and on nothing else. A process that was stopped
after it looked is caught by the fence: whoever acts for the leader hands its token to `fence.Fence`. Pure.
Source: Gray and Cheriton, Leases (1989); Kleppmann, How to do distributed locking (2016), on fencing tokens.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import NamedTuple

import orjson

from engine.cluster.records import BadRecord, valid_id
from engine.errors import ConfigError

__all__ = ["DRIFT", "Entry", "Lease", "Term", "Write", "read_entry", "unreadable"]

#: Share by which two clocks may differ in how fast they go; the holder gives up by as much earlier.
DRIFT = 0.05
#: Holds what cannot be read; no candidate is called so.
STRANGER = "unreadable"
#: Seconds that a lease lasts at most: an entry that says more cannot be read.
LONGEST_S = 86_400.0
#: Writes without an answer whose time is remembered.
SENT = 64
#: Revisions and numbers are below this.
WHOLE = 2**53


@dataclass(frozen=True, slots=True)
class Term:
    """lease_s: seconds that a lease lasts.  check_s: between two looks.  extra_s: what a candidate lets others have first.

    Raises ConfigError.
    """

    lease_s: float = 10.0
    check_s: float = 3.0
    extra_s: float = 0.0

    def __post_init__(self) -> None:
        if not 0 < self.check_s * 2 < self.lease_s or self.extra_s < 0:
            said = "a lease is looked at three times while it lasts, about: check_s is below half of lease_s"
            raise ConfigError(f"{said}, got {self.check_s:g} and {self.lease_s:g}", key="lease")


class Entry(NamedTuple):
    """What stands in the store.  holder: "" for nobody.  term: its token, 0 where this very revision began it.

    lease_s: for how long its holder counts on it, 0 where that does not stand there.
    """

    revision: int
    holder: str
    term: int
    number: int
    lease_s: float = 0.0

    @property
    def token(self) -> int:
        """The fencing token of its term."""
        return self.term or self.revision


class Write(NamedTuple):
    """A write that is wanted, if the newest revision is still `last` (0: if there is none).  number: names it in answers."""

    number: int
    last: int
    data: bytes


def unreadable(revision: int) -> Entry:
    """What stands there where that is no entry, or was deleted.

    It is as if a stranger had taken the lease then, which it never renews: who led before leads no more once its own has run
    out, and so another one follows after a whole lease, with a later token.
    """
    return Entry(revision, STRANGER, 0, 0)


def read_entry(revision: int, data: bytes) -> Entry:
    """An entry from its revision and its bytes. Raises BadRecord."""
    try:
        document = orjson.loads(data)
        holder, term, number = document["holder"], document["term"], document["number"]
        lease_s = float(document.get("lease_s", 0.0))
    except (ValueError, TypeError, KeyError) as error:
        raise BadRecord(f"this is no lease: {data[:80]!r}") from error
    is_whole = type(term) is int and type(number) is int and 0 <= term <= revision and 0 <= number < WHOLE
    if not is_whole or not 0 <= lease_s <= LONGEST_S:
        raise BadRecord(f"this is no lease: {data[:80]!r}")
    return Entry(revision, holder if holder == "" else valid_id(holder), term, number, lease_s)


class Lease:
    """One candidate. holder: its name, which no other process ever has, nor had."""

    def __init__(self, holder: str, term: Term) -> None:
        self.holder = valid_id(holder)
        self.term = term
        #: The newest entry that was seen, and when it was first; None before the first look, and where there is none.
        self.seen: Entry | None = None
        self._seen_s: float | None = None
        self._sent: OrderedDict[int, tuple[float, int, float]] = OrderedDict()
        self._longest_s = 0.0
        self._number = 0
        self._token: int | None = None
        self._until_s = float("-inf")
        self._is_over = False

    def token(self, now_s: float) -> int | None:
        """The fencing token, while this one leads."""
        return self._token if now_s < self._until_s else None

    def look(self, entry: Entry | None, now_s: float) -> Write | None:
        """Take in what a read gave; returns the write that is wanted now, if any."""
        self._see(entry, now_s)
        if self._is_over:
            return None
        known = self.seen
        if known is None:
            return self._write(0, 0, now_s)
        if known.holder == self.holder:
            return self._write(known.revision, known.token, now_s)
        theirs_s = (
            self._longest_s if known.holder == STRANGER else known.lease_s
        )  # who was before it may count on its own still
        wait_s = self.term.extra_s + (max(self.term.lease_s, theirs_s) if known.holder else 0.0)
        if self._seen_s is not None and now_s - self._seen_s >= wait_s:
            return self._write(known.revision, 0, now_s)
        return None

    def written(self, number: int, revision: int, now_s: float) -> None:
        """Take in that a write was accepted as a revision."""
        if number in self._sent:
            _, term, lease_s = self._sent[number]
            self._see(Entry(revision, self.holder, term, number, lease_s), now_s)

    def release(self, now_s: float) -> Write | None:
        """Lead no more, and never again; returns the write that lets others follow at once, where it helps."""
        is_mine = self.seen is not None and self.seen.holder == self.holder
        self._is_over, self._until_s = True, float("-inf")
        if not is_mine or self.seen is None:
            return None
        self._number += 1
        return Write(self._number, self.seen.revision, _bytes("", 0, self._number, 0.0))

    def _see(self, entry: Entry | None, now_s: float) -> None:
        if entry is None or (self.seen is not None and entry.revision <= self.seen.revision):
            return  # an answer that was on its way for longer than a newer one
        self.seen, self._seen_s, self._longest_s = entry, now_s, max(self._longest_s, entry.lease_s)
        if entry.holder != self.holder:
            self._token, self._until_s = None, float("-inf")
            return
        self._token = entry.token
        sent = self._sent.get(entry.number)
        if sent is not None and not self._is_over:
            self._until_s = sent[0] + sent[2] * (1 - DRIFT)

    def _write(self, last: int, term: int, now_s: float) -> Write:
        self._number += 1
        lease_s = self.term.lease_s
        self._sent[self._number] = (now_s, term, lease_s)
        self._until_s = min(self._until_s, now_s + lease_s * (1 - DRIFT))  # others may go by this one from now on
        if len(self._sent) > SENT:
            self._sent.popitem(last=False)
        return Write(self._number, last, _bytes(self.holder, term, self._number, lease_s))


def _bytes(holder: str, term: int, number: int, lease_s: float) -> bytes:
    return orjson.dumps({"holder": holder, "term": term, "number": number, "lease_s": lease_s})
