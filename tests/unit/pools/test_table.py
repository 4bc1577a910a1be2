"""A table is a dict whose changes since the last record are known, and can be taken back."""

from __future__ import annotations

import math
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from checkpoints.table import apply
from pools.errors import BadReply
from pools.table import Table, encoded

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)
NAMES = st.sampled_from(["a", "b", "é", "", '"'])
STEPS = st.lists(st.tuples(st.sampled_from(["set", "set", "del", "seal", "undo"]), NAMES, JSON), max_size=30)


def test_a_table_reads_like_a_dict() -> None:
    table: Table[Any] = Table({"a": 1, "b": [2]})
    table["c"] = {"d": None}
    assert table == {"a": 1, "b": [2], "c": {"d": None}} == dict(table)
    assert (len(table), sorted(table), "a" in table, "x" in table) == (3, ["a", "b", "c"], True, False)
    assert (table.get("x", 7), table.pop("a"), table.setdefault("b", 0)) == (7, 1, [2])
    del table["b"]
    assert table == Table({"c": {"d": None}})
    assert table != {}
    assert repr(table) == "Table({'c': {'d': None}})"
    with pytest.raises(KeyError):
        del table["a"]
    with pytest.raises(KeyError):
        _ = table["a"]
    with pytest.raises(TypeError):
        hash(table)


def test_what_was_set_cannot_be_changed_through_an_alias() -> None:
    value: dict[str, Any] = {"a": [1]}
    table: Table[Any] = Table({"x": value})
    value["a"].append(2)
    table["x"]["a"].append(3)
    next(iter(table.values()))["b"] = 1
    assert table["x"] == {"a": [1]}
    assert table.seal().puts == {}


@pytest.mark.parametrize(
    ("name", "value"), [("a", math.nan), ("a", 2**64), ("a", b"x"), ("a", object()), (5, 1), ("\ud800", 1)]
)
def test_what_json_cannot_keep_is_refused_and_the_table_is_as_before(name: Any, value: Any) -> None:
    table: Table[Any] = Table({"a": 1})
    size_bytes = table.size_bytes
    with pytest.raises(BadReply, match=r"cannot be kept: the (name|value)"):
        table[name] = value
    assert (table, table.size_bytes) == ({"a": 1}, size_bytes)
    assert table.seal()[1:] == ({}, [])


def test_a_new_table_has_nothing_to_record() -> None:
    assert Table({"a": 1}).seal()[1:] == ({}, [])


def test_a_seal_tells_only_what_is_other_than_before() -> None:
    table: Table[Any] = Table({"same": [1], "changed": 1, "gone": 1, "sign": 0.0, "kind": 1, "share": 0.5})
    table.update({"same": [1], "share": 0.5, "changed": 2, "sign": -0.0, "kind": True, "new": {"x": 1}, "brief": 5})
    del table["gone"], table["brief"]
    _, puts, gone = table.seal()
    assert orjson.loads(encoded(puts)) == {"changed": 2, "sign": -0.0, "kind": True, "new": {"x": 1}}
    assert b'"sign":-0.0' in encoded(puts)
    assert gone == ["gone"]
    assert table.seal()[1:] == ({}, [])


@given(STEPS)
def test_any_life_of_a_table_is_that_of_a_dict_and_its_records_say_it(steps: list[tuple[str, str, Any]]) -> None:
    """Beside it stand a plain dict, what that was at the last seal, and a state to which every record is applied."""
    table: Table[Any] = Table({"a": 0})
    plain: dict[str, Any] = {"a": 0}
    sealed = dict(plain)
    kept: dict[str, Any] = {"t": {"a": 0}}
    for what, name, value in [*steps, ("seal", "", None)]:
        if what == "set":
            table[name] = plain[name] = value
        elif what == "del":
            assert table.pop(name, None) == plain.pop(name, None)
        elif what == "undo":
            table.undo()
            plain = dict(sealed)
        else:
            _, puts, gone = table.seal()
            apply(kept, orjson.loads(orjson.dumps({"=t": orjson.Fragment(encoded(puts)), "-t": gone})))
            sealed = dict(plain)
            assert as_json(kept["t"]) == as_json(sealed)
        assert as_json(dict(table)) == as_json(plain)
        assert table.size_bytes == sum(len(orjson.dumps(name)) + len(orjson.dumps(value)) + 2 for name, value in plain.items())
    assert as_json(orjson.loads(table.saved())) == as_json(plain)


def as_json(state: dict[str, Any]) -> bytes:
    """A state told exactly: 1 is not 1.0, and 0.0 not -0.0."""
    return orjson.dumps(state, option=orjson.OPT_SORT_KEYS)
