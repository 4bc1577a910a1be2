"""Of every key it is known where its value came from: a flag wins over a variable over .env over the file over the default."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from engine.breakerkeys import BREAKER_KEYS
from engine.cli.main import main
from engine.config import load
from engine.effective import SOURCES, Value, values_of
from engine.keys import ENGINE_KEYS, FORESIGHT_KEYS, POOL_KEYS, PRICE_KEYS
from engine.layers import SECTIONS, every_key, variable_of
from engine.limitkeys import LIMIT_KEYS, LIMIT_WHOSE
from engine.logkeys import LOG_KEYS

#: Four values for each key, none of which is the default: in the file, in .env, in the environment, by a flag.
FOUR: dict[str, tuple[str, str, str, str]] = {
    "name": ("from-file", "from-dotenv", "from-environ", "from-flag"),
    "durability": ("memory", "os", "memory", "os"),
    "default_kind": ("one", "two", "three", "four"),
    "agents": ("5001", "5002", "5003", "5004"),
    "tracing": ("true", "yes", "on", "true"),
    "log.format": ("json", "json", "json", "json"),
    "log.level": ("debug", "warning", "error", "warning"),
    "log.size": ("64KiB", "65KiB", "66KiB", "67KiB"),
    "log.files": ("5", "6", "7", "8"),
    "breaker.enabled": ("false", "no", "off", "false"),
    "breaker.failure_rate": ("11%", "12%", "13%", "14%"),
    "breaker.in_a_row": ("11", "12", "13", "14"),
    "breaker.minimum_calls": ("11", "12", "13", "14"),
    "breaker.window": ("11s", "12s", "13s", "14s"),
    "breaker.window_calls": ("101", "102", "103", "104"),
    "breaker.slow_rate": ("11%", "12%", "13%", "14%"),
    "breaker.slow_factor": ("11", "12", "13", "14"),
    "breaker.slow_least": ("11s", "12s", "13s", "14s"),
    "breaker.slow": ("11s", "12s", "13s", "14s"),
    "breaker.open": ("11s", "12s", "13s", "14s"),
    "breaker.open_most": ("101s", "102s", "103s", "104s"),
    "breaker.jitter": ("11%", "12%", "13%", "14%"),
    "breaker.probes": ("11", "12", "13", "14"),
    "breaker.probe": ("11s", "12s", "13s", "14s"),
    "foresight.enabled": ("false", "no", "off", "false"),
    "foresight.threshold": ("0.11", "0.12", "0.13", "0.14"),
    "foresight.control": ("11%", "12%", "13%", "14%"),
    "price.currency": ("EUR", "USD", "GBP", "CHF"),
    "price.cpu_hour": ("0.11", "0.12", "0.13", "0.14"),
    "price.machine_hour": ("0.11", "0.12", "0.13", "0.14"),
    "pools.p1.agents": ("11", "12", "13", "14"),
    "pools.p1.cpu": ("11%", "12%", "13%", "14%"),
    "pools.p1.cpu_hard": ("true", "yes", "on", "true"),
    "pools.p1.mem": ("101MB", "102MB", "103MB", "104MB"),
    "pools.p1.workers": ("2", "3", "4", "5"),
    "pools.p1.shards": ("2", "3", "4", "5"),
    "pools.p1.mailbox": ("11", "12", "13", "14"),
    "pools.p1.window": ("11", "12", "13", "14"),
    "pools.p1.sleep_after": ("11s", "12s", "13s", "14s"),
    "pools.p1.weight": ("2", "3", "4", "5"),
    "pools.p1.kinds": ("one", "two", "three", "four"),
    "kinds.one": ("m:File", "m:Dotenv", "m:Environ", "m:Flag"),
    "limits.kinds.one.rate": ("11/s", "12/s", "13/s", "14/s"),
    "limits.kinds.one.burst": ("11", "12", "13", "14"),
    "limits.kinds.one.open": ("11", "12", "13", "14"),
    "limits.kinds.one.concurrency": ("11", "12", "13", "14"),
    "limits.tenants.acme-1.rate": ("11/s", "12/s", "13/s", "14/s"),
    "limits.tenants.acme-1.burst": ("11", "12", "13", "14"),
    "limits.tenants.acme-1.open": ("11", "12", "13", "14"),
    "limits.default_tenant.rate": ("11/s", "12/s", "13/s", "14/s"),
    "limits.default_tenant.burst": ("11", "12", "13", "14"),
    "limits.default_tenant.open": ("11", "12", "13", "14"),
}
KINDS = {"one": "m:A", "two": "m:B", "three": "m:C", "four": "m:D"}
#: Keys that mean nothing alone, with what they need beside them.
BESIDE = {
    **{f"limits.{whose}.burst": {f"limits.{whose}.rate": "1/s"} for whose in ("kinds.one", "tenants.acme-1", "default_tenant")},
    "pools.p1.cpu_hard": {"pools.p1.cpu": "10%"},
}


def write(folder: Path, values: dict[str, str]) -> None:
    """Write a pools.yaml with some values under key paths."""
    tree: dict[str, Any] = {"kinds": dict(KINDS), "pools": {"p1": {}}}
    for key, value in values.items():
        *path, last = key.split(".")
        at = tree
        for part in path:
            at = at.setdefault(part, {})
        at[last] = value
    (folder / "pools.yaml").write_text(yaml.safe_dump(tree, sort_keys=False))


def shown(capsys: pytest.CaptureFixture[str], key: str, *words: str) -> dict[str, Any]:
    """What `engine config show` says of a key."""
    assert main(["config", "show", "--json", *words]) == 0
    document = json.loads(capsys.readouterr().out)
    return next((one for one in document["values"] if one["key"] == key), {"source": "none", "value": None})


def test_no_key_is_missing_from_the_test_of_precedence() -> None:
    of_limits = {
        f"limits.{whose}.{key}"
        for whose in ("kinds.one", "tenants.acme-1", "default_tenant")
        for key in LIMIT_KEYS
        if whose == "kinds.one" or key != "concurrency"
    }
    assert set(FOUR) == {*every_key(["p1"]), "kinds.one", *of_limits}
    told = len(ENGINE_KEYS) + len(BREAKER_KEYS) + len(FORESIGHT_KEYS) + len(LOG_KEYS) + len(PRICE_KEYS) + len(POOL_KEYS)
    assert len(every_key(["p1"])) == told
    assert {"breaker", "foresight", "log", "price"} == set(SECTIONS)
    assert set(LIMIT_WHOSE) == {"kinds", "tenants", "default_tenant"}


@pytest.mark.parametrize("key", FOUR)
def test_a_flag_wins_over_a_variable_over_dotenv_over_the_file_over_the_default(
    key: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    in_file, in_dotenv, in_environ, in_flag = FOUR[key]
    variable, beside = variable_of(key), BESIDE.get(key, {})
    monkeypatch.chdir(tmp_path)
    for name in ("ENGINE_NAME", "ENGINE_POOLS"):
        monkeypatch.delenv(name, raising=False)
    write(tmp_path, beside)
    seen = [shown(capsys, key)]
    write(tmp_path, {**beside, key: in_file})
    seen.append(shown(capsys, key))
    (tmp_path / ".env").write_text(f"# mine\n{variable}={in_dotenv}\n")
    seen.append(shown(capsys, key))
    monkeypatch.setenv(variable, in_environ)
    seen.append(shown(capsys, key))
    seen.append(shown(capsys, key, "--set", f"{key}={in_flag}"))

    first = {"kinds.one": "file"}.get(key, "none" if key.startswith("limits.") else "default")
    assert [one["source"] for one in seen] == [first, "file", ".env", "environment", "flag"]
    assert [one["text"] for one in seen[1:]] == [in_file, in_dotenv, in_environ, in_flag]
    values = [json.dumps(one["value"]) for one in seen[1:]]
    assert len(set(values)) == (1 if key.endswith(("enabled", "cpu_hard", "log.format", "tracing")) else len(set(FOUR[key])))
    assert json.dumps(seen[0]["value"]) not in values
    assert (seen[1]["file"], seen[2]["file"]) == (str(tmp_path / "pools.yaml"), str(tmp_path / ".env"))
    lines = (tmp_path / "pools.yaml").read_text().splitlines()
    assert key.rpartition(".")[2] in lines[seen[1]["line"] - 1]
    assert seen[2]["line"] == 2
    assert {one["variable"] for one in seen[1:]} == {variable}


def test_values_are_those_that_the_engine_gets(tmp_path: Path) -> None:
    write(tmp_path, {"pools.p1.mem": "128MB", "pools.p1.sleep_after": "never", "limits.kinds.one.rate": "30/m"})
    found = {one.key: one for one in values_of(load(None, flags={}, environ={}, cwd=tmp_path))}
    assert (found["pools.p1.mem"].value, found["pools.p1.mem"].text) == (128_000_000, "128MB")
    assert (found["pools.p1.sleep_after"].value, found["pools.p1.sleep_after"].text) == (None, "never")
    assert found["limits.kinds.one.rate"].value == 0.5
    assert found["pools.p1.kinds"] == Value(
        "pools.p1.kinds", [], "all", "default", "default", "ENGINE_POOLS__P1__KINDS", None, None
    )
    assert {one.source for one in found.values()} <= set(SOURCES)
