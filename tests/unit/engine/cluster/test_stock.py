"""What an item builds on: what those before it have made, and those before them, as their newest receipts say."""

from __future__ import annotations

from typing import Any

from engine.cluster.inputs import Input
from engine.cluster.stock import Stock
from sprints.item import Item

#: A waits for nobody, B for A, C for B, which makes nothing, D for C and A; E stands apart.
ITEMS = {
    name: Item(name, name, "maker", "make", after=tuple(after))
    for name, after in {"A": "", "B": "A", "C": "B", "D": "CA", "E": ""}.items()
}


def receipt(item: str, *paths: str, verdict: str = "done", sha: str = "0", **facts: Any) -> dict[str, Any]:
    made = [{"path": path, "sha256": sha * 64, "size_bytes": 1} for path in paths]
    return {"e": "receipt", "item": item, "verdict": verdict, **({"artifacts": made} if made else {}), **facts}


def test_an_item_builds_on_all_that_those_before_it_have_made() -> None:
    stock = Stock(ITEMS)
    stock.take({"e": "phase", "phase": "exec"}, 1.0)
    stock.take(receipt("A", "a1", "a2", at=7.0), 1.0)
    stock.take(receipt("B"), 2.0)
    stock.take(receipt("C", "c"), 3.00044)
    stock.take(receipt("E", "e"), 4.0)
    stock.take(receipt("D", "d", verdict="unproven"), 5.0)
    made = [Input("a1", "0" * 64, 1, 7.0), Input("a2", "0" * 64, 1, 7.0)]
    assert [stock.inputs(item) for item in "ABCE"] == [[], made, made, []]
    assert stock.inputs("D") == [*made, Input("c", "0" * 64, 1, 3.0)]


def test_what_is_done_again_counts_as_it_was_made_last() -> None:
    stock = Stock(ITEMS)
    for sha in "12":
        stock.take(receipt("A", "a", sha=sha, at=float(sha)), 0.0)
    assert stock.inputs("B") == [Input("a", "2" * 64, 1, 2.0)]


def test_a_long_chain_is_no_deep_one() -> None:
    items = {f"i{at}": Item(f"i{at}", "", "maker", "make", after=(f"i{at - 1}",) if at else ()) for at in range(5_000)}
    stock = Stock(items)
    stock.take(receipt("i0", "first"), 1.0)
    assert [one.path for one in stock.inputs("i4999")] == ["first"]
