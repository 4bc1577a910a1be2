"""It is known of a task whether it is open, done or ended otherwise, for as long as that is remembered."""

from __future__ import annotations

import random
from typing import Any

import pytest

from engine import standing as module
from engine.standing import Standing


def test_a_task_is_open_then_ended_and_may_begin_anew() -> None:
    standing = Standing()
    assert standing.look("a") is None
    standing.open(["a", 7])
    assert (standing.look("a"), standing.look(7)) == ("open", "open")
    standing.done(["a"])
    standing.ended(7, "failed")
    assert (standing.look("a"), standing.look(7)) == ("done", "failed")
    standing.open([7])
    assert standing.look(7) == "open"
    standing.done([7])
    assert standing.look(7) == "done"


def test_what_is_called_by_a_list_is_never_found_and_hides_nobody() -> None:
    standing = Standing()
    standing.open(["a", [1], "b"])
    assert (standing.look("a"), standing.look("b")) == ("open", "open")
    standing.done(["a", [1], "b"])
    assert (standing.look("a"), standing.look("b")) == ("done", "done")


def test_of_what_has_ended_the_newest_are_remembered_and_the_others_cost_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ENDED_TASKS", 100)
    standing = Standing()
    standing.open(["kept"])
    for at in range(0, 2_000, 10):
        names = range(at, at + 10)
        standing.open(names)
        standing.done(names)
        assert all(standing.look(name) == "done" for name in range(max(at - 90, 0), at + 10))
        assert len(standing) <= 201
    for at in range(300):
        standing.ended(f"failed {at}", "failed")
    assert standing.look("failed 299") == standing.look("failed 200") == "failed"
    assert standing.look("failed 199") is None
    assert standing.look("kept") == "open"


def test_it_agrees_with_a_plain_dict(chance: random.Random) -> None:
    standing, model = Standing(), dict[Any, str]()
    for _ in range(2_000):
        names = [chance.randrange(50) for _ in range(chance.randrange(1, 4))]
        what = chance.choice(["open", "done", "failed", "expired"])
        if what == "open":
            standing.open(names)
        elif what == "done":
            standing.done(names)
        else:
            standing.ended(names[0], what)
            names = names[:1]
        model |= dict.fromkeys(names, what)
        assert {name: standing.look(name) for name in range(50)} == {name: model.get(name) for name in range(50)}
