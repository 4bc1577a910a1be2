"""The configuration is found, layered and checked, and every mistake is named by its file, line and key."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.breakerkeys import BREAKER_KEYS
from engine.config import NAME, Config, environment, find_file, load, shipped_file
from engine.errors import ConfigError, exit_code
from engine.keys import FORESIGHT_KEYS, POOL_KEYS
from engine.layers import variable_of
from engine.machine import Machine
from pools.breaker import BreakerSpec
from pools.spec import ForesightSpec, PoolSpec

MACHINE = Machine(cores=2, mem_bytes=8_000_000_000)

POOLS = """\
agents: 4000
pools:
  p1:
    agents: 1000
    cpu: 25%
  p2:
    agents: 2000
    mem: 128MB
"""


def write(folder: Path, text: str, name: str = "pools.yaml") -> Path:
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return file


def loaded(cwd: Path, flags: dict[str, object] | None = None, environ: dict[str, str] | None = None, **more: Any) -> Config:
    return load(more.get("file"), flags=flags or {}, environ=environ or {}, cwd=cwd, machine=more.get("machine", MACHINE))


def refused(cwd: Path, text: str, flags: dict[str, object] | None = None, environ: dict[str, str] | None = None) -> ConfigError:
    write(cwd, text)
    with pytest.raises(ConfigError) as caught:
        loaded(cwd, flags, environ)
    return caught.value


def test_the_shipped_file_has_four_pools_that_fit_the_default_limit(tmp_path: Path) -> None:
    config = loaded(tmp_path)
    assert config.file == shipped_file()
    assert config.pools == tuple(
        PoolSpec(f"p{n}", agents=2_500, cpu=0.25, cpu_hard=False, mem_bytes=128_000_000, workers=1) for n in range(1, 5)
    )
    assert sum(pool.agents for pool in config.pools) == config.agents_limit == 10_000
    assert config.kinds == ALWAYS
    assert (config.default_kind, config.durability, config.name) == ("counter", "sync", NAME)


def test_the_shipped_file_says_when_breakers_open(tmp_path: Path) -> None:
    said = shipped_file().read_text()
    assert loaded(tmp_path).breaker == BreakerSpec()
    for key, (field, _) in BREAKER_KEYS.items():
        assert key in said, f"{key} ({field}) is not told of"


def test_foresight_is_as_the_shipped_file_says_and_can_be_turned_off(tmp_path: Path) -> None:
    assert loaded(tmp_path).foresight == ForesightSpec()
    write(tmp_path, "foresight:\n  enabled: false\npools: {p1: {}}\n")
    assert loaded(tmp_path).foresight == ForesightSpec(is_on=False)
    assert loaded(tmp_path, environ={"ENGINE_FORESIGHT__ENABLED": "true"}).foresight == ForesightSpec()


def test_the_shipped_file_says_the_defaults_as_they_are() -> None:
    said = dict.fromkeys(POOL_KEYS)
    for line in shipped_file().read_text().splitlines():
        words = line.split()
        if line.startswith("#   ") and words[1] in said:
            said[words[1]] = words[-1]
        elif "default none" in line and "share of" in line:
            said["cpu"] = "none"
    default = PoolSpec("p")
    assert said == {
        "agents": str(default.agents),
        "cpu": "none",
        "cpu_hard": "false",
        "mem": "none",
        "workers": str(default.workers),
        "shards": str(default.shards),
        "kinds": "all",
        "mailbox": str(default.mailbox),
        "window": str(default.window),
        "sleep_after": "5m",
        "weight": "1",
    }
    assert default.weight == 1.0
    assert default.sleep_after_s == 300.0


def test_a_file_may_be_as_small_as_one_name(tmp_path: Path) -> None:
    write(tmp_path, "pools:\n  one:\n")
    config = loaded(tmp_path)
    assert config.pools == (PoolSpec("one"),)
    assert config.agents_limit == 10_000


def test_every_key_of_a_pool_reaches_its_limit(tmp_path: Path) -> None:
    write(
        tmp_path,
        "name: my-swarm\ndefault_kind: scout\nkinds: {scout: 'm:Scout'}\npools:\n  p1:\n    agents: 250\n"
        "    cpu: 500m\n"
        "    cpu_hard: yes\n    mem: 1Gi\n    workers: 3\n    shards: 5\n    kinds: [scout]\n    mailbox: 10\n"
        "    window: 20\n    sleep_after: 30s\n",
    )
    config = loaded(tmp_path)
    assert config.name == "my-swarm"
    assert config.default_kind == "scout"
    assert config.kinds == {**ALWAYS, "scout": "m:Scout"}
    assert config.pools == (
        PoolSpec(
            "p1",
            agents=250,
            cpu=0.25,
            cpu_hard=True,
            mem_bytes=2**30,
            workers=3,
            shards=5,
            kinds=("scout",),
            mailbox=10,
            window=20,
            sleep_after_s=30.0,
        ),
    )


SCALARS = {
    "name": ("from-file", "from-dotenv", "from-environ", "from-flag"),
    "default_kind": ("one", "two", "three", "four"),
    "agents": ("5001", "5002", "5003", "5004"),
    "foresight.threshold": ("10%", "0.2", "30%", "0.4"),
    "foresight.control": ("0", "0.02", "3%", "1"),
    "pools.p1.agents": ("11", "12", "13", "14"),
    "pools.p1.cpu": ("11%", "12%", "13%", "14%"),
    "pools.p1.mem": ("11MB", "12MB", "13MB", "14MB"),
    "pools.p1.workers": ("1", "2", "3", "4"),
    "pools.p1.shards": ("1", "2", "3", "4"),
    "pools.p1.mailbox": ("1", "2", "3", "4"),
    "pools.p1.window": ("1", "2", "3", "4"),
    "pools.p1.sleep_after": ("1s", "2s", "3s", "4s"),
    "pools.p1.kinds": ("one", "two", "three", "four"),
}
#: The kinds that are there without being named.
ALWAYS = {"counter": "pools.counter:Counter", "memory": "engine.kinds.memory:Memory", "topic": "engine.kinds.topic:Topic"}
KINDS = "kinds: {one: 'm:A', two: 'm:B', three: 'm:C', four: 'm:D'}\n"


def value_of(config: Config, key: str) -> object:
    if key.startswith("pools."):
        return getattr(config.pools[0], POOL_KEYS[key.rpartition(".")[2]])
    if key.startswith("foresight."):
        return getattr(config.foresight, FORESIGHT_KEYS[key.rpartition(".")[2]])
    return getattr(config, {"agents": "agents_limit"}.get(key, key))


@pytest.mark.parametrize("key", SCALARS)
def test_a_flag_wins_over_the_environment_over_dotenv_over_the_file_over_the_default(tmp_path: Path, key: str) -> None:
    in_file, in_dotenv, in_environ, in_flag = SCALARS[key]
    name = key.rpartition(".")[2]
    body = f"pools: {{p1: {{{name}: {in_file}}}}}\n" if key.startswith("pools.") else f"{key}: {in_file}\npools: {{p1: {{}}}}\n"
    if key.startswith("foresight."):
        body = f"foresight: {{{name}: {in_file}}}\npools: {{p1: {{}}}}\n"

    write(tmp_path, KINDS + "pools: {p1: {}}\n")
    seen = [value_of(loaded(tmp_path), key)]
    origins = [loaded(tmp_path).origins[key]]
    write(tmp_path, KINDS + body)
    seen.append(value_of(loaded(tmp_path), key))
    origins.append(loaded(tmp_path).origins[key])
    write(tmp_path, f"{variable_of(key)}={in_dotenv}\n", ".env")
    seen.append(value_of(loaded(tmp_path), key))
    origins.append(loaded(tmp_path).origins[key])
    environ = {variable_of(key): in_environ}
    seen.append(value_of(loaded(tmp_path, environ=environ), key))
    origins.append(loaded(tmp_path, environ=environ).origins[key])
    seen.append(value_of(loaded(tmp_path, {key: in_flag}, environ), key))
    origins.append(loaded(tmp_path, {key: in_flag}, environ).origins[key])

    assert len({str(value) for value in seen[1:]}) == 4
    where = tmp_path / "pools.yaml"
    assert origins == [
        "default",
        f"{where}:2",
        f"{variable_of(key)} in {tmp_path / '.env'}:1",
        variable_of(key),
        "a flag",
    ]


def test_an_empty_variable_leaves_dotenv_in_force(tmp_path: Path) -> None:
    write(tmp_path, POOLS)
    write(tmp_path, "ENGINE_AGENTS=5000\n", ".env")
    assert loaded(tmp_path, environ={"ENGINE_AGENTS": ""}).agents_limit == 5_000
    assert environment({"ENGINE_AGENTS": "", "A": "1"}, tmp_path) == {"ENGINE_AGENTS": "5000", "A": "1"}
    assert environment({"ENGINE_AGENTS": "6000"}, tmp_path) == {"ENGINE_AGENTS": "6000"}


def test_the_file_is_the_flags_else_the_variables_else_the_one_here_else_the_shipped_one(tmp_path: Path) -> None:
    assert find_file(None, {}, tmp_path) == shipped_file()
    here = write(tmp_path, POOLS)
    assert find_file(None, {}, tmp_path) == here
    named = write(tmp_path, POOLS, "other/named.yaml")
    environ = {"ENGINE_POOLS": "other/named.yaml"}
    assert find_file(None, environ, tmp_path) == named
    flagged = write(tmp_path, POOLS, "flagged.yaml")
    assert find_file(Path("flagged.yaml"), environ, tmp_path) == flagged
    assert find_file(flagged, environ, tmp_path / "elsewhere") == flagged


@pytest.mark.parametrize(
    ("flag", "environ", "key"), [(Path("no.yaml"), {}, "-f"), (None, {"ENGINE_POOLS": "no.yaml"}, "ENGINE_POOLS")]
)
def test_a_file_that_was_named_but_is_not_there_is_no_reason_to_read_another(
    tmp_path: Path, flag: Path | None, environ: dict[str, str], key: str
) -> None:
    write(tmp_path, POOLS)
    with pytest.raises(ConfigError, match=r"there is no file .*no\.yaml") as caught:
        find_file(flag, environ, tmp_path)
    assert caught.value.key == key


def test_dotenv_can_name_the_file(tmp_path: Path) -> None:
    named = write(tmp_path, POOLS, "named.yaml")
    write(tmp_path, "ENGINE_POOLS=named.yaml\n", ".env")
    assert loaded(tmp_path).file == named


def test_users_code_stands_beside_their_file_and_here_without_one(tmp_path: Path) -> None:
    file = write(tmp_path, "kinds: {scout: 'scout.py:Scout'}\npools: {p1: {}}\n", "project/pools.yaml")
    write(tmp_path, "", "project/scout.py")
    config = loaded(tmp_path, file=file)
    assert config.folder == tmp_path / "project"
    assert config.kinds["scout"] == f"{tmp_path}/project/scout.py:Scout"
    assert loaded(tmp_path).folder == tmp_path


def test_a_kind_of_a_flag_is_relative_to_the_current_folder(tmp_path: Path) -> None:
    write(tmp_path, "", "scout.py")
    config = loaded(tmp_path, {"kinds.scout": "scout.py:Scout", "default_kind": "scout"})
    assert config.kinds["scout"] == f"{tmp_path}/scout.py:Scout"
    assert config.default_kind == "scout"


@pytest.mark.parametrize(
    ("old", "new", "key", "line", "said"),
    [
        ("cpu: 25%", "cpu: 25 percent", "pools.p1.cpu", 5, "'25 percent' is not a share of the machine such as 25%"),
        ("cpu: 25%", "cpu: 25", "pools.p1.cpu", 5, "did you mean 25%"),
        ("cpu: 25%", "cpu: 300%", "pools.p1.cpu", 5, "more than this machine"),
        ("mem: 128MB", "mem: 128XB", "pools.p2.mem", 8, "'128XB' is not a size such as 512KB, 128MB"),
        ("mem: 128MB", "mem: 128", "pools.p2.mem", 8, "128B is not between 1MB and"),
        ("mem: 128MB", "mem: 900GB", "pools.p2.mem", 8, "the machine has 8GB"),
        ("mem: 128MB", "mem:", "pools.p2.mem", 8, "has no value"),
        ("mem: 128MB", "memory: 128MB", "pools.p2.memory", 8, "a pool has no such key"),
        ("mem: 128MB", "mailbx: 10", "pools.p2.mailbx", 8, "did you mean 'mailbox'"),
        ("mem: 128MB", "kinds: [countr]", "pools.p2.kinds", 8, "did you mean 'counter'"),
        ("mem: 128MB", "cpu_hard: true", "pools.p2.cpu_hard", 8, "the pool has no cpu share"),
        ("mem: 128MB", "mem: [1MB, 2MB]", "pools.p2.mem", 8, "is a list, but takes one value"),
        ("agents: 2000", "agents: 2k", "pools.p2.agents", 7, "'2k' is not a whole number such as 2500"),
        ("agents: 2000", "agents: 0", "pools.p2.agents", 7, "0 is not between 1 and 1,000,000,000"),
        ("agents: 2000", "agents: 9000", "pools.p2.agents", 7, "the engine's limit is 4,000"),
        ("agents: 2000", "agents: 1\n    agents: 2", "pools.p2.agents", 8, "is there twice, first in line 7"),
        ("  p2:", "  p1:", "pools.p1", 6, "is there twice, first in line 3"),
        ("  p2:", "  P2:", "pools.P2", 6, "1-32 of a-z, 0-9 and -"),
        ("agents: 4000", "agnets: 4000", "agnets", 1, "did you mean 'agents'"),
        ("agents: 4000", "durability: disk", "durability", 1, "'disk' is not memory or os or sync"),
        ("agents: 4000", "default_kind: countr", "default_kind", 1, "did you mean 'counter'"),
        ("agents: 4000", "name: My Swarm", "name", 1, "1-32 of a-z, 0-9 and -"),
        ("agents: 4000", "kinds: {counter: Counter}", "kinds.counter", 1, "module:Class nor file.py:Class"),
        ("agents: 4000", "foresight: {threshold: 7}", "foresight.threshold", 1, "'7' is more than all"),
        ("agents: 4000", "foresight: {threshold: 0}", "foresight.threshold", 1, "from which on every task is risky"),
        ("agents: 4000", "foresight: {control: few}", "foresight.control", 1, "'few' is not a share such as 5% or 0.05"),
        ("agents: 4000", "foresight: {enabled: maybe}", "foresight.enabled", 1, "'maybe' is not true or false"),
        ("agents: 4000", "foresight: {contrl: 5%}", "foresight.contrl", 1, "did you mean 'control'"),
        ("pools:", "pools: 4", "", 3, "not YAML"),
    ],
)
def test_a_mistake_in_the_file_is_named_by_line_and_key(
    tmp_path: Path, old: str, new: str, key: str, line: int, said: str
) -> None:
    error = refused(tmp_path, POOLS.replace(old, new, 1))
    assert (error.file, error.line, error.key) == (tmp_path / "pools.yaml", line, key)
    assert said in str(error)
    assert str(error).startswith(f"{tmp_path / 'pools.yaml'}:{line}: ")
    assert exit_code(error) == 2


def test_a_file_without_pools_says_how_one_is_written(tmp_path: Path) -> None:
    error = refused(tmp_path, "agents: 5\n")
    assert (error.key, error.file) == ("pools", tmp_path / "pools.yaml")
    assert "p1: {agents: 2500}" in str(error)


def test_hard_shares_of_more_than_the_machine_are_refused_and_soft_ones_are_not(tmp_path: Path) -> None:
    pools = "pools:\n  p1: {cpu: 80%, cpu_hard: HARD}\n  p2: {cpu: 80%, cpu_hard: HARD}\n"
    error = refused(tmp_path, pools.replace("HARD", "true"))
    assert (error.key, error.line) == ("pools.p2.cpu", 3)
    write(tmp_path, pools.replace("HARD", "false"))
    assert [pool.cpu for pool in loaded(tmp_path).pools] == [0.8, 0.8]


def test_a_total_that_a_default_makes_impossible_is_named_at_its_pool(tmp_path: Path) -> None:
    error = refused(tmp_path, "agents: 3000\npools:\n  p1:\n  p2:\n")
    assert (error.key, error.line) == ("pools.p2.agents", 4)


def test_a_mistake_in_a_variable_or_flag_names_it(tmp_path: Path) -> None:
    assert "(from ENGINE_AGENTS)" in str(refused(tmp_path, POOLS, environ={"ENGINE_AGENTS": "5k"}))
    assert "(from a flag)" in str(refused(tmp_path, POOLS, flags={"agents": "5k"}))
    small = refused(tmp_path, POOLS, environ={"ENGINE_POOLS__P1__AGENTS": "9000"})
    assert small.key == "pools.p1.agents"
    assert "(from ENGINE_POOLS__P1__AGENTS)" in str(small)


def test_a_mistake_in_dotenv_names_its_line(tmp_path: Path) -> None:
    write(tmp_path, "A=1\nENGINE_AGENTS=5k\n", ".env")
    error = refused(tmp_path, POOLS)
    assert (error.file, error.line, error.key) == (tmp_path / ".env", 2, "agents")


def test_cores_are_counted_on_the_machine_that_is_given(tmp_path: Path) -> None:
    write(tmp_path, "pools:\n  p1: {cpu: 500m}\n")
    assert loaded(tmp_path, machine=Machine(8, 2**33)).pools[0].cpu == pytest.approx(0.0625)


def test_no_module_of_the_configuration_reads_the_environment_or_yaml_when_it_is_imported() -> None:
    code = (
        "import os, sys\n"
        "class Closed(dict):\n"
        "    def __getitem__(self, key): raise AssertionError(key)\n"
        "    get = __contains__ = __iter__ = __getitem__\n"
        "import dataclasses, pathlib, re, contextlib, collections.abc\n"
        "os.environ = os.environb = Closed()\n"
        "import engine.config\n"
        "loaded = {'yaml', 'difflib', 'numpy', 'asyncio', 'rich', 'tempfile'} & set(sys.modules)\n"
        "sys.exit(f'loaded {loaded}' if loaded else 0)\n"
    )
    here = Path(__file__).resolve().parents[3]
    found = subprocess.run([sys.executable, "-c", code], cwd=here, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stderr


@given(st.dictionaries(st.sampled_from(sorted(POOL_KEYS)), st.text(max_size=12) | st.none() | st.integers(), max_size=4))
def test_any_values_of_a_pool_make_a_configuration_or_a_config_error(
    tmp_path_factory: pytest.TempPathFactory, given_values: dict[str, object]
) -> None:
    cwd = tmp_path_factory.getbasetemp()
    flags = {f"pools.p1.{key}": value for key, value in given_values.items()}
    try:
        config = load(None, flags=flags, environ={}, cwd=cwd, machine=MACHINE)
    except ConfigError as error:
        assert error.key.startswith("pools.p")
    else:
        assert sum(pool.agents for pool in config.pools) <= config.agents_limit
