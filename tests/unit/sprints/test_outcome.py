"""An outcome says what came back, and no more than that."""

from __future__ import annotations

import dataclasses

import pytest

from sprints.outcome import Outcome


def test_what_is_not_said_is_not_known() -> None:
    outcome = Outcome("a", ok=True, value=5)
    assert (outcome.agent, outcome.ran_s, outcome.waited_s, outcome.error, dict(outcome.effects)) == (
        None,
        None,
        None,
        None,
        {},
    )


def test_what_came_back_stays_as_it_came() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        Outcome("a", ok=True).ok = False  # type: ignore[misc]
