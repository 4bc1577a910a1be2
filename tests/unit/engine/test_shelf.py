"""What is kept of the past has two limits, and the oldest goes first."""

from __future__ import annotations

from engine.shelf import Shelf


def test_nothing_is_let_go_within_the_limits() -> None:
    shelf = Shelf(3, 100)
    for number in range(3):
        shelf.put(number, 33)
    assert shelf.overflow() == []
    assert (len(shelf), shelf.size_bytes, shelf.numbers()) == (3, 99, [0, 1, 2])


def test_past_the_count_the_oldest_go() -> None:
    shelf = Shelf(3, 1_000)
    for number in range(5):
        shelf.put(number, 1)
    assert shelf.overflow() == [0, 1]
    assert (len(shelf), shelf.size_bytes) == (3, 3)
    assert 2 in shelf
    assert 1 not in shelf


def test_past_the_bytes_as_many_go_as_it_takes() -> None:
    shelf = Shelf(10, 100)
    for number, size_bytes in enumerate((60, 10, 10, 90)):
        shelf.put(number, size_bytes)
    assert shelf.overflow() == [0, 1]
    assert shelf.size_bytes == 100


def test_one_that_is_too_large_by_itself_goes_too() -> None:
    shelf = Shelf(10, 100)
    shelf.put(1, 101)
    assert shelf.overflow() == [1]
    assert (len(shelf), shelf.size_bytes) == (0, 0)


def test_what_is_put_again_is_counted_once_and_is_the_newest() -> None:
    shelf = Shelf(2, 100)
    shelf.put(1, 10)
    shelf.put(2, 10)
    shelf.put(1, 30)
    shelf.put(3, 10)
    assert shelf.overflow() == [2]
    assert shelf.size_bytes == 40
    shelf.take(1)
    shelf.take(1)
    assert (shelf.size_bytes, shelf.numbers()) == (10, [3])
