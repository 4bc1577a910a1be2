"""A node of a cluster: a machine that is reached over ssh, and what its engine may take.

Owns the form of a node's name, its address and its role, and the grammar that names several of them: `n1,n[2-4],@worker`. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["ROLES", "Address", "Node", "chosen", "parse_address", "valid_id"]

#: What a node is for: it leads, it works, it stands by for the first.
ROLES = ("primary", "worker", "backup")
#: The port of ssh where none is named.
PORT = 22
#: Room for agents beside a node's share: one for so many of it, and so many more. That is six standard deviations at least of
#: how many fall on it when all shares are used, whatever the share is.
SPARE_PART, SPARE = 10, 100
#: Nodes that one range may name: far more than a file has.
RANGE = 10_000

_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")
_USER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}")
_HOST = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,251}[A-Za-z0-9_])?")
_SIX = re.compile(r"[0-9A-Fa-f:.]{2,45}(?:%[A-Za-z0-9_.-]{1,15})?")
_RANGE = re.compile(r"([a-z0-9-]*)\[([0-9]{1,9})-([0-9]{1,9})\]([a-z0-9-]*)")


@dataclass(frozen=True, slots=True)
class Address:
    """Where ssh goes. user, port: None where ssh's own configuration decides."""

    host: str
    user: str | None = None
    port: int | None = None

    def __str__(self) -> str:
        """The address as it is written in a file."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{f'{self.user}@' if self.user else ''}{host}{f':{self.port}' if self.port else ''}"


@dataclass(frozen=True, slots=True)
class Node:
    """One machine.

    agents: its share of the cluster's.  cpu: share of the machine as pools.yaml writes it, None for all of it.
    ram_bytes: of its workers together, None for no limit.  line: where it stands in its file.
    host: where the other nodes reach it, None for where ssh does.
    """

    id: str
    address: Address
    role: str
    agents: int
    cpu: str | None = None
    ram_bytes: int | None = None
    capabilities: tuple[str, ...] = ()
    host: str | None = None
    line: int = 0

    @property
    def limit(self) -> int:
        """Most agents that its engine holds: some more than its share, since names fall on nodes by chance."""
        return self.agents + self.agents // SPARE_PART + SPARE


def valid_id(text: str) -> str:
    """The id, if it is one. Raises ValueError."""
    if not _ID.fullmatch(text):
        raise ValueError(f"{text!r:.60} is no id: up to 32 small letters, digits and '-', such as n1")
    return text


def parse_address(text: str) -> Address:
    """The address that `user@host:port` says; user and port may be left out, IPv6 stands in []. Raises ValueError."""
    user, at, place = text.rpartition("@")
    if at and not _USER.fullmatch(user):
        raise ValueError(f"{user!r:.60} is no user's name")
    if place.startswith("["):
        host, closed, rest = place[1:].partition("]")
        if not closed or not _SIX.fullmatch(host) or (rest and not rest.startswith(":")):
            raise ValueError(f"{text!r:.80} is no address: write user@host:port, or user@[::1]:port")
        return Address(host, user or None, _port(rest[1:]) if rest else None)
    host, colon, port = place.partition(":")
    if not _HOST.fullmatch(host):
        raise ValueError(f"{text!r:.80} is no address: write user@host:port")
    return Address(host, user or None, _port(port) if colon else None)


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:6]) <= 65_535 and len(text) < 6):
        raise ValueError(f"{text!r:.20} is no port: a number from 1 to 65535")
    return int(text)


def chosen(nodes: Sequence[Node], text: str | None) -> list[Node]:
    """The nodes that a text names, in the order of their file; all of them for None.

    It is a list of ids with commas; `n[2-4]` is n2, n3 and n4, `@worker` all of that role. Raises ValueError.
    """
    if text is None:
        return list(nodes)
    known = {node.id for node in nodes}
    wanted: set[str] = set()
    for part in (one.strip() for one in text.split(",")):
        if part.startswith("@"):
            if part[1:] not in ROLES:
                raise ValueError(f"{part!r:.40} is no role: @{', @'.join(ROLES)}")
            found = [node.id for node in nodes if node.role == part[1:]]
            if not found:
                raise ValueError(f"no node is a {part[1:]}")
        else:
            found = _ids(part)
        for one in found:
            if one not in known:
                raise ValueError(f"there is no node {one!r:.40}; there are: {', '.join(node.id for node in nodes)}")
        wanted.update(found)
    return [node for node in nodes if node.id in wanted]


def _ids(part: str) -> list[str]:
    """The ids that one part says, the zeros before a number kept."""
    matched = _RANGE.fullmatch(part)
    if matched is None:
        return [part]
    before, first, last, behind = matched.groups()
    if int(first) > int(last) or int(last) - int(first) >= RANGE:
        raise ValueError(f"{part!r:.40} is no range: write n[1-9], the lower number first")
    return [f"{before}{number:0{len(first)}d}{behind}" for number in range(int(first), int(last) + 1)]
