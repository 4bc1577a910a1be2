"""An agent's address: `kind/key`.

Owns its grammar, alone. A key that is a plain decimal number is kept and sent as an int: it is one of a spawned range.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from pools.errors import BadAddress
from pools.spec import KEY_CHARS

__all__ = ["ANY", "NUMBER_DIGITS", "Key", "address_of", "key_of", "names_in", "parse", "valid_kind"]

Key = int | str | None

#: Stands for a key where any agent of the kind will do; the balancer chooses one.
ANY: Key = None

_KIND = re.compile(r"[a-z][a-z0-9_]{0,62}")
_KEY = re.compile(rf"[A-Za-z0-9_][A-Za-z0-9_.:@+\-=]{{0,{KEY_CHARS - 1}}}")
_NUMBER = re.compile(r"0|[1-9][0-9]{0,14}")
#: Names of kinds that are remembered as valid.
KINDS = 1_024
#: Digits of the least number that is not a numbered agent's key.
NUMBER_DIGITS = 16


@lru_cache(maxsize=KINDS)
def valid_kind(name: str) -> str:
    """The name itself, if it can name a kind: 1 to 63 of a-z, 0-9 and _, a letter first. Raises BadAddress."""
    if _KIND.fullmatch(name) is None:
        raise BadAddress(f"{name!r} cannot name a kind: use 1 to 63 of a-z, 0-9 and _, a letter first")
    return name


def key_of(text: str | int) -> Key:
    """The key that a text stands for. Raises BadAddress."""
    if type(text) is int and 0 <= text < 10**15:
        return text
    if type(text) is str:
        if _NUMBER.fullmatch(text):
            return int(text)
        if _KEY.fullmatch(text):
            return text
    raise BadAddress(
        f"{text!r} cannot be an agent's key: use 1 to {KEY_CHARS} of A-Z a-z 0-9 _ . : @ + - =, a letter, a digit or _ first"
    )


def parse(address: str) -> tuple[str, Key]:
    """The kind and the key of an address such as `counter/17`. Raises BadAddress."""
    if type(address) is not str:
        raise BadAddress(f"an address is a text such as counter/17, not {type(address).__name__}")
    kind, slash, key = address.partition("/")
    if key.isdecimal() and key.isascii() and len(key) < NUMBER_DIGITS and (key[0] != "0" or key == "0"):
        return valid_kind(kind), int(key)  # the short way for a numbered agent
    if not slash:
        raise BadAddress(f"{address!r} names no agent: write kind/key, such as {address or 'counter'}/17")
    return valid_kind(kind), key_of(key)


def address_of(kind: str, key: Key) -> str:
    """The address of a kind's agent."""
    return f"{kind}/{key}"


def names_in(keys: Sequence[str]) -> Sequence[str]:
    """The keys, if each can name an agent. Raises BadAddress, TypeError."""
    if isinstance(keys, str):
        raise TypeError(f"keys is a list of texts, got the text {keys!r}")
    for key in keys:
        if type(key) is not str or type(key_of(key)) is not str:
            raise BadAddress(f"{key!r} names no agent: numbered agents are spawned with count or add, a name is a text")
    return keys
