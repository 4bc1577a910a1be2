"""A receipt stands in a ledger and is read again as it was."""

from __future__ import annotations

import pytest

from sprints.receipt import VERDICTS, Made, Receipt, receipt_of

FULL = Receipt(
    "menu",
    "frontend",
    "done",
    agent="frontend/7",
    ran_s=0.25,
    waited_s=0.01,
    check="expr ok",
    artifacts=(Made("menu.txt", "ab" * 32, 3),),
    effects={"steps": 2},
    feature="menus",
    bug="b-7",
)


def test_a_receipt_is_read_as_it_was_written() -> None:
    assert receipt_of(FULL.facts()) == FULL
    bare = Receipt("x", "r", "failed")
    assert bare.facts() == {"item": "x", "role": "r", "verdict": "failed"}
    assert receipt_of(bare.facts()) == bare


@pytest.mark.parametrize("key", ["item", "role", "verdict"])
def test_a_line_without_what_every_receipt_has_is_none(key: str) -> None:
    facts = FULL.facts()
    del facts[key]
    with pytest.raises(ValueError, match="no receipt"):
        receipt_of(facts)


def test_a_verdict_that_there_is_not_is_refused() -> None:
    with pytest.raises(ValueError, match="'perfect' is no verdict"):
        receipt_of(FULL.facts() | {"verdict": "perfect"})
    with pytest.raises(ValueError, match="no receipt"):
        receipt_of(FULL.facts() | {"artifacts": [{"path": "x"}]})
    assert len(set(VERDICTS)) == 5
