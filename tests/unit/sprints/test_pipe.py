"""A pipe sends data from step to step; a step is not longer than it may be."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from sprints.errors import StepTooLong, UnknownFlow
from sprints.listeners import Listeners, Stepped
from sprints.pipe import LINES, Pipes


def double(number: Any) -> Any:
    return number * 2


async def increase(number: Any) -> Any:
    await asyncio.sleep(0)
    return number + 1


def function_of(lines: int, folder: Path) -> Any:
    """A real function of so many source lines."""
    import importlib.util

    file = folder / f"long{lines}.py"
    file.write_text("\n".join(["def long_one(x):", *("    x += 1" for _ in range(lines - 2)), "    return x"]) + "\n")
    spec = importlib.util.spec_from_file_location(f"long{lines}", file)
    assert spec is not None
    assert spec.loader is not None
    module: ModuleType = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.long_one


async def test_what_one_step_returns_is_what_the_next_one_gets() -> None:
    pipes = Pipes()
    pipes.create("sums", [double, increase, ("twice more", double)])
    assert await pipes.run("sums", 5) == 22


async def test_subscribers_hear_every_step_and_an_error_with_it() -> None:
    pipes, heard = Pipes(), []
    pipes.create("sums", [double, increase])
    pipes.subscribe("sums:*", heard.append)
    await pipes.run("sums", 1)
    with pytest.raises(TypeError):
        await pipes.run("sums", None)
    assert [event.name for event in heard] == ["sums:double", "sums:increase", "sums:double"]
    assert [bool(event.error) for event in heard] == [False, False, True]


async def test_where_nobody_listens_nothing_is_told() -> None:
    class Deaf(Listeners):
        def tell(self, event: Stepped) -> None:
            raise AssertionError(event)

    pipes = Pipes(Deaf())
    pipes.create("sums", [double])
    assert await pipes.run("sums", 1) == 2


def test_a_step_over_the_limit_is_refused_by_name(tmp_path: Path) -> None:
    pipes = Pipes()
    pipes.create("fits", [function_of(LINES, tmp_path)])
    with pytest.raises(StepTooLong, match="step long_one of flow long has 251 source lines") as refused:
        pipes.create("long", [double, function_of(LINES + 1, tmp_path)])
    assert (refused.value.step, refused.value.lines) == ("long_one", LINES + 1)


def test_a_callable_object_is_measured_by_its_class() -> None:
    class Adder:
        def __call__(self, number: Any) -> Any:
            return number + 1

    with pytest.raises(StepTooLong, match="Adder"):
        Pipes().create("objects", [Adder()], lines=2)
    Pipes().create("objects", [Adder(), len], lines=3)


async def test_a_flow_that_nobody_created_is_unknown() -> None:
    pipes = Pipes()
    pipes.create("sums", [double])
    with pytest.raises(UnknownFlow, match="'sum'; created: sums"):
        await pipes.run("sum")


@pytest.mark.parametrize(("name", "steps"), [("a", []), ("a:b", [double]), ("a", [("x:y", double)]), ("a", [double, double])])
def test_what_is_no_flow_is_refused(name: str, steps: Any) -> None:
    with pytest.raises(ValueError, match="flow"):
        Pipes().create(name, steps)
