"""A public method takes what its signature says, and the parameter that does not fit is named."""

from __future__ import annotations

import typing
from typing import Any, Literal

import pytest

from pools.errors import BadArgument, BadMethod
from pools.method import Method, read_method


def plain(self: Any, x: int, y: str = "a") -> int:
    return x


def nothing(self: Any) -> None:
    pass


def typed(
    self: Any,
    i: int,
    f: float,
    b: bool,
    s: str,
    items: list[int],
    by: dict[str, int],
    one: Literal["a", "b"],
    any_: Any,
    opt: int | None = None,
) -> None:
    pass


def with_context(self: Any, x: int, ctx: Any, y: int = 1) -> None:
    pass


async def waits(self: Any, x: int) -> None:
    pass


def untyped(self: Any, x) -> None:  # type: ignore[no-untyped-def]
    pass


def read(function: Any) -> Method:
    return read_method("Mine", function.__name__, function, typing.get_type_hints(function))


@pytest.mark.parametrize(
    ("sent", "bound"),
    [(5, [5, "a"]), ([5], [5, "a"]), ([5, "b"], [5, "b"]), ({"x": 5}, [5, "a"]), ({"y": "b", "x": 5}, [5, "b"])],
)
def test_arguments_come_by_position_or_by_name(sent: Any, bound: list[Any]) -> None:
    assert read(plain).bind(sent) == bound


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        (None, "x is missing"),
        ([], "x is missing"),
        ("a", "x must be int, got str 'a'"),
        (True, "x must be int, got bool True"),
        (1.5, "x must be int, got float"),
        ([None], "x must be int, got null"),
        ([1, 2], "y must be str, got int 2"),
        ([1, "a", 3], "got 3 arguments"),
        ({"x": 1, "z": 2}, "no parameter 'z'"),
        ({"y": "a"}, "x is missing"),
        ({"self": 1, "x": 1}, "no parameter 'self'"),
        ([{"x": 1}], "x must be int, got dict"),
    ],
)
def test_what_does_not_fit_is_named_with_its_parameter(sent: Any, said: str) -> None:
    with pytest.raises(BadArgument) as refused:
        read(plain).bind(sent)
    assert said in str(refused.value)
    assert str(refused.value).startswith("plain")


GOOD = {"i": 1, "f": 1.5, "b": True, "s": "x", "items": [1], "by": {"a": 1}, "one": "a", "any_": [None]}


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("i", "1"),
        ("f", "1"),
        ("b", 1),
        ("s", 1),
        ("items", ["1"]),
        ("items", {}),
        ("by", {"a": "1"}),
        ("by", []),
        ("one", "c"),
        ("opt", "x"),
    ],
)
def test_each_type_is_checked_at_the_edge(name: str, wrong: Any) -> None:
    method = read(typed)
    assert method.bind(GOOD)[:2] == [1, 1.5]
    with pytest.raises(BadArgument, match=f"typed: {name} must be"):
        method.bind(GOOD | {name: wrong})


def test_a_long_argument_is_cut_in_the_message() -> None:
    with pytest.raises(BadArgument) as refused:
        read(plain).bind("x" * 10_000)
    assert len(str(refused.value)) < 200


def test_the_engine_fills_the_parameter_named_ctx() -> None:
    method = read(with_context)
    assert method.wants_context
    assert [parameter.name for parameter in method.parameters] == ["x", "y"]
    assert method.bind(3) == [3, 1]
    with pytest.raises(BadArgument, match="no parameter 'ctx'"):
        method.bind({"x": 1, "ctx": 2})


def test_a_parameter_without_a_type_takes_any_json_value() -> None:
    assert read(untyped).bind([{"a": [1]}]) == [{"a": [1]}]


def test_an_async_method_is_known_as_one() -> None:
    assert read(waits).is_async
    assert not read(plain).is_async


def star(self: Any, *items: int) -> None: ...


def stars(self: Any, **items: int) -> None: ...


def only_position(self: Any, x: int, /) -> None: ...


def set_typed(self: Any, x: set[int]) -> None: ...


def bytes_typed(self: Any, x: bytes) -> None: ...


@pytest.mark.parametrize(
    ("function", "said"), [(star, "items"), (stars, "items"), (only_position, "x"), (set_typed, "set"), (bytes_typed, "bytes")]
)
def test_a_signature_that_cannot_be_a_task_is_refused_by_name(function: Any, said: str) -> None:
    with pytest.raises(BadMethod, match=said) as refused:
        read(function)
    assert str(refused.value).startswith(f"Mine.{function.__name__}")


def named_only(self: Any, *, x: int) -> int:
    return x


def test_a_parameter_that_must_be_named_is_passed_by_name_or_refused() -> None:
    try:
        method = read(named_only)
    except BadMethod:
        return
    assert method.function(None, *method.bind({"x": 3})) == 3


@pytest.mark.parametrize(
    ("function", "only", "is_bare"),
    [
        (plain, int, False),
        (nothing, None, True),
        (waits, None, False),
        (with_context, None, False),
        (untyped, None, False),
        (typed, None, False),
    ],
)
def test_the_short_way_is_open_only_where_it_is_the_same(function: Any, only: Any, is_bare: bool) -> None:
    method = read(function)
    method.open_short_way()
    assert method.is_bare is is_bare
    assert (method.only is only) if only else not isinstance(None, method.only)
    if only is None:
        assert method.only not in (int, str, float, bool, list, dict, type(None))


def test_without_being_opened_the_short_way_is_closed() -> None:
    method = read(plain)
    assert method.only is not int
    assert not method.is_bare


def test_the_signature_is_told_with_types_and_defaults() -> None:
    assert read(plain).signature() == "plain(x: int, y: str = 'a')"
    assert read(nothing).signature() == "nothing()"


def keeps(self: Any, items: list[int] = []) -> None:  # what a careless user writes
    pass


def test_a_mutable_default_argument_is_not_shared_between_tasks() -> None:
    method = read(keeps)
    method.bind(None)[0].append(1)
    assert method.bind(None) == [[]]
