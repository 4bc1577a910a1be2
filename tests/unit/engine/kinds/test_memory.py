"""A namespace holds what was set until it is deleted or expires, and never gives a version twice."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.kinds import memory
from engine.kinds.memory import NAME_CHARS, NAMESPACE_BYTES, PAGE_NAMES, SWEEP_NAMES, SWEEP_S, TTL_S, VALUE_BYTES, Memory
from pools.errors import AgentFull, BadArgument, StateTooLarge
from pools.kind import Kind
from tests.support.clocks import Clock

KIND = Kind(Memory)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(Memory, "_clock", made.s)
    return made


def namespace() -> Any:
    return KIND.make("plans")


def test_a_value_is_there_until_it_is_deleted() -> None:
    plans = namespace()
    assert (plans.get("a"), plans.entry("a"), plans.delete("a")) == (None, None, False)
    assert plans.set("a", {"x": [1]}) == 1
    assert plans.get("a") == {"x": [1]}
    assert plans.entry("a") == {"value": {"x": [1]}, "version": 1, "expires_s": None}
    assert plans.set("a", None) == 2
    assert (plans.get("a"), plans.entry("a")) == (None, {"value": None, "version": 2, "expires_s": None})
    assert (plans.delete("a"), plans.delete("a"), plans.entry("a")) == (True, False, None)


def test_a_value_that_is_compared_is_set_only_over_the_version_that_was_seen() -> None:
    plans = namespace()
    assert plans.cas("a", 0, "mine") == {"is_set": True, "version": 1}
    assert plans.cas("a", 0, "yours") == {"is_set": False, "version": 1, "value": "mine"}
    assert plans.cas("a", 1, "next") == {"is_set": True, "version": 2}
    assert plans.cas("b", 7, "x") == {"is_set": False, "version": 0, "value": None}
    assert plans.get("a") == "next"


def test_a_version_is_never_given_twice_also_where_the_value_comes_back(clock: Clock) -> None:
    plans = namespace()
    first = plans.set("a", 1)
    plans.set("a", 2)
    plans.set("a", 1)
    assert plans.cas("a", first, 3)["is_set"] is False
    plans.delete("a")
    again = plans.set("a", 1, 1.0)
    assert again > first
    clock.pass_s(1)
    assert plans.cas("a", again, 3) == {"is_set": False, "version": 0, "value": None}
    assert plans.cas("a", 0, 3)["version"] > again


def test_a_value_expires_by_the_clock_for_every_reader(clock: Clock) -> None:
    plans = namespace()
    plans.set("a", 1, 10)
    plans.set("b", 2)
    assert plans.entry("a")["expires_s"] == clock.s() + 10
    clock.pass_s(9.999)
    assert (plans.get("a"), plans.names()["names"], plans.size()["names"]) == (1, ["a", "b"], 2)
    clock.pass_s(0.001)
    assert (plans.get("a"), plans.entry("a"), plans.names()["names"], plans.size()["names"]) == (None, None, ["b"], 1)
    assert plans.delete("a") is False


def test_a_value_that_is_set_anew_has_the_new_time_or_none(clock: Clock) -> None:
    plans = namespace()
    for ttl_s in (1, None, 5.5):
        plans.set("a", ttl_s, ttl_s)
    clock.pass_s(5)
    assert plans.get("a") == 5.5
    plans.cas("a", 3, "kept")
    clock.pass_s(100)
    assert plans.get("a") == "kept"


def test_what_has_expired_is_removed_by_later_writes_some_at_a_time(clock: Clock) -> None:
    plans = namespace()
    for number in range(SWEEP_NAMES + 10):
        plans.set(f"n{number}", number, 1)
    plans.set("late", 1, SWEEP_S * 3)
    clock.pass_s(SWEEP_S - 0.001)
    plans.set("x", 1)
    assert len(plans.entries) == SWEEP_NAMES + 12
    clock.pass_s(0.001)
    plans.set("x", 2)
    assert len(plans.entries) == 12
    plans.delete("nobody")
    assert (sorted(plans.entries), sorted(plans.expiries)) == (["late", "x"], ["late"])
    clock.pass_s(SWEEP_S * 3)
    plans.set("x", 3)
    assert (sorted(plans.entries), len(plans.expiries), plans.sweep_s) == (["x"], 0, 0.0)


def test_names_come_in_pages_in_their_order() -> None:
    plans = namespace()
    wanted = [f"n{number:04d}" for number in range(250)]
    for name in reversed(wanted):
        plans.set(name, 0)
    seen, after = [], ""
    while after is not None:
        page = plans.names(after, 100)
        seen.append(len(page["names"]))
        wanted = [name for name in wanted if name not in page["names"]]
        after = page["next"]
    assert (seen, wanted) == ([100, 100, 50], [])
    assert plans.names("n0248", 1) == {"names": ["n0249"], "next": None}
    assert plans.names("zzz") == {"names": [], "next": None}


def test_the_size_has_its_limits_beside_it() -> None:
    plans = namespace()
    plans.set("a", "é")
    size = plans.size()
    assert size == {"names": 1, "names_limit": 10_000, "bytes": len('"a":[1,"é"],'.encode()), "bytes_limit": NAMESPACE_BYTES}


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda plans: plans.set("", 1), "1 to 256 characters"),
        (lambda plans: plans.set("x" * (NAME_CHARS + 1), 1), "has 257"),
        (lambda plans: plans.set("a", "x" * VALUE_BYTES), "65,538 bytes"),
        (lambda plans: plans.cas("a", 0, ["x" * VALUE_BYTES]), "65,540 bytes"),
        (lambda plans: plans.set("a", 1, 0), "above 0"),
        (lambda plans: plans.set("a", 1, -1.5), "above 0"),
        (lambda plans: plans.set("a", 1, TTL_S + 1), "366 days"),
        (lambda plans: plans.names("", 0), "1 to 1,000"),
        (lambda plans: plans.names("", PAGE_NAMES + 1), "1 to 1,000"),
    ],
)
def test_what_is_past_a_limit_is_refused_by_name_and_changes_nothing(call: Any, said: str) -> None:
    plans = namespace()
    before = KIND.save(plans)
    with pytest.raises(BadArgument, match=said):
        call(plans)
    assert KIND.save(plans) == before


def test_the_largest_values_are_taken() -> None:
    plans = namespace()
    plans.set("x" * NAME_CHARS, "x" * (VALUE_BYTES - 2), TTL_S)
    assert len(plans.get("x" * NAME_CHARS)) == VALUE_BYTES - 2


def test_a_namespace_takes_so_many_names_and_those_it_has_go_on(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> None:
    monkeypatch.setattr(memory, "NAMES", 3)
    plans = namespace()
    for name in ("a", "b", "c"):
        plans.set(name, 1, None if name == "a" else SWEEP_S)
    with pytest.raises(AgentFull, match="memory/plans has 3 names"):
        plans.set("d", 1)
    assert plans.set("a", 2) == 4
    clock.pass_s(SWEEP_S)
    assert plans.set("d", 1) == 5
    assert sorted(plans.entries) == ["a", "d"]


def test_a_namespace_holds_so_many_bytes() -> None:
    plans = namespace()
    for number in range(NAMESPACE_BYTES // VALUE_BYTES):
        plans.set(f"n{number}", "x" * (VALUE_BYTES - 100))
    KIND.commit(plans)
    plans.set("one more", "x" * (VALUE_BYTES - 100))
    with pytest.raises(StateTooLarge, match=r"its limit is 4,194,304"):
        KIND.commit(plans)


def test_a_set_records_its_entry_and_no_other() -> None:
    plans = namespace()
    for number in range(100):
        plans.set(f"n{number}", "x" * 1_000, 50)
    plans._committed = KIND.commit(plans)
    plans.set("n7", "new")
    committed = dict(zip(KIND.names, KIND.commit(plans), strict=True))
    assert (orjson.loads(committed["entries"].puts["n7"]), len(committed["entries"].puts)) == ([101, "new"], 1)
    assert (committed["expiries"].puts, committed["expiries"].gone) == ({}, ["n7"])


NAMES = st.sampled_from("abc")
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("set"), NAMES, st.none() | st.integers(1, 20)),
        st.tuples(st.just("cas"), NAMES, st.integers(0, 8)),
        st.tuples(st.just("delete"), NAMES, st.none()),
        st.tuples(st.just("pass"), st.just(""), st.integers(0, 12)),
    ),
    max_size=40,
)


@given(STEPS)
def test_any_life_of_a_namespace_is_that_of_a_plain_dict_with_times(steps: list[tuple[str, str, Any]]) -> None:
    clock, plans, version = Clock(), namespace(), 0
    plain: dict[str, tuple[int, Any, float]] = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Memory, "_clock", clock.s)
        for at, (what, name, number) in enumerate(steps):
            if what == "pass":
                clock.pass_s(number)
            plain = {one: entry for one, entry in plain.items() if clock.s() < entry[2]}
            has = plain.get(name, (0, None, 0.0))
            if what == "set":
                version += 1
                assert plans.set(name, at, number) == version
                plain[name] = (version, at, float("inf") if number is None else clock.s() + number)
            elif what == "delete":
                assert plans.delete(name) is (plain.pop(name, None) is not None)
            elif what == "cas" and number == has[0]:
                version += 1
                assert plans.cas(name, number, at) == {"is_set": True, "version": version}
                plain[name] = (version, at, float("inf"))
            elif what == "cas":
                assert plans.cas(name, number, at) == {"is_set": False, "version": has[0], "value": has[1]}
            assert {one: plans.get(one) for one in plans.names()["names"]} == {one: entry[1] for one, entry in plain.items()}
            assert plans.size()["names"] == len(plain)
