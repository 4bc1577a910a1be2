"""Each key of the `limits` section sets what it is called, for whom it stands, and refuses what cannot be meant."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.config import load
from engine.errors import ConfigError
from engine.limitkeys import LIMIT_KEYS
from pools.quota import Quota, Quotas

SHOWN = """
limits:
  kinds:
    counter: {rate: 100/s, burst: 200, open: 10_000, concurrency: 50}
  tenants:
    acme: {rate: 30/m}
  default_tenant: {open: 1000}
"""


def limits_of(tmp_path: Path, text: str) -> Quotas:
    (tmp_path / "pools.yaml").write_text(f"{text}\npools:\n  p1: {{agents: 10}}\nagents: 10\n")
    return load(tmp_path / "pools.yaml", flags={}, environ={}, cwd=tmp_path).quotas


def test_nothing_written_is_no_limit(tmp_path: Path) -> None:
    assert limits_of(tmp_path, "") == Quotas()


def test_every_key_is_read(tmp_path: Path) -> None:
    assert limits_of(tmp_path, SHOWN) == Quotas(
        kinds={"counter": Quota(rate=100.0, burst=200, open=10_000, concurrency=50)},
        tenants={"acme": Quota(rate=0.5)},
        default_tenant=Quota(open=1_000),
    )
    assert {field for field, _ in LIMIT_KEYS.values()} == set(Quota.__slots__)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("limits: {kinds: {counter: {rate: fast}}}", "rate"),
        ("limits: {kinds: {counter: {rate: 0}}}", "rate"),
        ("limits: {kinds: {counter: {burst: 5}}}", "a burst needs a rate"),
        ("limits: {kinds: {nobody: {rate: 5}}}", "'nobody' is no kind"),
        ("limits: {kinds: {counter: {speed: 5}}}", "no such limit"),
        ("limits: {kinds: {counter: 5}}", "a mapping of limits"),
        ("limits: {kind: {counter: {rate: 5}}}", "did you mean 'kinds'"),
        ("limits: {tenants: {acme: {concurrency: 5}}}", "a tenant has none"),
        ("limits: 5", "a mapping of whose"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_its_place(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said) as refused:
        limits_of(tmp_path, text)
    assert refused.value.line == 1
