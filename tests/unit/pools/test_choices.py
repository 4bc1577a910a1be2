"""Who was chosen is known again, to this process and the next, as long as somebody may ask; else that it is not known."""

from __future__ import annotations

import os
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pools import choices as module
from pools.choices import Choices
from pools.errors import TooOld


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "_choices")


def killed(_choices: Choices, path: str, now: int = 10_000) -> Choices:
    """The next process's, of one that had no time to say anything."""
    return Choices(path, now)


def test_who_was_chosen_is_known_by_place_to_the_next_process_too(path: str) -> None:
    choices = Choices(path, 5)
    assert choices.keep("a", 10, [0, 1, 2], [7, "x", 9])
    assert choices.keep("a", 12, [3, 5], [1, 2])
    assert choices.keep("b", 10, [0], [4])
    for each in (choices, killed(choices, path)):
        assert list(each.of("a", 10)) == [7, "x", 9]
        assert list(each.of("a", 12)) == [None, None, None, 1, None, 2]
        assert list(each.of("b", 10)) == [4]
        assert list(each.of("b", 11)) == list(each.of("c", 10)) == []
        each.check("a", 10)
        each.check("a", 11)


def test_a_section_may_be_chosen_for_in_parts(path: str) -> None:
    choices = Choices(path, 5)
    choices.keep("a", 10, [1, 3], [11, 13])
    choices.keep("a", 10, [0, 2, 4], [10, 12, 14])
    for each in (choices, killed(choices, path)):
        assert list(each.of("a", 10)) == [10, 11, 12, 13, 14]


def test_what_was_sent_before_anything_was_remembered_is_not_run_again(path: str) -> None:
    choices = Choices(path, 5)
    with pytest.raises(TooOld, match="section 4"):
        choices.check("a", 4)
    choices.check("a", 5)
    choices = killed(choices, path, 10_000)
    choices.check("a", 5)
    Path(path).unlink()
    with pytest.raises(TooOld):
        Choices(path, 10_000).check("a", 9_999)


def test_what_is_answered_is_forgotten(path: str) -> None:
    choices = Choices(path, 5)
    for number in range(10, 20):
        choices.keep("a", number, [0], [number])
        choices.forget("a", number - 2)
    for each in (choices, killed(choices, path)):
        assert [list(each.of("a", number)) for number in range(10, 17)] == [[]] * 7 or each is not choices
        assert list(each.of("a", 19)) == [19]
        assert each._count <= 4
        each.check("a", 10)  # it has its answer: nobody asks


def test_of_too_many_those_of_who_was_quiet_longest_go_and_are_not_guessed(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CHOICES", 10)
    choices = Choices(path, 5)
    choices.keep("quiet", 10, [0, 1], [1, 2])
    choices.keep("loud", 11, range(6), [*range(6)])
    choices.keep("loud", 12, range(6), [*range(6)])
    for each in (choices, killed(choices, path)):
        assert list(each.of("loud", 12)) == list(range(6))
        if each is choices:
            with pytest.raises(TooOld):
                each.check("quiet", 10)
        each.check("loud", 12)
    monkeypatch.setattr(module, "SESSIONS", 3)
    for number in range(20, 26):
        choices.keep(str(number), number, [0], [0])
    assert len(choices._sessions) == 3
    with pytest.raises(TooOld):
        choices.check("20", 20)
    choices.check("26", 26)


def test_the_file_stays_small_and_keeps_what_counts(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FILE_BYTES", 2_000)
    choices = Choices(path, 5)
    choices.keep("old", 6, [0], ["kept"])
    for number in range(10, 2_000):
        choices.keep("a", number, range(20), [*range(20)])
        choices.forget("a", number)
        assert Path(path).stat().st_size < 3_000
    choices = killed(choices, path)
    assert list(choices.of("old", 6)) == ["kept"]
    assert list(choices.of("a", 1_999)) == list(range(20))
    choices.check("new", 7)
    assert not Path(f"{path}.new").exists()
    assert Path(path).stat().st_mode & 0o777 == 0o600


@given(st.integers(0, 200))
def test_a_record_that_was_cut_off_is_passed_over_and_those_before_it_are_known(cut: int) -> None:
    with TemporaryDirectory() as folder:
        path = f"{folder}/_choices"
        choices = Choices(path, 5)
        sizes = []
        for number in range(10, 14):
            sizes.append(Path(path).stat().st_size)
            choices.keep("a", number, range(8), [*range(8)])
        choices.close()
        data = Path(path).read_bytes()
        Path(path).write_bytes(data[: max(len(data) - cut, 0)])
        after = Choices(path, 10_000)
        for number, start in zip(range(10, 14), [*sizes[1:], len(data)], strict=True):
            is_whole = start <= len(data) - cut
            assert list(after.of("a", number)) == (list(range(8)) if is_whole else [])
        after.close()


def test_no_bit_changes_unseen_what_it_hides_is_not_run_again(path: str) -> None:
    choices = Choices(path, 5)
    for number in range(10, 14):
        choices.keep("a", number, range(3), [number, "x", 7])
    choices.close()
    data = Path(path).read_bytes()
    for bit in range(len(data) * 8):
        changed = bytearray(data)
        changed[bit // 8] ^= 1 << bit % 8
        Path(path).write_bytes(changed)
        after = Choices(path, 10_000)
        for number in range(10, 14):
            if list(after.of("a", number)) != [number, "x", 7]:
                assert not after.of("a", number)
                with pytest.raises(TooOld):
                    after.check("a", number)
        after.check("a", 10_000)
        after.close()


@pytest.mark.parametrize("zeros", [1, 8, 4_096])
@pytest.mark.parametrize("kept", [0, 1])
def test_zeros_that_a_power_cut_left_are_no_choices(path: str, kept: int, zeros: int) -> None:
    choices = Choices(path, 5)
    choices.keep("a", 10, [0], [1])
    choices.close()
    data = Path(path).read_bytes() if kept else b""
    Path(path).write_bytes(data + bytes(zeros))
    after = Choices(path, 10_000)
    assert list(after.of("a", 10)) == [1] * kept
    if zeros >= 8:
        with pytest.raises(TooOld):
            after.check("a", 11)
    after.close()


def test_a_full_disk_says_so_and_spoils_nothing(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    choices = Choices(path, 5)
    choices.keep("a", 10, [0], [1])
    real = os.write

    def half(file: int, data: bytes) -> int:
        return real(file, data[: len(data) // 2])

    monkeypatch.setattr(os, "write", half)
    assert not choices.keep("a", 11, [0], [2])
    monkeypatch.setattr(os, "write", _full)
    assert not choices.keep("a", 12, [0], [3])
    assert not choices.keep("a", 13, [0], [3])
    assert not choices.of("a", 12)
    monkeypatch.setattr(os, "write", real)
    assert choices.keep("a", 14, [0], [4])
    for each in (choices, killed(choices, path)):
        assert [list(each.of("a", number)) for number in range(10, 15)] == [[1], [], [], [], [4]]


def test_on_a_disk_that_is_full_at_the_start_what_was_chosen_before_is_known(
    path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    choices = Choices(path, 5)
    choices.keep("a", 10, [0], [1])
    choices.close()
    real: Any = os.write
    monkeypatch.setattr(os, "write", _full)
    choices = Choices(path, 10_000)
    assert list(choices.of("a", 10)) == [1]
    assert not choices.keep("a", 11, [0], [2])
    monkeypatch.setattr(os, "write", real)
    assert choices.keep("a", 12, [0], [3])
    assert list(killed(choices, path).of("a", 12)) == [3]


def _full(_file: int, _data: bytes) -> int:
    raise OSError(28, "No space left on device")
