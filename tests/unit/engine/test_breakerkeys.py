"""Each key of the `breaker` section sets what it is called, and refuses what cannot be meant."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.breakerkeys import BREAKER_KEYS, read_breaker
from engine.config import load
from engine.errors import ConfigError
from engine.setting import Setting
from pools.breaker import BOUNDS, BreakerSpec

TEXTS = {
    "enabled": ("false", False),
    "failure_rate": ("30%", 0.3),
    "in_a_row": ("7", 7),
    "minimum_calls": ("10", 10),
    "window": ("1m", 60.0),
    "window_calls": ("100", 100),
    "slow_rate": ("0.9", 0.9),
    "slow_factor": ("2.5", 2.5),
    "slow_least": ("10ms", 0.01),
    "slow": ("2s", 2.0),
    "open": ("5s", 5.0),
    "open_most": ("2m", 120.0),
    "jitter": ("0%", 0.0),
    "probes": ("1", 1),
    "probe": ("3s", 3.0),
}


def setting(key: str, text: str) -> Setting:
    return Setting(f"breaker.{key}", text, "a test", Path("/"))


def test_nothing_written_is_the_default() -> None:
    assert read_breaker({}) == BreakerSpec()


@pytest.mark.parametrize("key", BREAKER_KEYS)
def test_a_key_sets_its_number(key: str) -> None:
    text, value = TEXTS[key]
    spec = read_breaker({f"breaker.{key}": setting(key, text)})
    assert getattr(spec, BREAKER_KEYS[key][0]) == value


WRONG = [("failure_rate", "0%"), ("jitter", "100%"), ("probes", "0"), ("open", "x"), ("slow_rate", "-1")]


@pytest.mark.parametrize(("key", "text"), WRONG)
def test_what_cannot_be_meant_is_refused_at_its_key(key: str, text: str) -> None:
    with pytest.raises(ConfigError, match=f"breaker.{key}"):
        read_breaker({f"breaker.{key}": setting(key, text)})


def test_every_number_has_its_bounds() -> None:
    assert {field for field, _ in BREAKER_KEYS.values()} - set(BOUNDS) == {"is_on"}
    with pytest.raises(ValueError, match="probes is 1 to"):
        BreakerSpec(probes=0)


def test_a_variable_wins_over_the_file(tmp_path: Path) -> None:
    (tmp_path / "pools.yaml").write_text("breaker:\n  open: 5s\n  probes: 2\npools:\n  p1: {agents: 10, weight: 2.5}\n")
    config = load(None, flags={}, environ={"ENGINE_BREAKER__OPEN": "7s"}, cwd=tmp_path)
    assert (config.breaker.open_s, config.breaker.probes) == (7.0, 2)
    assert config.pools[0].weight == 2.5
    assert config.origins["breaker.open"] == "ENGINE_BREAKER__OPEN"
