"""An agent can be called as if it were here, and nothing else is made up."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from engine.proxy import Proxy


def asked(*arguments: Any, **named: Any) -> Any:
    """What a proxy asks for."""
    return arguments, named


def test_a_method_asks_the_agent_with_its_arguments() -> None:
    agent = Proxy(asked, "counter/17")
    assert agent.add(2, [3]) == (("counter/17", "add", 2, [3]), {})
    assert agent.add(x=2, timeout_s=5) == (("counter/17", "add"), {"x": 2, "timeout_s": 5})
    assert agent.get() == (("counter/17", "get"), {})


def test_a_method_can_be_kept_and_called_later() -> None:
    add = Proxy(asked, "counter/17").add
    assert [add(1), add(2)] == [(("counter/17", "add", 1), {}), (("counter/17", "add", 2), {})]


@pytest.mark.parametrize("name", ["_private", "__len__", "__iter__", "__await__", "__getstate__x"])
def test_a_name_with_an_underscore_is_no_method(name: str) -> None:
    with pytest.raises(AttributeError, match=name):
        getattr(Proxy(asked, "counter/17"), name)


def test_an_agent_is_shown_by_its_address_and_can_be_copied() -> None:
    agent = copy.copy(Proxy(asked, "counter/17"))
    assert repr(agent) == "<agent counter/17>"
    assert agent.address == "counter/17"
