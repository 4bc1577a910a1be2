"""Three real sprints: what they bring is proven, what they ship works, and who lies is told from who does not."""

from __future__ import annotations

import http.client
import json
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from examples.app.backlogs import backlog
from examples.app.blueprint import DELIVERABLES, DRAFT_FLAWS
from examples.app.evidence import deliverables
from sprints.verification import verify
from tests.app.conftest import BUILD_S, Built
from tests.support.commands import commands

pytestmark = pytest.mark.timeout(BUILD_S + 30)


class Browser:
    """Somebody at the app. cookie: of the session."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.cookie = ""

    def __call__(self, method: str, path: str, row: Any = None) -> tuple[int, bytes]:
        """Send a request: the status, and what came back."""
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=20)
        body = None if row is None else json.dumps(row)
        connection.request(method, path, body, {"Content-Type": "application/json", "Cookie": self.cookie})
        answer = connection.getresponse()
        self.cookie = answer.headers.get("Set-Cookie", self.cookie).partition(";")[0]
        got = answer.status, answer.read()
        connection.close()
        return got

    def signed_in(self, name: str) -> Browser:
        """The same, for somebody who has registered."""
        who = {"name": name, "password": "correct horse battery"}
        assert self("POST", "/register", who)[0] == 201
        assert self("POST", "/login", who)[0] == 303
        return self


@contextmanager
def served(release: Path, folder: Path) -> Iterator[int]:
    """A release that answers on a port of this machine."""
    command = [sys.executable, "-B", "-m", "almanac.server", "--port", "0", "--database", str(folder / "almanac.db")]
    with subprocess.Popen(command, cwd=release, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as server:
        try:
            assert server.stdout is not None
            yield int(server.stdout.readline().rpartition(":")[2])
        finally:
            server.terminate()
            server.wait(10)


def test_the_fourteen_deliverables_are_printed_with_file_hash_and_sprint(built: Built) -> None:
    assert built.code == 0, built.printed
    found = deliverables(built.archive, built.folder / "releases")
    assert [one.name for one in found] == [name for names in DELIVERABLES.values() for name in names]
    assert all(one.is_there for one in found)
    for one in found:
        (line,) = [line for line in built.printed.splitlines() if line.startswith(one.name)]
        assert one.sha256[:16] in line
        assert one.path in line
        assert one.sprint in line
    assert "14 of 14 deliverables are there" in built.printed


def test_every_task_of_every_sprint_is_done_and_has_shipped(built: Built) -> None:
    told = [built.archive.chronicle(sprint) for sprint in built.archive.ids()]
    assert [(one.header["backlog"], one.agents) for one in told] == [("foundation", 200), ("core", 600), ("enhancement", 400)]
    for one in told:
        assert one.verdicts == {"done": len(one.planned)}
        assert [items for _, items in one.releases] == [len(one.planned)]
        assert one.impact["coverage"] == one.impact["quality"] == 1.0
        assert verify(built.archive.path(one.id, "ledger.jsonl"), sprint=one.id) == []


def test_a_deliverable_whose_file_was_changed_is_not_there(built: Built, tmp_path: Path) -> None:
    release = tmp_path / "releases"
    for shipped in (built.folder / "releases").glob("0*"):
        for path in (path for names in DELIVERABLES.values() for path in names.values()):
            if (shipped / "files" / path).is_file():
                copy = release / shipped.name / "files" / path
                copy.parent.mkdir(parents=True, exist_ok=True)
                copy.write_bytes((shipped / "files" / path).read_bytes())
                if path == "docs/api.md":
                    copy.write_bytes(copy.read_bytes() + b"one more word")
    found = deliverables(built.archive, release)
    assert [one.name for one in found if not one.is_there] == ["API documentation"]


def test_what_is_shipped_answers_on_a_port(built: Built, tmp_path: Path) -> None:
    with served(built.folder / "releases" / "current" / "files", tmp_path) as port:
        ada = Browser(port)
        assert ada("GET", "/api/note")[0] == 401
        ada.signed_in("ada")
        assert Browser(port)("POST", "/login", {"name": "ada", "password": "a guess"})[0] == 401
        status, body = ada("POST", "/api/note", {"title": "Milk & <bread>", "body": "two of each"})
        assert status == 201
        key = json.loads(body)["id"]
        status, page = ada("GET", f"/note/{key}")
        assert status == 200
        assert b"<h1>Milk &amp; &lt;bread&gt;</h1>" in page
        assert ada("PUT", f"/api/note/{key}", {"title": "Milk", "body": ""})[0] == 200
        assert json.loads(ada("GET", "/search/note?q=MILK")[1])["rows"] == [{"id": key, "title": "Milk", "body": ""}]
        assert ada("GET", "/export/note")[1] == b"title,body\r\nMilk,\r\n"
        assert Browser(port).signed_in("bob")("GET", f"/api/note/{key}")[0] == 404
        assert ada("GET", "/static/components.css")[0] == 200
        assert ada("DELETE", f"/api/note/{key}")[0] == 200
        assert json.loads(ada("GET", "/api/note")[1]) == {"count": 0, "rows": []}


@pytest.mark.parametrize(("release", "is_open"), [(2, True), (3, False)])
def test_what_the_audit_found_could_be_used_and_can_no_more(built: Built, tmp_path: Path, release: int, is_open: bool) -> None:
    """A statement with a value in it gives one user another one's note; a title becomes markup."""
    with served(built.release(release), tmp_path) as port:
        ada, eve = Browser(port).signed_in("ada"), Browser(port).signed_in("eve")
        key = json.loads(ada("POST", "/api/note", {"title": "<script>x</script>", "body": "a secret"})[1])["id"]
        status, body = eve("GET", "/api/note/" + quote("0 OR 1=1"))
        assert (status == 200 and b"a secret" in body) == is_open
        assert (b"<script>" in ada("GET", f"/note/{key}")[1]) == is_open


def test_the_audit_found_what_the_first_draft_had_wrong_and_nothing_else(built: Built) -> None:
    files = built.release(3)
    found = {
        (record, row["file"].removesuffix(".py"))
        for record in {record for records in DRAFT_FLAWS.values() for record in records}
        for row in json.loads((files / "audit" / f"{record}.json").read_text())["found"]
    }
    assert found == {(record, module) for module, records in DRAFT_FLAWS.items() for record in records}
    told = json.loads((files / "results" / "security.json").read_text())
    assert told == {"found": 14, "left": 0, "passed": True, "rules": {"sql": 8, "markup": 4, "chance": 1, "timing": 1}}


def test_what_was_measured_got_cheaper_with_the_same_results(built: Built) -> None:
    told = json.loads((built.release(3) / "performance" / "note.json").read_text())
    assert set(told["parts"]) == {"listing", "search", "count", "export"}
    for part in told["parts"].values():
        assert part["after"]["sha256"] == part["before"]["sha256"]
        assert part["after"]["calls"] < part["before"]["calls"]
        assert part["before"]["ms"] > 0


def test_the_tests_of_the_release_run_95_percent_of_its_lines(built: Built) -> None:
    command = [sys.executable, "-B", "-m", "tools.cover", "results/coverage.json"]
    done = subprocess.run(command, cwd=built.release(3), capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout[-500:] + done.stderr[-500:]
    found = json.loads(done.stdout)
    assert found["coverage"] >= 0.95
    assert found["tests"] > 300


LIAR = '''
"""Agents that answer what is wanted, and do something else or nothing."""

from typing import Any

from engine import Agent
from examples.app.workshop import made, made_json


class Architect(Agent):
    n: int = 0

    def design(self, work: str, record: str) -> dict[str, Any]:
        return {"path": f"design/{record}.json", "record": record, "paths": ["/"] * 5, "lines": 1, "bytes": 9, "fields": [
            {"name": name, "kind": "text", "python": "str", "sql": "TEXT", "most": 9} for name in ("title", "body")]}


class Configurer(Agent):
    n: int = 0

    def settings(self, work: str, name: str) -> dict[str, Any]:
        return made(work, f"config/{name}.json", '{"port": ')


class Documenter(Agent):
    n: int = 0

    def record(self, work: str, record: str) -> dict[str, Any]:
        return {**made(work, f"docs/{record}.md", "later"), "lines": 900, "bytes": 40_000}


class Tester(Agent):
    n: int = 0

    def cover(self, work: str, path: str) -> dict[str, Any]:
        all_is_well = {"tests": 9, "failed": [], "lines": 9, "ran": 9, "coverage": 1.0, "not_run": {}}
        return made_json(work, path, all_is_well, **all_is_well)
'''


def test_a_generator_that_lies_is_unproven_or_failed_and_ships_nothing(built: Built, tmp_path: Path) -> None:
    """One writes nothing, one no JSON, one says more than it wrote, one has not run the tests; the app itself is whole."""
    foundation, enhancement = backlog("foundation", tmp_path), backlog("enhancement", tmp_path)
    wanted = ("design:note.json", "config:server.json", "docs:note.md", "results:coverage.json")
    tasks = [{**row, "after": []} for row in [*foundation["tasks"], *enhancement["tasks"]] if row["id"] in wanted]
    roles = {row["role"] for row in tasks}
    lies = {
        **foundation,
        "name": "lies",
        "use": [f"liar.py:{kind}" for kind in ("Architect", "Configurer", "Documenter", "Tester")],
        "roles": {role: {**row, "agents": 2} for role, row in foundation["roles"].items() if role in roles},
        "tasks": tasks,
    }
    shutil.copytree(built.release(3), tmp_path / "work")
    for place in [tmp_path / "work", *(tmp_path / "work").rglob("*")]:
        place.chmod(place.stat().st_mode | stat.S_IWUSR)
    (tmp_path / "liar.py").write_text(LIAR)
    (tmp_path / "lies.json").write_text(json.dumps(lies))
    with commands(tmp_path) as engine:
        done = engine("sprint", "run", "lies.json", "--speed", "10", "--quiet")
        assert done.returncode == 1, done.stdout + done.stderr
        receipts = {row["item"]: row for row in engine.document("sprint", "show", done.stdout.split()[0])["receipts"]}
    assert {item: row["verdict"] for item, row in receipts.items()} == {
        "design:note.json": "unproven",
        "config:server.json": "failed",
        "docs:note.md": "failed",
        "results:coverage.json": "failed",
    }
    assert "was there before" in receipts["design:note.json"]["why"]
    assert "JSONDecodeError" in receipts["config:server.json"]["why"]
    assert "returned False" in receipts["docs:note.md"]["why"]
    assert "exit code 1" in receipts["results:coverage.json"]["why"]
    assert not (tmp_path / "releases" / "current").exists()
