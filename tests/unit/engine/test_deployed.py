"""What is said of deploys over the socket and in process is the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from engine.deployed import DEPLOYING, Deployed, DeployVerbs
from engine.order import Order
from pools.errors import BadArgument


class Recorder(Deployed):
    """Keeps what is asked for."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, Any]]] = []

    async def _deploying(self, verb: str, **facts: Any) -> dict[str, Any]:
        self.asked.append((verb, facts))
        return {"verb": verb}


async def test_the_verbs_of_the_socket_ask_for_the_same_as_those_in_process() -> None:
    engine = Recorder()
    verbs = DeployVerbs(engine).verbs
    assert set(verbs) == set(DEPLOYING.values())
    for verb, name in DEPLOYING.items():
        assert await verbs[name](Order({"verb": name, "module": "shop"})) == {"verb": verb}
    await engine.deploy("shop")
    assert engine.asked[0] == engine.asked[-1]


async def test_everything_that_is_said_arrives() -> None:
    engine = Recorder()
    facts = {"kind": "till", "canary": 0.2, "bound": 0.01, "confirm_after_s": 5, "is_one_way": True, "path": "/a"}
    await DeployVerbs(engine).verbs["deploy"](Order({"verb": "deploy", "module": "shop", **facts}))
    assert engine.asked == [("deploy", {"module": "shop", **facts})]


async def test_a_folder_is_meant_from_where_it_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    engine = Recorder()
    await engine.deploy("shop", path="releases/1")
    assert engine.asked[0][1]["path"] == str(tmp_path / "releases/1")


@pytest.mark.parametrize(
    "facts", [{"canary": "x"}, {"bound": -1}, {"confirm_after_s": "soon"}, {"is_one_way": 1}, {"module": 5}]
)
async def test_what_is_said_wrongly_is_refused_by_name(facts: dict[str, Any]) -> None:
    with pytest.raises(BadArgument, match=next(iter(facts))):
        await DeployVerbs(Recorder()).verbs["deploy"](Order({"verb": "deploy", "module": "shop", **facts}))
