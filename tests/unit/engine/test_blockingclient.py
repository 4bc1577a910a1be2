"""A client that blocks: it has every verb of the other, and reads tasks no further ahead than it may."""

from __future__ import annotations

import inspect
import threading
from pathlib import Path
from typing import Any

import pytest

from engine.blockingclient import BlockingClient
from engine.client import Client
from engine.errors import NotRunning
from pools.errors import LinkClosed

#: What only one of them has: a future to take back is nobody's who waits for a value.
OTHER = {"take_back"}


def public(made: type) -> dict[str, Any]:
    return {name: thing for name, thing in inspect.getmembers(made, inspect.isfunction) if not name.startswith("_")}


def test_it_has_every_verb_with_the_same_arguments() -> None:
    waits, blocks = public(Client), public(BlockingClient)
    assert waits.keys() - OTHER == blocks.keys() - {"ask"}
    for name in waits.keys() - OTHER:
        assert list(inspect.signature(waits[name]).parameters) == list(inspect.signature(blocks[name]).parameters), name
        defaults = [one.default for one in inspect.signature(waits[name]).parameters.values()]
        assert defaults == [one.default for one in inspect.signature(blocks[name]).parameters.values()], name
        assert not inspect.iscoroutinefunction(blocks[name]), name
    made = [list(inspect.signature(one.__init__).parameters) for one in (Client, BlockingClient)]
    assert made[0] == made[1]


def test_without_an_engine_it_says_how_to_start_one_and_leaves_no_thread(tmp_path: Path) -> None:
    before = threading.enumerate()
    with pytest.raises(NotRunning, match="engine spawn"), BlockingClient(environ={"ENGINE_HOME": str(tmp_path)}):
        pass
    assert threading.enumerate() == before


def test_one_that_is_not_connected_asks_nothing(tmp_path: Path) -> None:
    client = BlockingClient(environ={"ENGINE_HOME": str(tmp_path)})
    for verb in (lambda: client.ask("counter/1", "get"), client.stats, lambda: next(client.map([("counter/1", "get")]))):
        with pytest.raises(LinkClosed, match="not connected"):
            verb()
    client.close()
