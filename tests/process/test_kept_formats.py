"""What an earlier version has kept is opened by this one with every value; a class that has changed gets it, or an error."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import shutil
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from checkpoints.store import Store, open_store
from engine import errors
from engine.engine import Engine
from pools.spec import PoolSpec
from tests.support.commands import ROOT, Commands, commands

KEPT = ROOT / "tests" / "kept" / "format_1"
EXPECTED = json.loads((KEPT / "expected.json").read_text())
#: As the script that made it has it: both numbers belong to what was kept.
POOL = PoolSpec("p", agents=1_000, workers=2, shards=3, sleep_after_s=None)
STORES = {"_roster": 1, "p/0": 3, "p/1": 3}
ANNALS = {address.partition("/")[2]: state for address, state in EXPECTED["states"].items() if address.startswith("annal/")}
SOURCE = (KEPT / "annals.py").read_text()


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """A copy of what was kept: `data`, `store`, and the classes."""
    return Path(shutil.copytree(KEPT, tmp_path / "kept"))


@asynccontextmanager
async def opened(kept: Path) -> AsyncIterator[Engine]:
    """A real engine over the copy; the classes are those that stand beside it now."""
    environ = {**os.environ, "PYTHONPATH": f"{kept}{os.pathsep}{ROOT}", "PYTHONDONTWRITEBYTECODE": "1"}
    async with Engine(pools=[POOL], durability="sync", data=kept / "data", environ=environ) as engine:
        yield engine


def states(store: Store) -> dict[str, Any]:
    """Everything in a store by address, closed afterwards."""
    found = {f"{kind}/{key}": state for kind, key, state in store.items()}
    store.close()
    return found


def of_agents(data: Path) -> dict[str, Any]:
    """The states in the stores of both workers, of kinds whose whole state is known."""
    found: dict[str, Any] = {}
    for name, shards in STORES.items():
        if name != "_roster":
            found |= states(open_store(str(data / name), shards=shards, chance=os.urandom))
    return {address: state for address, state in found.items() if address.partition("/")[0] in ("counter", "annal", "post")}


# -- every value -------------------------------------------------------------------------------------------------------


def test_what_is_kept_is_what_was_made() -> None:
    files = {
        str(file.relative_to(KEPT)): file for top in ("data", "store") for file in (KEPT / top).rglob("*") if file.is_file()
    }
    digests = {name: hashlib.sha256(file.read_bytes()).hexdigest() for name, file in files.items()}
    assert digests == EXPECTED["files"]
    versions = {files[name].read_bytes()[8:10] for name in files if name.endswith((".log", ".snap"))}
    assert versions == {b"\1\0"}
    assert sum(file.stat().st_size for file in files.values()) < 100_000


def test_the_library_opens_it_with_every_state(kept: Path) -> None:
    wanted = EXPECTED["states"]
    for name, shards in STORES.items():
        store = open_store(str(kept / "data" / name), shards=shards, chance=os.urandom)
        assert (store.recovered.torn, store.damage, store.is_fallback) == (None, [], False)
        assert store.window.has_answers is (name != "_roster")
        store.close()
    found = of_agents(kept / "data")
    found.pop("post/busy", None), found.pop("post/clock", None)
    assert found == wanted
    compacted = open_store(str(kept / "data" / "p" / "0"), shards=3, chance=os.urandom)
    assert compacted.compact() is not None
    compacted.close()
    assert {address: state for address, state in of_agents(kept / "data").items() if address in wanted} == wanted


def test_the_library_knows_which_messages_were_open(kept: Path) -> None:
    told: list[Any] = []
    for name in ("p/0", "p/1"):
        store = open_store(str(kept / "data" / name), shards=3, chance=os.urandom)
        told += [row[2:5] for row in store.window.told.values()]
        store.close()
    assert sorted(told) == EXPECTED["open"]


def test_a_store_with_every_part_of_a_log_holds_what_was_put_there(kept: Path) -> None:
    session = b"\x01session"
    for _ in range(2):
        store = open_store(str(kept / "store"), shards=2, chance=os.urandom)
        window = store.window
        assert {number: window.answers(session, number) for number in (3, 5)} == {3: None, 5: {1_023: None}}
        assert (list(window.told.values()), window.last_told) == ([[12, "page/a", "page/a", "hear", None, 5e9, 60.0]], 12)
        assert window.marks == {session: 4}
        store.compact()
        assert states(store) == {
            "count/1": {"total": 5},
            "count/2": {"total": -6},
            "count/x": {"total": 2**64 - 1},
            "page/a": {"title": "é", "tags": [{"deep": [1]}], "names": {"two": [2], "three": 3}},
            "page/b": {"title": "B", "tags": [1]},
            "page/d": {"title": "D", "tags": [], "more": 1.5},
            "page/new": {"names": {"x": None}},
        }


@pytest.fixture
def command(tmp_path: Path) -> Iterator[Commands]:
    """The command line in a folder of its own."""
    with commands(tmp_path) as made:
        yield made


def test_the_commands_read_it_with_every_state(kept: Path, command: Commands) -> None:
    data = ("--data", str(kept / "data"))
    verified = command.document("checkpoints", "verify", *data)
    assert (verified["is_well"], len(verified["stores"])) == (True, len(STORES))
    for address in ("annal/a", "annal/long:name@host", "counter/59", "post/made"):
        assert command.document("checkpoints", "show", address, *data)["state"] == EXPECTED["states"][address]
    exported = [json.loads(line) for line in command("checkpoints", "export", "--all", *data).stdout.splitlines()]
    found = {line["agent"]: line["state"] for line in exported}
    assert {address: found[address] for address in EXPECTED["states"]} == EXPECTED["states"]
    assert command("checkpoints", "compact", *data).returncode == 0
    assert command.document("checkpoints", "verify", *data)["is_well"] is True


async def test_an_engine_opens_it_with_every_value_and_goes_on(kept: Path) -> None:
    for life in range(2):
        async with opened(kept) as engine:
            assert engine.stats().agents["total"] == EXPECTED["agents"]
            for address, state in EXPECTED["counters"].items():
                assert await engine.ask(address, "get") == state["total"] + life
                await engine.ask(address, "add", 1)
            for address, state in EXPECTED["states"].items():
                if not address.startswith("counter/"):
                    assert await engine.ask(address, "show") == state
            for name, entry in EXPECTED["memory"].items():
                is_over = entry["expires_s"] is not None and entry["expires_s"] <= time.time()
                assert await engine.ask("memory/plans", "entry", name) == (None if is_over else entry)
            assert await engine.ask("memory/plans", "get", "n2") is None
            assert await engine.ask("memory/other", "entry", "n1") == {"value": None, "version": 1, "expires_s": None}
            assert await engine.ask("topic/news", "replay") == EXPECTED["topic"]
            assert await engine.ask("topic/news", "subscribers") == [{"agent": "post/a", "method": "hear"}]
            async with asyncio.timeout(10):
                while await engine.ask("post/busy", "show") != {"heard": ["still open"]}:
                    await asyncio.sleep(0.02)


# -- classes that have changed -----------------------------------------------------------------------------------------


def change(kept: Path, *replaced: tuple[str, str]) -> None:
    """Put another version of the classes in the place of the first one: with these words instead of those."""
    text = SOURCE
    for old, new in replaced:
        assert text.count(old) == 1
        text = text.replace(old, new)
    (kept / "annals.py").write_text(text)


ADDED = ("    marks: Table[Any]\n", "    marks: Table[Any]\n    added: list[str] = ['fresh']\n    more: Table[int]\n")
GONE = ("    marks: Table[Any]\n", "")
NO_MARKS = ('        self.marks[f"m{number}"] = {"number": number}\n        self.marks.pop(f"m{number - 3}", None)\n', "")
RENAMED = (
    '    title: str = "none"\n',
    (
        '    name: str = "none"\n\n    @classmethod\n    def migrate(cls, state):\n'
        '        if "title" in state:\n            state["name"] = state.pop("title")\n        return state\n\n'
    ),
)


async def shown(kept: Path) -> dict[str, Any]:
    """What each annal shows, or the text of its error."""
    found: dict[str, Any] = {}
    async with opened(kept) as engine:
        for key in ANNALS:
            try:
                found[key] = await engine.ask(f"annal/{key}", "show")
            except errors.StateUnreadable as error:
                found[key] = str(error)
        assert await engine.ask("counter/7", "get") == EXPECTED["counters"]["counter/7"]["total"]
    return found


async def test_a_newer_class_has_first_values_for_new_fields_and_everything_else_as_it_was(kept: Path) -> None:
    change(kept, ADDED)
    wanted = {key: {**state, "added": ["fresh"], "more": {}} for key, state in ANNALS.items()}
    assert await shown(kept) == wanted
    async with opened(kept) as engine:
        await engine.ask("annal/b", "write", 20)
        written = await engine.ask("annal/b", "show")
    assert written["lines"] == [*ANNALS["b"]["lines"], "line 20", {"number": 20}]
    assert await shown(kept) == {**wanted, "b": written}


async def test_a_class_without_a_field_that_was_kept_is_told_so_and_nothing_is_lost(kept: Path) -> None:
    change(kept, GONE, NO_MARKS)
    for text in (await shown(kept)).values():
        assert "has kept marks, which Annal does not have" in text
        assert "migrate" in text
    change(kept)
    assert await shown(kept) == ANNALS


async def test_a_renamed_field_is_carried_over_and_stays_so(kept: Path) -> None:
    change(kept, RENAMED, ('self.title = f"chapter', 'self.name = f"chapter'))
    wanted = {
        key: {"name" if name == "title" else name: value for name, value in state.items()} for key, state in ANNALS.items()
    }
    assert await shown(kept) == wanted
    async with opened(kept) as engine:
        await engine.ask("annal/a", "write", 30)
        wanted["a"] = await engine.ask("annal/a", "show")
    assert wanted["a"]["name"].startswith("chapter 30")
    assert await shown(kept) == wanted
    change(kept)
    older = await shown(kept)
    assert "annal/a has kept name, which Annal does not have" in older["a"]
    assert {key: older[key] for key in ANNALS if key != "a"} == {key: ANNALS[key] for key in ANNALS if key != "a"}


async def test_an_older_class_that_meets_newer_state_is_told_so_and_the_newer_one_finds_it_as_it_was(kept: Path) -> None:
    change(kept, ADDED)
    async with opened(kept) as engine:
        for key in ("a", "c-d"):
            await engine.ask(f"annal/{key}", "write", 40)
        newer = {key: await engine.ask(f"annal/{key}", "show") for key in ANNALS}
    change(kept)
    older = await shown(kept)
    for key in ANNALS:
        if key in ("a", "c-d"):
            assert "has kept added, more, which Annal does not have" in older[key]
        else:
            assert older[key] == ANNALS[key]
    change(kept, ADDED)
    assert await shown(kept) == newer


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("pages: int = 0", "pages: str = ''", "pages must be str, is int"),
        ("lines: Log[Any]", "lines: Table[Any]", "must be an object to become a Table, is list"),
        ("marks: Table[Any]", "marks: Log[Any]", "must be a list to become a Log, is dict"),
        ('title: str = "none"', "title: bytes = b''", "non-base64|base64|padding|ASCII"),
        ("tags: list[Any]", "tags: dict[str, Any]", "tags must be dict"),
    ],
)
async def test_a_field_of_another_type_gets_no_value_that_was_not_its_own(kept: Path, old: str, new: str, said: str) -> None:
    change(kept, (old, new))
    for text in (await shown(kept)).values():
        assert isinstance(text, str)
        assert any(part in text for part in said.split("|")), text
    change(kept)
    assert await shown(kept) == ANNALS


async def test_an_object_may_become_a_table_as_it_is(kept: Path) -> None:
    change(
        kept,
        ("index: dict[str, Any]", "index: Table[Any]"),
        ('self.index.setdefault("by", {})[f"n{number}"] = [number]', 'self.index[f"n{number}"] = number'),
    )
    assert await shown(kept) == ANNALS
    async with opened(kept) as engine:
        await engine.ask("annal/a", "write", 50)
    assert (await shown(kept))["a"]["index"] == {**ANNALS["a"]["index"], "n50": 50}
