"""The way to a node over ssh: who is connected to, through which hosts, and whether it is who it should be.

Owns that the key of every host on the way is looked up and a host without a known one is not spoken to: the files are always
named, so that no configuration can turn that off, for jump hosts neither. The user's ssh configuration, keys and agent are used
as they are; the agent is never forwarded.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from engine.cluster.clusterfile import Ssh
from engine.cluster.hostkeys import files_of, known_keys
from engine.cluster.node import Address, Node, parse_address
from engine.cluster.outcome import NodeFailed
from engine.cluster.remote import Remote
from engine.errors import Unavailable

if TYPE_CHECKING:
    from asyncssh import SSHClientConnection, SSHKey

__all__ = ["Target", "check_library", "connected", "key_of", "target_of"]

#: Hosts that may be jumped over, one within the configuration of the other.
JUMPS = 8
#: Seconds after which a node that sends nothing is asked for a sign of life, and signs that may be missing.
ALIVE_S, MISSED = 15, 3
#: Seconds that the end of a connection may take.
CLOSE_S = 1.0
#: Nothing is trusted where there is no file of keys; an empty list would mean the default file.
NOBODY: tuple[list[Any], list[Any], list[Any]] = ([], [], [])


class Target(NamedTuple):
    """Where an address leads by ssh's configuration. jump: the hosts on the way to it, as ProxyJump writes them."""

    host: str
    port: int
    user: str
    alias: str | None
    jump: str | None
    known: list[str]

    @property
    def name(self) -> str:
        """Under which name its key is looked up."""
        return self.alias or self.host


def check_library() -> None:
    """Raises Unavailable where the library for ssh is not installed."""
    try:
        import asyncssh  # noqa: F401
    except ImportError as missing:
        raise Unavailable(
            f"unavailable: {missing.name or 'asyncssh'} is not installed; pip install 'microagent-engine[cluster]'"
        ) from missing


def _facts(address: Address, ssh: Ssh) -> dict[str, Any]:
    """How an address is connected to, but for whom to trust."""
    facts: dict[str, Any] = {"host": address.host, "config": () if ssh.config is None else [str(ssh.config)]}
    if address.port is not None:
        facts["port"] = address.port
    if address.user is not None:
        facts["username"] = address.user
    if ssh.identity is not None:
        facts["client_keys"] = [str(ssh.identity)]
    return facts


async def target_of(address: Address, ssh: Ssh) -> Target:
    """Where an address leads. Raises NodeFailed for a key or a configuration that cannot be read."""
    import asyncssh

    try:
        options = await asyncssh.SSHClientConnectionOptions.construct(None, **_facts(address, ssh))
    except asyncssh.KeyEncryptionError as locked:
        raise NodeFailed(
            f"the key {ssh.identity} has a passphrase", state="refused", mend=f"ssh-add {ssh.identity}"
        ) from locked
    except (asyncssh.KeyImportError, asyncssh.ConfigParseError, OSError) as error:
        raise NodeFailed(f"ssh cannot be set up: {error}", state="refused") from error
    jump = options.tunnel if isinstance(options.tunnel, str) and options.tunnel else None
    configured = [one for one in options.known_hosts or () if isinstance(one, str)]
    return Target(options.host, options.port, options.username, options.host_key_alias, jump, files_of(ssh, configured))


@asynccontextmanager
async def connected(node: Node, ssh: Ssh) -> AsyncIterator[Remote]:
    """A connection to a node, for the time of a block. Raises NodeFailed: unreachable, refused, untrusted, lost."""
    import asyncssh

    async with AsyncExitStack() as ways:
        try:
            async with asyncio.timeout(ssh.connect_timeout_s):
                connection = await _open(node.address, ssh, ways, node.id, JUMPS)
        except TimeoutError as late:
            said = f"it does not answer as ssh within {ssh.connect_timeout_s:g} s"
            raise NodeFailed(said, state="unreachable", mend=f"ssh {_words(node.address)} true") from late
        try:
            yield Remote(connection)
        except asyncssh.Error as error:
            raise NodeFailed(f"the connection was lost: {error.reason or error}", state="lost") from error


async def _open(
    address: Address, ssh: Ssh, ways: AsyncExitStack, name: str, jumps: int, through: SSHClientConnection | None = None
) -> SSHClientConnection:
    """A connection that ends with `ways`. through: the host before it, None to take the way that its configuration says."""
    import asyncssh

    target = await target_of(address, ssh)
    tunnel = through or await _jump(target, ssh, ways, jumps)
    try:
        connection = await asyncssh.connect(
            **_facts(address, ssh),
            known_hosts=target.known or NOBODY,
            tunnel=tunnel,
            agent_forwarding=False,
            password_auth=False,
            kbdint_auth=False,
            login_timeout=ssh.connect_timeout_s,
            keepalive_interval=ALIVE_S,
            keepalive_count_max=MISSED,
        )
    except (asyncssh.Error, OSError, asyncssh.KeyImportError) as error:
        raise _failed(error, target, address, name) from error
    ways.push_async_callback(_close, connection)
    return connection


async def _jump(target: Target, ssh: Ssh, ways: AsyncExitStack, jumps: int) -> SSHClientConnection | None:
    """A connection to the last of the hosts on the way; None where there is none."""
    if target.jump is None:
        return None
    if not jumps:
        raise NodeFailed(f"more than {JUMPS} hosts on the way: ProxyJump {target.jump}", state="unreachable")
    try:
        hops = [parse_address(one.strip()) for one in target.jump.split(",")]
    except ValueError as wrong:
        raise NodeFailed(f"ProxyJump {target.jump}: {wrong}", state="unreachable") from wrong
    connection = None
    for hop in hops:
        connection = await _open(hop, ssh, ways, str(hop), jumps - 1, connection)
    return connection


async def _close(connection: SSHClientConnection) -> None:
    connection.close()
    with suppress(TimeoutError, OSError):
        async with asyncio.timeout(CLOSE_S):
            await connection.wait_closed()
            return
    connection.abort()


def _words(address: Address) -> str:
    """The words with which ssh itself would go there."""
    port = f"-p {address.port} " if address.port else ""
    return f"{port}{f'{address.user}@' if address.user else ''}{address.host}"


def _failed(error: Exception, target: Target, address: Address, name: str) -> NodeFailed:
    """Why a host could not be connected to."""
    import asyncssh

    place = f"{target.name} port {target.port}"
    known = known_keys(target.known, target.name, target.port)
    if isinstance(error, asyncssh.HostKeyNotVerifiable) or (isinstance(error, asyncssh.KeyExchangeFailed) and known):
        if known:
            forget = f"ssh-keygen -R '{target.name if target.port == 22 else f'[{target.name}]:{target.port}'}'"
            return NodeFailed(
                f"its host key is not the one that is known of {place}: it was set up anew, or somebody stands in between",
                state="untrusted",
                mend=f"if it was set up anew: {forget} -f {target.known[0]}, then: engine cluster trust {name}",
            )
        return NodeFailed(f"no host key is known of {place}", state="untrusted", mend=f"engine cluster trust {name}")
    if isinstance(error, asyncssh.PermissionDenied):
        said = f"it does not let {target.user} in: {error.reason}"
        return NodeFailed(said, state="refused", mend=f"ssh-copy-id {_words(address)}")
    if isinstance(error, socket.gaierror):
        return NodeFailed(f"there is no host {target.host}: {error.strerror}", state="unreachable")
    if isinstance(error, OSError):
        said = f"{place} cannot be connected to: {error.strerror or error}"
        return NodeFailed(said, state="unreachable", mend=f"see that sshd runs there: ssh {_words(address)} true")
    return NodeFailed(f"ssh: {getattr(error, 'reason', '') or error}", state="lost")


async def key_of(node: Node, ssh: Ssh) -> tuple[Target, SSHKey]:
    """The key that a node's host shows now, whether it is trusted or not, and where it was asked. Raises NodeFailed."""
    import asyncssh

    target = await target_of(node.address, ssh)
    async with AsyncExitStack() as ways:
        try:
            async with asyncio.timeout(ssh.connect_timeout_s):
                tunnel = await _jump(target, ssh, ways, JUMPS)
                facts = {name: value for name, value in _facts(node.address, ssh).items() if name in ("host", "port", "config")}
                key = await asyncssh.get_server_host_key(**facts, tunnel=tunnel)
        except TimeoutError as late:
            said = f"it does not answer as ssh within {ssh.connect_timeout_s:g} s"
            raise NodeFailed(said, state="unreachable") from late
        except (asyncssh.Error, OSError) as error:
            raise _failed(error, target, node.address, node.id) from error
    if key is None:
        raise NodeFailed("it shows no host key", state="untrusted")
    return target, key
