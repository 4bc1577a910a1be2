"""Tasks in columns leave in the order in which they came, however few at a time."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pools.chute import ColumnLane
from pools.link import Link
from tests.support.clocks import Clock
from tests.support.wires import Sink


def lane_of() -> ColumnLane:
    clock = Clock()
    return ColumnLane(Link(window=10, clock=clock.s, later=clock.later), "counter", Sink())


def columns_of(first: int, count: int) -> tuple[tuple[int, ...], ...]:
    tokens = tuple(range(first, first + count))
    return tokens, tuple(token * 2 for token in tokens), tuple(f"m{token % 3}" for token in tokens), tokens


steps = st.lists(st.tuples(st.sampled_from(["add", "cut", "drop", "drop_where"]), st.integers(0, 9)), max_size=60)


@given(steps=steps)
def test_what_is_added_in_pieces_leaves_as_a_queue_would(steps: list[tuple[str, int]]) -> None:
    # Given a lane beside a plain list
    lane, waiting, first = lane_of(), [], 0
    for step, count in steps:
        # When tasks come in pieces, leave a few at a time, or are taken back
        if step == "add" and count:
            lane.add(columns_of(first, count), is_plain=True)
            waiting += range(first, first + count)
            first += count
        elif step == "cut":
            count = min(count, len(waiting))
            tokens, keys, methods, arguments = lane.cut(count)
            # Then they are the oldest, with all that belongs to them
            assert list(tokens) == waiting[:count] == list(arguments)
            assert list(keys) == [token * 2 for token in tokens]
            assert list(methods) == [f"m{token % 3}" for token in tokens]
            del waiting[:count]
        elif step == "drop":
            count = min(count, len(waiting))
            assert lane.drop(count) == waiting[len(waiting) - count :]
            del waiting[len(waiting) - count :]
        elif step == "drop_where":
            meant = {token for token in waiting if token % 10 == count}
            assert lane.drop_where(meant.__contains__) == sorted(meant)
            waiting = [token for token in waiting if token not in meant]
        assert len(lane) == len(waiting)
    assert list(lane.cut(len(waiting))[0]) == waiting


def test_slow_tasks_that_leave_one_by_one_do_not_move_the_others() -> None:
    # Given a long piece
    lane = lane_of()
    whole = columns_of(0, 4_096)
    lane.add(whole, is_plain=True)
    # When tasks leave one at a time
    assert [lane.cut(1)[0] for _ in range(4_000)] == [(token,) for token in range(4_000)]
    # Then what is left stands where it stood
    assert lane._pieces == [whole]
    assert lane.cut(96)[0] == whole[0][4_000:]
