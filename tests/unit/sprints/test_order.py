"""The worthiest first, and what they wait for right before them."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from sprints.item import Item
from sprints.order import ordered
from tests.support.backlogs import item


def order(*items: Item, done: tuple[str, ...] = ()) -> str:
    return "".join(item.id for item in ordered({each.id: each for each in items}, done))


def test_priority_comes_before_value_and_value_is_for_its_time() -> None:
    items = [
        item("a", value=100.0),
        item("b", priority="critical"),
        item("c", value=100.0, size_s=50.0),
        item("d", value=3.0),
        item("e", priority="low", value=10.0**6),
        item("f", priority="high"),
    ]
    assert order(*items) == "bfadce"


def test_equals_stay_as_they_are() -> None:
    assert order(item("b"), item("a"), item("c")) == "bac"


def test_what_something_urgent_waits_for_is_as_urgent() -> None:
    items = [
        item("a", priority="high"),
        item("b", priority="low"),
        item("c", "b", priority="low"),
        item("d", "c", priority="critical"),
    ]
    assert order(*items) == "bcda"


def test_what_is_done_is_left_out_and_waited_for_by_nobody() -> None:
    assert order(item("a"), item("b", "a"), item("c", "b"), done=("a",)) == "bc"
    assert order(item("a"), item("b", "a"), done=("a", "b")) == ""


@st.composite
def graphs(draw: st.DrawFn) -> Any:
    count = draw(st.integers(1, 12))
    items = {}
    for at in range(count):
        after = draw(st.sets(st.sampled_from(range(at)), max_size=4)) if at else set()
        items[f"t{at}"] = item(f"t{at}", *(f"t{other}" for other in after), priority=draw(st.sampled_from(("low", "high"))))
    return dict(draw(st.permutations([*items.items()])))


@given(graphs(), st.data())
def test_everything_is_there_once_and_behind_what_it_waits_for(items: dict[str, Item], data: Any) -> None:
    done = data.draw(st.sets(st.sampled_from([*items])))
    found = [item.id for item in ordered(items, done)]
    assert sorted(found) == sorted(set(items) - done)
    places = {name: at for at, name in enumerate(found)}
    for name in found:
        assert all(other in done or places[other] < places[name] for other in items[name].after)
