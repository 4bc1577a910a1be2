"""A task section is read whole or refused whole."""

from __future__ import annotations

from typing import Any

import pytest

from pools.counter import Counter
from pools.errors import BadFrame, UnknownKind
from pools.job import Job, read_job
from pools.kind import Kind
from pools.residents import Residents
from tests.support.rigs import Answers, Rig

KINDS = {"counter": Residents(Kind(Counter), owned=frozenset({0}), shards=1)}


def read(section: Any) -> Job:
    return read_job(section, KINDS, Answers())


def rows(section: dict[str, Any]) -> list[tuple[Any, ...]]:
    return [(key, method and method.name, argument) for key, method, argument in read(section).rows]


def test_one_method_stands_for_all_tasks() -> None:
    assert rows({"n": 1, "k": "counter", "i": [3, 4], "m": "get"}) == [(3, "get", None), (4, "get", None)]


def test_methods_and_arguments_go_with_their_tasks() -> None:
    section = {"n": 1, "k": "counter", "i": [3, "x", 4], "m": [["add", "get", "nothing"], [0, 1, 2]], "a": [5, None, [1, 2]]}
    assert rows(section) == [(3, "add", 5), ("x", "get", None), (4, None, [1, 2])]


def test_a_job_knows_its_number_and_size() -> None:
    job = read({"n": 7, "k": "counter", "i": [3, 4], "m": "get"})
    assert (job.number, job.count, job.next, job.error) == (7, 2, 0, None)


def test_a_kind_that_does_not_live_here_is_an_error_of_the_whole_job() -> None:
    job = read({"n": 7, "k": "nothing", "i": [3, 4], "m": "get"})
    assert isinstance(job.error, UnknownKind)
    assert "it has counter" in str(job.error)


BAD: list[Any] = [
    {},
    {"n": 1, "k": "counter", "i": [1]},
    {"k": "counter", "i": [1], "m": "get"},
    {"n": 1, "k": "counter", "i": [1, 2], "m": "get", "a": [None]},
    {"n": 1, "k": "counter", "i": [1], "m": [["get"], [1]]},
    {"n": 1, "k": "counter", "i": [1], "m": [["get"], [-1]]},
    {"n": 1, "k": "counter", "i": [1, 2], "m": [["get"], [0]]},
    {"n": 1, "k": "counter", "i": [1], "m": [["get"], ["0"]]},
    {"n": 1, "k": "counter", "i": [1], "m": [[["get"]], [0]]},
    {"n": 1, "k": "counter", "i": [1], "m": []},
    {"n": 1, "k": "counter", "i": [1], "m": 5},
    {"n": 1, "k": "counter", "i": 5, "m": "get"},
    {"n": 1, "k": ["counter"], "i": [1], "m": "get"},
    {"n": 1, "k": "counter", "i": [1], "m": "get", "a": 5},
    None,
    5,
    "text",
    [],
]


@pytest.mark.parametrize("section", BAD)
def test_columns_that_do_not_fit_each_other_are_a_bad_frame(section: Any) -> None:
    with pytest.raises(BadFrame):
        read(section)


@pytest.mark.parametrize("section", BAD)
def test_a_bad_section_leaves_the_run_loop_as_it_was(section: Any) -> None:
    rig = Rig(Counter)
    with pytest.raises(BadFrame):
        rig.executor.accept(section, rig.answers)
    assert rig.run("counter", (1, "get")) == [0]


def test_a_section_of_no_tasks_is_nothing() -> None:
    rig = Rig(Counter)
    rig.executor.accept({"n": 1, "k": "counter", "i": [], "m": "get"}, rig.answers)
    rig.turns.run()
    assert rig.run("counter", (1, "get")) == [0]


def test_a_job_has_the_priority_of_its_section() -> None:
    section = {"n": 7, "k": "counter", "i": [3], "m": "get"}
    assert [read(section | more).priority for more in ({}, {"pr": 0}, {"pr": 3})] == [1, 0, 3]
    for wrong in (4, -1, "high", True):
        with pytest.raises(BadFrame, match="priority"):
            read(section | {"pr": wrong})
