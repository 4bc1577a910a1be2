"""The trace of one task, complete over client, engine and workers, as a receiver of OpenTelemetry's protocol gets it."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from engine import Client, Engine
from engine.errors import ConfigError, TaskFailed, Unavailable
from pools.placement import Placement
from pools.spec import PoolSpec
from tests.support.commands import Commands, commands
from tests.support.otlp import Receiver, Seen, receiver
from tests.support.processes import pool, running
from tests.support.talkers import Walker

POOLS = "agents: 100\ntracing: true\npools:\n  p: {agents: 100, workers: 2}\n"


@pytest.fixture
def collector() -> Iterator[Receiver]:
    with receiver() as made:
        yield made


@pytest.fixture
def engine(tmp_path: Path, collector: Receiver) -> Iterator[Commands]:
    """A daemon that records traces."""
    with commands(tmp_path) as made:
        (tmp_path / "pools.yaml").write_text(POOLS)
        made.environ |= collector.environ
        done = made("spawn", "--use", "tests.support.talkers:Walker", "--count", "40")
        assert done.returncode == 0, done.stderr
        yield made


def shape(spans: list[Seen], whole: Seen) -> Any:
    """The names below a span, in the order of their beginnings."""
    parts = sorted((span for span in spans if span.parent == whole.span), key=lambda span: span.start_ns)
    name = f"{whole.name} {whole.attributes.get('engine.agent.id', '')}".strip()
    return [name, *(shape(spans, part) for part in parts)]


def unordered(shape: Any) -> Any:
    """The same whichever of its parts began first: what is told leaves while what was changed is written down."""
    name, *parts = shape
    return [name, *sorted((unordered(part) for part in parts), key=str)]


def is_sound(spans: list[Seen]) -> bool:
    """Whether every span but the first is a part of another one of its trace, and begins after it."""
    by_id = {span.span: span for span in spans}
    assert len(by_id) == len(spans)
    roots = [span for span in spans if not span.parent]
    for span in spans:
        assert span.start_ns <= span.end_ns
        assert span.attributes["messaging.system"] == "engine"
        if span.parent:
            assert by_id[span.parent].start_ns <= span.start_ns
    return len(roots) == len({span.trace for span in spans}) == 1


def apart() -> tuple[str, str]:
    """Two agents that live in different workers."""
    placement = Placement([PoolSpec("p", agents=100, workers=2)], 100)
    placement.add_range("walker", 40)
    first = placement.worker_of("walker", 1)
    other = next(key for key in range(2, 40) if placement.worker_of("walker", key) != first)
    return "walker/1", f"walker/{other}"


async def test_a_question_of_a_client_with_steps_and_a_question_to_another_worker(
    engine: Commands, collector: Receiver
) -> None:
    agent, other = apart()
    async with Client(environ=engine.environ, tracing=True) as client:
        assert await client.ask(agent, "walk", other) == 8
    spans = collector.until(lambda spans: len(spans) == 10)
    assert is_sound(spans)
    whole = next(span for span in spans if not span.parent)
    asked = ["send walker " + other, ["queue walker " + other, ["process walker " + other, ["commit walker " + other]]]]
    steps = [["step look " + agent], ["step go " + agent]]
    process = ["process walker " + agent, *steps, asked, ["commit walker " + agent]]
    assert shape(spans, whole) == ["send walker " + agent, ["queue walker " + agent, process]]
    runs = [span for span in spans if span.name == "process walker"]
    assert {span.attributes["engine.worker"] for span in runs} == {"p.0", "p.1"}
    assert {span.kind for span in runs} == {"consumer"}
    assert [span.kind for span in spans if span.name == "send walker"] == ["client"] * 2
    first = next(span for span in runs if span.attributes["engine.agent.id"] == agent)
    assert first.attributes == {
        "messaging.system": "engine",
        "messaging.operation.name": "process",
        "messaging.operation.type": "process",
        "messaging.destination.name": "walker",
        "messaging.message.id": first.attributes["messaging.message.id"],
        "engine.agent.id": agent,
        "engine.method": "walk",
        "engine.worker": first.attributes["engine.worker"],
    }
    assert whole.resource["service.name"] == "engine"
    assert whole.resource["service.instance.id"] == "engine"
    assert collector.paths == {"/v1/traces"}


async def test_what_an_agent_tells_is_a_part_of_its_trace_in_whichever_worker(engine: Commands, collector: Receiver) -> None:
    agent, other = apart()
    async with Client(environ=engine.environ, tracing=True) as client:
        assert await client.ask(agent, "pass_on", [agent, other, agent], timeout_s=20) == 1
    spans = collector.until(lambda spans: Counter(span.name for span in spans)["commit walker"] == 4)
    assert is_sound(spans)
    whole = next(span for span in spans if not span.parent)
    last = ["process walker " + agent, ["commit walker " + agent]]
    third = ["process walker " + other, ["send walker " + agent, ["queue walker " + agent, last]], ["commit walker " + other]]
    second = ["process walker " + agent, ["send walker " + other, ["queue walker " + other, third]], ["commit walker " + agent]]
    first = ["process walker " + agent, ["send walker " + agent, second], ["commit walker " + agent]]
    assert unordered(shape(spans, whole)) == unordered(["send walker " + agent, ["queue walker " + agent, first]])
    assert Counter(span.kind for span in spans if span.name == "send walker") == {"client": 1, "producer": 3}


async def test_where_nothing_is_kept_what_an_agent_tells_is_a_part_too(collector: Receiver) -> None:
    environ = {**os.environ, **collector.environ}
    async with running([pool(2)], kinds=[Walker], tracing=True, environ=environ) as made:
        await made.spawn("walker", 40)
        agent, other = apart()
        await made.ask(agent, "pass_on", [agent, other, agent], timeout_s=20)
        done = partial(collector.until, lambda spans: Counter(span.name for span in spans)["process walker"] == 4)
        spans = await asyncio.to_thread(done)
    assert is_sound(spans)
    assert Counter(span.kind for span in spans if span.name == "send walker") == {"client": 1, "producer": 3}


async def test_what_is_not_recorded_is_no_part_of_what_runs_beside_it(collector: Receiver) -> None:
    sampled = "00-" + "a" * 32 + "-" + "b" * 16 + "-01"
    environ = {**os.environ, **collector.environ, "OTEL_TRACES_SAMPLER": "parentbased_always_off"}
    async with running([pool(1)], kinds=[Walker], tracing=True, environ=environ) as made:
        await made.spawn("walker", 40)
        from opentelemetry import trace
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        with trace.use_span(trace.get_current_span(TraceContextTextMapPropagator().extract({"traceparent": sampled}))):
            seen = [made.ask("walker/1", "pass_on", ["walker/2"])]
        seen += [made.ask(f"walker/{at}", "walk", f"walker/{at + 20}") for at in range(3, 18)]
        for answer in seen:
            await answer
        done = partial(collector.until, lambda spans: Counter(span.name for span in spans)["process walker"] == 2)
        await asyncio.to_thread(done)
    assert {span.attributes["engine.agent.id"] for span in collector.spans} == {"walker/1", "walker/2"}


async def test_the_tasks_of_a_map_in_process_and_over_the_socket(
    engine: Commands, collector: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    from opentelemetry import trace
    from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags

    tasks: list[Any] = [(f"walker/{key}", "add", 1) for key in range(8)] + [("walker", "add", 1), ("walker/0", "stumble")]
    tasks += [{"id": "timely", "agent": "walker/3", "method": "add", "args": [1], "deadline_s": 30}]
    tasks += [{"id": "urgent", "kind": "walker", "method": "add", "args": [1], "priority": "high"}]
    names = {"send walker": 12, "process walker": 12, "commit walker": 11, "queue walker": 12, "step fall": 1}
    mine = NonRecordingSpan(SpanContext(0xABC << 64 | 5, 0x123, is_remote=False, trace_flags=TraceFlags(1)))
    monkeypatch.setattr(os, "environ", os.environ | collector.environ)

    def is_all(spans: list[Seen]) -> bool:
        return sum(span.name == "commit walker" for span in spans) >= 11 and len(spans) >= 48

    with trace.use_span(mine):
        async with Client(environ=engine.environ, tracing=True) as client:
            results = [result async for result in client.map(tasks)]
    assert sum(result.ok for result in results) == 11
    far = collector.until(is_all)
    collector.spans = []
    with trace.use_span(mine):
        async with running([pool(1)], kinds=[Walker], tracing=True, data=engine.folder / "own") as made:
            await made.spawn("walker", 40)
            assert len([result async for result in made.map(tasks)]) == 12
    for spans in (far, collector.until(is_all)):
        assert Counter(span.name for span in spans) == names
        assert {span.trace for span in spans} == {f"{0xABC << 64 | 5:032x}"}
        by_id = {span.span: span for span in spans}
        for span in spans:
            over = {"send": "", "queue": "send", "process": "queue", "commit": "process", "step": "process"}
            above = by_id[span.parent].name.split()[0] if span.parent in by_id else ""
            assert above == over[span.name.split()[0]]
        assert {span.parent for span in spans if span.name == "send walker"} == {f"{0x123:016x}"}
        assert [span.error for span in spans if span.name == "send walker" and span.error] == ["ValueError: fell"]


def test_an_accepted_task_from_the_command_line(engine: Commands, collector: Receiver) -> None:
    agent, other = apart()
    line = json.dumps({"id": "mine", "agent": agent, "method": "walk", "args": [other]})
    done = engine("submit", "-", stdin=f"{line}\n", ENGINE_TRACING="true")
    name = json.loads(done.stdout)["task"]
    assert engine("tasks", "result", name, "--wait", "20s").stdout == "8\n"
    wanted = {"accept walker", "send walker"}
    spans = collector.until(lambda spans: wanted <= {span.name for span in spans if span.kind != "client"})
    assert is_sound(spans)
    send, accept, queue, process, *_ = sorted(spans, key=lambda span: span.start_ns)
    assert [span.name.split()[0] for span in (send, accept, queue, process)] == ["send", "accept", "queue", "process"]
    assert (accept.parent, queue.parent, process.parent) == (send.span, accept.span, queue.span)
    whole = shape(spans, accept)
    assert whole[-1] == ["commit walker"]  # its end is written down last
    assert [part[0].split()[0] for part in whole[1][1][1:]] == ["step", "step", "send", "commit"]
    assert accept.attributes["messaging.message.id"] == name
    assert process.attributes["messaging.message.id"].startswith(name.partition("-")[0])


def test_what_an_agent_prints_has_the_trace_as_its_correlation_id(engine: Commands, collector: Receiver) -> None:
    assert engine("ask", "walker/3", "add", "1").stdout == "1\n"
    (span,) = [span for span in collector.until(lambda spans: len(spans) == 3) if span.name == "process walker"]
    found = [json.loads(line) for line in engine("logs", "-o", "ndjson", "--agent", "walker/3").stdout.splitlines()]
    assert [record["correlation"] for record in found] == [span.trace]
    assert engine("logs", "--task", span.trace).stdout.endswith(": adds\n")


def test_without_a_wish_of_the_client_a_trace_begins_in_the_engine(engine: Commands, collector: Receiver) -> None:
    assert engine("ask", "walker/3", "add", "1").stdout == "1\n"
    lines = "".join(json.dumps({"agent": f"walker/{key}", "method": "add", "args": [1]}) + "\n" for key in range(10, 30))
    assert engine("run", "-", "--quiet", stdin=lines).returncode == 0
    spans = collector.until(lambda spans: len(spans) >= 21 * 3)
    assert Counter(span.name for span in spans) == {"queue walker": 21, "process walker": 21, "commit walker": 21}
    assert len({span.trace for span in spans}) == 21


def test_a_task_that_fails_says_why(engine: Commands, collector: Receiver) -> None:
    assert engine("ask", "walker/3", "stumble", ENGINE_TRACING="true").returncode == 1
    spans = collector.until(lambda spans: [span for span in spans if span.name == "send walker"])
    assert {span.name: span.error for span in spans} == {
        "send walker": "TaskFailed: ValueError: fell",
        "queue walker": "",
        "process walker": "ValueError: fell",
        "step fall": "ValueError: fell",
    }


def test_a_task_in_a_process_of_its_own_is_a_part_too(engine: Commands, collector: Receiver) -> None:
    assert engine("ask", "walker/3", "alone").stdout == "1\n"
    spans = collector.until(lambda spans: len(spans) == 3)
    assert is_sound(spans)
    assert {span.name for span in spans} == {"queue walker", "process walker", "commit walker"}


async def test_in_process_and_as_a_part_of_what_the_program_traces_itself(
    collector: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    from opentelemetry import trace
    from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags

    for name, text in collector.environ.items():
        monkeypatch.setenv(name, text)
    mine = NonRecordingSpan(SpanContext(0xABC << 64 | 5, 0x123, is_remote=False, trace_flags=TraceFlags(1)))
    async with running([pool(1)], kinds=[Walker], tracing=True) as made:
        await made.spawn("walker", 5)
        with trace.use_span(mine):
            await made.ask("walker/1", "add", 1)
            await made.ask("walker/2", "walk", "walker/3", timeout_s=20)
    spans = collector.until(lambda spans: Counter(span.name for span in spans)["process walker"] == 3)
    assert {span.trace for span in spans} == {f"{0xABC << 64 | 5:032x}"}
    assert [span.name for span in spans if span.parent == f"{0x123:016x}"] == ["send walker"] * 2
    assert Counter(span.name for span in spans) == {
        "send walker": 3, "queue walker": 2, "process walker": 3, "step look": 1, "step go": 1,
    }  # fmt: skip


async def test_a_part_of_the_traces_is_recorded_whole_or_not_at_all(collector: Receiver) -> None:
    environ = {**os.environ, **collector.environ, "OTEL_TRACES_SAMPLER": "traceidratio", "OTEL_TRACES_SAMPLER_ARG": "0.5"}
    async with running([pool(1)], kinds=[Walker], tracing=True, environ=environ) as made:
        await made.spawn("walker", 100)
        for key in range(100):
            await made.ask(f"walker/{key}", "add", 1)
    spans = collector.spans
    names = Counter(span.name for span in spans)
    assert 20 < names["send walker"] < 80
    assert set(names.values()) == {names["send walker"]}


async def test_where_nothing_is_traced_nothing_goes_over_the_wire(monkeypatch: pytest.MonkeyPatch) -> None:
    from pools.channel import Channel

    sent: list[bytes] = []
    write = Channel.write
    monkeypatch.setattr(Channel, "write", lambda channel, frame: (sent.append(frame), write(channel, frame))[1])
    async with running([pool(1)], kinds=[Walker]) as made:
        await made.spawn("walker", 5)
        await made.ask("walker/1", "walk", "walker/2")
        (name,) = await made.submit([("walker/1", "add", 1)])
        await made.result(name, 10)
    everything = b"".join(sent)
    assert b'"add"' in everything
    assert b'"tp"' not in everything
    assert b"tracing" not in everything


async def test_a_file_of_spans(tmp_path: Path) -> None:
    environ = {**os.environ, "OTEL_TRACES_EXPORTER": "file"}
    async with running([pool(1)], kinds=[Walker], tracing=True, environ=environ, data=tmp_path / "data") as made:
        await made.spawn("walker", 5)
        with pytest.raises(TaskFailed):
            await made.ask("walker/1", "stumble")
    spans = [json.loads(line) for line in (tmp_path / "traces.jsonl").read_text().splitlines()]
    assert Counter(span["name"] for span in spans) == {"send walker": 1, "queue walker": 1, "process walker": 1, "step fall": 1}
    assert (tmp_path / "traces.jsonl").stat().st_mode & 0o777 == 0o600


async def test_an_exporter_that_there_is_not() -> None:
    with pytest.raises(ConfigError, match="otlp, console, file, none"):
        async with Engine(tracing=True, environ={**os.environ, "OTEL_TRACES_EXPORTER": "zipkin"}):
            pass
    with pytest.raises(ConfigError, match="is not a share"):
        sampler = {"OTEL_TRACES_SAMPLER": "traceidratio", "OTEL_TRACES_SAMPLER_ARG": "2"}
        async with Engine(tracing=True, environ={**os.environ, **sampler}):
            pass


async def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.resources", None)
    with pytest.raises(Unavailable, match=r"pip install 'microagent-engine\[otel\]'"):
        async with Engine(tracing=True):
            pass


def test_a_receiver_that_is_not_there_harms_nobody(tmp_path: Path) -> None:
    with commands(tmp_path) as made:
        (tmp_path / "pools.yaml").write_text(POOLS)
        made.environ["OTEL_EXPORTER_OTLP_ENDPOINT"] = "http://127.0.0.1:9"
        assert made("spawn", "--use", "tests.support.talkers:Walker", "--count", "4").returncode == 0
        assert made("ask", "walker/1", "add", "2").stdout == "2\n"
        began_s = time.monotonic()
        assert made("stop").returncode == 0
        assert time.monotonic() - began_s < 15


def test_a_receiver_that_never_answers_holds_up_neither_tasks_nor_the_end(tmp_path: Path) -> None:
    with commands(tmp_path) as made, socket.create_server(("127.0.0.1", 0)) as silent:
        (tmp_path / "pools.yaml").write_text(POOLS)
        made.environ["OTEL_EXPORTER_OTLP_ENDPOINT"] = f"http://127.0.0.1:{silent.getsockname()[1]}"
        made.environ |= {"OTEL_BSP_SCHEDULE_DELAY": "50", "OTEL_BSP_MAX_QUEUE_SIZE": "512"}
        assert made("spawn", "--use", "tests.support.talkers:Walker", "--count", "20").returncode == 0
        lines = "".join(
            json.dumps({"agent": f"walker/{key % 20}", "method": "add", "args": [1]}) + "\n" for key in range(2_000)
        )
        assert made("run", "-", "--quiet", stdin=lines).returncode == 0
        assert "warning trace.dropped: Queue full" in made("logs", "--event", "trace.*").stdout
        done = made("stop")
        assert (done.returncode, done.stderr) == (0, "")
        assert "worker.output" not in made("logs").stdout


def test_a_worker_that_records_traces_loads_no_opentelemetry(engine: Commands) -> None:
    pid = engine.document("ps")["workers"][0]["pid"]
    maps = Path(f"/proc/{pid}/maps").read_text()
    assert "grpc" not in maps
    done = subprocess.run(
        [sys.executable, "-c", "import sys, pools.traced, engine.client; print(*sys.modules)"],
        capture_output=True, text=True, check=True, env=engine.environ,
    )  # fmt: skip
    assert not [name for name in done.stdout.split() if name.startswith(("opentelemetry", "structlog", "prometheus"))]
