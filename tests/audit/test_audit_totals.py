"""Sums come out the same, whoever adds up first."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from examples.audit.inspection import Finding, Inspection
from examples.audit.totals import TOP, Totals

_FINDINGS = st.lists(st.builds(Finding, st.integers(1, 99), st.integers(1, 9), st.sampled_from(["E711", "B006"]), st.just("")))
_FUNCTIONS = st.lists(st.tuples(st.integers(1, 40), st.integers(1, 99), st.sampled_from("fgh")), max_size=8)
_MODULES = st.builds(
    Inspection, st.integers(0, 99), st.integers(0, 99), st.integers(0, 9), functions=_FUNCTIONS, findings=_FINDINGS
)
_TOTALS = st.one_of(
    st.builds(Totals.of_module, _MODULES, st.text("ab/", min_size=1, max_size=5)),
    st.builds(Totals.of_broken, st.sampled_from(["unreadable", "too-large"])),
)


def _sum(parts: list[Totals]) -> Totals:
    total = Totals()
    for part in parts:
        total.add(part)
    return total


@given(st.lists(_TOTALS, max_size=30), st.randoms(use_true_random=False), st.integers(0, 30))
def test_a_sum_over_packages_is_the_sum_over_modules_in_any_order(parts: list[Totals], random: object, cut: int) -> None:
    whole = _sum(parts)
    shuffled = parts[:]
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert _sum([_sum(shuffled[:cut]), _sum(shuffled[cut:])]) == whole
    assert whole.modules == len(parts)


@given(_TOTALS)
def test_a_sum_survives_the_way_through_a_message(total: Totals) -> None:
    assert Totals.of_dict(json.loads(json.dumps(total.as_dict()))) == total


def test_only_the_most_are_kept() -> None:
    parts = [Totals.of_module(Inspection(functions=[(n, n, "f")]), f"m{n}") for n in range(100)]
    kept = _sum(parts).complex_functions
    assert len(kept) == TOP
    assert [row[0] for row in kept] == list(range(99, 99 - TOP, -1))


def test_means_of_nothing_are_nothing() -> None:
    assert (Totals().mean_complexity, Totals().density, Totals().findings, Totals().audited) == (0.0, 0.0, 0, 0)
