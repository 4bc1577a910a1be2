"""What the values of cluster.yaml may be.

Owns the reading of each from its text, and the look at a file that is named, so that what is no use is said before any host is
asked. Which key has which value is `clusterfile`'s.
"""

from __future__ import annotations

import re
import ssl
from pathlib import Path

from engine import units
from engine.cluster.access import secret_of
from engine.cluster.node import ROLES
from engine.cluster.subjects import ANY
from engine.config import load_alone
from engine.machine import Machine
from engine.setting import nearest_of

__all__ = [
    "PORTS", "SERVERS", "agents", "capability", "check_certificates", "check_credentials", "check_identity", "check_pools",
    "cpu", "folder", "host", "port", "ram", "role", "seconds", "servers", "url",
]  # fmt: skip

#: Agents of a node at most.
AGENTS_MOST = 100_000_000
#: Seconds that may be asked for at most.
MOST_S = 86_400.0
#: Bytes that the workers of a node have at least: one that has no agent yet.
RAM_BYTES = 20_000_000
#: Servers that keep what is written: one, or three that outvote a lost one.
SERVERS = (1, 3)
#: The last port.
PORTS = 65_535
#: Cores of a machine on which any number of them in a pools.yaml can be had: how many a node has is known there.
CORES = 1_000_000
#: Bytes of a file in which a private key begins.
KEY_BYTES = 4_096

_CAPABILITY = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_URL = re.compile(r"(?:nats|tls)://(?:[A-Za-z0-9_.-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::([0-9]{1,5}))?")
_HOST = re.compile(r"[A-Za-z0-9_:](?:[A-Za-z0-9_.:-]{0,251}[A-Za-z0-9_:])?")
_FOLDER = re.compile(r"(?:~/|/)[A-Za-z0-9_./+-]{1,200}")


def role(text: str) -> str:
    """What a node is for. Raises ValueError."""
    if text not in ROLES:
        nearest = nearest_of(text, ROLES)
        said = f", did you mean {nearest}?" if nearest else f"; there are {', '.join(ROLES)}"
        raise ValueError(f"{text!r:.40} is no role{said}")
    return text


def port(text: str) -> int:
    """A port. Raises ValueError."""
    if not (text.isascii() and text.isdigit() and len(text) < 6 and 1 <= int(text) <= PORTS):
        raise ValueError(f"{text!r:.20} is no port: a number from 1 to 65535")
    return int(text)


def servers(text: str) -> int:
    """How many servers. Raises ValueError."""
    if text not in [str(number) for number in SERVERS]:
        raise ValueError(f"{text!r:.20} is neither 1 nor 3")
    return int(text)


def url(text: str) -> str:
    """The address of a server. Raises ValueError."""
    found = _URL.fullmatch(text)
    if not found or not 1 <= int(found[1] or 1) <= PORTS:
        raise ValueError(
            f"{text!r:.80} is no address of a server: write nats://host:port or tls://host:port; secrets stand apart"
        )
    return text


def host(text: str) -> str:
    """A name or an address of a host. Raises ValueError."""
    if not _HOST.fullmatch(text):
        raise ValueError(f"{text!r:.80} is no host: write a name or an address")
    return text


def agents(text: str) -> int:
    """How many agents. Raises ValueError."""
    number = units.parse_count(text)
    if not 1 <= number <= AGENTS_MOST:
        raise ValueError(f"{number:,} is not between 1 and {AGENTS_MOST:,}")
    return number


def cpu(text: str) -> str:
    """A share of a machine, as pools.yaml writes it. Raises ValueError."""
    units.parse_cpu_share(text, 1_000_000)  # how many cores the node has is known there
    return text


def ram(text: str) -> int:
    """Bytes of memory. Raises ValueError."""
    number = units.parse_size_bytes(text)
    if number < RAM_BYTES:
        raise ValueError(f"{units.show_size(number)} is less than one worker needs, {units.show_size(RAM_BYTES)}")
    return number


def seconds(text: str) -> float:
    """Seconds. Raises ValueError."""
    read = units.parse_seconds(text)
    if not 0 < read <= MOST_S:
        raise ValueError(f"{text} is not above 0 and up to {MOST_S:,.0f} seconds")
    return read


def capability(text: str) -> str:
    """What a node can. Raises ValueError."""
    if text == ANY:
        raise ValueError(f"{ANY!r} is what every node can: leave it out")
    if not _CAPABILITY.fullmatch(text):
        raise ValueError(f"{text!r:.80} is no capability: up to 64 small letters, digits, '-' and '_'")
    return text


def folder(text: str) -> str:
    """A folder for every node. Raises ValueError."""
    if not _FOLDER.fullmatch(text) or ".." in text.split("/"):
        raise ValueError(f"{text!r:.80} is no folder for every node: a whole path, or one that begins with ~/, without blanks")
    return text.rstrip("/")


def check_pools(file: Path) -> None:
    """Raises ConfigError, which names the file, where no engine could use it as its pools.yaml."""
    load_alone(file, Machine(CORES, 0))


def check_credentials(file: Path) -> None:
    """Raises ConfigError, UnsafePath, which name it, where it is no file of mode 0600 with user and password."""
    secret_of(file)


def check_certificates(file: Path) -> None:
    """Raises ValueError where it has none."""
    try:
        ssl.create_default_context(cafile=str(file))
    except ssl.SSLError as wrong:
        raise ValueError(f"{file} has no certificate: it is PEM, between BEGIN CERTIFICATE and END CERTIFICATE") from wrong


def check_identity(file: Path) -> None:
    """Raises ValueError where it is no key; a public one is for what the agent holds."""
    begin = file.read_bytes()[:KEY_BYTES]
    if b"PRIVATE KEY" not in begin and not begin.startswith((b"ssh-", b"ecdsa-", b"sk-")):
        raise ValueError(f"{file} is no key of ssh")
