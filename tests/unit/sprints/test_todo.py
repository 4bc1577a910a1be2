"""A to-do list becomes tasks; whatever stands in it, no other error than ours comes out."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sprints.backlog import read_backlog
from sprints.errors import BadImport
from sprints.todo import read_todo

LIST = """\
# The app

Some words, - [ ] none of them a task.

- [ ] Write the parser @backend !high #core #io #core ~2m
  - [ ] Read the standard ^standard
  - [x] Find it
* [X] Long done
## Later ##
1. [ ] Write the parser
-[ ] no blank, no task
- [] no mark, no task
"""


def rows(text: str) -> list[dict[str, Any]]:
    return read_todo(text, role="worker", method="do")[1]


def test_a_list_is_read() -> None:
    name, tasks = read_todo(LIST, role="worker", method="do")
    assert name == "The app"
    assert tasks == [
        {
            "id": "write-the-parser", "title": "Write the parser", "role": "backend", "method": "do", "priority": "high",
            "tags": ["core", "io"], "size_s": 120.0, "args": ["Write the parser"], "after": ["standard"],
        },
        {"id": "standard", "title": "Read the standard", "role": "worker", "method": "do", "args": ["Read the standard"]},
        {
            "id": "write-the-parser-2", "title": "Write the parser", "role": "worker", "method": "do",
            "args": ["Write the parser"], "feature": "Later",
        },
    ]  # fmt: skip


def test_what_is_indented_comes_before_what_it_is_indented_under() -> None:
    tasks = rows("- [ ] a\n\t- [ ] b\n\t\t- [ ] c\n\t- [ ] d\n- [ ] e\n")
    assert {task["id"]: task.get("after") for task in tasks} == {"a": ["b", "d"], "b": ["c"], "c": None, "d": None, "e": None}


def test_open_parts_of_something_done_stand_alone() -> None:
    assert [task["id"] for task in rows("- [x] a\n  - [ ] b\n")] == ["b"]


def test_a_mark_that_says_nothing_is_a_word() -> None:
    (task,) = rows("- [ ] Pay 5 ! @ # ~ ^ ~soon for it!")
    assert task["title"] == "Pay 5 ! @ # ~ ^ ~soon for it!"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "there is no task"),
        ("# Title\n- [x] done\n\n- [ ] a !urgent\n", "line 4: '!urgent' is no priority; there are !low"),
        ("- [ ] a ~0s", "line 1: '~0s' is no size"),
        ("- [ ] a ~99999h", "line 1: '~99999h' is no size"),
        ("- [ ] @dev !high", "line 1: a task without words"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(text: str, said: str) -> None:
    with pytest.raises(BadImport, match=f"^{said}"):
        rows(text)


@given(
    st.lists(st.text(st.sampled_from("-*[]xX #@!^~0159smh\t\nabcé"), max_size=30).map(lambda text: f"- [ ] {text}"), max_size=6)
)
def test_what_comes_out_is_a_backlog(lines: list[str]) -> None:
    try:
        tasks = rows("\n".join(lines))
    except BadImport:
        return
    roles = {task["role"]: {"kind": "any", "agents": 1} for task in tasks}
    if tasks:
        read_backlog({"schema": "engine.backlog/v1", "name": "x", "roles": roles, "tasks": tasks})
