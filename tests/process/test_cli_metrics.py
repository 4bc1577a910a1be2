"""`engine metrics` with a real engine: printed, scraped and written to a file, while the engine comes and goes."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.support.commands import Commands, commands
from tests.support.mounts import fill, mounted


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Commands]:
    with commands(tmp_path) as made:
        yield made


def read(text: str) -> dict[str, dict[tuple[str, ...], float]]:
    """The samples of a page, by name and values of labels."""
    found: dict[str, dict[tuple[str, ...], float]] = {}
    for family in text_string_to_metric_families(text):
        assert family.documentation
        assert family.type in ("counter", "gauge", "histogram")
        for sample in family.samples:
            values = tuple(sample.labels[name] for name in sorted(sample.labels))
            assert values not in found.setdefault(sample.name, {}), "one sample twice"
            found[sample.name][values] = sample.value
    return found


def scraped(port: int) -> dict[str, dict[tuple[str, ...], float]]:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        assert answer.headers["Content-Type"].startswith("text/plain; version=")
        return read(answer.read().decode())


def until(claim: Any, within_s: float = 20.0) -> Any:
    deadline_s = time.monotonic() + within_s
    while not (found := claim()):
        assert time.monotonic() < deadline_s
        time.sleep(0.02)
    return found


class Served:
    """`engine metrics --listen`."""

    def __init__(self, engine: Commands, *words: str) -> None:
        self.process = engine.start("metrics", "--listen", "127.0.0.1:0", *words)
        assert self.process.stderr is not None
        self.port = int(self.process.stderr.readline().decode().split("/metrics")[0].rpartition(":")[2])


def test_what_is_printed_is_what_is_counted(engine: Commands) -> None:
    assert engine("spawn", "--count", "50").returncode == 0
    for key in range(10):
        assert engine("ask", f"counter/{key % 3}", "add", "1").returncode == 0
    engine("ask", "counter/1", "add", "x")
    done = engine("metrics")
    found, stats = read(done.stdout), engine.document("stats")
    assert (done.returncode, done.stderr) == (0, "")
    assert found["engine_up"] == {(): 1}
    ends = ("done", "failed", "cancelled", "expired")
    assert found["engine_tasks_ended_total"] == {(name,): stats["tasks"][name] for name in ends}
    assert found["engine_tasks_accepted_total"] == {(): 11}
    assert sum(found["engine_agents"].values()) == 50
    assert found["engine_pool_agents"] == {(pool["name"],): pool["agents"] for pool in stats["pools"]}
    assert found["engine_task_duration_seconds_count"][()] == found["engine_task_duration_seconds_bucket"]["+Inf",] == 11
    assert 0 < found["engine_task_duration_seconds_sum"][()] < 60
    assert found["engine_build_info"] == {("sync", stats["version"]): 1}
    document = engine.document("metrics")
    assert document["schema"] == "engine.metrics/v1"
    assert {"name": "engine_agents_limit", "type": "gauge", "labels": {}, "value": 10_000.0} in document["metrics"]


def test_it_is_scraped_while_the_engine_comes_and_goes(engine: Commands) -> None:
    served = Served(engine)
    assert scraped(served.port) == {"engine_up": {(): 0}}
    assert engine("spawn", "--count", "5").returncode == 0
    engine("ask", "counter/1", "add", "1")
    first = scraped(served.port)
    assert (first["engine_up"], first["engine_tasks_accepted_total"]) == ({(): 1}, {(): 1})
    engine("stop")
    assert scraped(served.port) == {"engine_up": {(): 0}}
    assert engine("start").returncode == 0
    assert sum(scraped(served.port)["engine_agents"].values()) == 5
    served.process.send_signal(signal.SIGINT)
    assert served.process.wait(10) == 130
    assert served.process.stderr is not None
    assert served.process.stderr.read() == b""


def test_an_engine_that_stands_still_is_away(engine: Commands) -> None:
    assert engine("start").returncode == 0
    pid = engine.document("stats")["pid"]
    served = Served(engine)
    os.kill(pid, signal.SIGSTOP)
    try:
        assert scraped(served.port) == {"engine_up": {(): 0}}
    finally:
        os.kill(pid, signal.SIGCONT)
    assert scraped(served.port)["engine_up"] == {(): 1}


def test_a_file_is_whole_whenever_it_is_read(engine: Commands) -> None:
    assert engine("spawn", "--count", "5").returncode == 0
    file = engine.folder / "engine.prom"
    writer = engine.start("metrics", "--file", str(file), "--every", "100ms", stdout=subprocess.DEVNULL)
    until(file.exists)
    assert stat.S_IMODE(file.stat().st_mode) == 0o644
    seen = set()
    until(lambda: (seen.add(file.stat().st_ino), read(file.read_text())["engine_up"] == {(): 1}, len(seen) > 5)[-1])
    engine("stop")
    until(lambda: read(file.read_text()) == {"engine_up": {(): 0}})
    writer.send_signal(signal.SIGTERM)
    assert writer.wait(10) == 143
    assert [entry.name for entry in file.parent.iterdir() if "engine.prom" in entry.name] == ["engine.prom"]


def test_a_full_disk_leaves_the_file_whole_and_is_waited_out(engine: Commands) -> None:
    with mounted(engine.folder, "tmpfs", 1) as mount:
        file, link = mount / "engine.prom", engine.folder / "linked.prom"
        link.symlink_to(file)
        writer = engine.start("metrics", "--file", str(link), "--every", "100ms", stdout=subprocess.DEVNULL)
        until(file.exists)
        filling = fill(mount)
        assert writer.stderr is not None
        assert b"No space left on device; what it has is old" in writer.stderr.readline()
        before = file.stat().st_ino
        assert read(file.read_text()) == {"engine_up": {(): 0}}
        filling.unlink()
        assert b"is written again" in writer.stderr.readline()
        assert file.stat().st_ino != before
        assert link.is_symlink()
        writer.send_signal(signal.SIGTERM)
        assert writer.wait(10) == 143
        assert [entry.name for entry in mount.iterdir()] == ["engine.prom"]


def test_what_only_grows_does_so_over_the_deaths_of_workers(engine: Commands) -> None:
    def grown() -> dict[tuple[str, str], float]:
        families = text_string_to_metric_families(engine("metrics").stdout)
        growing = (family for family in families if family.type in ("counter", "histogram"))
        return {(sample.name, str(sample.labels)): sample.value for family in growing for sample in family.samples}

    assert engine("spawn", "--count", "100").returncode == 0
    lines = [{"agent": f"counter/{at % 100}", "method": "add", "args": [at or "x"]} for at in range(2_000)]
    file = engine.file("tasks.jsonl", *lines)
    engine("run", file, "--quiet")
    before = grown()
    for round_ in range(2):
        for worker in engine.document("ps")["workers"]:
            os.kill(worker["pid"], signal.SIGKILL)
        until(lambda: engine.document("stats")["workers"]["restarts"] == 2 * round_ + 2)
        after = grown()
        assert {name: (value, after.get(name)) for name, value in before.items() if not value <= after.get(name, -1)} == {}
        engine("ask", "counter/1", "add", "1")
        before = grown()
    assert any(name == "engine_pool_frames_bytes_total" and value > 10_000 for (name, _), value in before.items())


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--listen", "0.0.0.0:9464"], 2, "give --remote"),
        (["--listen", "somewhere:9464"], 2, "give --remote"),
        (["--listen", "[::]:9464"], 2, "give --remote"),
        (["--listen", "127.0.0.1"], 2, "is no address"),
        (["--listen", "127.0.0.1:99999"], 2, "is no address"),
        (["--listen", "127.0.0.1:1", "--file", "x"], 2, "exclude each other"),
        (["--every", "5s"], 2, "--file PATH"),
        (["--file", "x", "--every", "1ms"], 2, "too often"),
        (["--file", "/nowhere/x"], 2, "cannot be written"),
        (["--file", "/dev/null"], 2, "is no file"),
        (["--file", "/dev/stdout"], 2, "is no file"),
        (["--file", "."], 2, "is no file"),
    ],
)
def test_what_is_asked_wrongly_is_told_with_the_mend(engine: Commands, words: list[str], code: int, said: str) -> None:
    done = engine("metrics", *words)
    assert (done.returncode, done.stdout) == (code, "")
    assert said in done.stderr


def test_without_an_engine_it_says_so_and_ends_with_3(engine: Commands) -> None:
    done = engine("metrics")
    assert (done.returncode, read(done.stdout)) == (3, {"engine_up": {(): 0}})
    done = engine("metrics", "--json")
    assert (done.returncode, json.loads(done.stdout)["metrics"][0]["value"]) == (3, 0.0)
