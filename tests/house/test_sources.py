"""What every source file keeps to: a docstring, a true `__all__`, no forbidden tool, no file without end."""

from __future__ import annotations

import ast
import importlib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FLOORS = ("engine", "sprints", "pools", "checkpoints")
SOURCES = sorted(file for floor in (*FLOORS, "bench", "examples") for file in (ROOT / floor).rglob("*.py"))
MODULES = [file for file in SOURCES if file.relative_to(ROOT).parts[0] in FLOORS]
#: Lines of one file: past it, it is more than one noun.
LINES = 400

FORBIDDEN_MODULES = {"pickle", "cPickle", "dill", "cloudpickle", "marshal", "shelve", "multiprocessing", "imp"}
FORBIDDEN_CALLS = {"eval", "exec", "compile", "__import__"}
FORBIDDEN_ATTRIBUTES = {
    ("os", "system"),
    ("os", "popen"),
    ("subprocess", "getoutput"),
    ("subprocess", "getstatusoutput"),
    ("asyncio", "create_subprocess_shell"),
}


def name_of(file: Path) -> str:
    parts = file.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def faults(tree: ast.AST) -> Iterator[str]:
    """What stands in a file that may not."""
    for node in ast.walk(tree):
        match node:
            case ast.Import():
                yield from (
                    f"line {node.lineno}: import {alias.name}"
                    for alias in node.names
                    if alias.name.partition(".")[0] in FORBIDDEN_MODULES
                )
            case ast.ImportFrom(module=str(module)) if module.partition(".")[0] in FORBIDDEN_MODULES:
                yield f"line {node.lineno}: from {module} import"
            case ast.Call(func=ast.Name(id=called)) if called in FORBIDDEN_CALLS:
                yield f"line {node.lineno}: {called}()"
            case ast.Attribute(value=ast.Name(id=owner), attr=attribute) if (owner, attribute) in FORBIDDEN_ATTRIBUTES:
                yield f"line {node.lineno}: {owner}.{attribute}"
            case ast.keyword(arg="shell", value=ast.Constant(value=True)):
                yield f"line {node.value.lineno}: shell=True"
            case ast.ExceptHandler(type=None):
                yield f"line {node.lineno}: except without a type"


@pytest.mark.parametrize("file", SOURCES, ids=name_of)
def test_a_file_says_what_it_owns(file: Path) -> None:
    docstring = ast.get_docstring(ast.parse(file.read_text()))
    assert docstring
    assert docstring.rstrip().endswith((".", ":", "`", "?"))


@pytest.mark.parametrize("file", SOURCES, ids=name_of)
def test_a_file_is_one_noun(file: Path) -> None:
    assert len(file.read_text().splitlines()) <= LINES


@pytest.mark.parametrize("file", SOURCES, ids=name_of)
def test_a_file_runs_nothing_that_came_as_text_or_bytes(file: Path) -> None:
    assert list(faults(ast.parse(file.read_text()))) == []


@pytest.mark.parametrize(
    "source",
    [
        "import pickle",
        "from pickle import loads",
        "import multiprocessing.shared_memory",
        "eval('1')",
        "x = exec(y)",
        "import subprocess\nsubprocess.run('ls', shell=True)",
        "import os\nos.system('ls')",
        "try:\n    pass\nexcept:\n    pass",
    ],
)
def test_a_forbidden_tool_would_be_found(source: str) -> None:
    assert list(faults(ast.parse(source)))


def public_names(tree: ast.Module) -> set[str]:
    """The classes and functions that a module defines without an underscore."""
    return {
        node.name
        for node in tree.body
        if isinstance(node, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)) and not node.name.startswith("_")
    }


@pytest.mark.parametrize("file", [file for file in MODULES if file.name not in ("__init__.py", "__main__.py")], ids=name_of)
def test_all_names_what_a_module_gives(file: Path) -> None:
    module = importlib.import_module(name_of(file))
    names = list(module.__all__)
    assert len(set(names)) == len(names)
    assert [name for name in names if not hasattr(module, name)] == []


def imported_names() -> Iterator[tuple[str, str, str]]:
    """Every name that one module of the house takes from another: importer, module, name."""
    for file in SOURCES:
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.ImportFrom) and node.module and node.module.partition(".")[0] in FLOORS:
                yield from ((name_of(file), node.module, alias.name) for alias in node.names)


def test_what_one_module_takes_from_another_is_named_there() -> None:
    untold = set()
    for importer, source, name in imported_names():
        module = importlib.import_module(source)
        is_submodule = (ROOT / source.replace(".", "/") / f"{name}.py").is_file() or (
            ROOT / source.replace(".", "/") / name
        ).is_dir()
        if not is_submodule and name not in getattr(module, "__all__", ()):
            untold.add(f"{importer} takes {name} from {source}")
    assert sorted(untold) == []


def test_nobody_takes_a_private_name_from_another_module() -> None:
    assert (
        sorted(
            f"{importer} takes {name} from {source}"
            for importer, source, name in imported_names()
            if name.startswith("_") and not name.startswith("__")
        )
        == []
    )


@pytest.mark.parametrize(
    "file", sorted((ROOT / "tests" / "unit").rglob("test_*.py")), ids=lambda file: str(file.relative_to(ROOT))
)
def test_a_unit_test_stands_beside_its_source(file: Path) -> None:
    """Its name may carry the folder's, where two folders have a file of the same name. A page is a source too."""
    folder = ROOT / file.relative_to(ROOT / "tests" / "unit").parent
    noun = file.name.removeprefix("test_")
    page = f"{file.stem.removeprefix('test_').upper()}.md"
    assert any((folder / name).is_file() for name in (noun, noun.removeprefix(f"{folder.name}_"), page))
