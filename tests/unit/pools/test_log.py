"""A log only grows, and nothing that was appended can be changed afterwards."""

from __future__ import annotations

import math
from typing import Any

import orjson
import pytest

from pools.errors import BadReply
from pools.log import Log


def test_a_log_reads_like_a_list() -> None:
    log = Log(["a", "b", "c"])
    assert len(log) == 3
    assert log[0] == "a"
    assert log[-1] == "c"
    assert log[1:] == ["b", "c"]
    assert list(log) == log == ["a", "b", "c"]
    assert list(reversed(log)) == ["c", "b", "a"]
    assert "b" in log
    assert log.index("c") == 2
    assert log != ["a"]
    assert repr(log) == "Log(['a', 'b', 'c'])"


def test_what_was_appended_cannot_be_changed_through_an_alias() -> None:
    item: dict[str, Any] = {"a": [1]}
    log: Log[Any] = Log([item])
    item["a"].append(2)
    log[0]["a"].append(3)
    next(iter(log))["b"] = 1
    assert log[0] == {"a": [1]}


@pytest.mark.parametrize(
    "change", ["__setitem__", "__delitem__", "insert", "pop", "remove", "clear", "sort", "reverse", "__iadd__"]
)
def test_a_log_has_no_other_way_to_change(change: str) -> None:
    assert not hasattr(Log(), change)


@pytest.mark.parametrize("item", [math.nan, 2**64, b"x", {1: 2}, object(), "\ud800"])
def test_an_item_that_json_cannot_keep_is_refused_and_the_log_is_as_before(item: Any) -> None:
    log: Log[Any] = Log(["a"])
    before = log.size_bytes
    with pytest.raises(BadReply, match="the item"):
        log.append(item)
    assert log == ["a"]
    assert log.size_bytes == before


def test_the_size_is_that_of_the_items_as_json() -> None:
    log: Log[Any] = Log(["é", {"a": [1, 2]}, 7, None])
    assert log.size_bytes == sum(len(orjson.dumps(item)) + 1 for item in log)


def test_a_cut_takes_back_the_tail() -> None:
    log = Log([1, 2])
    length, size_bytes = len(log), log.size_bytes
    log.extend([3, 4])
    log.cut(length, size_bytes)
    assert log == [1, 2]
    assert log.size_bytes == size_bytes


def test_a_log_cannot_be_a_key() -> None:
    with pytest.raises(TypeError):
        hash(Log())
