"""The stand-in of a kind has its name and nothing of its state."""

from __future__ import annotations

import pytest

from pools import absent
from pools.absent import reference_to
from pools.errors import KindNotLoaded
from pools.registry import load_kind


@pytest.mark.parametrize("name", ["scout", "b_c2"])
def test_a_stand_in_is_loaded_by_the_name_of_its_kind_and_is_the_same_each_time(name: str) -> None:
    kind = load_kind(reference_to(name))
    assert (kind.name, kind.fields, sorted(kind.methods)) == (name, (), ["is_absent"])
    assert load_kind(reference_to(name)).made is kind.made


def test_what_is_no_kind_has_no_stand_in() -> None:
    assert not hasattr(absent, "__path__")
    with pytest.raises(KindNotLoaded):
        load_kind(reference_to("_own"))
