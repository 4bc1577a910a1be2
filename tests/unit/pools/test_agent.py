"""What an agent class is: its fields are slots, its name is its kind, and nothing else can be set on it."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest

from pools.agent import HOOKS, RESERVED, Agent
from pools.errors import BadAddress, BadField, BadMethod
from pools.kind import Kind
from pools.log import Log


class Counter(Agent):
    total: int = 0
    unit: ClassVar[str] = "pieces"

    def add(self, x: int) -> int:
        self.total += x
        return self.total


class Named(Agent, kind="other_name"):
    def ping(self) -> str:
        return "pong"


class Sum(Counter):
    seen: list[int]

    def add(self, x: int) -> int:
        self.seen.append(x)
        return super().add(x)


class Left(Counter):
    pass


class Right(Counter):
    pass


class Both(Left, Right):
    pass


class FromTen(Counter):
    total: int = 10


def test_an_agent_of_ten_lines_works() -> None:
    agent = Kind(Counter).make(17)
    assert agent.add(2) == 2
    assert agent.add(3) == 5
    assert (agent.id, agent.key, type(agent).kind, repr(agent)) == ("counter/17", "17", "counter", "<counter/17>")


def test_an_agent_has_slots_for_its_fields_and_no_dict() -> None:
    agent = Kind(Counter).make(0)
    assert not hasattr(agent, "__dict__")
    with pytest.raises(AttributeError):
        agent.other = 1


def test_a_class_variable_is_not_state() -> None:
    assert [field.name for field in Kind(Counter).fields] == ["total"]
    assert Counter.unit == "pieces"


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("Counter", "counter"),
        ("HTTPServer", "http_server"),
        ("AuditModule", "audit_module"),
        ("V2Reader", "v2_reader"),
        ("X", "x"),
        ("_Hidden", "hidden"),
    ],
)
def test_a_kind_is_the_class_name_in_snake_case(name: str, kind: str) -> None:
    assert type(Agent)(name, (Agent,), {}).kind == kind


def test_a_kind_can_be_given() -> None:
    assert Named.kind == "other_name"
    assert Kind(Named).make(1).id == "other_name/1"


@pytest.mark.parametrize("kind", ["Upper", "1st", "a-b", "a" * 64, "a/b"])
def test_a_kind_that_no_address_could_name_is_refused(kind: str) -> None:
    with pytest.raises(BadAddress):
        type(Agent)("Fine", (Agent,), {}, kind=kind)


@pytest.mark.parametrize("name", [*sorted(RESERVED), "_hidden", "__mangled"])
def test_a_field_cannot_have_a_name_that_tells_about_every_agent(name: str) -> None:
    with pytest.raises(BadField, match=f"Mine.{name}"):
        type(Agent)("Mine", (Agent,), {"__annotations__": {name: "int"}, name: 0})


@pytest.mark.parametrize("name", sorted(RESERVED - HOOKS - {"is_made_on_use", "memory_limit_bytes", "migrate", "skills"}))
def test_a_method_cannot_have_a_name_that_tells_about_every_agent(name: str) -> None:
    """Otherwise `agent.id` would be a method where the engine expects a text."""
    with pytest.raises((BadField, BadMethod), match=f"Mine.{name}"):
        Kind(type(Agent)("Mine", (Agent,), {name: lambda self: None}))


def test_fields_and_methods_are_inherited() -> None:
    agent = Kind(Sum).make(0)
    assert agent.add(4) == 4
    assert agent.seen == [4]
    assert Sum._fields == ("total", "seen")
    assert Sum.kind == "sum"


def test_a_field_that_comes_by_two_ways_is_one_field() -> None:
    assert Both._fields == ("total",)


def test_a_subclass_can_give_a_field_another_default() -> None:
    assert Kind(FromTen).make(0).total == 10
    assert Kind(Counter).make(0).total == 0


def test_a_default_given_without_an_annotation_counts_or_is_refused() -> None:
    """`total = 5` in a subclass is how Python says it; it must not make a field that cannot be set."""
    try:
        made = type(Agent)("FromFive", (Counter,), {"total": 5, "__module__": __name__})
    except BadField as refused:
        assert "total" in str(refused)
    else:
        agent = Kind(made).make(0)
        assert agent.total == 5
        assert agent.add(1) == 6


def test_a_mixin_does_not_open_a_way_to_state_that_is_not_kept() -> None:
    class Mixin:
        def note(self) -> None:
            self.noted = True

    try:
        made = type(Agent)("Mixed", (Mixin, Counter), {"__module__": __name__})
    except BadField as refused:
        assert "Mixin" in str(refused)
    else:
        assert not hasattr(Kind(made).make(0), "__dict__")


def test_every_agent_gets_its_own_copy_of_a_default() -> None:
    class Bag(Agent):
        items: list[int] = [1]  # noqa: RUF012  # it is copied
        by_name: dict[str, list[int]] = {"a": []}  # noqa: RUF012
        notes: Log[str]

        def add(self) -> None:
            pass

    kind = Kind(Bag)
    one, two = kind.make(1), kind.make(2)
    one.items.append(2)
    one.by_name["a"].append(1)
    one.notes.append("x")
    assert (two.items, two.by_name, list(two.notes)) == ([1], {"a": []}, [])
    assert kind.make(3).items == [1]


def test_an_agent_that_stands_alone_is_idle_with_an_empty_mailbox() -> None:
    agent: Any = Kind(Counter).make(0)
    assert (agent.status, agent.mailbox) == ("idle", 0)


def test_an_agent_learns_its_status_and_mailbox_from_the_worker() -> None:
    class Desk:
        def status(self, kind: str, key: Any) -> str:
            return f"status of {kind}/{key}"

        def waiting(self, kind: str, key: Any) -> int:
            return 3

    class Asking(Agent):
        def ping(self) -> None:
            pass

    Asking._desk = Desk()
    agent = Kind(Asking).make(7)
    assert (agent.status, agent.mailbox) == ("status of asking/7", 3)


def test_a_live_idle_agent_costs_a_few_hundred_bytes() -> None:
    import tracemalloc

    kind = Kind(Counter)
    tracemalloc.start()
    try:
        agents = [kind.make(number) for number in range(1_000)]
        size_bytes, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(agents) == 1_000
    assert size_bytes / 1_000 < 300
