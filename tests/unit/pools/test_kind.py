"""A kind reads its class once; whatever a task did to the state can be taken back, at any depth."""

from __future__ import annotations

from typing import Any, ClassVar

import orjson
import pytest

from pools.agent import Agent
from pools.context import Context
from pools.errors import BadField, BadMethod, PoolError, StateTooLarge, StateUnreadable
from pools.kind import Fresh, Kind
from pools.log import Log
from pools.spec import AGENT_MOST_BYTES
from pools.table import Table


class Point(Agent):
    x: int = 0
    y: float = 0.5
    on: bool = False

    def move(self, by: int) -> int:
        self.x += by
        return self.x


class Deep(Agent):
    tree: dict[str, Any]
    items: list[list[int]]
    notes: Log[Any]
    names: Table[Any]
    blob: bytes = b"\x00\xff"
    name: str = "n"
    maybe: int | None = None

    def touch(self) -> None: ...


class Empty(Agent):
    def ping(self) -> str:
        return "pong"


class Hooked(Agent):
    total: int = 0

    def run(self, method: str) -> None: ...

    def ping(self) -> None: ...


class Small(Agent):
    memory_limit_bytes: ClassVar[int] = 100
    text: str = ""

    def grow(self) -> None: ...


# -- what a class is read as -------------------------------------------------------------------------------------------


def test_public_methods_are_tasks_and_nothing_else_is() -> None:
    class Many(Agent):
        constant: ClassVar[int] = 5

        def task(self) -> None: ...

        async def waits(self) -> None: ...

        def _private(self) -> None: ...

        @property
        def shown(self) -> int:
            return 1

        @staticmethod
        def tool() -> None: ...

        @classmethod
        def maker(cls) -> None: ...

        class Inner: ...

    assert sorted(Kind(Many).methods) == ["task", "waits"]


def test_a_kind_tells_what_it_can_do_and_how_its_agents_come_to_be() -> None:
    class Shared(Agent):
        is_made_on_use = True

        def take(self, x: int, ctx: Context) -> None: ...

    told = {"kind": "shared", "methods": {"take": "take(x: int)"}, "skills": [], "is_made_on_use": True, "concurrency": None}
    assert Kind(Shared).facts() == told
    told = {"kind": "empty", "methods": {"ping": "ping()"}, "skills": [], "is_made_on_use": False, "concurrency": None}
    assert Kind(Empty).facts() == told


def test_the_hooks_of_a_task_are_not_tasks() -> None:
    assert list(Kind(Hooked).methods) == ["ping"]


def test_an_inherited_method_is_a_task_of_the_subclass() -> None:
    class Child(Point): ...

    assert "move" in Kind(Child).methods


def test_a_class_without_a_public_method_is_refused() -> None:
    class Mute(Agent):
        total: int = 0

    with pytest.raises(BadMethod, match="Mute has no public method"):
        Kind(Mute)


def test_an_annotation_that_names_nothing_is_refused_by_name() -> None:
    class Lost(Agent):
        total: Nowhere  # type: ignore[name-defined]  # noqa: F821

        def ping(self) -> None: ...

    with pytest.raises(BadField, match="Nowhere"):
        Kind(Lost)


@pytest.mark.parametrize("annotation", ["list[", "int.nothing"])
def test_an_annotation_that_cannot_be_read_is_refused_by_name(annotation: str) -> None:
    made = type(Agent)(
        "Torn", (Agent,), {"__annotations__": {"total": annotation}, "ping": lambda self: None, "__module__": __name__}
    )
    with pytest.raises(PoolError, match="Torn"):
        Kind(made)


@pytest.mark.parametrize(("made", "is_light"), [(Point, True), (Empty, True), (Deep, False), (Hooked, False), (Small, False)])
def test_only_fixed_scalars_without_hooks_make_a_light_kind(made: type[Agent], is_light: bool) -> None:
    assert Kind(made).is_light is is_light


def test_a_context_parameter_closes_the_short_way() -> None:
    class Talks(Agent):
        def say(self, x: int, ctx: Context) -> None: ...

    assert Kind(Talks).methods["say"].only is not int


# -- taking back -------------------------------------------------------------------------------------------------------


def test_a_light_agent_is_taken_back_to_its_mark() -> None:
    kind = Kind(Point)
    agent = kind.make(0)
    agent.x, agent.y, agent.on = 7, 1.25, True
    before = kind.mark(agent)
    agent.x, agent.y, agent.on = -1, 0.0, False
    kind.restore(agent, before)
    assert (agent.x, agent.y, agent.on) == (7, 1.25, True)


def test_a_light_agent_with_one_field_or_none_is_taken_back_too() -> None:
    class One(Agent):
        total: int = 3

        def ping(self) -> None: ...

    for made in (One, Empty):
        kind = Kind(made)
        agent = kind.make(0)
        before = kind.mark(agent)
        if made is One:
            agent.total = 9
        kind.restore(agent, before)
    assert Kind(One).make(0).total == 3


def _change_everything(agent: Any) -> None:
    alias = agent.tree["a"]["b"]
    alias.append(99)
    agent.tree["new"] = {"x": []}
    del agent.tree["gone"]
    agent.items[0][0] = -1
    agent.items.append([])
    agent.notes.append("late")
    agent.notes[0]["a"].append(2)
    agent.names["three"] = 3
    del agent.names["one"]
    agent.names["two"] = agent.names["two"] + [9]
    agent.blob += b"x"
    agent.name = "changed"
    agent.maybe = 5


def _deep_state() -> tuple[Kind, Any]:
    kind = Kind(Deep)
    agent: Any = kind.make(1)
    agent.tree = {"a": {"b": [1]}, "gone": None}
    agent.items = [[1, 2], [3]]
    agent.notes.append({"a": [1]})
    agent.names.update({"one": 1, "two": [2]})
    agent._committed = kind.commit(agent)
    return kind, agent


def test_every_change_at_any_depth_is_taken_back() -> None:
    kind, agent = _deep_state()
    saved = kind.save(agent)
    _change_everything(agent)
    assert kind.save(agent) != saved
    kind.rollback(agent)
    assert kind.save(agent) == saved
    assert (agent.blob, agent.name, agent.maybe, type(agent.notes)) == (b"\x00\xff", "n", None, Log)


def test_a_state_can_be_taken_back_again_and_again() -> None:
    kind, agent = _deep_state()
    saved = kind.save(agent)
    for _ in range(3):
        _change_everything(agent)
        kind.rollback(agent)
        assert kind.save(agent) == saved


def test_an_alias_kept_from_before_a_rollback_cannot_reach_the_state() -> None:
    kind, agent = _deep_state()
    alias = agent.tree
    kind.rollback(agent)
    alias["a"]["b"].append(5)
    assert agent.tree == {"a": {"b": [1]}, "gone": None}


def test_a_log_or_a_table_that_was_replaced_comes_back() -> None:
    kind, agent = _deep_state()
    agent.notes, agent.names = Log(["other"]), Table({"other": 1})
    kind.rollback(agent)
    assert agent.notes == [{"a": [1]}]
    assert agent.names == {"one": 1, "two": [2]}


@pytest.mark.parametrize(("name", "other"), [("notes", Log([{"a": [1]}, 2])), ("names", Table({"one": 1}))])
def test_a_log_or_a_table_cannot_be_replaced_as_only_what_is_new_in_it_is_recorded(name: str, other: Any) -> None:
    kind, agent = _deep_state()
    setattr(agent, name, other)
    with pytest.raises(BadField, match=f"deep: {name} must stay the (Log|Table) it was"):
        kind.commit(agent)


@pytest.mark.parametrize("limit", [0, AGENT_MOST_BYTES + 1])
def test_a_class_may_not_have_more_state_than_a_record_holds(limit: int) -> None:
    class Huge(Agent):
        memory_limit_bytes: ClassVar[int] = limit
        text: str = ""

        def grow(self) -> None: ...

    with pytest.raises(BadField, match="1 to 8,388,608"):
        Kind(Huge)


def test_a_change_that_was_refused_for_its_size_can_still_be_taken_back() -> None:
    kind, agent = _deep_state()
    agent.names.update({"one": 9, "more": "x" * kind.made.memory_limit_bytes})
    with pytest.raises(StateTooLarge):
        kind.commit(agent)
    kind.rollback(agent)
    assert agent.names == {"one": 1, "two": [2]}


def test_a_commit_says_which_entries_of_a_table_are_new() -> None:
    kind, agent = _deep_state()
    agent.names["three"] = 3
    del agent.names["one"]
    at = kind.names.index("names")
    assert kind.commit(agent)[at][1:] == ({"three": 3}, ["one"])


def test_a_value_that_its_field_cannot_hold_is_refused_by_name() -> None:
    kind, agent = _deep_state()
    agent.items = [["x"]]
    with pytest.raises(BadField, match="deep: items must be list"):
        kind.commit(agent)


# -- memory ------------------------------------------------------------------------------------------------------------


def test_an_agent_holds_512_kb_unless_its_class_says_otherwise() -> None:
    class Plain(Agent):
        text: str = ""

        def ping(self) -> None: ...

    kind = Kind(Plain)
    agent: Any = kind.make(0)
    agent.text = "x" * (512 * 1024 - 2)
    kind.commit(agent)
    agent.text += "x"
    with pytest.raises(StateTooLarge, match="524,289 bytes of state, its limit is 524,288"):
        kind.commit(agent)
    kind.rollback(agent)
    assert agent.text == ""


@pytest.mark.parametrize(
    "grow",
    [
        lambda agent: agent.notes.extend(["x" * 1_000] * 600),
        lambda agent: agent.items.append([7] * 300_000),
        lambda agent: setattr(agent, "blob", b"x" * 400_000),
    ],
)
def test_state_in_any_field_counts(grow: Any) -> None:
    kind, agent = _deep_state()
    grow(agent)
    with pytest.raises(StateTooLarge):
        kind.commit(agent)


def test_a_class_may_hold_less() -> None:
    kind = Kind(Small)
    agent: Any = kind.make(0)
    agent.text = "x" * 99
    with pytest.raises(StateTooLarge, match="limit is 100"):
        kind.commit(agent)


def test_a_first_value_past_the_memory_is_refused() -> None:
    class Fat(Agent):
        text: str = "x" * 600_000

        def ping(self) -> None: ...

    with pytest.raises(StateTooLarge):
        Kind(Fat).make(0)


# -- sleep -------------------------------------------------------------------------------------------------------------


def test_an_agent_wakes_with_the_state_it_was_saved_with() -> None:
    kind, agent = _deep_state()
    _change_everything(agent)
    woken: Any = kind.wake(1, kind.save(agent))
    assert woken.id == agent.id
    for field in kind.fields:
        assert getattr(woken, field.name) == getattr(agent, field.name)
    assert type(woken.notes) is Log


def test_a_woken_agent_can_be_taken_back() -> None:
    kind, agent = _deep_state()
    woken: Any = kind.wake(1, kind.save(agent))
    _change_everything(woken)
    kind.rollback(woken)
    assert kind.save(woken) == kind.save(agent)


@pytest.mark.parametrize("value", [(1, 2), [(1,)], {"a": (1,)}])
def test_a_value_of_any_has_the_same_form_before_and_after_sleep(value: Any) -> None:
    class Free(Agent):
        held: Any = None

        def ping(self) -> None: ...

    kind = Kind(Free)
    agent: Any = kind.make(0)
    agent.held = value
    try:
        kind.commit(agent)
    except BadField:
        return
    woken: Any = kind.wake(0, kind.save(agent))
    assert woken.held == agent.held


def test_saving_a_light_agent_with_a_wrong_value_says_so() -> None:
    kind = Kind(Point)
    agent: Any = kind.make(0)
    agent.x = "text"
    with pytest.raises(ValueError, match="must be int"):
        kind.save(agent)


# -- what stood in a store ---------------------------------------------------------------------------------------------


class Renamed(Agent):
    name: str = "none"
    pages: int = 7

    @classmethod
    def migrate(cls, state: dict[str, Any]) -> dict[str, Any]:
        if "title" in state:
            state["name"] = state.pop("title")
        return state

    def ping(self) -> None: ...


def shown(agent: Any) -> dict[str, Any]:
    return {name: getattr(agent, name) for name in type(agent)._fields}


@pytest.mark.parametrize("row", [[7, 1.25, True], {"x": 7, "y": 1.25, "on": True}, {"on": True, "y": 1.25, "x": 7}])
def test_an_agent_wakes_from_a_row_by_place_or_by_name(row: Any) -> None:
    kind = Kind(Point)
    agent: Any = kind.wake_from("a", kind.names, row)
    assert (agent.id, shown(agent)) == ("point/a", {"x": 7, "y": 1.25, "on": True})


def test_fields_in_another_order_are_told_by_their_names() -> None:
    agent: Any = Kind(Point).wake_from(1, ["on", "x", "y"], [True, 7, 1.25])
    assert shown(agent) == {"x": 7, "y": 1.25, "on": True}


def test_the_only_field_may_stand_by_itself() -> None:
    kind = Kind(Hooked)
    assert shown(kind.wake_from(1, ["total"], 5)) == {"total": 5}


def test_a_field_that_was_not_kept_has_its_first_value() -> None:
    assert shown(Kind(Point).wake_from(1, ["x"], 7)) == {"x": 7, "y": 0.5, "on": False}
    deep: Any = Kind(Deep).wake_from(1, [], {"items": [[1]], "notes": ["a"]})
    assert (deep.items, list(deep.notes), deep.tree, deep.blob, deep.name) == ([[1]], ["a"], {}, b"\x00\xff", "n")


def test_first_values_of_two_agents_are_not_shared() -> None:
    kind = Kind(Deep)
    first, second = (kind.wake_from(key, [], {"name": "x"}) for key in (1, 2))
    first.items.append([1])  # type: ignore[attr-defined]
    assert second.items == []  # type: ignore[attr-defined]


def test_a_field_that_the_class_does_not_know_is_an_error_that_says_what_to_do() -> None:
    with pytest.raises(StateUnreadable, match=r"point/4 has kept colour, size, which Point does not have.*migrate"):
        Kind(Point).wake_from(4, [], {"x": 1, "size": 2, "colour": 3})


def test_a_class_is_asked_what_becomes_of_other_fields_and_only_then() -> None:
    asked: list[dict[str, Any]] = []

    class Watched(Agent):
        x: int = 0
        y: int = 0

        @classmethod
        def migrate(cls, state: dict[str, Any]) -> dict[str, Any]:
            asked.append(dict(state))
            return {"x": state["x"] * 100}

        def ping(self) -> None: ...

    kind = Kind(Watched)
    kind.wake_from(1, ["x", "y"], [1, 2])
    kind.wake_from(1, ["y", "x"], [2, 1])
    assert asked == []
    assert shown(kind.wake_from(1, ["x", "z"], [1, 2])) == {"x": 100, "y": 0}
    assert asked == [{"x": 1, "z": 2}]


def test_a_renamed_field_is_carried_over() -> None:
    agent: Any = Kind(Renamed).wake_from(1, [], {"title": "kept", "pages": 3})
    assert shown(agent) == {"name": "kept", "pages": 3}


@pytest.mark.parametrize(
    ("made", "row"),
    [
        (Point, {"x": "text"}),
        (Point, {"x": 1.5}),
        (Point, {"x": 2**70}),
        (Point, {"on": 1}),
        (Deep, {"name": 5}),
        (Deep, {"items": {}}),
    ],
)
def test_a_value_that_does_not_fit_its_field_is_an_error(made: type[Agent], row: Any) -> None:
    with pytest.raises((BadField, ValueError, TypeError)):
        Kind(made).wake_from(1, [], row)


def test_an_agent_from_a_store_can_be_taken_back_to_what_was_there() -> None:
    kind = Kind(Deep)
    agent: Any = kind.wake_from(1, [], {"items": [[1]], "notes": ["a"], "name": "kept"})
    before = kind.save(agent)
    agent.items[0].append(2)
    agent.notes.append("b")
    agent.name = "new"
    kind.rollback(agent)
    assert kind.save(agent) == before


def test_only_the_commit_of_a_new_agent_says_that_nothing_was_recorded() -> None:
    kind = Kind(Deep)
    new = kind.make(1)
    assert type(new._committed) is Fresh
    assert type(kind.commit(new)) is list
    whole = {field.name: orjson.loads(field.save(field.fresh())) for field in kind.fields}
    assert type(kind.wake_from(1, [], whole)._committed) is list


def test_the_next_record_of_an_agent_whose_state_had_other_fields_is_a_whole_one() -> None:
    kind = Kind(Deep)
    assert type(kind.wake_from(1, [], {"name": "x"})._committed) is Fresh


@pytest.mark.parametrize(
    ("made", "before", "after", "differs"),
    [
        (Point, (1, 0.5, True), (1, 0.5, True), False),
        (Point, (1, 0.5, True), (2, 0.5, True), True),
        (Point, (1, 0.0, True), (1, -0.0, True), True),
        (Point, (1, 1.0, False), (1, 1.0, True), True),
    ],
)
def test_two_marks_differ_where_what_they_stand_for_does(made: type[Agent], before: Any, after: Any, differs: bool) -> None:
    kind = Kind(made)
    assert kind.differs(before, after) or not differs
    assert not kind.differs(before, before)


def test_marks_of_whole_numbers_differ_only_where_the_numbers_do() -> None:
    class Plain(Agent):
        x: int = 0
        y: int = 0

        def ping(self) -> None: ...

    kind = Kind(Plain)
    agent: Any = kind.make(0)
    before = kind.mark(agent)
    assert not kind.differs(before, kind.mark(agent))
    agent.y = 1
    assert kind.differs(before, kind.mark(agent))
