"""The two shapes add up, and a whole number is split without a rest."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sprints.shape import SHAPES, even_wave, shape_row, split_shares
from sprints.spec import PHASES


def test_the_pipeline_is_one_wave_of_1_12_1_and_1_minutes() -> None:
    (wave,) = SHAPES["pipeline"].waves
    assert wave.steps == pytest.approx((60, 720, 60, 60))
    assert [wave.step_s(phase) for phase in PHASES] == list(wave.steps)


def test_the_waves_are_3_8_3_and_1_minutes_of_1000_agents_and_all_tasks() -> None:
    waves = SHAPES["waves"].waves
    assert [(wave.name, round(wave.seconds), round(1000 * wave.agents), wave.tasks) for wave in waves] == [
        ("Quick Wins", 180, 200, 0.2),
        ("Core Features", 480, 600, 0.6),
        ("Polish & Test", 180, 150, 0.15),
        ("Ship & Learn", 60, 50, 0.05),
    ]
    assert SHAPES["waves"].seconds == pytest.approx(900)
    assert sum(wave.agents for wave in waves) == pytest.approx(1)


def test_every_wave_has_its_steps_in_the_proportion_of_the_pipeline() -> None:
    for wave in SHAPES["waves"].waves:
        assert wave.steps == pytest.approx([wave.seconds * part / 15 for part in (1, 12, 1, 1)])


def test_a_shape_in_another_time_keeps_its_proportions_and_everything_else() -> None:
    shape = SHAPES["waves"].lasting(1_800)
    assert shape.seconds == pytest.approx(1_800)
    for wave, before in zip(shape.waves, SHAPES["waves"].waves, strict=True):
        assert wave.steps == pytest.approx([2 * step for step in before.steps])
        assert (wave.name, wave.agents, wave.tasks, wave.focus) == (before.name, before.agents, before.tasks, before.focus)


@given(st.integers(0, 10**6), st.lists(st.floats(0, 1), min_size=1, max_size=8).filter(lambda shares: sum(shares) > 0.01))
def test_parts_add_up_to_the_whole_and_none_is_off_by_one(total: int, shares: list[float]) -> None:
    parts = split_shares(total, shares)
    assert sum(parts) == total
    for part, share in zip(parts, shares, strict=True):
        assert abs(part - total * share / sum(shares)) < 1 + 1e-6


def test_equal_remainders_go_to_the_first_ones() -> None:
    assert split_shares(5, [1, 1, 1]) == [2, 2, 1]
    assert split_shares(10, [0.2, 0.6, 0.15, 0.05]) == [2, 6, 2, 0]


def test_a_shape_as_a_row_says_everything() -> None:
    row = shape_row(SHAPES["pipeline"])
    assert row["name"] == "pipeline"
    assert row["waves"][0]["steps"] == pytest.approx({"plan": 60, "exec": 720, "test": 60, "ship": 60})
    assert set(row["waves"][0]) == {"name", "focus", "agents", "tasks", "steps"}
    assert even_wave("x", 15).steps == pytest.approx((1, 12, 1, 1))
