"""Each key takes the texts of its table and refuses others with what it takes."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from engine import keys
from engine.errors import ConfigError
from engine.machine import Machine
from engine.setting import Setting
from pools.spec import PoolSpec

MACHINE = Machine(cores=4, mem_bytes=2**33)


def setting(value: str | tuple[str, ...] | None, folder: Path = Path("/here")) -> Setting:
    return Setting("some.key", value, "a test", folder)


def test_every_field_of_a_pool_but_its_name_has_a_key() -> None:
    assert set(keys.POOL_KEYS.values()) == {field.name for field in fields(PoolSpec)} - {"name"}


@pytest.mark.parametrize(
    ("key", "text", "value"),
    [
        ("agents", "250", 250),
        ("cpu", "25%", 0.25),
        ("cpu", "500m", 0.125),
        ("cpu", "none", None),
        ("cpu_hard", "true", True),
        ("mem", "512KB", 512_000),
        ("mem", "1Gi", 2**30),
        ("mem", None, None),
        ("workers", "4", 4),
        ("sleep_after", "5m", 300.0),
        ("sleep_after", "never", None),
    ],
)
def test_a_limit_is_read_in_the_units_of_its_key(key: str, text: str | None, value: object) -> None:
    assert keys.read_limit(setting(text), key, MACHINE) == value


@pytest.mark.parametrize(
    ("key", "text", "accepted"),
    [
        ("agents", "many", "2500"),
        ("agents", None, "has no value"),
        ("workers", "1.5", "2500"),
        ("cpu", "fast", "25%.*or none"),
        ("cpu", "never", "25%.*or none"),
        ("cpu_hard", "hard", "true or false"),
        ("mem", "128", None),
        ("mem", "128XB", "128MB.*or none"),
        ("sleep_after", "soon", "5m.*or never"),
        ("mailbox", "", "has no value"),
    ],
)
def test_a_bad_limit_is_told_what_its_key_takes(key: str, text: str | None, accepted: str | None) -> None:
    if accepted is None:
        assert keys.read_limit(setting(text), key, MACHINE) == 128
        return
    with pytest.raises(ConfigError, match=accepted):
        keys.read_limit(setting(text), key, MACHINE)


def test_state_is_kept_in_one_of_three_ways() -> None:
    assert [keys.read_durability(setting(way)) for way in ("memory", "os", "sync")] == ["memory", "os", "sync"]
    with pytest.raises(ConfigError, match="did you mean 'memory'"):
        keys.read_durability(setting("memroy"))


def test_a_kind_of_a_module_is_taken_as_it_stands() -> None:
    assert keys.read_kind(setting("my.agents:Scout"), "scout") == "my.agents:Scout"
    assert keys.read_kind(setting("agents:Outer.Inner"), "scout") == "agents:Outer.Inner"


def test_a_kind_of_a_file_gets_the_whole_path_from_the_folder_it_is_written_in(tmp_path: Path) -> None:
    (tmp_path / "scout.py").touch()
    assert keys.read_kind(setting("scout.py:Scout", tmp_path), "scout") == f"{tmp_path / 'scout.py'}:Scout"
    assert keys.read_kind(setting(f"{tmp_path}/scout.py:Scout"), "scout") == f"{tmp_path / 'scout.py'}:Scout"


@pytest.mark.parametrize("text", ["scout", "scout:", ":Scout", "a b:Scout", "a:Sc out", "a/b:Scout", "a:1", "a.py"])
def test_a_kind_that_is_neither_of_a_module_nor_of_a_file_is_told_both_forms(text: str) -> None:
    with pytest.raises(ConfigError, match=r"module:Class nor file\.py:Class"):
        keys.read_kind(setting(text), "scout")


def test_a_kind_of_a_file_that_is_not_there_names_the_whole_path() -> None:
    with pytest.raises(ConfigError, match=r"there is no file /here/scout\.py"):
        keys.read_kind(setting("scout.py:Scout"), "scout")


@pytest.mark.parametrize("name", ["Scout", "a-b", "", "1a", "a/b"])
def test_a_kind_with_a_name_that_no_address_can_hold_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="cannot name a kind"):
        keys.read_kind(setting("a:Scout"), name)


def test_an_unknown_kind_names_those_that_are_known_and_the_nearest() -> None:
    assert keys.read_known_kind(setting("x"), "counter", {"counter"}) == "counter"
    with pytest.raises(ConfigError, match=r"known: counter, scout.*did you mean .counter."):
        keys.read_known_kind(setting("x"), "countr", {"counter": 1, "scout": 2})
