"""The record of a release: what it lets who drives next do, in every state, and what is no record."""

from __future__ import annotations

from dataclasses import replace

import orjson
import pytest

from engine.cluster.records import BadRecord
from engine.cluster.shiprecord import STATES, ShipRecord, next_step
from sprints.hookword import Word

SPRINT, NEXT = "sp-20261121-001", "sp-20261121-002"
BEGUN = ShipRecord("releases", SPRINT, 4, "n1", release="0001-x", items=("a", "b"), left_out={"c": "is missing"})


@pytest.mark.parametrize(
    ("state", "is_again", "sprint", "items", "step"),
    [
        ("begun", False, SPRINT, ("a", "b", "c"), "make"),
        ("begun", False, NEXT, ("d",), "make"),
        ("failed", False, SPRINT, ("a", "b", "c"), "make"),
        ("back", False, SPRINT, ("a", "b", "c"), "make"),
        ("back", False, NEXT, ("d",), "make"),
        ("hook", False, SPRINT, ("a", "b", "c"), "doubt"),
        ("hook", True, SPRINT, ("a", "b", "c"), "make"),
        ("hook", False, NEXT, ("d",), "doubt"),
        ("hook", True, NEXT, ("d",), "doubt"),
        ("switch", False, SPRINT, ("a", "b", "c"), "take over"),
        ("switch", False, NEXT, ("d",), "take over"),
        ("shipped", False, SPRINT, ("c", "b", "a"), "take over"),
        ("shipped", False, SPRINT, ("a", "b"), "make"),
        ("shipped", False, NEXT, ("a", "b", "c"), "make"),
    ],
)
def test_what_is_done_next_stands_in_the_record(
    state: str, is_again: bool, sprint: str, items: tuple[str, ...], step: str
) -> None:
    facts = orjson.loads(BEGUN.data()) | {"state": state, "is_again": is_again}
    assert next_step(ShipRecord.read(orjson.dumps(facts)), sprint, items) == step


@pytest.mark.parametrize(
    ("word", "sprint", "state", "is_again", "done", "step"),
    [
        (Word("yes"), SPRINT, "hook", True, 2, "make"),
        (Word("never"), SPRINT, "hook", True, 1, "make"),
        (Word("no", "it broke"), SPRINT, "failed", False, 0, "make"),
        (Word("lost"), SPRINT, "hook", False, 1, "doubt"),
        (Word("yes"), NEXT, "hook", False, 1, "doubt"),
        (Word("lost"), NEXT, "hook", False, 1, "doubt"),
        (Word("never"), NEXT, "failed", False, 0, "make"),
        (Word("no"), NEXT, "failed", False, 0, "make"),
    ],
)
def test_what_a_lost_leaders_hook_says_itself_is_gone_by(
    word: Word, sprint: str, state: str, is_again: bool, done: int, step: str
) -> None:
    heard = replace(BEGUN, state="hook", hook="send", done=1, run="r-1").heard(word, sprint)
    assert (heard.state, heard.is_again, heard.done) == (state, is_again, done)
    assert next_step(heard, sprint, ("a", "b", "c")) == step
    if step == "make":
        assert heard.run == "", "who is asked next would be asked for a hook that has ended"


def test_a_record_of_an_engine_that_kept_no_words_is_read() -> None:
    row = orjson.loads(BEGUN.data())
    del row["run"]
    assert ShipRecord.read(orjson.dumps(row)) == BEGUN


def test_without_a_record_a_release_is_made() -> None:
    assert next_step(None, SPRINT, ("a",)) == "make"


def test_what_counts_is_the_release_that_was_switched_to_or_is_about_to_be_or_was_gone_back_to() -> None:
    before = ShipRecord("releases", NEXT, 5, "n2", release="0002-x", current="0001-x")
    assert [record.counts for record in (before, before.failing(), before.switching(), before.counting())] == [
        *["0001-x"] * 2,
        *["0002-x"] * 2,
    ]
    back = before.counting().going_back("0001-x", SPRINT, "0" * 64)
    assert (back.state, back.counts, back.sprint, back.node, back.token) == ("back", "0001-x", SPRINT, "", 5)
    assert (back.items, back.left_out, back.content) == ((), {}, "")


def test_a_record_comes_back_as_it_was_and_anything_else_is_refused() -> None:
    for record in (BEGUN, BEGUN.switching(), BEGUN.counting(), BEGUN.failing(), BEGUN.going_back("0001-y", NEXT, "0" * 64)):
        assert ShipRecord.read(record.data()) == record
        assert record.state in STATES
    assert BEGUN.counting().current == "0001-x"
    row = orjson.loads(BEGUN.data())
    for wrong in (
        b"",
        b"{",
        b"[]",
        b"3",
        orjson.dumps(row | {"state": "odd"}),
        orjson.dumps(row | {"token": "4"}),
        orjson.dumps({}),
    ):
        with pytest.raises(BadRecord):
            ShipRecord.read(wrong)
