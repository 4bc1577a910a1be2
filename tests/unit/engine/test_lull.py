"""The collector looks at nothing within a lull, and as it did before behind it, however it ends."""

from __future__ import annotations

import gc

import pytest

from engine.lull import lull


def test_the_collector_is_off_within_and_on_again_after_an_error_too() -> None:
    assert gc.isenabled()
    with pytest.raises(ValueError, match="told"), lull():
        assert not gc.isenabled()
        raise ValueError("as told")
    assert gc.isenabled()


def test_one_within_another_and_one_whose_collector_was_off_already_leave_it_as_it_was() -> None:
    with lull():
        with lull():
            assert not gc.isenabled()
        assert not gc.isenabled()
    gc.disable()
    try:
        with lull():
            assert not gc.isenabled()
        assert not gc.isenabled()
    finally:
        gc.enable()
