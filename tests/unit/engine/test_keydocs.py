"""Every key is told of, with a default that is the one of the code and an example that can be read."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.config import load
from engine.effective import values_of
from engine.keydocs import SECTIONS, default_of
from engine.layers import every_key
from engine.limitkeys import LIMIT_KEYS

EVERY = [(section, key) for section in SECTIONS for key in section.keys]
#: Keys that mean nothing alone, with what they need beside them.
BESIDE = {"burst": ("rate", "1/s"), "cpu_hard": ("cpu", "10%")}


def test_no_key_is_left_out() -> None:
    told = {f"{section.path}{key}".replace("NAME", "p1") for section, key in EVERY}
    of_limits = {f"limits.kinds.p1.{key}" for key in LIMIT_KEYS}
    of_tenants = {
        f"limits.{whose}.{key}" for whose in ("tenants.p1", "default_tenant") for key in LIMIT_KEYS if key != "concurrency"
    }
    assert told == {*every_key(["p1"]), "kinds.p1", *of_limits, *of_tenants}


@pytest.mark.parametrize(("section", "key"), EVERY, ids=lambda one: getattr(one, "path", one))
def test_an_example_is_read_and_the_default_is_that_of_the_code(section: object, key: str, tmp_path: Path) -> None:
    assert hasattr(section, "keys")
    (tmp_path / "pools.yaml").write_text("agents: 20000\npools: {p1: }\nkinds: {scout: 'm:Scout'}\n")
    (tmp_path / "scout.py").write_text("")
    named = section.path.replace("kinds.NAME", "kinds.scout").replace("NAME", "p1")
    path = f"{named}{key.replace('NAME', 'scout')}"
    flags = {path: section.keys[key].example}
    if key in BESIDE and path.startswith(("pools", "limits")):
        beside, value = BESIDE[key]
        flags[named + beside] = value
    before = {one.key: one for one in values_of(load(None, flags={}, environ={}, cwd=tmp_path))}
    after = {one.key: one for one in values_of(load(None, flags=flags, environ={}, cwd=tmp_path))}
    assert after[path].source == "flag"
    if path in before and before[path].source == "default":
        default = default_of(section, key)
        assert before[path].value == (list(default) if isinstance(default, tuple) else default)
        assert before[path].value != after[path].value
