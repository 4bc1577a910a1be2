"""What `engine spawn` was asked to make, taken from its words.

Pure: it owns the grammar of `--kind a=200,b=300` and `--kind a=40%,b=60%`, and the contradictions that words can have. What
is possible is decided by the engine.
"""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from typing import NamedTuple

from engine.cli.misuse import Misuse

__all__ = ["Order", "orders_of"]

#: How far percentages may miss 100 in sum: what rounding to a hundredth does to a few of them.
ROUNDING = 0.05


class Order(NamedTuple):
    """Agents of one kind that shall exist: `wanted` in all, or `add` more, or those with `keys`.

    kind: None where the kind is the one that `--use` loads, or the default one.
    """

    kind: str | None
    wanted: int | None = None
    add: int | None = None
    keys: tuple[str, ...] | None = None


def orders_of(options: Namespace) -> list[Order]:
    """The orders that the options make: kind, kinds, count, add, key. Raises Misuse."""
    if options.kind is not None and options.kinds is not None:
        raise Misuse(f"the kind is given twice: {options.kind} and --kind {options.kinds}")
    parts = _parts(options.kinds) if options.kinds is not None else [(options.kind, "")]
    ways = {"--count": options.count, "--add": options.add, "--key": options.key}
    given = [name for name, value in ways.items() if value is not None]
    if len(given) > 1:
        raise Misuse(f"{' and '.join(given)} exclude each other: give one")
    amounts = [amount for _, amount in parts]
    if any(amounts):
        return _divided(parts, options)
    if not given:
        raise Misuse("how many? Give --count 5000 (in all), --add 100 (more) or --key NAME ...")
    if len(parts) > 1:
        names = [kind for kind, _ in parts]
        raise Misuse(f"how many of each? Write --kind {names[0]}=40%,{names[1]}=60%, or numbers of agents")
    keys = None if options.key is None else tuple(_key(key) for key in dict.fromkeys(options.key))
    return [Order(parts[0][0], options.count, options.add, keys)]


def _key(text: str) -> str:
    """The key itself, if an agent can have it and a range cannot. Raises BadAddress, Misuse."""
    from pools.address import key_of

    if type(key_of(text)) is int:
        raise Misuse(f"--key {text}: agents with a number for a key are spawned by --count or --add")
    return text


def _parts(text: str) -> list[tuple[str, str]]:
    """Kinds with the amount that stands behind each of them, empty where none does."""
    parts = []
    for part in text.split(","):
        kind, equals, amount = part.strip().partition("=")
        if not kind or (equals and not amount):
            raise Misuse(f"--kind {text}: write a kind, a=200,b=300 or a=40%,b=60%")
        parts.append((kind, amount))
    names = [kind for kind, _ in parts]
    twice = next((kind for kind in names if names.count(kind) > 1), None)
    if twice is not None:
        raise Misuse(f"--kind {text}: {twice} is there twice")
    return parts


def _divided(parts: Sequence[tuple[str, str]], options: Namespace) -> list[Order]:
    if options.key is not None:
        raise Misuse("--key names agents of one kind: give --kind without amounts")
    shares = [amount.endswith("%") for _, amount in parts]
    if all(shares):
        return _by_share(parts, options)
    if any(shares) or not all(amount for _, amount in parts):
        raise Misuse(f"--kind {options.kinds}: give every kind a number, or every kind a share in %")
    counts = [_number(options.kinds, amount) for _, amount in parts]
    if options.add is not None or options.count not in {None, sum(counts)}:
        way = "--add" if options.count is None else "--count"
        raise Misuse(f"--kind {options.kinds} says how many, {sum(counts):,} in all: leave out {way}, or give shares in %")
    return [Order(kind, count) for (kind, _), count in zip(parts, counts, strict=True)]


def _by_share(parts: Sequence[tuple[str, str]], options: Namespace) -> list[Order]:
    total = options.count if options.count is not None else options.add
    if total is None:
        raise Misuse(f"--kind {options.kinds} gives shares: of how many? Give --count or --add")
    weights = [_percent(options.kinds, amount) for _, amount in parts]
    if abs(sum(weights) - 100) > ROUNDING:
        raise Misuse(f"--kind {options.kinds}: the shares add up to {sum(weights):g}%, not to 100%")
    from pools.placement import shares

    numbers = zip(parts, shares(total, weights), strict=True)
    if options.count is not None:
        return [Order(kind, wanted=number) for (kind, _), number in numbers]
    return [Order(kind, add=number) for (kind, _), number in numbers]


def _number(text: str, amount: str) -> int:
    from engine.units import parse_count

    try:
        number = parse_count(amount)
    except ValueError as refused:
        raise Misuse(f"--kind {text}: {refused}, nor a share such as 40%") from refused
    if not number:
        raise Misuse(f"--kind {text}: 0 agents are none: give 1 or more, or leave the kind out")
    return number


def _percent(text: str, amount: str) -> float:
    number = amount.removesuffix("%")
    if not number.replace(".", "", 1).isdecimal() or not number.isascii() or float(number) > 100:
        raise Misuse(f"--kind {text}: {amount!r} is not a share such as 40% or 12.5%")
    return float(number)
