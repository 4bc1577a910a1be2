"""Records folded into states, and what is no record refused before it does harm."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from checkpoints.shards import shard_of
from checkpoints.table import GONE, Changes, Table, apply, shard_of_key, state_of


def folded(*parts: dict[str, Any]) -> Table:
    """A table of these parts."""
    table = Table()
    for part in parts:
        table.fold(orjson.dumps(part))
    return table


def states(table: Table, kind: str = "k") -> dict[Any, Any]:
    """Its states by key, changes of what stands elsewhere as they are."""
    rows = table.kinds[kind]
    return {key: row if row is GONE or type(row) is Changes else state_of(rows.fields, row) for key, row in rows.rows.items()}


def put(fields: list[str], keys: list[Any], rows: list[Any]) -> dict[str, Any]:
    return {"k": "k", "f": fields, "i": keys, "r": rows}


def change(keys: list[Any], *changes: Any) -> dict[str, Any]:
    return {"k": "k", "i": keys, "d": list(changes)}


def test_the_newest_state_of_a_key_counts() -> None:
    table = folded(put(["a", "b"], [1, "x"], [[1, 2], [3, 4]]), put(["a", "b"], [1], [[5, [6]]]))
    assert states(table) == {1: {"a": 5, "b": [6]}, "x": {"a": 3, "b": 4}}


def test_a_single_field_is_kept_as_its_value() -> None:
    table = folded({"k": "k", "f": ["a"], "i": [1, 2, 3, 4], "s": [5, "t", None, True]})
    assert states(table) == {1: {"a": 5}, 2: {"a": "t"}, 3: {"a": None}, 4: {"a": True}}


def test_a_number_and_its_text_are_two_keys() -> None:
    assert states(folded(put(["a"], [1, "1"], [[2], [3]]))) == {1: {"a": 2}, "1": {"a": 3}}


def test_changes_are_made_in_order() -> None:
    table = folded(
        put(["a", "b"], [1], [[1, ["x"]]]), change([1], {"a": 2, "+b": ["y"]}), change([1, 2], {"+b": ["z"]}, {"+b": [0]})
    )
    assert states(table) == {1: {"a": 2, "b": ["x", "y", "z"]}, 2: Changes([{"+b": [0]}])}
    assert table.kinds["k"].rows[2].applied({"b": [9]}) == {"b": [9, 0]}
    assert Changes([{"+b": [0]}, {"c": 1}]).applied({}) == {"b": [0], "c": 1}


def test_entries_of_objects_are_changed_one_by_one() -> None:
    table = folded(
        put(["a", "t"], [1], [[1, {"x": 1, "y": 2}]]),
        change([1], {"=t": {"z": 3, "x": [4]}, "-t": ["y"]}),
        change([2], {"=t": {"x": 5}}),
        change([2], {"a": 1, "-t": ["x"], "=t": {"w": 6}}),
    )
    assert states(table)[1] == {"a": 1, "t": {"x": [4], "z": 3}}
    assert table.kinds["k"].rows[2].applied({"t": {"v": 0}}) == {"a": 1, "t": {"v": 0, "w": 6}}


def test_a_key_that_is_gone_is_gone_until_it_is_there_again() -> None:
    table = folded(
        put(["a"], [1, 2], [[1], [2]]), {"k": "k", "i": [1, 2, 3], "x": True}, change([1], {"a": 7}), put(["a"], [2], [[8]])
    )
    assert states(table) == {1: {"a": 7}, 2: {"a": 8}, 3: GONE}


def test_states_of_an_older_class_keep_their_fields_by_name() -> None:
    table = folded(put(["a"], [1, 2], [[1], [2]]), put(["b", "a"], [2], [[3, 4]]), change([1], {"c": 5}))
    assert states(table) == {1: {"a": 1, "c": 5}, 2: {"b": 3, "a": 4}}


def test_a_class_may_lose_all_its_fields_and_get_others() -> None:
    """States without fields are kept by name: a table that knows no fields yet takes them from the first snapshot it reads."""
    table = folded(put([], [1], [[]]))
    table.kinds["k"].fields = ["a"]
    assert states(table) == {1: {}}
    table = folded(put(["a"], [1], [[1]]), put([], [2], [[]]), put(["b"], [3], [[3]]))
    assert states(table) == {1: {"a": 1}, 2: {}, 3: {"b": 3}}


@pytest.mark.parametrize(
    "part",
    [
        None,
        5,
        [],
        "text",
        {},
        {"k": "k"},
        {"i": [1]},
        {"k": "k", "i": [1]},
        {"k": 5, "i": [1], "x": True},
        {"k": [], "i": [1], "x": True},
        {"k": None, "i": [1], "x": True},
        {"k": "k", "i": "text", "x": True},
        {"k": "k", "i": {"1": 2}, "x": True},
        {"k": "k", "i": [[1]], "x": True},
        {"k": "k", "i": [1.5], "x": True},
        {"k": "k", "i": [None], "x": True},
        {"k": "k", "i": [True], "x": True},
        put(["a"], [1], []),
        put(["a"], [], [[1]]),
        put(["a"], [1], [[1, 2]]),
        put(["a", "b"], [1], [[1]]),
        put(["a", "b"], [1, 2], [[1, 2], 3]),
        put([], [1], [5]),
        put([5], [1], [[1]]),  # type: ignore[list-item]
        {"k": "k", "f": "a", "i": [1], "r": [[1]]},
        {"k": "k", "f": None, "i": [1], "r": [[1]]},
        {"k": "k", "f": ["a"], "i": [1], "r": {"1": 1}},
        {"k": "k", "f": ["a"], "i": [1], "s": 5},
        {"k": "k", "f": ["a", "b"], "i": [1], "s": [5]},
        change([1]),
        change([1], 5),
        change([1], None),
        change([1], [1]),
        change([1], {"+a": 5}),
        change([1], {"+a": "text"}),
        change([1], {"=a": 5}),
        change([1], {"=a": [["x", 1]]}),
        change([1], {"-a": {"x": 1}}),
        change([1], {"-a": [5]}),
        {"k": "k", "i": [1], "d": {"a": 1}},
    ],
)
def test_what_is_no_record_is_refused(part: Any) -> None:
    with pytest.raises(ValueError):
        Table().fold(orjson.dumps(part))


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[" * 5_000, b'{"k":"k","i":[1e400],"x":1}', b"nul"])
def test_what_is_no_json_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError):
        Table().fold(body)


def test_items_for_what_is_no_list_are_refused_when_they_meet_it() -> None:
    with pytest.raises(ValueError, match="no list"):
        folded(put(["a"], [1], [[5]]), change([1], {"+a": [6]}))
    with pytest.raises(ValueError, match="no list"):
        Changes([{"+a": [6]}]).applied({"a": 5})
    with pytest.raises(ValueError, match="no list"):
        apply({"a": None}, {"+a": []})


@pytest.mark.parametrize(
    ("state", "made"),
    [({"a": [1]}, {"=a": {"x": 1}}), ({"a": None}, {"-a": []}), ({"a": {}}, {"-a": ["x"]}), ({}, {"-a": ["x"]})],
)
def test_entries_that_do_not_fit_what_is_there_are_refused(state: Any, made: Any) -> None:
    with pytest.raises(ValueError, match=r"no object|not there"):
        apply(state, made)


@pytest.mark.parametrize(("kind", "key"), [("counter", 17), ("counter", "17"), ("a", "é"), ("", "")])
def test_a_key_has_the_shard_of_its_address(kind: str, key: int | str) -> None:
    assert shard_of_key(kind, key, 10) == shard_of(f"{kind}/{key}".encode(), 10)
