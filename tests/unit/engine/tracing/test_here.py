"""When the traces of an engine begin and end."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from engine import Engine
from engine.errors import ConfigError
from tests.support.processes import children, running

ENVIRON = {**os.environ, "OTEL_TRACES_EXPORTER": "file"}


async def test_they_are_there_while_it_runs_and_all_is_sent_at_the_end(tmp_path: Path) -> None:
    async with running(tracing=True, environ=ENVIRON, data=tmp_path / "data") as engine:
        assert engine.tracing is not None
        await engine.spawn("tally", 1)
        await engine.ask("tally/0", "add", 1)
    assert engine.tracing is None
    names = [json.loads(line)["name"] for line in (tmp_path / "traces.jsonl").read_text().splitlines()]
    assert sorted(names) == ["commit tally", "process tally", "queue tally", "send tally"]


async def test_without_a_wish_there_are_none() -> None:
    async with running() as engine:
        assert engine.tracing is None


async def test_where_they_cannot_begin_no_process_stays() -> None:
    before = children()
    with pytest.raises(ConfigError, match="OTEL_TRACES_EXPORTER"):
        async with Engine(tracing=True, environ={**os.environ, "OTEL_TRACES_EXPORTER": "x"}):
            pass
    assert children() == before
