"""What is known of the kinds of an engine: each class once, the newest facts of each kind."""

from __future__ import annotations

from pools.repertoire import Repertoire


def test_classes_and_folders_are_known_once_in_the_order_in_which_they_came() -> None:
    known = Repertoire(["a:A"], ["/one"])
    known.add(["b:B", "a:A", "b:B"], ["/two", "/one"])
    assert (known.references, known.paths) == (["a:A", "b:B"], ["/one", "/two"])


def test_the_newest_facts_of_a_kind_count() -> None:
    known = Repertoire([], [])
    assert known.learn({"kind": "a", "methods": {"add": "(n)"}}) == "a"
    known.learn({"kind": "a", "methods": {"sub": "(n)"}})
    assert known.methods == {"a": {"sub": "(n)"}}
    assert known.facts["a"]["methods"] == {"sub": "(n)"}
