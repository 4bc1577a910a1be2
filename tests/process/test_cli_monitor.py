"""`engine monitor` without a terminal: once, its exit codes, in a browser, and where its documents come from."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
import re
import signal
import socket
import time
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from engine.dashboard.live import LiveSource
from engine.errors import NotRunning
from pools.errors import LinkClosed
from tests.support.commands import Commands, commands
from tests.support.processes import children, ended_within

MAKER = '''
"""An agent that writes."""

from pathlib import Path

from engine import Agent


class Maker(Agent):
    def make(self, path: str) -> int:
        return Path(path).write_text("made")
'''


def test_without_an_engine_it_says_the_mend(tmp_path: Path) -> None:
    with commands(tmp_path) as engine:
        for words in (["--once"], ["--once", "--json"], ["--web"]):
            done = engine("monitor", *words)
            assert (done.returncode, done.stdout) == (3, "")
            assert "engine spawn --count 5000" in done.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "there is no terminal to show it on; for one overview as text: engine monitor --once"),
        (["-d", "0.01"], "too often"),
        (["--port", "80"], "--port is for --web"),
        (["--web", "--port", "70000"], "from 1 to 65,535"),
        (["--record", "a", "--replay", "b"], "not allowed with"),
        (["--record", "a", "--once"], "goes with neither"),
    ],
)
def test_what_does_not_fit_is_refused_with_the_mend(tmp_path: Path, words: list[str], said: str) -> None:
    with commands(tmp_path) as engine:
        done = engine("monitor", *words)
    assert done.returncode == 2
    assert said in done.stderr


def test_once_prints_an_overview_as_text_or_json(tmp_path: Path) -> None:
    with commands(tmp_path) as engine:
        engine("spawn", "--count", "500")
        document = engine.document("monitor", "--once")
        assert document["schema"] == "engine.overview/v1"
        assert document["agents"] == {"total": 500, "active": 0, "idle": 500, "failed": 0}
        assert engine.document("monitor")["schema"] == "engine.overview/v1"
        text = engine("monitor", "--once").stdout
    assert "500 = 0 active + 500 idle + 0 failed" in text
    assert "All systems operational" in text


def test_once_with_wait_waits_for_the_engine(tmp_path: Path) -> None:
    with commands(tmp_path) as engine:
        process = engine.start("monitor", "--once", "--json", "--wait")
        time.sleep(0.5)
        assert process.poll() is None
        assert engine("spawn", "--count", "7").returncode == 0
        out, _ = process.communicate(timeout=30)
    assert json.loads(out)["schema"] == "engine.overview/v1"


def test_a_file_that_is_no_recording_is_named(tmp_path: Path) -> None:
    with commands(tmp_path) as engine:
        (tmp_path / "letter").write_text("dear engine")
        done = engine("monitor", "--once", "--replay", "letter")
        assert done.returncode == 4
        assert "letter" in done.stderr
        assert engine("monitor", "--once", "--replay", "nothing").returncode != 0


async def test_a_source_reads_an_engine_and_comes_back_to_it_after_a_restart(tmp_path: Path) -> None:
    (tmp_path / "maker.py").write_text(MAKER)
    task = {"id": "a", "role": "maker", "method": "make", "args": [str(tmp_path / "work" / "a")], "artifacts": ["a"]}
    roles = {"maker": {"kind": "maker", "agents": 2}}
    backlog = {"schema": "engine.backlog/v1", "name": "app", "use": ["maker.py:Maker"], "roles": roles, "tasks": [task]}
    (tmp_path / "app.json").write_text(json.dumps(backlog))
    with commands(tmp_path) as engine:
        source = LiveSource("engine", engine.environ)
        with pytest.raises(NotRunning):
            await source.ask("overview")
        assert not source.is_live
        assert await source.past() is None

        assert (await asyncio.to_thread(engine, "spawn", "--count", "50")).returncode == 0
        assert (await source.ask("overview"))["agents"]["total"] == 50
        assert source.is_live
        assert [one["state"] for one in await source.ask("ps")] == ["running", "running"]
        assert await source.ask("sprints") == []
        with pytest.raises(Exception, match="no verb 'dance'"):
            await source.ask("dance")
        assert source.is_live

        assert (await asyncio.to_thread(engine, "sprint", "run", "app.json", "--speed", "20", "--quiet")).returncode == 0
        (sprint,) = await source.ask("sprints")
        assert (sprint["state"], sprint["planned"], sprint["verdicts"], sprint["is_over"]) == ("done", 1, {"done": 1}, True)
        assert [step["phase"] for step in sprint["steps"]] == ["plan", "exec", "test", "ship"]
        assert [sum(wave["steps"].values()) for wave in sprint["waves"]] == [900.0]
        assert sprint["now"] is None
        assert await source.ask("sprint", sprint=sprint["id"]) == sprint

        past = await source.past()
        assert past is not None
        recorded = await source.at(past.last_s)
        assert recorded["overview"]["agents"]["total"] == recorded["stats"]["agents"]["total"]

        assert (await asyncio.to_thread(engine, "stop")).returncode == 0
        with pytest.raises((NotRunning, LinkClosed)):
            await source.ask("overview")
        assert not source.is_live
        offline = await source.past()
        assert offline is not None
        assert offline.first_s == past.first_s
        assert (await source.at(past.last_s))["overview"] == recorded["overview"]

        assert (await asyncio.to_thread(engine, "start")).returncode == 0
        assert (await source.ask("overview"))["agents"]["total"] > 0
        assert source.is_live
        await source.close()


@pytest.fixture
def port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def served(engine: Commands, port: int) -> tuple[Any, str]:
    """The server, and the secret in the address that it printed."""
    process = engine.start("monitor", "--web", "--port", str(port))
    line = process.stderr.readline().decode()
    found = re.fullmatch(rf"the dashboard is at http://127\.0\.0\.1:{port}/\?token=([\w-]{{43}})\n", line)
    assert found, line
    return process, found[1]


async def test_a_browser_sees_it_who_has_the_address_and_nobody_else(tmp_path: Path, port: int) -> None:
    with commands(tmp_path) as engine:
        engine("spawn", "--count", "321")
        process, token = await asyncio.to_thread(served, engine, port)
        address = f"http://127.0.0.1:{port}"
        async with aiohttp.ClientSession() as session:
            for path, headers in (
                ("/", {}),
                ("/?token=", {}),
                ("/?token=guess", {}),
                ("/static/css/xterm.css", {}),
                (f"/?token={token}", {"Host": "evil.example"}),
                (f"/?token={token}", {"Origin": "http://evil.example"}),
            ):
                async with session.get(address + path, headers=headers) as answer:
                    assert answer.status == 403, path
            with pytest.raises(aiohttp.WSServerHandshakeError):
                await session.ws_connect(f"{address}/ws", headers={"Origin": address})
            with pytest.raises(aiohttp.WSServerHandshakeError):
                await session.ws_connect(f"{address}/ws?token={token}", headers={"Origin": "http://evil.example"})
        async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
            async with session.get(f"{address}/?token={token}") as answer:
                assert answer.status == 200
                cookie = answer.headers["Set-Cookie"]
                assert "HttpOnly" in cookie
                assert "SameSite=Strict" in cookie
                assert answer.headers["Referrer-Policy"] == "no-referrer", "the address carries the secret"
                page = await answer.text()
                assert set(re.findall(r"https?://[^/\"]+", page)) == {address}, "nobody else hears of it, and none is needed"
                parts = re.findall(r'(?:href|src)="(http[^"]+)"|url\("([^"]+)"\)', page)
            assert len(parts) == 3
            for part in map("".join, parts):
                async with session.get(part) as answer:
                    assert answer.status == 200, part
            seen = b""
            async with session.ws_connect(f"{address}/ws?width=100&height=30", headers={"Origin": address}) as wire:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(30):
                        while b"321" not in seen:
                            message = await wire.receive()
                            seen += message.data if isinstance(message.data, bytes) else str(message.data).encode()
            assert b"SWARM MONITOR" in seen
            assert b"321" in seen
        process.send_signal(signal.SIGINT)
        code = await asyncio.to_thread(process.wait, 20)
    assert code == 130


def test_a_port_that_is_taken_is_named(tmp_path: Path) -> None:
    with commands(tmp_path) as engine, socket.create_server(("127.0.0.1", 0)) as taken:
        engine("spawn", "--count", "5")
        done = engine("monitor", "--web", "--port", str(taken.getsockname()[1]))
    assert done.returncode == 2
    assert "name another one with --port" in done.stderr


async def test_who_looks_when_it_ends_keeps_nothing_alive(tmp_path: Path, port: int) -> None:
    with commands(tmp_path) as engine:
        engine("spawn", "--count", "5")
        process, token = await asyncio.to_thread(served, engine, port)
        address = f"http://127.0.0.1:{port}"
        async with aiohttp.ClientSession() as session, session.ws_connect(f"{address}/ws?token={token}") as wire:
            await wire.receive()
            (screen,) = children(process.pid)
            process.send_signal(signal.SIGTERM)
            code = await asyncio.to_thread(process.wait, 20)
        assert code == 143
        assert ended_within([screen], 10)
        assert await asyncio.to_thread(process.stderr.read) == b"Ctrl-C ends it\n"


async def test_who_looks_when_it_is_killed_keeps_nothing_alive_either(tmp_path: Path, port: int) -> None:
    with commands(tmp_path) as engine:
        engine("spawn", "--count", "5")
        process, token = await asyncio.to_thread(served, engine, port)
        address = f"http://127.0.0.1:{port}"
        async with aiohttp.ClientSession() as session, session.ws_connect(f"{address}/ws?token={token}") as wire:
            await wire.receive()
            (screen,) = children(process.pid)
            process.kill()
            await asyncio.to_thread(process.wait, 20)
            assert await asyncio.to_thread(ended_within, [screen], 30)


def test_it_listens_on_the_loopback_alone(tmp_path: Path, port: int) -> None:
    with commands(tmp_path) as engine:
        engine("spawn", "--count", "5")
        served(engine, port)
        others = {facts[4][0] for facts in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)} - {"127.0.0.1"}
        for address in others:
            with pytest.raises(OSError):
                http.client.HTTPConnection(address, port, timeout=2).connect()


def test_without_the_extra_it_says_what_to_install(tmp_path: Path) -> None:
    (tmp_path / "textual_serve").mkdir()
    away = "raise ModuleNotFoundError('no such module', name='textual_serve')"
    (tmp_path / "textual_serve" / "__init__.py").write_text(away)
    with commands(tmp_path) as engine:
        engine.environ["PYTHONPATH"] = f"{tmp_path}:{engine.environ['PYTHONPATH']}"
        done = engine("monitor", "--web")
    assert done.returncode == 2
    assert "pip install 'microagent-engine[web]'" in done.stderr
