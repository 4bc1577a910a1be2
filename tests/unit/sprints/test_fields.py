"""A value that is wrong is named with its key and its place."""

from __future__ import annotations

from typing import Any

import pytest

from sprints.errors import BadBacklog
from sprints.fields import Fields, Path, nowhere, path_text


def where(path: Path) -> str:
    return f"file:{len(path)}"


def fields(**row: Any) -> Fields:
    return Fields(row, ("tasks", 3), where, [*row, "other"])


def test_a_way_is_written_as_people_do() -> None:
    assert path_text(("tasks", 3, "after", 0)) == "tasks[3].after[0]"
    assert path_text(()) == ""
    assert nowhere(("tasks",)) == ""


def test_what_is_no_mapping_is_refused_and_what_it_is_told() -> None:
    for row, said in (("x", "'x'"), (None, "nothing"), ([], "a list"), (True, "true"), (3, "3")):
        with pytest.raises(BadBacklog, match=f"must be a mapping of keys, not {said}"):
            Fields(row, (), nowhere, ())


def test_a_key_that_is_not_known_is_refused_with_the_one_that_was_meant() -> None:
    said = r"^file:3: tasks\[3\].prioriti: there is no such key; did you mean 'priority'\?"
    with pytest.raises(BadBacklog, match=said) as wrong:
        Fields({"prioriti": 1}, ("tasks", 3), where, ("priority", "id"))
    assert (wrong.value.key, wrong.value.place) == ("tasks[3].prioriti", "file:3")
    with pytest.raises(BadBacklog, match="there are id, priority"):
        Fields({"zzz": 1}, (), nowhere, ("priority", "id"))
    with pytest.raises(BadBacklog, match="a key that is no text: 1"):
        Fields({1: 1}, (), nowhere, ("id",))


@pytest.mark.parametrize(
    ("value", "said"),
    [(None, "is missing"), (7, "must be a text, not 7"), ("", "must not be empty"), (" ", "must not be empty"),
     ("x" * 129, "129 characters; at most 128"), ("a\nb", "must be one line"), ("a\0", "must be one line"), ([], "not a list")],
)  # fmt: skip
def test_a_name_is_a_line_of_1_to_128_characters(value: Any, said: str) -> None:
    with pytest.raises(BadBacklog, match=said):
        fields(id=value).name("id")
    assert fields(id="x" * 128).name("id") == "x" * 128


@pytest.mark.parametrize("value", [True, "1", -0.1, 11, float("nan"), float("inf"), [1]])
def test_a_number_is_one_and_within_its_limits(value: Any) -> None:
    with pytest.raises(BadBacklog, match=r"file:3: tasks\[3\].size: must be"):
        fields(size=value).number("size", 1.0, most=10)


def test_numbers_may_be_missing_or_0_unless_they_may_not() -> None:
    assert fields(size=None).number("size", 2.0, most=10) == 2.0
    assert fields(size=0).number("size", 2.0, most=10) == 0.0
    with pytest.raises(BadBacklog, match="must be above 0"):
        fields(size=0).number("size", 2.0, most=10, is_above_0=True)


@pytest.mark.parametrize("value", [True, "1", 1.5, -1, 11, float("nan")])
def test_a_whole_number_is_one(value: Any) -> None:
    with pytest.raises(BadBacklog, match="must be a whole number from 0 to 10"):
        fields(count=value).whole("count", 1, most=10)
    assert fields(count=2.0).whole("count", 1, most=10) == 2
    assert fields(count=None).whole("count", 1, most=10) == 1
    with pytest.raises(BadBacklog, match="is missing"):
        fields(count=None).whole("count", None, most=10)


def test_one_of_some_words_is_guessed() -> None:
    with pytest.raises(BadBacklog, match="must be one of low, high, not 'hgih'; did you mean 'high'"):
        fields(level="hgih").choice("level", "low", ("low", "high"))
    with pytest.raises(BadBacklog, match="not true"):
        fields(level=True).choice("level", "low", ("low", "high"))
    assert fields().choice("other", "low", ("low", "high")) == "low"


def test_texts_are_a_list_or_one_alone_and_none_is_there_twice() -> None:
    assert fields(tags="one").texts("tags", most=2) == ("one",)
    assert fields(tags=None).texts("tags", most=2) == ()
    with pytest.raises(BadBacklog, match=r"tasks\[3\].tags\[2\]: 'a' is there twice"):
        fields(tags=["a", "b", "a"]).texts("tags", most=3)
    with pytest.raises(BadBacklog, match=r"tags\[1\]: must be a text, not 5"):
        fields(tags=["a", 5]).texts("tags", most=3)
    with pytest.raises(BadBacklog, match="4 entries; at most 3"):
        fields(tags=list("abcd")).texts("tags", most=3)
    with pytest.raises(BadBacklog, match="must be a list of texts, not a mapping"):
        fields(tags={}).texts("tags", most=3)


def test_rows_are_a_list_with_a_limit() -> None:
    assert fields(rows=None).rows("rows", most=1) == []
    with pytest.raises(BadBacklog, match="must be a list, not 'x'"):
        fields(rows="x").rows("rows", most=1)
    with pytest.raises(BadBacklog, match="2 entries; at most 1"):
        fields(rows=[1, 2]).rows("rows", most=1)


def test_text_may_be_missing_and_some_may_have_lines() -> None:
    assert fields(title=None).text("title", "as such") == "as such"
    assert fields(title=None).text_or_none("title") is None
    assert fields(goal="a\nb").lines("goal") == "a\nb"
    assert "goal" in fields(goal="a")
    assert "goal" not in fields(goal=None)
    assert fields(goal=[1]).get("goal") == [1]
