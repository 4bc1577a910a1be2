"""A backlog: read as a whole, refused with the place of what is wrong, written in one way only."""

from __future__ import annotations

from typing import Any

import pytest

from sprints.backlog import Backlog, Role, read_backlog
from sprints.errors import BacklogCycle, BadBacklog
from sprints.fields import path_text
from sprints.shape import SHAPES


def document(*tasks: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "schema": "engine.backlog/v1",
        "name": "app",
        "roles": {"dev": {"kind": "coder", "agents": 5}, "qa": {"kind": "tester", "agents": 3, "skills": ["pytest"]}},
        "tasks": [{"role": "dev", "method": "run", **task} for task in tasks],
        **more,
    }


def refused(said: str, *tasks: dict[str, Any], **more: Any) -> BadBacklog:
    with pytest.raises(BadBacklog, match=said) as wrong:
        read_backlog(document(*tasks, **more), lambda path: f"at {path_text(path)}")
    return wrong.value


def test_a_backlog_knows_its_roles_its_agents_and_its_tasks_in_their_order() -> None:
    found = read_backlog(document({"id": "b", "after": ["a"]}, {"id": "a", "role": "qa"}, goal="a\nb"))
    assert list(found.items) == ["b", "a"]
    assert found.roles["qa"] == Role("tester", 3, ("pytest",))
    assert (found.agents, found.name, found.goal, found.shape) == (8, "app", "a\nb", SHAPES["pipeline"])


def test_a_backlog_is_written_in_one_way_and_read_back_as_the_same() -> None:
    ship = {"work": "work", "releases": "out", "hooks": [{"command": ["make"]}]}
    found = read_backlog(document({"id": "a", "value": 3}, sprint={"shape": "waves", "seconds": 60}, ship=ship))
    again = read_backlog(found.row())
    assert again.items == found.items
    assert again.ship == found.ship
    assert again.shape.waves == found.shape.waves
    assert read_backlog(again.row()).digest() == again.digest()


def test_the_digest_follows_what_is_said_and_not_how() -> None:
    one, same, other = (
        read_backlog(document({"id": "a", "value": value, **more})).digest()
        for value, more in ((1, {}), (1.0, {"tags": []}), (2, {}))
    )
    assert one == same != other
    assert len(one) == 64


def test_an_empty_backlog_is_refused() -> None:
    assert refused("there is no task to do").key == "tasks"
    assert refused("there is no task to do", tasks=None).place == "at tasks"


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"schema": "engine.backlog/v2"}, "schema: must be engine.backlog/v1, not 'engine.backlog/v2'"),
        ({"schema": None}, "schema: is missing"),
        ({"name": None}, "name: is missing"),
        ({"roles": None}, "roles: is missing"),
        ({"roles": {}}, "roles: must name 1 to 1,000 roles, not 0"),
        ({"roles": ["dev"]}, "roles: must be a mapping of roles"),
        ({"roles": {"dev": {"kind": "x"}}}, "roles.dev.agents: is missing"),
        ({"roles": {"dev": {"kind": "x", "agents": 0}}}, "roles.dev.agents: must be a whole number from 1"),
        ({"roles": {"dev": {"agents": 1}}}, "roles.dev.kind: is missing"),
        ({"roles": {"": {"kind": "x", "agents": 1}}}, "roles: the name of a role"),
        ({"owner": "me"}, "owner: there is no such key"),
        ({"tasks": {"id": "a"}}, "tasks: must be a list"),
        ({"ship": {"hooks": ["make"]}}, r"ship.hooks\[0\]: a hook is a mapping"),
        ({"ship": {"hook": []}}, "ship.hook: there is no such key; did you mean 'hooks'"),
        ({"sprint": {"shape": "square"}}, "sprint.shape: must be one of pipeline, waves"),
    ],
)
def test_what_is_wrong_with_the_whole_is_named(more: dict[str, Any], said: str) -> None:
    refused(said, {"id": "a"}, **more)


def test_a_role_or_a_dependency_that_there_is_not_is_named() -> None:
    assert refused("there is no role 'ops'; there are dev, qa", {"id": "a", "role": "ops"}).key == "tasks[0].role"
    wrong = refused("there is no task 'x'", {"id": "a"}, {"id": "b", "after": ["a", "x"]})
    assert (wrong.key, wrong.place) == ("tasks[1].after[1]", "at tasks[1].after[1]")


def test_an_id_that_is_there_twice_is_named_with_both_places() -> None:
    assert refused(r"'a' is there twice, first as tasks\[0\]", {"id": "a"}, {"id": "b"}, {"id": "a"}).key == "tasks[2].id"


def test_a_file_that_two_tasks_would_write_is_named_with_both() -> None:
    one, two = {"id": "a", "artifacts": ["x", "y"]}, {"id": "b", "artifacts": ["z", "y"]}
    assert refused("'y' is written by 'a' already", one, two).key == "tasks[1].artifacts[1]"


def test_a_circle_is_named() -> None:
    tasks = [{"id": "a", "after": ["b"]}, {"id": "b", "after": ["c"]}, {"id": "c", "after": ["a"]}, {"id": "d", "after": ["a"]}]
    wrong = refused("these tasks wait for each other: a -> b -> c -> a", *tasks)
    assert isinstance(wrong, BacklogCycle)
    assert wrong.cycle == ("a", "b", "c", "a")
    assert wrong.key == "tasks[0].after"


def test_what_is_no_document_is_refused() -> None:
    for wrong in (None, [], "x", 3):
        with pytest.raises(BadBacklog, match="must be a mapping"):
            read_backlog(wrong)


def test_a_backlog_of_many_tasks_in_one_long_chain_is_read() -> None:
    tasks = [{"id": "t0"}, *({"id": f"t{at}", "after": [f"t{at - 1}"]} for at in range(1, 20_000))]
    found = read_backlog(document(*tasks))
    assert isinstance(found, Backlog)
    assert len(found.items) == 20_000
    tasks[0] = {"id": "t0", "after": ["t19999"]}
    with pytest.raises(BacklogCycle):
        read_backlog(document(*tasks))
