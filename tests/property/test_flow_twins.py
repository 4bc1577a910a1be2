"""Graphs of steps behave as those of PocketFlow do: the same classes, made over either library, leave the same trace."""

from __future__ import annotations

import asyncio
import warnings
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import sprints

theirs = pytest.importorskip("pocketflow", reason="pocketflow is not installed: python -m pip install -e '.[dev]'")

#: Steps that a walk may make: loops are cut here.
WALK = 40

ACTIONS = st.sampled_from(["default", "left", "right", None])
KINDS = st.sampled_from(["node", "batch", "async", "async_batch", "async_parallel", "flow", "async_flow"])
STEP = st.fixed_dictionaries(
    {
        "kind": KINDS,
        "fails": st.integers(0, 3),
        "most": st.integers(1, 3),
        "falls": st.booleans(),
        "actions": st.lists(ACTIONS, min_size=1, max_size=3),
        "items": st.lists(st.integers(0, 5), max_size=3),
    }
)
GRAPH = st.lists(STEP, min_size=1, max_size=6).flatmap(
    lambda steps: st.tuples(
        st.just(steps),
        st.lists(st.tuples(st.integers(0, len(steps) - 1), ACTIONS, st.integers(0, len(steps) - 1)), max_size=12),
        st.lists(st.dictionaries(st.sampled_from(["a", "b"]), st.integers(0, 3)), max_size=3),
        st.sampled_from(["AsyncFlow", "AsyncBatchFlow"]),
    )
)


class Stop(Exception):
    """The walk was long enough."""


def made(of: ModuleType, number: int, step: dict[str, Any]) -> Any:
    """A step over one of the libraries, which writes down everything that happens to it."""
    kind, seen = step["kind"], {}

    def work(self: Any, item: Any) -> Any:
        key = (repr(self.params), repr(item))
        seen[key] = seen.get(key, 0) + 1
        if seen[key] <= step["fails"]:
            raise ValueError(f"{number}/{seen[key]}")
        return [number, item]

    def before(self: Any, shared: Any) -> Any:
        shared.append(["prep", number, dict(self.params)])
        if len(shared) > WALK:
            raise Stop
        return list(step["items"]) if "batch" in kind or "parallel" in kind else number

    def after(self: Any, shared: Any, prepared: Any, outcome: Any) -> Any:
        shared.append(["post", number, prepared, outcome])
        return step["actions"][len(shared) % len(step["actions"])]

    def fall(self: Any, prepared: Any, error: Exception) -> Any:
        if step["falls"]:
            return ["fell", prepared, str(error)]
        raise error

    async def work_async(self: Any, item: Any) -> Any:
        return work(self, item)

    async def before_async(self: Any, shared: Any) -> Any:
        return before(self, shared)

    async def after_async(self: Any, shared: Any, prepared: Any, outcome: Any) -> Any:
        return after(self, shared, prepared, outcome)

    async def fall_async(self: Any, prepared: Any, error: Exception) -> Any:
        return fall(self, prepared, error)

    plain = {"prep": before, "exec": work, "post": after, "exec_fallback": fall}
    waiting = {
        "prep_async": before_async, "exec_async": work_async, "post_async": after_async, "exec_fallback_async": fall_async,
    }  # fmt: skip
    if kind == "flow":
        inner = type("Inner", (of.Node,), plain)(step["most"])
        return of.Flow(start=inner)
    if kind == "async_flow":
        return of.AsyncFlow(start=type("Inner", (of.AsyncNode,), waiting)(step["most"]))
    base = {
        "node": "Node", "batch": "BatchNode", "async": "AsyncNode", "async_batch": "AsyncBatchNode",
        "async_parallel": "AsyncParallelBatchNode",
    }[kind]  # fmt: skip
    # PocketFlow counts the attempts of parallel items together, so that they are tried once less or more often: one attempt.
    most = 1 if kind == "async_parallel" else step["most"]
    return type("Made", (getattr(of, base),), plain if base in ("Node", "BatchNode") else waiting)(most)


def trace(of: ModuleType, graph: Any) -> list[Any]:
    """Everything that happened in a walk, with how it ended and the warnings."""
    steps, edges, batch, whole = graph
    shared: list[Any] = []
    nodes = [made(of, number, step) for number, step in enumerate(steps)]

    async def params(_self: Any, _shared: Any) -> Any:
        return [dict(each) for each in batch]

    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        for source, action, target in edges:
            if action is None:
                nodes[source] >> nodes[target]
            else:
                nodes[source] - action >> nodes[target]
        flow = type("Whole", (getattr(of, whole),), {"prep_async": params})(start=nodes[0])
        flow.set_params({"a": 7})
        try:
            shared.append(["ended", asyncio.run(flow.run_async(shared))])
        except (ValueError, Stop) as error:
            shared.append(["raised", type(error).__name__, str(error)])
    return [*shared, [str(one.message) for one in said if one.category is UserWarning]]


@given(GRAPH)
def test_the_same_graph_leaves_the_same_trace(graph: Any) -> None:
    assert trace(sprints, graph) == trace(theirs, graph)
