"""An async flow walks over steps that wait and steps that do not."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from sprints.asyncflow import AsyncFlow
from sprints.asyncnode import AsyncNode
from sprints.listeners import Listeners
from sprints.node import Node


class Plain(Node):
    def post(self, shared: Any, prep_res: Any, exec_res: Any) -> Any:
        shared.append("plain")
        return "on"


class Wait(AsyncNode):
    async def post_async(self, shared: Any, prep_res: Any, exec_res: Any) -> Any:
        await asyncio.sleep(0)
        shared.append("waited")
        return "last"


def graph() -> Plain:
    first = Plain()
    first - "on" >> Wait()
    return first


async def test_it_runs_both_and_returns_the_last_action() -> None:
    shared: list[str] = []
    assert await AsyncFlow(start=graph()).run_async(shared) == "last"
    assert shared == ["plain", "waited"]


async def test_it_is_a_step_of_another_and_tells_who_listens() -> None:
    listeners, heard = Listeners(), []
    listeners.subscribe("outer:*", heard.append)
    shared: list[str] = []
    await AsyncFlow(AsyncFlow(graph(), name="inner"), name="outer", listeners=listeners).run_async(shared)
    assert shared == ["plain", "waited"]
    assert [event.name for event in heard] == ["outer:inner"]


def test_run_is_refused_with_the_mend() -> None:
    with pytest.raises(RuntimeError, match="run_async"):
        AsyncFlow(start=graph()).run([])
