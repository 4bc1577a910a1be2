"""Which files an audit reads, and how their agents are called."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from urllib.parse import unquote, unquote_to_bytes

import pytest
from hypothesis import given as anything
from hypothesis import strategies as st

from examples.audit import roots, tree
from examples.audit.names import Names, dotted
from examples.audit.roots import Root
from pools.address import key_of

Grow = Callable[[dict[str, str]], Path]


def _read(folder: Path) -> tree.Tree:
    return tree.read_tree(roots.given([folder]))


@anything(st.lists(st.text(max_size=60), min_size=1, max_size=6))
def test_any_path_makes_a_key_that_the_engine_takes_as_a_name(parts: list[str]) -> None:
    names = Names()
    keys = [names.unique(dotted(parts)) for _ in range(3)]
    assert len(set(keys)) == 3
    assert all(isinstance(key_of(key), str) for key in keys)


def test_long_names_that_begin_alike_stay_apart() -> None:
    assert dotted(["a" * 200, "b"]) != dotted(["a" * 200, "c"])


def test_modules_are_called_as_python_calls_them(shop: Path) -> None:
    assert sorted(module.key for module in _read(shop).modules) == [
        "old", "shop", "shop.cart", "shop.pay", "shop.pay.card", "shop.pay.cash", "text", "tool",
    ]  # fmt: skip


def test_two_files_of_one_name_get_a_key_each(grow: Grow) -> None:
    found = _read(grow({"a.py": "", "a/__init__.py": "", "7.py": "", "a b.py": "", "a_b.py": ""}))
    assert sorted(module.key for module in found.modules) == ["_7", "a", "a+2", "a_b", "a_b+2"]


def test_a_module_belongs_to_the_package_of_its_folder(shop: Path) -> None:
    found = _read(shop)
    assert {m.place: m.package for m in found.modules}["shop/pay/__init__.py"] == "shop.pay"
    assert {(p.key, p.group, p.modules) for p in found.packages} == {
        ("src:top", "src:top", 3), ("shop", "shop", 2), ("shop.pay", "shop", 3),
    }  # fmt: skip


def test_hidden_folders_caches_and_environments_are_left_out(grow: Grow) -> None:
    files = {
        ".git/a.py": "",
        "__pycache__/b.py": "",
        "env/pyvenv.cfg": "",
        "env/c.py": "",
        "d.py": "",
        "e.pyi": "",
        "f.txt": "",
    }
    assert [module.place for module in _read(grow(files)).modules] == ["d.py"]


def test_a_root_in_an_environment_is_read(grow: Grow) -> None:
    assert len(_read(grow({"pyvenv.cfg": "", "a.py": ""})).modules) == 1


def test_a_file_reached_twice_is_read_once(shop: Path) -> None:
    (shop / "link.py").symlink_to(shop / "tool.py")
    (shop / "round").symlink_to(shop)
    found = tree.read_tree(roots.given([shop, shop / "shop", shop / "shop" / "cart.py"]))
    assert len(found.modules) == 8


def test_what_only_looks_like_a_module_is_left_out(shop: Path) -> None:
    (shop / "broken.py").symlink_to(shop / "nowhere.py")
    (shop / "folder.py").mkdir()
    os.mkfifo(shop / "pipe.py")
    assert len(_read(shop).modules) == 8


def test_a_name_that_is_no_text_can_be_audited(shop: Path) -> None:
    Path(os.fsdecode(os.fsencode(shop) + b"/caf\xe9.py")).write_bytes(b"a = 1\n")
    odd = next(module for module in _read(shop).modules if module.place.startswith("caf"))
    assert odd.place == "caf?.py"
    assert unquote_to_bytes(odd.path) == os.fsencode(shop) + b"/caf\xe9.py"


def test_the_order_is_that_of_roots_and_places(shop: Path) -> None:
    first, second = _read(shop), _read(shop)
    assert first == second
    assert [m.place for m in first.modules][:4] == ["old.py", "text.py", "tool.py", "shop/__init__.py"]


def test_two_roots_of_one_name_are_told_apart(grow: Grow) -> None:
    folder = grow({"a/lib/x.py": "", "b/lib/x.py": ""})
    found = tree.read_tree(roots.given([folder / "a" / "lib", folder / "b" / "lib"]))
    assert [(module.key, module.label) for module in found.modules] == [("x", "lib"), ("x+2", "lib+2")]


def test_a_tree_grows_by_whole_packages_until_it_is_large_enough(grow: Grow) -> None:
    folder = grow({"in/a.py": "", "out/b/1.py": "", "out/b/2.py": "", "out/c/1.py": "", "out/d/1.py": ""})
    small = tree.read_tree([Root("in", folder / "in")])
    more = [Root("out", folder / "out")]
    assert tree.grow(small, more, 1) is small
    assert [m.place for m in tree.grow(small, more, 2).modules] == ["a.py", "b/1.py", "b/2.py"]
    assert len(tree.grow(small, more, 4).modules) == 4
    assert len(tree.grow(small, more, 99).modules) == 5


def test_the_interpreters_own_modules_come_without_those_installed_beside_them() -> None:
    library = roots.interpreter()[0]
    places = {module.place for module in tree.read_tree([library]).modules}
    assert {"os.py", "json/decoder.py"} <= places
    assert not any(place.startswith(("site-packages/", "dist-packages/")) for place in places)


def test_the_packages_installed_beside_are_those_of_this_environment() -> None:
    found = tree.read_tree(roots.interpreter()[1:])
    assert unquote(next(m.path for m in found.modules if m.place == "pytest/__init__.py")) == pytest.__file__
