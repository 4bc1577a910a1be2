"""The limits fit each other."""

from __future__ import annotations

import pytest

from sprints import spec
from sprints.shape import SHAPES


def test_the_steps_share_a_whole_sprint() -> None:
    assert sum(spec.PHASE_SHARES) == pytest.approx(1)
    assert len(spec.PHASE_SHARES) == len(spec.PHASES)
    assert all(shape.seconds == pytest.approx(spec.SPRINT_S) for shape in SHAPES.values())


def test_every_limit_is_named_and_above_0() -> None:
    for name in spec.__all__:
        value = getattr(spec, name)
        assert value if isinstance(value, tuple) else value > 0, name


def test_a_task_of_a_sprint_fits_into_a_file_name() -> None:
    assert len("sp-20261121-999999/") + spec.ID_CHARS <= 255
