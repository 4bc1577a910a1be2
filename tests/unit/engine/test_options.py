"""Options are read as they are meant, in Python as in a task line, and a wrong one is named."""

from __future__ import annotations

import copy
from typing import Any

import pytest

import engine
from engine.options import BACKOFF_S, DEADLINE_S, PLAIN, Options, name_of, options_of, wait_of
from pools.errors import BadArgument
from pools.ranked import HIGH, NORMAL


def test_the_constructor_takes_the_words_of_a_task_line() -> None:
    options = engine.Options(priority="High", retries=3, retry_on="ValueError", tags=["a", "b", "a"], timeout_s=2)
    assert (options.priority, options.retries, options.retry_on) == (HIGH, 3, ("ValueError",))
    assert (options.tags, options.timeout_s, options.backoff_s) == (("a", "b"), 2.0, BACKOFF_S)
    line = {"priority": "high", "retries": 3, "retry_on": ["ValueError"], "tags": ["a", "b"], "timeout_s": 2}
    assert options == options_of(line)
    assert options.as_dict() == {
        "priority": "high", "timeout_s": 2.0, "retries": 3, "retry_on": ("ValueError",), "tags": ("a", "b"),
    }  # fmt: skip
    assert repr(options).startswith("Options(priority=2, delay_s=0.0, ")


def test_options_of_nothing_are_plain_and_a_copy_is_the_same() -> None:
    assert Options() == PLAIN == Options(priority=None, tags=None)
    assert PLAIN.priority == NORMAL
    for options in (PLAIN, Options(priority="low", tags="a", delay_s=1)):
        assert copy.copy(options) == copy.deepcopy(options) == options


@pytest.mark.parametrize(
    "fields",
    [
        {"priority": "urgent"}, {"priority": 2}, {"priority": True}, {"timeout_s": -1}, {"timeout_s": 0},
        {"timeout_s": float("nan")}, {"memory_bytes": -1}, {"count_effects": 1}, {"count_effects": "true"},
        {"delay_s": -1}, {"delay_s": False}, {"retries": -1}, {"retries": 1.5}, {"retries": 101}, {"retry_on": ["x", 1]},
        {"backoff_s": 0}, {"backoff_s": 1e9}, {"after_failed": "no"}, {"after_unknown": 1}, {"tags": [""]},
        {"tenant": 1}, {"tenant": "x" * 101}, {"skills": {}}, {"tags": ["x"] * 33},
    ],
)  # fmt: skip
def test_a_wrong_one_is_refused_and_named(fields: dict[str, Any]) -> None:
    (name,) = fields
    for read in (lambda: Options(**fields), lambda: options_of(fields)):
        with pytest.raises(BadArgument, match=name.partition("_of")[0]):
            read()


def test_effects_are_counted_where_that_is_said_and_a_number_is_not_taken_for_it() -> None:
    assert options_of({"count_effects": True}) == Options(count_effects=True) != PLAIN
    assert options_of({"count_effects": True}).as_dict() == {"count_effects": True}
    assert options_of({"count_effects": False}) == PLAIN


def test_what_a_line_says_goes_before_the_defaults_and_what_it_does_not_say_is_theirs() -> None:
    defaults = Options(priority="high", retries=3)
    assert options_of({"priority": "normal"}, defaults) == Options(retries=3)
    assert options_of({"retries": None, "tenant": "t"}, defaults) == Options(priority="high", retries=3, tenant="t")
    assert options_of({"priority": "normal"}) == PLAIN  # and nobody else has those defaults


def test_tasks_that_want_the_same_share_one_object() -> None:
    lines = [{"priority": "low", "retries": 2}, {"retries": 2, "priority": "low"}, {"priority": "LOW", "retries": 2}]
    assert len({id(options_of(line)) for line in lines}) == 1
    defaults = Options(retries=2)
    assert options_of({"priority": "low"}, defaults) is options_of(lines[0])
    assert options_of({"retries": 1, "tenant": ""}) != options_of({"retries": True and 2, "tenant": ""})


@pytest.mark.parametrize("field", ["timeout_s", "delay_s", "backoff_s", "retries", "memory_bytes", "priority"])
def test_a_number_that_is_too_large_for_anything_is_refused_as_any_other(field: str) -> None:
    for number in (10**400, -(10**400), 10**5_000):
        with pytest.raises(BadArgument, match=r"a number of [\d,]+ bits"):
            Options(**{field: number})
        with pytest.raises(BadArgument):
            options_of({field: number})
    with pytest.raises(BadArgument):
        name_of("an id", 10**5_000)


def test_who_waits_does_so_for_a_number_of_seconds_and_no_more_than_a_year() -> None:
    assert [wait_of(value) for value in (0, 2.5, float("inf"), 10**400)] == [0.0, 2.5, DEADLINE_S, DEADLINE_S]
    for wrong in (-1, float("nan"), "3", None, True, -(10**5_000)):
        with pytest.raises(BadArgument, match="wait_s is a number of seconds"):
            wait_of(wrong)
