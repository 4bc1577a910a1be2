"""A reference stands for a value of an earlier step, or for a part of it."""

from __future__ import annotations

from typing import Any

import pytest

from sprints.errors import BadWorkflow
from sprints.reference import DEPTH, filled, reference_of, references_in

VALUES: dict[str, Any] = {"split": {"words": ["a", "b"]}, "input": {"most": 3}}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("${split}", {"words": ["a", "b"]}),
        ("${split.words}", ["a", "b"]),
        ("${split.words.1}", "b"),
        ("${input.most}", 3),
        ("plain", "plain"),
        ("$5", "$5"),
        ("$${split}", "${split}"),
        ("cost $${x} each", "cost ${x} each"),
    ],
)
def test_a_text_stands_for_a_value_or_for_itself(text: str, value: Any) -> None:
    assert filled(text, VALUES, {}) == value


def test_references_are_filled_in_at_any_depth() -> None:
    assert filled([{"a": ["${input.most}", 7]}, None], VALUES, {}) == [{"a": [3, 7]}, None]


def test_what_failed_of_a_step_has_a_mark() -> None:
    failures = [{"part": 1, "type": "ValueError", "message": "no"}]
    assert filled("${split!}", VALUES, {"split": failures}) == failures
    assert filled("${split.0.type!}", VALUES, {"split": failures}) == "ValueError"


@pytest.mark.parametrize("text", ["x ${split}", "${split", "${split} ${split}", "${1st}", "${a b}", "${}"])
def test_a_reference_within_a_text_is_refused_with_the_mend(text: str) -> None:
    with pytest.raises(BadWorkflow, match="stands alone"):
        reference_of(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("${split.nothing}", "split has no 'nothing'; it is an object of words"),
        ("${split.words.7}", "split.words has no '7'; it is a list of 2"),
        ("${split.words.x}", "has no 'x'"),
        ("${input.most.x}", "has no 'x'; it is 3"),
    ],
)
def test_a_part_that_is_not_there_is_named(text: str, said: str) -> None:
    with pytest.raises(BadWorkflow, match=said):
        filled(text, VALUES, {})


def test_every_reference_is_found_and_depth_has_an_end() -> None:
    assert [found.name for found in references_in({"a": ["${x}", {"b": "${y.z}"}], "c": 1})] == ["x", "y"]
    deep: Any = "${x}"
    for _ in range(DEPTH + 1):
        deep = [deep]
    with pytest.raises(BadWorkflow, match="within each other"):
        list(references_in(deep))
