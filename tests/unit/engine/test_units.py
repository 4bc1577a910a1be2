"""Amounts mean what the table says, come back as they went, and a bad one is told what is accepted."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from engine import units

SIZE_UNITS = sorted(units.SIZE_UNITS)


@pytest.mark.parametrize(
    ("text", "size_bytes"),
    [
        ("512KB", 512_000),
        ("128MB", 128_000_000),
        ("1GB", 1_000_000_000),
        ("2TB", 2_000_000_000_000),
        ("512Ki", 512 * 1024),
        ("512KiB", 512 * 1024),
        ("128Mi", 128 * 1024**2),
        ("128MiB", 128 * 1024**2),
        ("1Gi", 1024**3),
        ("1Ti", 1024**4),
        ("1.5GiB", 3 * 1024**3 // 2),
        ("0.1KB", 100),
        ("128mb", 128_000_000),
        ("128 MB", 128_000_000),
        ("7B", 7),
        ("4096", 4096),
    ],
)
def test_a_size_is_decimal_without_an_i_and_binary_with_one(text: str, size_bytes: int) -> None:
    assert units.parse_size_bytes(text) == size_bytes


@pytest.mark.parametrize(
    "text",
    [
        "",
        "MB",
        "-1MB",
        "+1MB",
        "1e6",
        "1_000MB",
        "1,5MB",
        "128XB",
        "128Mbit",
        "128MB ",
        " 128MB",
        "1 . 5MB",
        "٣MB",
        "∞",
        "nan",
    ],
)
def test_a_bad_size_is_told_which_sizes_are_accepted(text: str) -> None:
    with pytest.raises(ValueError, match="128MB") as caught:
        units.parse_size_bytes(text)
    assert "1Gi" in str(caught.value)
    assert repr(text) in str(caught.value)


@pytest.mark.parametrize("text", ["128m", "128M", "1g", "64k"])
def test_a_size_with_one_letter_is_refused_because_programs_disagree_about_it(text: str) -> None:
    with pytest.raises(ValueError, match="different sizes to different programs"):
        units.parse_size_bytes(text)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("5m", 300.0),
        ("30s", 30.0),
        ("250ms", 0.25),
        ("2h", 7200.0),
        ("1d", 86400.0),
        ("1.5m", 90.0),
        ("300", 300.0),
        ("0.5", 0.5),
        ("0s", 0.0),
    ],
)
def test_a_time_is_read_in_its_unit_and_in_seconds_without_one(text: str, seconds: float) -> None:
    assert units.parse_seconds(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "5 minutes", "5M", "1h30m", "-5s", "s", "5us", "1e3", "inf"])
def test_a_bad_time_is_told_which_times_are_accepted(text: str) -> None:
    with pytest.raises(ValueError, match="250ms, 30s, 5m, 2h or 1d"):
        units.parse_seconds(text)


@pytest.mark.parametrize(
    ("text", "cores", "share"),
    [
        ("25%", 2, 0.25),
        ("12.5%", 64, 0.125),
        ("100%", 1, 1.0),
        ("500m", 2, 0.25),
        ("1000m", 4, 0.25),
        ("1.5", 2, 0.75),
        ("2", 2, 1.0),
        ("0.5", 2, 0.25),
    ],
)
def test_cpu_is_a_share_of_the_machine_or_cores_or_thousandths_of_a_core(text: str, cores: int, share: float) -> None:
    assert units.parse_cpu_share(text, cores) == pytest.approx(share)


@pytest.mark.parametrize("text", ["", "25 percent", "25%%", "half", "-25%", "500M", "0.5c", "1e-1"])
def test_a_bad_cpu_share_is_told_which_shares_are_accepted(text: str) -> None:
    with pytest.raises(ValueError, match=r"25%, cores such as 1\.5, or thousandths of a core such as 500m"):
        units.parse_cpu_share(text, 2)


@pytest.mark.parametrize("text", ["0%", "0", "0m", "0.0%"])
def test_a_share_of_nothing_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no cpu at all"):
        units.parse_cpu_share(text, 2)


@pytest.mark.parametrize("text", ["101%", "2001m", "3"])
def test_a_share_of_more_than_the_machine_is_refused_and_names_its_cores(text: str) -> None:
    with pytest.raises(ValueError, match=r"which has 2 cores \(100%\)"):
        units.parse_cpu_share(text, 2)


def test_a_number_of_cores_that_looks_like_a_percentage_is_asked_about() -> None:
    with pytest.raises(ValueError, match=r"did you mean 25%\?"):
        units.parse_cpu_share("25", 2)


@pytest.mark.parametrize(
    ("text", "share"), [("5%", 0.05), ("0.05", 0.05), ("0", 0.0), ("100%", 1.0), ("1", 1.0), ("12.5%", 0.125)]
)
def test_a_part_is_written_in_percent_or_as_a_fraction(text: str, share: float) -> None:
    assert units.parse_share(text) == pytest.approx(share)


@pytest.mark.parametrize(
    ("text", "said"), [("", "such as 5%"), ("-1", "such as 5%"), ("5m", "such as 5%"), ("101%", "more than all")]
)
def test_what_is_no_part_is_refused(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        units.parse_share(text)


@pytest.mark.parametrize(("text", "count"), [("2500", 2500), ("2_500", 2500), ("0", 0), ("1_000_000", 1_000_000), ("007", 7)])
def test_a_count_is_a_whole_number(text: str, count: int) -> None:
    assert units.parse_count(text) == count


@pytest.mark.parametrize("text", ["", "-1", "+1", "2.5", "2,500", "2k", "0x10", "25_00", "1_", "٣", "9" * 16, "true"])
def test_a_bad_count_is_told_what_a_count_is(text: str) -> None:
    with pytest.raises(ValueError, match="a whole number such as 2500"):
        units.parse_count(text)


@pytest.mark.parametrize(
    ("text", "said"), [("true", True), ("Yes", True), ("on", True), ("FALSE", False), ("no", False), ("off", False)]
)
def test_a_truth_is_true_or_false_in_yamls_words(text: str, said: bool) -> None:
    assert units.parse_truth(text) is said


@pytest.mark.parametrize("text", ["", "1", "0", "y", "maybe", "null"])
def test_a_bad_truth_is_told_both_words(text: str) -> None:
    with pytest.raises(ValueError, match="true or false"):
        units.parse_truth(text)


@given(st.integers(min_value=0, max_value=10**15 - 1))
@example(0)
@example(134_217_728)
def test_a_size_that_is_shown_reads_back_as_itself(size_bytes: int) -> None:
    assert units.parse_size_bytes(units.show_size(size_bytes)) == size_bytes


@given(st.integers(min_value=0, max_value=10**6), st.sampled_from(SIZE_UNITS))
def test_a_whole_number_of_any_unit_is_that_many_of_its_bytes(number: int, unit: str) -> None:
    for written in (unit, unit.upper(), unit.capitalize()):
        assert units.parse_size_bytes(f"{number}{written}") == number * units.SIZE_UNITS[unit]


@given(st.integers(min_value=0, max_value=10**9))
def test_a_time_that_is_shown_reads_back_as_itself(milliseconds: int) -> None:
    seconds = milliseconds / 1000
    assert units.parse_seconds(units.show_seconds(seconds)) == pytest.approx(seconds, rel=1e-12)


@given(st.integers(min_value=1, max_value=10_000), st.integers(min_value=1, max_value=512))
def test_a_share_that_is_shown_reads_back_as_itself_on_any_machine(hundredths: int, cores: int) -> None:
    share = hundredths / 10_000
    assert units.parse_cpu_share(units.show_cpu_share(share), cores) == pytest.approx(share)


@given(st.integers(min_value=1, max_value=512), st.data())
def test_the_three_ways_to_write_a_share_agree(cores: int, data: st.DataObject) -> None:
    millicores = data.draw(st.integers(min_value=1, max_value=cores * 1000))
    from_milli = units.parse_cpu_share(f"{millicores}m", cores)
    from_cores = units.parse_cpu_share(f"{millicores // 1000}.{millicores % 1000:03d}", cores)
    assert from_milli == pytest.approx(from_cores)
    assert 0 < from_milli <= 1


@given(st.integers(min_value=0, max_value=10**15 - 1))
def test_a_count_reads_back_with_and_without_underscores(count: int) -> None:
    assert units.parse_count(str(count)) == count
    assert units.parse_count(f"{count:_}") == count


@given(st.text(max_size=30))
def test_no_text_at_all_breaks_a_parser_in_another_way_than_value_error(text: str) -> None:
    for parse in (units.parse_count, units.parse_size_bytes, units.parse_seconds, units.parse_truth):
        try:
            parse(text)
        except ValueError as refused:
            assert repr(text) in str(refused)
    try:
        assert 0 < units.parse_cpu_share(text, 4) <= 1
    except ValueError as refused:
        assert repr(text) in str(refused)
