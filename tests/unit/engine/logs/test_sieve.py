"""All conditions must hold."""

from __future__ import annotations

import pytest

from engine.logs.sieve import Sieve
from pools.events import Event

EVENT = Event("agent.print", "x", 100.0, "info", "p1", "p1", "loud/17", "5f2c9a01-17", "mine", "ab" * 16)


@pytest.mark.parametrize(
    ("sieve", "passes"),
    [
        (Sieve(), True),
        (Sieve(agent="loud/17"), True),
        (Sieve(agent="loud/*"), True),
        (Sieve(agent="loud/1"), False),
        (Sieve(event="agent.*"), True),
        (Sieve(event="worker.*"), False),
        (Sieve(task="5f2c9a01-17"), True),
        (Sieve(task="5f2c9a01deadbeef-17"), True),
        (Sieve(task="5f2c9a02deadbeef-17"), False),
        (Sieve(task="mine"), True),
        (Sieve(task="ab" * 16), True),
        (Sieve(task="5f2c9a01-1"), False),
        (Sieve(task=""), False),
        (Sieve(level="info"), True),
        (Sieve(level="warning"), False),
        (Sieve(since_s=100.0, until_s=100.0), True),
        (Sieve(since_s=100.1), False),
        (Sieve(until_s=99.9), False),
        (Sieve(agent="loud/*", event="worker.*"), False),
    ],
)
def test_what_passes(sieve: Sieve, passes: bool) -> None:
    assert sieve.passes(EVENT) is passes


def test_what_nobody_said_is_of_no_agent() -> None:
    event = Event("worker.ready", "", 1.0)
    assert not Sieve(agent="loud/*").passes(event)
    assert not Sieve(task="x").passes(event)
