"""A node is tried as often as it says, and its counter belongs to the call."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest

from sprints.node import Node


class Flaky(Node):
    """Fails as often as the shared store says."""

    def prep(self, shared: Any) -> Any:
        return shared

    def exec(self, prep_res: Any) -> Any:
        prep_res["seen"].append(self.cur_retry)
        if len(prep_res["seen"]) <= prep_res["fails"]:
            raise ValueError(f"attempt {self.cur_retry}")
        return "fine"

    def post(self, shared: Any, prep_res: Any, exec_res: Any) -> Any:
        return exec_res


def test_a_node_is_tried_again() -> None:
    shared: dict[str, Any] = {"fails": 2, "seen": []}
    assert Flaky(max_retries=3).run(shared) == "fine"
    assert shared["seen"] == [0, 1, 2]


def test_a_node_that_is_tried_once_raises_its_error() -> None:
    with pytest.raises(ValueError, match="attempt 0"):
        Flaky().run({"fails": 1, "seen": []})


def test_the_fallback_stands_in_for_the_outcome() -> None:
    class Fallen(Flaky):
        def exec_fallback(self, prep_res: Any, exc: Exception) -> Any:
            return f"{exc}, {self.cur_retry}"

    assert Fallen(max_retries=2).run({"fails": 9, "seen": []}) == "attempt 1, 1"


def test_it_waits_between_attempts() -> None:
    began_s = time.monotonic()
    Flaky(max_retries=3, wait=0.02).run({"fails": 2, "seen": []})
    assert time.monotonic() - began_s >= 0.04


def test_no_attempt_at_all_is_refused() -> None:
    with pytest.raises(ValueError, match="max_retries counts all attempts"):
        Node(max_retries=0)


def test_a_node_shared_by_threads_counts_for_each_of_them() -> None:
    node = Flaky(max_retries=3)
    stores: list[dict[str, Any]] = [{"fails": 2, "seen": []} for _ in range(8)]
    threads = [threading.Thread(target=node.run, args=(store,)) for store in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [store["seen"] for store in stores] == [[0, 1, 2]] * 8
    assert vars(node) == {"params": {}, "successors": {}, "max_retries": 3, "wait": 0}
