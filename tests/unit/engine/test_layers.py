"""Each source of the configuration names keys in its own way and refuses those that nobody reads."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import layers
from engine.document import read_document
from engine.errors import ConfigError
from engine.keys import OWN_PATHS, POOL_KEYS

HERE = Path("/here")
POOLS = ["p1", "gpu-1"]


def of_file(tmp_path: Path, text: str) -> layers.Layer:
    file = tmp_path / "pools.yaml"
    file.write_text(text)
    return layers.from_document(read_document(file), file)


def values(layer: layers.Layer) -> dict[str, object]:
    return {key: setting.value for key, setting in layer.items()}


def test_a_file_gives_its_values_under_key_paths(tmp_path: Path) -> None:
    layer = of_file(tmp_path, "agents: 10\nkinds:\n  scout: m:Scout\npools:\n  p1:\n    cpu: 25%\n    kinds: [a, b]\n  p2:\n")
    assert values(layer) == {
        "agents": "10",
        "kinds.scout": "m:Scout",
        "pools.p1": "",
        "pools.p1.cpu": "25%",
        "pools.p1.kinds": ("a", "b"),
        "pools.p2": "",
    }
    assert layers.pools_of(layer) == ["p1", "p2"]
    assert layer["pools.p1.cpu"].origin == f"{tmp_path / 'pools.yaml'}:6"
    assert layer["pools.p2"].line == 8


@pytest.mark.parametrize(
    ("text", "key", "line", "said"),
    [
        ("agnets: 5\n", "agnets", 1, "did you mean 'agents'"),
        ("pool:\n  p1: {}\n", "pool", 1, "did you mean 'pools'"),
        ("cpu: 25%\n", "cpu", 1, "is a pool's key"),
        ("zzz: 1\n", "zzz", 1, "there is no such key$"),
        ("pools:\n  p1:\n    cpus: 25%\n", "pools.p1.cpus", 3, "did you mean 'cpu'"),
        ("pools:\n  p1:\n    memory: 1GB\n", "pools.p1.memory", 3, "a pool has no such key"),
        ("pools:\n  p1: &p\n    cpu: 25%\n  p2:\n    <<: *p\n", "pools.p2.<<", 5, "a pool has no such key"),
        ("agents: {a: 1}\n", "agents", 1, "is a mapping, but takes one value"),
        ("pools: 5\n", "pools", 1, "is '5', but takes a mapping of pool names"),
        ("pools:\n  - name: p1\n", "pools", 1, "is a list, but takes a mapping of pool names"),
        ("pools:\n  p1: big\n", "pools.p1", 2, "is 'big', but takes a mapping of a pool's keys"),
        ("pools:\n  p1:\n    cpu: {share: 1}\n", "pools.p1.cpu", 3, "is a mapping, but takes one value"),
        ("pools:\n  p1:\n    kinds: [[a]]\n", "pools.p1.kinds", 3, "not every entry is a single value"),
        ("foresight: 5\n", "foresight", 1, "takes a mapping of its keys"),
        ("foresight:\n  treshold: 1\n", "foresight.treshold", 2, "has no such key; did you mean 'threshold'"),
        ("foresight:\n  control: [1]\n  enabled: {on: 1}\n", "foresight.enabled", 3, "is a mapping, but takes one value"),
        ("kinds: [counter]\n", "kinds", 1, "takes a mapping of kinds to classes"),
        ("kinds:\n  scout: {file: a}\n", "kinds.scout", 2, "is a mapping, but takes one value"),
    ],
)
def test_a_wrong_key_or_shape_in_a_file_is_named_with_its_line(
    tmp_path: Path, text: str, key: str, line: int, said: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        of_file(tmp_path, text)
    assert (caught.value.key, caught.value.line) == (key, line)
    assert re.search(said, str(caught.value))


def test_every_key_has_a_variable() -> None:
    for key in (*OWN_PATHS, *(f"pools.gpu-1.{one}" for one in POOL_KEYS)):
        layer = layers.from_variables({layers.variable_of(key): "7"}, POOLS, HERE)
        assert values(layer) == {key: "7"}
    assert layers.variable_of("pools.gpu-1.cpu_hard") == "ENGINE_POOLS__GPU_1__CPU_HARD"


def test_a_kind_can_be_given_by_a_variable() -> None:
    assert values(layers.from_variables({"ENGINE_KINDS__SCOUT": "m:Scout"}, POOLS, HERE)) == {"kinds.scout": "m:Scout"}


def test_variables_of_others_and_empty_ones_are_passed_over() -> None:
    environ = {"ENGINE_ROOM": "5", "HOME": "/", "ENGINE_AGENTS": "", "ENGINE_POOLS": "x.yaml", "ENGINE_HOME": "/x"}
    assert layers.from_variables(environ, POOLS, HERE) == {}


@pytest.mark.parametrize("name", ["ENGINE_POOLS__P9__CPU", "ENGINE_POOLS__P1__CPUS", "ENGINE_POOLS__P1"])
def test_a_variable_of_a_pool_or_key_that_is_not_there_is_refused_with_the_nearest(name: str) -> None:
    with pytest.raises(ConfigError, match="did you mean 'ENGINE_POOLS__") as caught:
        layers.from_variables({name: "1"}, POOLS, HERE)
    assert caught.value.key == name


def test_a_variable_of_foresight_that_is_not_there_is_refused_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match="did you mean 'ENGINE_FORESIGHT__CONTROL'"):
        layers.from_variables({"ENGINE_FORESIGHT__CONTROLS": "1"}, POOLS, HERE)


def test_a_variable_of_a_dotenv_file_knows_its_line() -> None:
    file = HERE / ".env"
    layer = layers.from_variables({"ENGINE_AGENTS": "5"}, POOLS, HERE, file=file, lines={"ENGINE_AGENTS": 3})
    setting = layer["agents"]
    assert (setting.file, setting.line, setting.origin) == (file, 3, "ENGINE_AGENTS in /here/.env:3")


def test_flags_may_come_as_text_or_as_what_they_mean() -> None:
    flags = {"agents": 5, "pools.p1.cpu_hard": True, "pools.p1.kinds": ["a", "b"], "name": "x", "durability": None}
    assert values(layers.from_flags(flags, POOLS, HERE)) == {
        "agents": "5",
        "pools.p1.cpu_hard": "true",
        "pools.p1.kinds": ("a", "b"),
        "name": "x",
    }


@pytest.mark.parametrize(
    ("key", "near"), [("pools.p9.cpu", "pools.p1.cpu"), ("agent", "agents"), ("pools.p1.cpus", "pools.p1.cpu")]
)
def test_a_flag_for_a_key_that_is_not_there_is_refused_with_the_nearest(key: str, near: str) -> None:
    with pytest.raises(ConfigError) as caught:
        layers.from_flags({key: "1"}, POOLS, HERE)
    assert (caught.value.key, caught.value.nearest) == (key, near)


def test_strangers_are_variables_that_nobody_reads_with_the_nearest_that_somebody_does() -> None:
    known = ["ENGINE_HOME", "ENGINE_POOLS", "ENGINE_NAME", "ENGINE_POOLS__P1__MEM", "ENGINE_KINDS__X", "HOME"]
    assert layers.strangers_of(known, POOLS) == {}
    assert layers.strangers_of(["ENGINE_AGNETS", "ENGINE_QQQQQQQQQQQQ"], POOLS) == {
        "ENGINE_AGNETS": "ENGINE_AGENTS",
        "ENGINE_QQQQQQQQQQQQ": None,
    }


NAMES = st.from_regex(r"[a-z0-9][a-z0-9-]{0,31}", fullmatch=True)


@given(NAMES, st.sampled_from(sorted(POOL_KEYS)))
def test_no_two_keys_of_a_pool_share_a_variable_and_each_is_found_again(pool: str, key: str) -> None:
    path = f"pools.{pool}.{key}"
    assert len({layers.variable_of(f"pools.{pool}.{one}") for one in POOL_KEYS}) == len(POOL_KEYS)
    assert values(layers.from_variables({layers.variable_of(path): "1"}, [pool], HERE)) == {path: "1"}
