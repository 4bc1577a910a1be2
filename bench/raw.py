"""The first yardstick: columnar frames, matched by position, with no engine. A frame is `[keys, methods, arguments]` and its
answer the list of values; this is the fastest form that is known, so ratios are to it. Above: `yardstick`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bench.counter import Counter
    from bench.tasks import Call

__all__ = ["answer", "keep", "pack"]


def pack(calls: list[Call], _start: int) -> list[Any]:
    """The frame of some calls as columns: keys, methods, arguments."""
    return list(zip(*calls, strict=True))


def answer(agents: dict[str, Counter], frame: list[Any]) -> list[Any]:
    """What a worker does with a frame: for each task a dict look-up and the call of a method by its name."""
    return [
        getattr(agents[key], method)() if argument is None else getattr(agents[key], method)(argument)
        for key, method, argument in zip(*frame, strict=True)
    ]


def keep(got: list[Any], start: int, reply: list[Any]) -> int:
    """Put the replies of the frame that began at task `start` in their places; returns how many there were."""
    got[start : start + len(reply)] = reply
    return len(reply)
