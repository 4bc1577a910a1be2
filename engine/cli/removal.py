"""`engine agents rm`: which agents are meant, whether that is meant, and what came of it.

Owns the grammar of `counter/3 counter/10..19`, the question on a terminal, and the words and the document about it.
"""

from __future__ import annotations

import re
import sys
from argparse import Namespace
from collections.abc import Mapping, Sequence

from engine import errors
from engine.cli import figures
from engine.cli.misuse import Misuse, meant
from engine.cli.output import hint, show_document
from engine.cli.session import environment, name_of
from engine.cli.sure import is_sure, must_ask
from engine.errors import UnknownKind
from engine.keyset import KeySet, keyset
from engine.line import Line
from engine.removed import Removed

__all__ = ["run", "targets"]

SCHEMA = "engine.agents.rm/v1"
#: Agents that are named in the question; of more the number is said.
NAMED = 5

_RANGE = re.compile(r"(0|[1-9][0-9]{0,14})\.\.(0|[1-9][0-9]{0,14})")


def targets(words: Sequence[str]) -> dict[str, KeySet]:
    """The agents that words name, by kind: kind/key, or kind/A..B for the numbers A to B. Raises Misuse, BadAddress."""
    from pools.address import parse, valid_kind

    if not words:
        raise Misuse("rm what? Write kind/key, or kind/A..B for a range of numbers, such as counter/10..19")
    found: dict[str, KeySet] = {}
    for word in words:
        kind, _, key = word.partition("/")
        spans = _RANGE.fullmatch(key)
        if spans is None:
            one = keyset([parse(word)[1] or 0])
        else:
            first, last = int(spans[1]), int(spans[2])
            if last < first:
                raise Misuse(f"{word}: the range ends before it begins; write {valid_kind(kind)}/{last}..{first}")
            one = keyset(range(first, last + 1))
        known = found.get(kind, KeySet([], []))
        found[valid_kind(kind)] = keyset(KeySet([*known.ranges, *one.ranges], [*known.names, *one.names]))
    return found


def run(options: Namespace, words: Sequence[str]) -> int:
    """Remove agents; returns the exit code."""
    wanted = targets(words)
    is_asked = must_ask(options, "rm removes agents")
    environ = environment()
    with Line(name_of(options, environ), environ) as line:
        _check(wanted, line.request("kinds"))
        if is_asked and not _is_sure(wanted):
            print("nothing was removed", file=sys.stderr)
            return errors.FAILED
        done = [Removed(**line.request("remove", kind=kind, **one.as_dict())) for kind, one in wanted.items()]
    if options.json:
        show_document(options, {"schema": SCHEMA, "removed": [one.as_dict() for one in done]}, "removed")
        return errors.DONE
    for one in done:
        _show(options, one)
    return errors.DONE


def _check(wanted: Mapping[str, KeySet], known: Mapping[str, object]) -> None:
    """Raises UnknownKind before any agent is removed."""
    for kind in wanted:
        if kind not in known:
            there = f"; known: {', '.join(sorted(known)) or 'none'}"
            raise UnknownKind(f"there is no kind {kind!r}{meant(kind, known) or there}")


def _is_sure(wanted: Mapping[str, KeySet]) -> bool:
    total = sum(one.total for one in wanted.values())
    names = [text for kind, one in wanted.items() for text in _told(kind, one)]
    named = ", ".join(names[:NAMED]) + (f" and {len(names) - NAMED} more such" if len(names) > NAMED else "")
    return is_sure(f"remove up to {figures.plural(total, 'agent')}, {named}, and all that was kept of them, for good?")


def _told(kind: str, one: KeySet) -> list[str]:
    spans = [f"{kind}/{start}" if stop == start + 1 else f"{kind}/{start}..{stop - 1}" for start, stop in one.ranges]
    return spans + [f"{kind}/{name}" for name in one.names]


def _show(options: Namespace, one: Removed) -> None:
    left = f"{one.total:,} left"
    print(f"removed {figures.plural(one.removed, f'{one.kind} agent')} in {figures.span(one.seconds)}; {left}")
    if one.missing:
        hint(options, f"{one.missing:,} of those that were named {'was' if one.missing == 1 else 'were'} not there")
