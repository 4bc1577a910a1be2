"""A shape of one's own: by name, by waves, in another time."""

from __future__ import annotations

from typing import Any

import pytest

from sprints.errors import BadBacklog
from sprints.shape import SHAPES
from sprints.shapereader import read_shape

STEPS = {"plan": 1, "exec": 8, "test": 1, "ship": 0}


def test_nothing_said_is_the_pipeline() -> None:
    assert read_shape(None) is SHAPES["pipeline"]
    assert read_shape({"shape": "waves"}) is SHAPES["waves"]


def test_a_shape_that_is_known_can_take_another_time() -> None:
    assert read_shape({"shape": "waves", "seconds": 1_800}).seconds == pytest.approx(1_800)


def test_waves_of_ones_own_have_seconds_or_steps() -> None:
    shape = read_shape(
        {
            "shape": "short",
            "waves": [
                {"name": "one", "seconds": 15, "agents": "20%", "tasks": "25%"},
                {"name": "two", "steps": STEPS, "agents": 0.5, "tasks": 0.75, "focus": "All"},
            ],
        }
    )
    one, two = shape.waves
    assert shape.name == "short"
    assert (one.steps, one.agents, one.tasks) == (pytest.approx((1, 12, 1, 1)), 0.2, 0.25)
    assert (two.steps, two.agents, two.tasks, two.focus) == ((1, 8, 1, 0), 0.5, 0.75, "All")


def test_waves_that_do_not_say_their_share_have_the_same() -> None:
    shape = read_shape({"waves": [{"name": str(at), "seconds": 10} for at in range(3)]})
    assert [wave.tasks for wave in shape.waves] == pytest.approx([1 / 3] * 3)
    assert [wave.agents for wave in shape.waves] == [1, 1, 1]


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("waves", "sprint: must be a mapping"),
        ({"shape": "wave"}, "did you mean 'waves'"),
        ({"seconds": 0}, "sprint.seconds: must be above 0"),
        ({"waves": []}, "sprint.waves: has no wave"),
        ({"shape": "waves", "waves": [{"name": "a", "seconds": 1}]}, "sprint.shape: is known by its name"),
        ({"waves": [{"name": "a"}]}, r"sprint.waves\[0\]: must have either seconds, or steps"),
        ({"waves": [{"name": "a", "seconds": 1, "steps": STEPS}]}, "must have either seconds, or steps"),
        ({"waves": [{"name": "a", "steps": {"plan": 1}}]}, r"waves\[0\].steps.exec: is missing"),
        ({"waves": [{"name": "a", "steps": {"exec": 0}}]}, r"steps.exec: must be above 0"),
        ({"waves": [{"name": "a", "steps": {"exek": 1}}]}, r"steps.exek: there is no such key; did you mean 'exec'"),
        ({"waves": [{"name": "a", "seconds": 1, "agents": 0}]}, "agents: must be above 0"),
        ({"waves": [{"name": "a", "seconds": 1, "agents": "20"}]}, "agents: must be a share such as 20%"),
        ({"waves": [{"name": "a", "seconds": 1, "tasks": 2}]}, "tasks: must be 0 or more and at most 1"),
        ({"waves": [{"name": "a", "seconds": 1, "tasks": "50%"}]}, "the shares of tasks make 50% together"),
        ({"waves": [{"name": "a", "seconds": 1}] * 101}, "101 entries; at most 100"),
    ],
)
def test_what_is_wrong_is_named(row: Any, said: str) -> None:
    with pytest.raises(BadBacklog, match=said):
        read_shape(row, ("sprint",))
