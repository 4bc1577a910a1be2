"""A version of the code says by which reference each kind is loaded, and keeps what the versions before it have changed."""

from __future__ import annotations

from pools.code import Code


def test_the_first_version_loads_what_was_named() -> None:
    assert Code().references(["a:A", "b:B"]) == ["a:A", "b:B"]
    assert (Code().number, Code().first) == (1, [])


def test_a_version_replaces_some_references_and_adds_others_without_a_second_time() -> None:
    second = Code().next("/two", {"a:A": "new:A"}, ["new:C"], {"a": "1"})
    assert (second.number, second.first) == (2, ["/two"])
    assert second.references(["a:A", "b:B", "new:A", "new:C"]) == ["new:A", "b:B", "new:C"]
    assert (second.reference("a:A"), second.reference("b:B")) == ("new:A", "b:B")


def test_the_next_version_keeps_what_it_does_not_change_and_its_folder_is_the_first() -> None:
    third = Code().next("/two", {"a:A": "new:A"}, [], {"a": "1"}).next("/three", {"b:B": "c:B"}, [], {"b": "2"})
    assert third.first == ["/three", "/two"]
    assert third.references(["a:A", "b:B"]) == ["new:A", "c:B"]
    assert third.marks == {"a": "1", "b": "2"}
    assert third.next("/two", {}, [], {}).first == ["/two", "/three"]
    assert third.next(None, {}, [], {}).first == ["/three", "/two"]


def test_a_version_is_what_was_kept_of_it() -> None:
    code = Code().next("/two", {"a:A": "new:A"}, ["new:C"], {"a": "1"})
    assert Code.of_row(code.as_row()) == code
