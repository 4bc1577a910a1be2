"""What is in the bytes of a recording: its frames, and the places that cannot be believed.

Owns what a bad place means. A frame that cannot be read takes with it the differences up to the next whole document, since they
follow it. At the end of a file it is a torn tail: a write that was cut short.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import orjson

from engine.rewind.difference import BadDifference, applied
from engine.rewind.frame import (
    DIFFERENCE,
    MAGIC,
    OPENING,
    OPENING_BYTES,
    WHOLE,
    BadBytes,
    check_opening,
    payload,
    read_head,
    unpacked,
)

__all__ = ["Damage", "Frame", "Scan", "documents", "scan"]


class Damage(NamedTuple):
    """Bytes that cannot be believed. is_torn: whether a write that was cut short can have left them, at the end of the file.

    before_ms: the last instant before them in the file, None where there is none.
    """

    offset: int
    size_bytes: int
    reason: str
    is_torn: bool
    before_ms: int | None


class Frame(NamedTuple):
    """A frame that was found. base: where the whole document that it leads back to begins; end: where it ends."""

    time_ms: int
    base: int
    offset: int
    end: int


class Scan(NamedTuple):
    """What a file has. end: where the last frame that can be read ends, 0 where not even the file's beginning can be."""

    frames: list[Frame]
    damage: list[Damage]
    end: int


def scan(data: bytes) -> Scan:
    """Find every frame of a file, each verified as far as its checksums go."""
    frames: list[Frame] = []
    damage: list[Damage] = []
    try:
        check_opening(data)
    except BadBytes as bad:
        is_torn = len(data) < OPENING_BYTES and OPENING.startswith(data)  # else it is somebody's short letter
        return Scan([], [Damage(0, len(data), str(bad), is_torn, None)], 0)
    at = end = OPENING_BYTES
    base, link = -1, 0
    while at < len(data):
        try:
            head = read_head(data, at)
            payload(data, at, head)
            if head.type == WHOLE:
                base = at
            elif base < 0 or head.before != link:
                raise BadBytes("a difference does not follow the frame before it")
        except BadBytes as bad:
            following = _next(data, at + 1, {WHOLE})
            is_torn = following is None and _next(data, at + 1, {WHOLE, DIFFERENCE}) is None
            upto = len(data) if following is None else following
            damage.append(Damage(at, upto - at, str(bad), is_torn, frames[-1].time_ms if frames else None))
            at, base = upto, -1
            continue
        end = at + head.size_bytes
        frames.append(Frame(head.time_ms, base, at, end))
        at, link = end, head.link
    return Scan(frames, damage, end)


def _next(data: bytes, at: int, types: set[int]) -> int | None:
    """Where the next frame of these types begins."""
    while (at := data.find(MAGIC, at)) >= 0:
        try:
            head = read_head(data, at)
            payload(data, at, head)
            if head.type in types:
                return at
        except BadBytes:
            pass
        at += 1
    return None


def documents(data: bytes) -> Iterator[tuple[int, int, dict[str, Any]]]:
    """Of each frame its offset, its instant in milliseconds and its document; the first one is whole. Raises BadBytes."""
    at, link, dictionary = 0, 0, b""
    document: dict[str, Any] = {}
    while at < len(data):
        head = read_head(data, at)
        stored = payload(data, at, head)
        if head.type == WHOLE:
            dictionary = unpacked(stored, head, b"")
            document = _object(dictionary)
        elif not at or head.before != link:
            raise BadBytes("a difference does not follow the frame before it")
        else:
            document = _later(document, _object(unpacked(stored, head, dictionary)))
        yield at, head.time_ms, document
        at, link = at + head.size_bytes, head.link


def _object(raw: bytes) -> dict[str, Any]:
    try:
        found = orjson.loads(raw)
    except ValueError as error:
        raise BadBytes(f"its checksums fit, and it is no JSON: {error}") from error
    if type(found) is not dict:
        raise BadBytes("its checksums fit, and it is no document")
    return found


def _later(document: dict[str, Any], change: dict[str, Any]) -> dict[str, Any]:
    try:
        return applied(document, change)
    except BadDifference as bad:
        raise BadBytes(f"its checksums fit, and it cannot be applied: {bad}") from bad
