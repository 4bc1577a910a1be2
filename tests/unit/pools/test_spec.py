"""The limits fit each other, and the defaults of a pool are those that are written down."""

from __future__ import annotations

from dataclasses import FrozenInstanceError

import pytest

from pools import spec
from pools.attempt import REPLY_BYTES
from pools.message import encode
from pools.process import SOCKET_BYTES
from pools.spec import ForesightSpec, PoolSpec


def test_a_pool_needs_a_name_only() -> None:
    pool = PoolSpec("p")
    assert (pool.agents, pool.workers, pool.shards, pool.mailbox, pool.window) == (2_500, 1, 10, 1_000, 4_096)
    assert (pool.cpu, pool.cpu_hard, pool.mem_bytes, pool.kinds, pool.sleep_after_s) == (None, False, None, (), 300.0)


def test_a_pool_is_a_value() -> None:
    assert PoolSpec("p", agents=5) == PoolSpec("p", agents=5)
    assert len({PoolSpec("p"), PoolSpec("p"), PoolSpec("q")}) == 2
    with pytest.raises(FrozenInstanceError):
        PoolSpec("p").agents = 5  # type: ignore[misc]


@pytest.mark.parametrize(
    "facts", [{"threshold": 0}, {"threshold": 1.1}, {"control": -0.1}, {"control": 2}, {"control": float("nan")}]
)
def test_foresight_that_cannot_be_is_refused(facts: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="threshold is above 0 up to 1, control 0 up to 1"):
        ForesightSpec(**facts)  # type: ignore[arg-type]


def test_every_limit_is_named() -> None:
    limits = {name for name in vars(spec) if name.isupper()} - {"SHARDS"}
    assert limits == set(spec.__all__) - {"ForesightSpec", "PoolSpec"}


def test_whatever_one_agent_may_hold_or_say_fits_into_a_frame() -> None:
    assert spec.AGENT_BYTES < REPLY_BYTES < spec.FRAME_BYTES
    assert len(encode("s", {"names": ["x" * spec.KEY_CHARS] * spec.NAMES_AT_ONCE}, 0)) < spec.FRAME_BYTES


def test_answers_come_before_a_worker_looks_up_and_a_worker_looks_up_before_it_seems_to_hang() -> None:
    assert 0 < spec.REPLY_AFTER_S < spec.PUMP_S < 0.05


def test_a_window_holds_sections_and_the_backlog_holds_windows() -> None:
    window = PoolSpec("p").window
    assert window % spec.FRAME_TASKS == 0
    assert window // 2 >= spec.FRAME_TASKS
    assert 10 * window < spec.BACKLOG_TASKS
    assert spec.OUTBOX_MESSAGES < spec.BACKLOG_TASKS


def test_compression_begins_where_the_socket_no_longer_holds_a_frame() -> None:
    assert SOCKET_BYTES <= spec.COMPRESS_OVER_BYTES < spec.FRAME_BYTES


def test_four_pools_as_shipped_hold_all_agents() -> None:
    assert 4 * PoolSpec("p").agents == spec.AGENTS_TOTAL
