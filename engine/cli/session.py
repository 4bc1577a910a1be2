"""A verb's talk with the engine that it means.

Owns the choice of the engine's name, the environment that the directories are found in, and one connection for the time of a
verb. What is said over it is the verb's.
"""

from __future__ import annotations

import os
from argparse import Namespace
from collections.abc import Callable, Coroutine, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from engine.cli.ending import endings_by_loop
from engine.cli.misuse import Misuse
from engine.cli.output import hint

if TYPE_CHECKING:
    from engine.cli.parser import Parser
    from engine.client import Client
    from engine.config import Config

__all__ = ["add_settings", "called", "command", "config_of", "environment", "name_of", "request", "talk"]

Outcome = TypeVar("Outcome")
#: Keys that the verbs which start an engine have flags for.
LOG_FLAGS = ("log.format", "log.level")


def environment() -> dict[str, str]:
    """The environment, with what a `.env` file here adds to it. Raises ConfigError."""
    if not Path(".env").exists():
        return dict(os.environ)
    from engine.config import environment as with_file

    return with_file(os.environ, Path.cwd())


def config_of(options: Namespace) -> Config:
    """The whole configuration of a command. Raises ConfigError."""
    from engine.config import load

    file = None if options.file is None else Path(options.file)
    flags: dict[str, object] = dict(getattr(options, "settings", ()))
    own = {key: getattr(options, key.replace(".", "_"), None) for key in ("name", *LOG_FLAGS)}
    flags |= {key: value for key, value in own.items() if value is not None}
    return load(file, flags=flags, environ=os.environ, cwd=Path.cwd())


def add_settings(parser: Parser) -> None:
    """Declare `--set KEY=VALUE`, for the commands that read the whole configuration."""
    parser.add_argument(
        "--set",
        dest="settings",
        nargs="+",
        action="extend",
        default=[],
        type=_setting,
        metavar="KEY=VALUE",
        help="in place of what stands in pools.yaml, such as pools.p1.cpu=50%%",
    )
    parser.offer(settings="settings")


def _setting(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals or not key:
        from argparse import ArgumentTypeError

        raise ArgumentTypeError(f"{text!r} is no KEY=VALUE, such as durability=memory")
    return key, value


def name_of(options: Namespace, environ: Mapping[str, str]) -> str:
    """The name of the engine that a command means: as the configuration says, which is read only where it may say so."""
    if options.name == "":
        raise Misuse("--name has no value: give one, or leave it out")
    named = options.name or environ.get("ENGINE_NAME")
    if named:
        return str(named)
    if options.file or environ.get("ENGINE_POOLS") or Path("pools.yaml").is_file():
        return config_of(options).name
    return "engine"


def called(name: str) -> str:
    """What an engine is called in a sentence."""
    return "the engine" if name == "engine" else f"engine {name}"


def command(name: str, words: str) -> str:
    """What to type to say these words to the engine of that name."""
    return f"engine {words}" if name == "engine" else f"engine --name {name} {words}"


def request(options: Namespace, verb: str, **facts: Any) -> Any:
    """Ask the engine for a control verb; returns its value. Raises NotRunning where none runs."""
    environ = environment()
    name = name_of(options, environ)
    from engine.line import Line

    with Line(name, environ) as line:
        return line.request(verb, **facts)


def talk(
    options: Namespace,
    say: Callable[[Client], Coroutine[Any, Any, Outcome]],
    *,
    is_fast: bool = False,
    patience_s: float | None = None,
) -> Outcome:
    """Connect to the engine, say something and return what came of it. Raises NotRunning where none runs.

    patience_s: how long an engine that goes away meanwhile is waited for, as `Client` has it.
    is_fast: on uvloop, whose import costs a single request more than it saves.
    """
    environ = environment()
    name = name_of(options, environ)
    import asyncio

    from engine.client import Client

    async def conversation() -> Outcome:
        told = partial(_tell, options)
        async with Client(name, environ, patience_s=patience_s, told=told) as client:
            return await say(client)

    run = asyncio.run
    if is_fast:
        import uvloop

        run = uvloop.run
    with endings_by_loop():
        return run(conversation())


def _tell(options: Namespace, line: str) -> None:
    hint(options, f"engine: {line}")
