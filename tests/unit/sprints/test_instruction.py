"""An instruction is a value: equal ones are the same, and none is changed."""

from __future__ import annotations

import dataclasses
from typing import get_args

import pytest

from sprints import instruction
from sprints.instruction import Dispatch, Instruction


def test_every_instruction_is_one_of_the_sum_and_frozen() -> None:
    assert {kind.__name__ for kind in get_args(Instruction)} | {"Instruction"} == set(instruction.__all__)
    assert Dispatch(["a"], 0) == Dispatch(["a"], 0, is_again=False)
    with pytest.raises(dataclasses.FrozenInstanceError):
        Dispatch(["a"], 0).wave = 1  # type: ignore[misc]
