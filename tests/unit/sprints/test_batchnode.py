"""A batch node works on each item, with attempts for each."""

from __future__ import annotations

from typing import Any

import pytest

from sprints.batchnode import BatchNode


class Halve(BatchNode):
    def __init__(self, **facts: Any) -> None:
        super().__init__(**facts)
        self.tries: list[tuple[int, int]] = []

    def prep(self, shared: Any) -> Any:
        return shared

    def exec(self, prep_res: Any) -> Any:
        self.tries.append((prep_res, self.cur_retry))
        if prep_res % 2 and self.cur_retry < 2:
            raise ValueError(prep_res)
        return prep_res / 2

    def post(self, shared: Any, prep_res: Any, exec_res: Any) -> Any:
        return exec_res


def test_each_item_is_worked_on_in_order_with_attempts_of_its_own() -> None:
    node = Halve(max_retries=3)
    assert node.run([1, 2, 3]) == [0.5, 1, 1.5]
    assert node.tries == [(1, 0), (1, 1), (1, 2), (2, 0), (3, 0), (3, 1), (3, 2)]


@pytest.mark.parametrize("items", [[], None])
def test_no_items_are_an_empty_list(items: Any) -> None:
    assert Halve().run(items) == []


def test_an_item_that_fails_for_good_fails_the_node() -> None:
    with pytest.raises(ValueError, match="3"):
        Halve(max_retries=2).run([2, 3])
