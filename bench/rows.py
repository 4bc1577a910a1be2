"""The second yardstick: a row a task, `[id, [key, method, argument]]`, answered by a row `[id, value]` and matched by id, with
no engine. It is the form that other systems are compared with. Above: `yardstick`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bench.counter import Counter
    from bench.tasks import Call

__all__ = ["answer", "keep", "pack"]


def pack(calls: list[Call], start: int) -> list[Any]:
    """The frame of some calls, a row each; the id of a task is its place in the list."""
    return list(enumerate(calls, start))


def answer(agents: dict[str, Counter], frame: list[Any]) -> list[Any]:
    """What a worker does with a frame: for each task a dict look-up and the call of a method by its name."""
    return [
        (number, getattr(agents[key], method)() if argument is None else getattr(agents[key], method)(argument))
        for number, (key, method, argument) in frame
    ]


def keep(got: list[Any], _start: int, reply: list[Any]) -> int:
    """Put each reply in the place that its id names; returns how many there were."""
    for number, value in reply:
        got[number] = value
    return len(reply)
