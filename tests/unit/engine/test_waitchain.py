"""What a task waits for in the end is told over tasks and agents, in words that name each."""

from __future__ import annotations

from typing import Any

from engine.change import Change
from engine.register import Register
from engine.submission import Submission
from engine.task import Task
from engine.waitchain import chain_of, told
from pools.waitgraph import ASK, DEPENDENCY, LOCK, Wait, WaitGraph


def registered(*rows: tuple[str, str, list[str]]) -> tuple[Register, dict[str, Task]]:
    """Tasks of a register, by name: each with its agent and those that it waits for."""
    register = Register("s" * 32)
    submissions = [Submission(name, agent, "do", None, None, tuple(after)) for name, agent, after in rows]
    register.apply(Change([register.draft(submissions, 1.0)]))
    return register, {str(task.name): task for task in register.tasks.values()}


def asks(*pairs: tuple[str, str]) -> WaitGraph:
    graph = WaitGraph()
    for waiter, holder in pairs:
        graph.add(("lock", waiter), Wait(waiter, f"{waiter} 1.1", LOCK))
        graph.add((waiter, holder), Wait(f"{waiter} 1.1", holder, ASK))
    return graph


def facts(chain: list[Wait]) -> list[Any]:
    return [tuple(wait) for wait in chain]


def test_a_chain_goes_over_dependencies_to_the_agent_and_whom_it_asks() -> None:
    register, tasks = registered(("a", "ring/0", []), ("b", "arc/9", ["a"]), ("c", "arc/8", ["b"]))
    graph = asks(("ring/0", "arc/1"), ("arc/1", "arc/2"))
    chain = chain_of(tasks["c"], register, graph.way)
    assert facts(chain) == [
        ("task c", "task b", DEPENDENCY),
        ("task b", "task a", DEPENDENCY),
        ("task a", "ring/0", LOCK),
        ("ring/0", "ring/0 1.1", LOCK),
        ("ring/0 1.1", "arc/1", ASK),
        ("arc/1", "arc/1 1.1", LOCK),
        ("arc/1 1.1", "arc/2", ASK),
    ]
    assert told(chain) == (
        "task c waits for task b; task b waits for task a; task a is for ring/0; "
        "ring/0 waits for an answer of arc/1; arc/1 waits for an answer of arc/2"
    )
    assert told(chain_of(tasks["a"], register, graph.way)).startswith("task a is for ring/0; ring/0 waits")


def test_who_is_held_up_by_no_ask_has_no_chain() -> None:
    register, tasks = registered(("a", "ring/0", []), ("b", "arc/9", ["a"]))
    assert chain_of(tasks["b"], register, asks(("ring/5", "arc/1")).way) == []
    assert chain_of(tasks["b"], register, WaitGraph().way) == []


def test_of_a_long_chain_the_ends_are_told() -> None:
    rows = [("t0", "ring/0", [])] + [(f"t{at}", "arc/9", [f"t{at - 1}"]) for at in range(1, 40)]
    register, tasks = registered(*rows)
    text = told(chain_of(tasks["t39"], register, asks(("ring/0", "arc/1")).way))
    assert text.startswith("task t39 waits for task t38; ")
    assert "; (25 more); " in text
    assert text.endswith("task t0 is for ring/0; ring/0 waits for an answer of arc/1")
