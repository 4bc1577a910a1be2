"""A result says what became of a task; a batch of them costs nothing until somebody looks."""

from __future__ import annotations

import pytest

from pools.errors import Failure, MailboxFull, TaskFailed
from pools.result import Batch, Failed, Result

FAILURE = Failure("ValueError", "as told")


def test_a_result_has_a_value_and_no_error() -> None:
    result = Result("mine", [1])
    assert (result.id, result.value, result.ok, result.error, result.get()) == ("mine", [1], True, None, [1])
    assert result.as_dict() == {"id": "mine", "ok": True, "value": [1]}
    assert repr(result) == "Result(id='mine', value=[1])"


def test_a_failed_result_has_an_error_and_raises_it() -> None:
    result = Failed(3, FAILURE)
    assert (result.id, result.value, result.ok, result.error) == (3, None, False, FAILURE)
    assert isinstance(result, Result)
    with pytest.raises(TaskFailed, match="ValueError: as told"):
        result.get()
    assert result.as_dict() == {"id": 3, "ok": False, "error": {"type": "ValueError", "message": "as told"}}
    assert repr(result) == f"Failed(id=3, error={FAILURE!r})"


def test_an_error_of_the_engine_comes_back_as_itself_with_its_time_to_try_again() -> None:
    result = Failed(3, Failure("MailboxFull", "full", 0.25))
    with pytest.raises(MailboxFull, match="full") as caught:
        result.get()
    assert caught.value.retry_after_s == 0.25
    assert result.as_dict()["error"]["retry_after_s"] == 0.25


def test_results_are_equal_by_what_they_say() -> None:
    assert Result(1, 2) == Result(1, 2)
    assert Failed(1, FAILURE) == Failed(1, FAILURE)
    assert len({Result(1, 2), Result(1, 2), Failed(1, FAILURE)}) == 2
    others = [Result(1, 3), Result(2, 2), Failed(1, FAILURE), Failed(1, Failure("ValueError", "other")), Result(1, None), 2]
    assert [other for other in others if other == Result(1, 2)] == []
    assert Failed(1, FAILURE) != Result(1, None)


def batch_of(*failed: int) -> Batch:
    """Five results under the names a to e, some of them failed."""
    return Batch("abcde", [None if at in failed else at for at in range(5)], [(at, FAILURE) for at in failed])


@pytest.mark.parametrize("failed", [(), (0,), (4,), (1, 3), (0, 1, 2, 3, 4)])
def test_a_batch_is_a_sequence_of_its_results(failed: tuple[int, ...]) -> None:
    batch = batch_of(*failed)
    wanted = [Failed(name, FAILURE) if at in failed else Result(name, at) for at, name in enumerate("abcde")]
    assert list(batch) == wanted
    assert [batch[at] for at in range(5)] == wanted
    assert [batch[at - 5] for at in range(5)] == wanted
    assert list(reversed(batch)) == wanted[::-1]
    assert (len(batch), len(list(batch))) == (5, 5)
    assert [type(result) for result in batch] == [type(result) for result in wanted]


def test_a_batch_can_be_cut() -> None:
    batch = batch_of(1)
    assert batch[1:3] == [Failed("b", FAILURE), Result("c", 2)]
    assert batch[::-2] == [Result("e", 4), Result("c", 2), Result("a", 0)]
    assert batch[-2:] == [Result("d", 3), Result("e", 4)]
    assert batch[5:] == []


@pytest.mark.parametrize("at", [5, -6, 1_000])
def test_a_place_that_a_batch_does_not_have_is_an_index_error(at: int) -> None:
    with pytest.raises(IndexError):
        batch_of()[at]


def test_results_of_a_batch_are_objects_of_their_own() -> None:
    batch = batch_of()
    assert len({id(result) for result in list(batch)}) == 5
    assert next(iter(batch)) is not batch[0]


def test_a_batch_without_results_is_empty() -> None:
    empty = Batch((), ())
    assert (list(empty), len(empty), bool(empty)) == ([], 0, False)


def test_names_that_do_not_fit_the_values_are_found() -> None:
    with pytest.raises(ValueError, match="zip"):
        list(Batch("ab", [1]))
