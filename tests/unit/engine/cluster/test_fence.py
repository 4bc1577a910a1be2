"""The fence: a lower token never passes after a higher one was seen."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from engine.cluster.fence import Fence, StaleToken
from engine.errors import ConfigError


def test_a_token_passes_until_a_higher_one_was_seen(tmp_path: Path) -> None:
    fence = Fence(tmp_path / "fence")
    assert fence.highest == 0
    with fence.passing(3):
        pass
    with fence.passing(3):
        pass
    Fence(tmp_path / "fence").see(7)
    fence.see(5)
    assert fence.highest == 7
    with pytest.raises(StaleToken, match="token 3 is stale: a leader with token 7") as stale, fence.passing(3):
        pytest.fail("it passed")
    assert (stale.value.token, stale.value.highest) == (3, 7)
    with fence.passing(7):
        pass


def test_a_later_leader_waits_until_the_earlier_act_has_ended(tmp_path: Path) -> None:
    order: list[str] = []

    def later() -> None:
        with Fence(tmp_path / "fence").passing(2):
            order.append("later")

    thread = threading.Thread(target=later)
    with Fence(tmp_path / "fence").passing(1):
        thread.start()
        thread.join(0.1)
        order.append("earlier")
    thread.join(10)
    assert order == ["earlier", "later"]


def test_an_act_that_fails_leaves_the_fence_open_for_the_next(tmp_path: Path) -> None:
    fence = Fence(tmp_path / "fence")
    with pytest.raises(ZeroDivisionError), fence.passing(1):
        _ = 1 / 0
    with fence.passing(1):
        pass


@pytest.mark.parametrize("text", ["", "7", "x\n", "-1\n"])
def test_a_damaged_fence_lets_nobody_pass(tmp_path: Path, text: str) -> None:
    (tmp_path / "fence").write_text(text)
    with pytest.raises(ConfigError, match="no fence"), Fence(tmp_path / "fence").passing(1):
        pytest.fail("it passed")
