"""A module is looked at in a process of its own: what it has is told, and nothing it does there comes back."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pools import probe
from pools.errors import KindNotLoaded
from pools.probe import survey
from tests.support.shops import write


async def test_every_kind_of_a_module_is_told_with_its_fields_and_its_ways_back(tmp_path: Path) -> None:
    (plain,) = await survey("shop", [str(write(tmp_path / "one"))], [], os.environ, None)
    assert (plain["kind"], plain["reference"], plain["has_upgrade"], plain["downgraded"]) == ("till", "shop:Till", False, None)
    (wide,) = await survey("shop", [str(write(tmp_path / "two", "wider"))], [], os.environ, None)
    assert (wide["has_upgrade"], wide["downgraded"]) == (True, ["total"])
    assert plain["mark"] != wide["mark"]
    (by_file,) = await survey(str(tmp_path / "one/shop.py"), [], [], os.environ, None)
    assert (by_file["kind"], by_file["mark"]) == ("till", plain["mark"])


async def test_a_downgrade_that_fails_is_told_before_anybody_needs_it(tmp_path: Path) -> None:
    folder = write(tmp_path / "one", "wider")
    source = (folder / "shop.py").read_text().replace('state["cents"] // 100', 'state["nothing"]')
    (folder / "shop.py").write_text(source)
    with pytest.raises(KindNotLoaded, match="downgrade of a new agent's state failed: KeyError"):
        await survey("shop", [str(folder)], [], os.environ, None)


@pytest.mark.parametrize(
    ("text", "said"),
    [("import os\nos._exit(3)\n", "exit code 3"), ("raise SystemExit", "could not be imported"), ("x = (", "was never closed")],
)
async def test_what_cannot_be_imported_is_told(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "shop.py").write_text(text)
    with pytest.raises(KindNotLoaded, match=said):
        await survey("shop", [str(tmp_path)], [], os.environ, None)


async def test_an_import_without_an_end_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "LOAD_S", 0.5)
    with pytest.raises(KindNotLoaded, match="did not end within"):
        await survey("shop", [str(write(tmp_path, "hanging"))], [], os.environ, None)
