"""The files of a first swarm, and of one more agent.

Owns their texts, each a working example whose comments say what a reader may change. Where they are written is the verb's.
"""

from __future__ import annotations

import keyword
import re
import sys
from importlib.util import find_spec
from pathlib import Path

from engine.cli.misuse import Misuse

__all__ = ["FLAVOURS", "agent_file", "class_of", "first_files", "kind_of", "proof_file"]

#: Names of modules and kinds that are taken: a file of that name would never be found, or stand in the way of another.
TAKEN = frozenset({"agent", "bench", "checkpoints", "conftest", "counter", "engine", "memory", "pools", "sprints", "topic"})
#: Names of classes that a file of an agent has from the engine.
TAKEN_CLASSES = frozenset({"Agent", "Context", "Log"})
#: Characters of a name.
NAME_CHARS = 40

POOLS = """\
# What this swarm runs on. Whoever types `engine` in this folder uses this file.
# Where each value comes from:  engine config show
# Every key there is:           engine help configuration, and docs/reference-pools.md of the engine

# The name of the engine. Give it one of its own where several run on this machine.
# name: my-swarm

# The agents: each kind, and where its class stands, module:Class or file.py:Class beside this file.
kinds:
  account: agent.py:Account

# The kind that `engine spawn` makes when none is named.
default_kind: account

# How state is kept. sync: an answer that you saw is on the disk; os: it outlives a killed process, not a power cut;
# memory: for agents that are thrown away.
durability: sync

# Most agents of all pools together.
agents: 5000

# Pools are worker processes with limits of their own; one that fails leaves the others serving.
pools:
  p1:
    agents: 2500      # most agents it holds
    cpu: 50%          # its share of the machine when others want it too
    mem: 256MB        # memory of its workers together
  p2:
    agents: 2500
    cpu: 50%
    mem: 256MB

# What tasks may take. Nothing is limited unless it is written here.
# limits:
#   kinds:
#     account: {rate: 1000/s, open: 10000}
"""
ACCOUNT = """\
\"\"\"A first agent: an account, whose money is never lost and never doubled, whatever dies.\"\"\"

from __future__ import annotations

from engine import Agent, Context, Log


class Account(Agent):
    \"\"\"One account. Its address is account/KEY: account/0, account/ada.\"\"\"

    # Annotated fields with a default are the state. They are on the disk before anybody has the answer.
    balance: int = 0
    # A Log only grows; each task writes what it added, not the whole of it.
    movements: Log[str]

    # A public method is a task that the agent can be asked to do. It does one at a time.
    def deposit(self, amount: int, why: str = "deposit") -> int:
        \"\"\"Put money in; returns the balance.\"\"\"
        if amount <= 0:
            raise ValueError(f"an amount is more than 0, not {amount}")
        self.balance += amount
        self.movements.append(f"{amount:+} {why}")
        return self.balance

    def withdraw(self, amount: int, why: str = "withdrawal") -> int:
        \"\"\"Take money out; returns the balance. A task that raises changes nothing.\"\"\"
        self.balance -= amount
        if self.balance < 0:
            raise ValueError(f"there are only {self.balance + amount}")
        self.movements.append(f"{-amount:+} {why}")
        return self.balance

    # A parameter called ctx is filled in by the engine: it is how an agent speaks to others.
    def transfer(self, to: str, amount: int, ctx: Context) -> int:
        \"\"\"Send money to another account. It leaves with this task's change, or not at all.\"\"\"
        self.withdraw(amount, f"to {to}")
        ctx.tell(to, "deposit", amount, f"from {ctx.agent_id}")
        return self.balance

    def statement(self) -> list[str]:
        \"\"\"Every movement, the oldest first.\"\"\"
        return list(self.movements)
"""
ACCOUNT_TEST = """\
\"\"\"What an account does, without a process or any waiting. Run it with: python -m pytest\"\"\"

from __future__ import annotations

import asyncio

import pytest
from agent import Account

from engine.testing import SimSwarm


def test_money_moves_and_none_is_lost(swarm: SimSwarm) -> None:
    async def story() -> None:
        await swarm.spawn(Account, 2)
        await swarm.ask("account/0", "deposit", 100)
        assert await swarm.ask("account/0", "transfer", "account/1", 30) == 70
        assert swarm.state("account/1")["balance"] == 30

    asyncio.run(story())


def test_what_fails_changes_nothing(swarm: SimSwarm) -> None:
    async def story() -> None:
        await swarm.spawn(Account, 1)
        with pytest.raises(Exception, match="there are only 0"):
            await swarm.ask("account/0", "withdraw", 5)
        assert swarm.state("account/0")["balance"] == 0

    asyncio.run(story())
"""
TASKS = """\
{"id": "salary", "agent": "account/0", "method": "deposit", "args": [2500, "salary"]}
{"id": "rent", "agent": "account/0", "method": "transfer", "args": ["account/1", 900]}
{"id": "coffee", "agent": "account/0", "method": "withdraw", "args": {"amount": 4, "why": "coffee"}}
"""

PLAIN = """\
\"\"\"The agent {kind}. Say what one of it is for.\"\"\"

from __future__ import annotations

from engine import Agent


class {name}(Agent):
    \"\"\"One of them. Its address is {kind}/KEY: {kind}/0, {kind}/ada.\"\"\"

    # Annotated fields with a default are the state: int float bool str bytes None, list[...], dict[str, ...],
    # Literal, unions of these, Log[...] which only grows, Table[...] which is a dict of many.
    done: int = 0

    # A public method is a task. It gets JSON values, and what it returns goes to whoever asked.
    def work(self, item: str) -> int:
        \"\"\"Do something with an item; returns how many were done. A task that raises changes nothing.\"\"\"
        self.done += 1
        return self.done
"""
ASYNC = """\
\"\"\"The agent {kind}. Say what one of it is for.\"\"\"

from __future__ import annotations

import asyncio

from engine import Agent, Context


class {name}(Agent):
    \"\"\"One of them. Its address is {kind}/KEY: {kind}/0, {kind}/ada.\"\"\"

    # Annotated fields with a default are the state.
    done: int = 0

    # While an async method waits, other agents of its worker work; this one still does one task at a time.
    async def work(self, item: str, ctx: Context) -> int:
        \"\"\"Do something that waits; returns how many were done. A task that raises changes nothing.\"\"\"
        await asyncio.sleep(0.01)
        self.done += 1
        # ctx.tell("kind/key", "method", ...) leaves with the change; await ctx.ask(...) waits for an answer.
        ctx.log(f"{{item}} is done")
        return self.done
"""
DURABLE = """\
\"\"\"The agent {kind}. Say what one of it is for.\"\"\"

from __future__ import annotations

from engine import Agent, Context, Log


class {name}(Agent):
    \"\"\"One of them. Its address is {kind}/KEY: {kind}/0, {kind}/ada.\"\"\"

    # Annotated fields with a default are the state: on the disk before anybody has the answer.
    done: int = 0
    results: Log[str]  # only grows: each task writes what it added

    # A step that has ended is never run again, also when its worker was killed in the middle of this method: it has its
    # value at once then, and the method goes on behind it. So everything that is done outside stands in a step.
    async def work(self, item: str, ctx: Context) -> int:
        \"\"\"Do something in steps; returns how many were done.\"\"\"
        found = await ctx.step("look", look, item)
        # Outside effects happen at least once and carry this id: give it to whom you call, so that twice counts once.
        receipt = await ctx.step("send", send, found, ctx.step_id)
        self.done += 1
        self.results.append(receipt)
        return self.done


def look(item: str) -> str:
    \"\"\"Ask something outside; in the place of this, call whom you like.\"\"\"
    return item.upper()


async def send(found: str, step_id: str) -> str:
    \"\"\"Tell something outside.\"\"\"
    return f"{{found}} sent as {{step_id.rpartition('-')[2]}}"
"""
AGENT_TEST = """\
\"\"\"What {kind} does, without a process or any waiting. Run it with: python -m pytest\"\"\"

from __future__ import annotations

import asyncio

from {kind} import {name}

from engine.testing import SimSwarm


def test_{kind}_counts_what_it_did(swarm: SimSwarm) -> None:
    async def story() -> None:
        await swarm.spawn({name}, 1)
        assert await swarm.ask("{kind}/0", "work", "one") == 1
        assert swarm.state("{kind}/0")["done"] == 1

    asyncio.run(story())
"""
#: The text of an agent, by what it is to show.
FLAVOURS = {"plain": PLAIN, "async": ASYNC, "durable": DURABLE}

_EDGE = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|-")


def first_files() -> dict[str, str]:
    """The files of a first swarm, by name."""
    return {"pools.yaml": POOLS, "agent.py": ACCOUNT, "test_agent.py": ACCOUNT_TEST, "tasks.jsonl": TASKS}


def kind_of(name: str, folder: Path) -> str:
    """The kind that a name means: `price_watcher` for that, PriceWatcher and price-watcher.

    folder: where its file is to stand, which is no other module.  Raises Misuse.
    """
    kind = _EDGE.sub("_", name).lower()
    if len(kind) > NAME_CHARS or re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", kind) is None:
        said = "use letters, digits and _, a letter first, such as price_watcher or PriceWatcher"
        raise Misuse(f"{name!r} cannot name an agent: {said}, up to {NAME_CHARS} characters")
    if kind in TAKEN or class_of(kind) in TAKEN_CLASSES or _is_python(kind) or _is_installed(kind, folder):
        raise Misuse(f"{name!r} cannot name an agent: {kind} is taken, by Python, the engine or a package; try {kind}_agent")
    return kind


def _is_python(kind: str) -> bool:
    """Whether Python has a word or a module of that name."""
    return kind in sys.stdlib_module_names or keyword.iskeyword(kind) or keyword.iskeyword(class_of(kind))


def _is_installed(kind: str, folder: Path) -> bool:
    """Whether another module than the file of that folder would be found under the name."""
    found = find_spec(kind)
    origin = None if found is None else found.origin  # a folder without __init__.py has none, and stands in nobody's way
    return origin is not None and Path(origin).resolve().parent != folder.resolve()


def class_of(kind: str) -> str:
    """The name of a kind's class."""
    return "".join(part.capitalize() for part in kind.split("_"))


def agent_file(kind: str, flavour: str) -> str:
    """The file of an agent."""
    return FLAVOURS[flavour].format(kind=kind, name=class_of(kind))


def proof_file(kind: str) -> str:
    """The test of an agent that `agent_file` made."""
    return AGENT_TEST.format(kind=kind, name=class_of(kind))
