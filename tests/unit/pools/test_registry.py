"""A class is found by a text in another process, and a class that cannot be says why and how to mend it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pools.agent import Agent
from pools.counter import Counter
from pools.errors import KindNotLoaded
from pools.registry import kinds_in, load_kind, name_of, reference_of, root_of

GOOD = "from pools.agent import Agent\n\nclass Mine(Agent):\n    def ping(self) -> str:\n        return 'pong'\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder on the import path; what was imported from it is forgotten afterwards."""
    monkeypatch.syspath_prepend(str(tmp_path))
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        del sys.modules[name]


def test_a_class_of_a_module_is_named_and_found() -> None:
    assert reference_of(Counter) == "pools.counter:Counter"
    assert load_kind("pools.counter:Counter").made is Counter


def test_the_folder_of_a_module_is_the_one_that_makes_it_importable(folder: Path) -> None:
    (folder / "pack" / "inner").mkdir(parents=True)
    (folder / "pack" / "__init__.py").write_text(GOOD)
    (folder / "pack" / "inner" / "leaf.py").write_text(GOOD)
    (folder / "single.py").write_text(GOOD)
    for module in ("pack", "pack.inner.leaf", "single"):
        made = load_kind(f"{module}:Mine").made
        assert reference_of(made) == f"{module}:Mine"
        assert root_of(made) == str(folder.resolve())


def test_a_class_inside_a_class_is_found(folder: Path) -> None:
    (folder / "nest.py").write_text(
        "from pools.agent import Agent\nclass Outer:\n    class Inner(Agent):\n        def ping(self): return 1\n"
    )
    kind = load_kind("nest:Outer.Inner")
    assert kind.name == "inner"
    assert reference_of(kind.made) == "nest:Outer.Inner"


def test_a_class_of_a_file_is_found_once_a_process(folder: Path) -> None:
    file = folder / "my kinds.py"
    file.write_text(GOOD)
    first = load_kind(f"{file}:Mine")
    assert first.name == "mine"
    assert load_kind(f"{file}:Mine").made is first.made


def test_two_files_of_one_name_are_two_modules(tmp_path: Path, folder: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "kinds.py").write_text(GOOD)
    assert load_kind(f"{tmp_path}/a/kinds.py:Mine").made is not load_kind(f"{tmp_path}/b/kinds.py:Mine").made


def test_a_class_of_the_script_that_was_started_is_named_by_its_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = folder / "script.py"
    script.write_text(GOOD + "\nassert __name__ != '__main__', 'the main guard was not kept'\n")
    made = type(Agent)("Mine", (Agent,), {"__module__": "__main__", "__qualname__": "Mine", "ping": lambda self: "pong"})
    monkeypatch.setattr(sys.modules["__main__"], "__file__", str(script), raising=False)
    reference = reference_of(made)
    assert reference == f"{script}:Mine"
    loaded = load_kind(reference)
    assert loaded.name == made.kind == "mine"
    assert loaded.made is not made


def test_a_class_inside_a_function_is_refused_with_the_mend() -> None:
    class Local(Agent):
        def ping(self) -> None: ...

    with pytest.raises(KindNotLoaded, match="move the class to the top level of its file"):
        reference_of(Local)


def test_a_class_from_a_prompt_is_refused_with_the_mend(monkeypatch: pytest.MonkeyPatch) -> None:
    made = type(Agent)("Prompted", (Agent,), {"__module__": "__main__", "__qualname__": "Prompted"})
    monkeypatch.delattr(sys.modules["__main__"], "__file__", raising=False)
    with pytest.raises(KindNotLoaded, match="put the class in a file"):
        reference_of(made)


@pytest.mark.parametrize("reference", ["", "counter", ":Counter", "pools.counter:", "pools.counter"])
def test_a_reference_that_names_no_class_says_how_to_write_one(reference: str) -> None:
    with pytest.raises(KindNotLoaded, match=r"module:Class or file\.py:Class"):
        load_kind(reference)


@pytest.mark.parametrize(
    ("reference", "said"),
    [
        ("pools.counter:Missing", "has no such class: Missing"),
        ("pools.counter:Counter.add", "is not an Agent class"),
        ("pools.spec:PoolSpec", "is not an Agent class"),
        ("no_such_module_at_all:Mine", "No module named 'no_such_module_at_all'"),
        ("/no/such/file.py:Mine", "no Python file /no/such/file.py"),
    ],
)
def test_what_is_not_there_is_named(reference: str, said: str) -> None:
    with pytest.raises(KindNotLoaded) as refused:
        load_kind(reference)
    assert said in str(refused.value)
    assert str(refused.value).startswith(reference)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("def helper():\n    return 1 / 0\n\nhelper()\n", "ZeroDivisionError: division by zero"),
        ("import a_library_that_is_not_there\n", "No module named 'a_library_that_is_not_there'"),
        ("raise SystemExit(3)\n", "SystemExit: 3"),
        ("def broken(:\n", "SyntaxError"),
    ],
)
@pytest.mark.parametrize("by_file", [True, False])
def test_an_import_that_fails_shows_the_traceback_of_the_users_own_code(
    folder: Path, source: str, said: str, by_file: bool
) -> None:
    file = folder / "broken_kinds.py"
    file.write_text(source)
    with pytest.raises(KindNotLoaded) as refused:
        load_kind(f"{file}:Mine" if by_file else "broken_kinds:Mine")
    assert said in str(refused.value)
    assert "broken_kinds.py" in refused.value.trace
    assert said in refused.value.trace
    assert "registry.py" not in refused.value.trace
    assert "importlib" not in refused.value.trace


def test_a_file_that_failed_can_be_mended_and_loaded_again(folder: Path) -> None:
    file = folder / "mended.py"
    file.write_text("1 / 0\n")
    with pytest.raises(KindNotLoaded):
        load_kind(f"{file}:Mine")
    file.write_text(GOOD)
    assert load_kind(f"{file}:Mine").name == "mine"


def test_a_class_that_cannot_be_a_kind_is_refused_with_its_reference(folder: Path) -> None:
    (folder / "wrong.py").write_text(
        "from pools.agent import Agent\nclass Wrong(Agent):\n    seen: set[int]\n    def ping(self): ...\n"
    )
    with pytest.raises(KindNotLoaded, match=r"wrong:Wrong: Wrong\.seen"):
        load_kind("wrong:Wrong")


def test_a_kind_is_named_by_its_class_or_by_text() -> None:
    assert (name_of(Counter), name_of("counter")) == ("counter", "counter")
    assert kinds_in(iter([Counter, "a:B"])) == [Counter, "a:B"]


@pytest.mark.parametrize("thing", [Path, int, 3, None, Counter.__new__])
def test_what_is_no_agent_class_is_refused_by_its_name(thing: object) -> None:
    with pytest.raises(KindNotLoaded, match="no agent class"):
        name_of(thing)  # type: ignore[arg-type]
    with pytest.raises(KindNotLoaded, match="no agent class"):
        kinds_in([Counter, thing])  # type: ignore[list-item]


@pytest.mark.parametrize("kinds", [Counter, "a:B", Path])
def test_kinds_are_a_list(kinds: object) -> None:
    with pytest.raises(KindNotLoaded, match="kinds is a list"):
        kinds_in(kinds)  # type: ignore[arg-type]
