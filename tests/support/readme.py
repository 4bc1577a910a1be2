"""What the blocks of the README take for granted: who reads them one by one has the rest from the text around them.

For each block of a shell that needs something first, the lines to type before it; for each piece of Python, the program that
it is a part of. A block is known by how it begins; one that is not known runs as it stands.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

__all__ = ["PIECES", "SHELL", "Given", "piece_of"]


class Given(NamedTuple):
    """What goes before a block.

    files: by name.  typed: lines for the shell.  ends: codes other than 0, by command.  endless: how commands begin that go on
    until somebody ends them.  instead: parts of commands that mean a place on somebody's machine, with what is typed here.
    """

    files: dict[str, str]
    typed: tuple[str, ...] = ()
    ends: Mapping[str, int] = MappingProxyType({})
    endless: tuple[str, ...] = ()
    instead: Mapping[str, str] = MappingProxyType({})


SHOP = """\
from engine import Agent


class Shop(Agent):
    sold: int = 0

    def sell(self) -> int:
        self.sold += 1
        return self.sold
"""
MODEL = """\
from engine import Agent


class Model(Agent):
    def spin(self) -> None:
        while True:
            pass
"""
BACKLOG = """\
schema: engine.backlog/v1
name: site
use: [app.py:Writer]
roles:
  author: {kind: writer, agents: 4}
tasks:
  - {id: home, role: author, method: write, args: [home.html, <h1>Home</h1>], artifacts: [home.html], value: 5}
  - {id: index, role: author, method: write, after: [home], args: [index.html, <a href=home.html>], artifacts: [index.html],
     check: {command: [grep, -q, home.html, index.html]}}
"""

#: By the first command of a block.
SHELL = {
    "source .venv/bin/activate": Given({"tasks.jsonl": '{"agent": "counter/1", "method": "add", "args": [1]}\n'}),
    "engine ask memory/plans set": Given({}, ("engine start --quiet",)),
    "engine submit nightly.jsonl": Given(
        {
            "nightly.jsonl": '{"id": "report", "kind": "counter", "method": "ping"}\n'
            '{"id": "late", "kind": "counter", "method": "ping", "delay_s": 60}\n'
        },
    ),
    "engine sprint check": Given({"app.yaml": BACKLOG}, ends={"engine sprint rollback": 2}),
    "engine agents quarantine ls": Given(
        {"model.py": MODEL}, ("engine spawn --use model.py:Model --count 5 --quiet", "engine ask model/3 spin || true")
    ),
    "engine deploy shop": Given(
        {"releases/0041/shop.py": SHOP, "releases/0042/shop.py": SHOP.replace("+= 1", "+= 2")},
        (
            "cp releases/0041/shop.py .",
            "engine spawn --use shop:Shop --count 20 --quiet",
            "engine ask shop/1 sell",
            "rm shop.py",
        ),
    ),
    "engine logs -f": Given({}, endless=("engine logs -f",)),
    "engine metrics ": Given(
        {},
        endless=("engine metrics --listen", "engine metrics --file"),
        instead={"--listen": "--listen 127.0.0.1:0", "/var/lib/node_exporter/": ""},
    ),
    "pip install 'microagent-engine[otel]'": Given({}, ("engine stop", "export ENGINE_NAME=traced")),
    "engine stats --at": Given({}, ends={"engine stats --at '10": 2}),  # nothing was recorded as long ago
}

#: What a piece of Python is put into, by how it begins; {piece} is the piece, {inner} the same one level deeper.
INSIDE = """\
import asyncio
import contextlib
from engine import Agent, Client, Engine, Options


class Counter(Agent):
    total: int = 0

    def add(self, x: int) -> int:
        self.total += x
        return self.total

    def get(self) -> int:
        return self.total


async def main() -> None:
    async with Engine(kinds=[Counter]) as engine:
        await engine.spawn(Counter, 5)
{inner}


if __name__ == "__main__":
    asyncio.run(main())
"""
METHOD = """\
import asyncio
from engine import Agent, Context
from engine.testing import SimSwarm


def fetch_price(item): return 3.0
async def pay(price, step_id): return f"paid {{price}}"
def fetch(page): return page


class Shop(Agent):
    spent: float = 0.0

{piece}

async def main() -> None:
    swarm = SimSwarm(seed=1)
    await swarm.spawn(Shop, 1)
    {proof}
    swarm.close()


if __name__ == "__main__":
    asyncio.run(main())
"""
PIECES: dict[str, tuple[str, dict[str, str]]] = {
    "total = await engine.ask(": (INSIDE, {}),
    "ids = await engine.submit(": (
        INSIDE.replace(
            "{inner}", '        tasks = [{{"id": "report", "kind": "counter", "method": "add", "args": ["x"]}}]\n{inner}'
        ),
        {},
    ),
    "from engine import SwarmWorkflow": (INSIDE, {}),
    "end = engine.subscribe(": (
        INSIDE.replace(
            "{inner}",
            "        with contextlib.suppress(TimeoutError):  # it goes on for ever\n"
            "            async with Client() as client, asyncio.timeout(1):\n{deep}",
        ),
        {},
    ),
    "async def order(": (
        METHOD,
        {"proof": "assert await swarm.ask('shop/0', 'order', 'tea') == 'paid 3.0'"},
    ),
    "async def index(": (METHOD, {"proof": "assert await swarm.ask('shop/0', 'index', ['a', 'b']) == 2"}),
    "class Adder(": ("from typing import Any\nfrom engine import Agent\n\n{flat}", {}),
}


def piece_of(text: str) -> str:
    """The program that a piece of Python is a part of; itself where it is one."""
    for begin, (around, facts) in PIECES.items():
        if text.startswith(begin):
            rows = text.splitlines()
            piece = "\n".join(f"    {row}" if row else "" for row in rows)
            inner = "\n".join(f"        {row}" if row else "" for row in rows)
            deep = "\n".join(f"                {row}" if row else "" for row in rows)
            return around.format(piece=piece, inner=inner, deep=deep, flat=text, **facts)
    return text
