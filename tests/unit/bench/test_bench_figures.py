"""Figures: medians over rounds, ratios within each round."""

from __future__ import annotations

import pytest

from bench.figures import Metric, Reading, figures_of, percentile, rounded

RATE = Metric("map", "tasks/s", "a rate")


def test_a_figure_is_the_median_of_its_rounds_with_the_lowest_and_the_highest() -> None:
    (figure,) = figures_of("throughput", [RATE], [{"map": Reading(value, 10.0, 7)} for value in (3.0, 1.0, 2.0)])
    assert (figure.value, figure.low, figure.high, figure.runs, figure.n) == (2.0, 1.0, 3.0, 3, 7)


def test_a_ratio_is_taken_within_each_round_before_the_median() -> None:
    rounds = [{"map": Reading(1.0, 10.0, 1)}, {"map": Reading(4.0, 8.0, 1)}, {"map": Reading(9.0, 10.0, 1)}]
    (figure,) = figures_of("throughput", [RATE], rounds)
    assert figure.ratio == 0.5
    assert figure.raw == 10.0


@pytest.mark.parametrize("raw", [None, 0.0])
def test_without_something_to_compare_with_there_is_no_ratio(raw: float | None) -> None:
    (figure,) = figures_of("idle", [RATE], [{"map": Reading(1.0, raw, 1)}])
    assert figure.ratio is None
    assert figure.raw == raw


def test_figures_come_in_the_order_of_the_metrics_and_not_of_the_readings() -> None:
    metrics = [RATE, Metric("ask", "tasks/s", "")]
    figures = figures_of("throughput", metrics, [{"ask": Reading(1.0, None, 1), "map": Reading(2.0, None, 1)}])
    assert [figure.metric.name for figure in figures] == ["map", "ask"]


def test_a_workload_without_rounds_has_no_figures() -> None:
    with pytest.raises(ValueError, match="latency measured no round"):
        figures_of("latency", [RATE], [])


def test_a_line_has_the_agreed_keys_in_their_order() -> None:
    (figure,) = figures_of("throughput", [RATE], [{"map": Reading(1234567.8, 4000000.0, 100)}])
    line = figure.line("abc")
    assert list(line) == ["workload", "metric", "value", "unit", "raw", "ratio", "n", "runs", "commit"]
    assert line["value"] == 1_234_600
    assert line["commit"] == "abc"


def test_the_second_yardstick_is_a_further_field_where_it_ran() -> None:
    (figure,) = figures_of("throughput", [RATE], [{"map": Reading(1.0, 4.0, 1, rows)} for rows in (1.0, 2.0, 6.0)])
    assert figure.line("abc")["rows"] == 2
    assert figure.ratio == 0.25


@pytest.mark.parametrize(
    ("share", "wanted"), [(0.5, 50), (0.99, 99), (1.0, 100), (0.001, 1)], ids=["median", "p99", "highest", "lowest"]
)
def test_a_percentile_is_a_sample_that_so_many_do_not_exceed(share: float, wanted: int) -> None:
    assert percentile(list(range(100, 0, -1)), share) == wanted


def test_a_percentile_of_one_sample_is_that_sample() -> None:
    assert percentile([7], 0.99) == 7


@pytest.mark.parametrize(("value", "short"), [(123456.7, 123460), (0.0123456, 0.012346), (0.0, 0.0), (2.0, 2)])
def test_numbers_keep_five_digits(value: float, short: float) -> None:
    assert rounded(value) == short
