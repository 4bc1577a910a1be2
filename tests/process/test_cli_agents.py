"""`engine agents` and `engine pools` over a real engine: agents chosen, sorted and shown, pools paused and resumed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.attached import KIND
from tests.support.commands import Commands, commands

pytestmark = pytest.mark.timeout(180)


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Commands]:
    folder = tmp_path_factory.mktemp("c")
    with commands(folder) as made:
        (folder / "kind.py").write_text(KIND)
        assert made("spawn", "counter", "--count", "3000").returncode == 0
        assert made("spawn", "scout", "--count", "20", "--use", "kind.py:Scout").returncode == 0
        assert made("ask", "scout/7", "visit", "/a").returncode == 0
        assert made("ask", "scout/7", "crash", "/gone").returncode == 1
        yield made


def shown(engine: Commands, *words: str) -> list[str]:
    return [agent["agent"] for agent in engine.document("agents", *words)["agents"]]


def test_agents_are_chosen_and_sorted(engine: Commands) -> None:
    assert shown(engine, "--filter", "/77") == ["counter/77", *(f"counter/77{at}" for at in range(10))]
    assert shown(engine, "--filter", "^scout/1$") == ["scout/1"]
    assert len(shown(engine, "--filter", "!counter")) == 20
    assert shown(engine, "scout", "--status", "idle,asleep") == ["scout/7"]
    assert shown(engine, "--status", "restarted") == ["scout/7"]
    assert shown(engine, "--sort", "restarts", "--desc", "--limit", "1") == ["scout/7"]
    assert shown(engine, "scout", "--sort", "address", "--desc", "--limit", "2", "--skip", "1") == ["scout/18", "scout/17"]
    assert shown(engine, "--pool", "p2", "--limit", "1") == ["counter/1500"]
    assert shown(engine, "--worker", "p2", "--limit", "1") == ["counter/1500"]
    page = engine.document("agents", "--filter", "77")
    assert (page["schema"], page["total"], page["matched"], page["silent"]) == ("engine.agents/v1", 3_020, 57, [])


def test_what_there_is_more_of_is_said_with_the_command_for_it(engine: Commands) -> None:
    done = engine("agents", "--filter", "77", "--limit", "10")
    assert "1 to 10 of the 57 that are so, of 3,020 agents; more: engine agents --filter 77 --skip 10 --limit 10" in done.stderr
    assert "none of 3,020 agents is so" in engine("agents", "--filter", "nobody").stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--filter", "(a+)+"], "could take long"),
        (["--status", "sick"], "no status 'sick'"),
        (["--sort", "colour"], "agents are sorted by"),
        (["--pool", "p9"], "no pool 'p9'; there are p1, p2"),
        (["show"], "show which agent?"),
        (["show", "scout/99"], "no agent scout/99"),
        (["nobody", "--limit", "1"], "no kind 'nobody'"),
    ],
)
def test_what_cannot_be_chosen_is_named(engine: Commands, words: list[str], said: str) -> None:
    done = engine("agents", *words)
    assert done.returncode == 2, done.stderr
    assert said in done.stderr


def test_one_agent_is_shown_with_everything_known_of_it(engine: Commands) -> None:
    text = engine("agents", "show", "scout/7").stdout
    for words in (
        "scout/7: ",
        "pool p1, worker p1, shard",
        "restarts 1",
        "seen = 1",
        'notes = ["/a"]',
        "last tasks",
        "KeyError: '/gone'",
    ):
        assert words in text, text
    told = engine.document("agents", "show", "scout/7")
    assert (told["schema"], told["state"], told["restarts"]) == ("engine.agent/v1", {"seen": 1, "notes": ["/a"]}, 1)


def test_a_pool_is_paused_and_resumed(engine: Commands) -> None:
    done = engine("pools", "pause", "p2")
    assert (done.returncode, done.stdout) == (0, "pool p2 is paused; 0 tasks open\n")
    assert "engine pools resume p2" in done.stderr
    assert engine("pools", "pause", "p2").stdout == "pool p2 is paused already; 0 tasks open\n"
    assert [pool["state"] for pool in engine.document("pools")["pools"]] == ["up", "paused"]
    asked = engine.start("ask", "counter/1500", "add", "1")
    assert engine("ask", "counter/0", "add", "1").stdout == "1\n"
    assert asked.poll() is None
    said = engine.document("pools", "resume", "p2")
    assert (said["schema"], said["state"], said["is_changed"]) == ("engine.pools/v1", "up", True)
    out, _ = asked.communicate(timeout=30)
    assert out == b"1\n"
    for words, why in (
        (["pause"], "pause which pool?"),
        (["stop", "p1"], "nothing called 'stop'"),
        (["pause", "p9"], "there are p1, p2"),
    ):
        refused = engine("pools", *words)
        assert refused.returncode == 2
        assert why in refused.stderr
