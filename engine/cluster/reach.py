"""The way to a node over ssh: who is connected to, through which hosts, and whether it is who it should be.

Owns that the key of every host on the way is looked up and a host without a known one is not spoken to: the files are always
named, so that no configuration can turn that off, for jump hosts neither. The user's ssh configuration, keys and agent are used
as they are; the agent is never forwarded.
"""

from __future__ import annotations

import asyncio
import shlex
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from engine.cluster.clusterfile import Ssh
from engine.cluster.hostkeys import REVOKED, KnownHosts, files_of, place_of
from engine.cluster.identity import facts_of, locked
from engine.cluster.node import Address, Node, parse_address
from engine.cluster.outcome import NodeFailed
from engine.cluster.remote import Remote
from engine.errors import Unavailable

if TYPE_CHECKING:
    from asyncssh import SSHClientConnection, SSHClientConnectionOptions, SSHKey

__all__ = ["Shown", "Target", "check_library", "connected", "key_of", "target_of"]

#: Hosts that may be jumped over, one within the configuration of the other.
JUMPS = 8
#: Seconds after which a node that sends nothing is asked for a sign of life, and signs that may be missing.
ALIVE_S, MISSED = 15, 3
#: Seconds that the end of a connection may take.
CLOSE_S = 1.0


class Target(NamedTuple):
    """Where an address leads by ssh's configuration.

    jump: the hosts on the way to it, as ProxyJump writes them.  command: ProxyCommand.  options: what it says beside that, read
    without any key.
    """

    host: str
    port: int
    user: str
    alias: str | None
    jump: str | None
    command: str | None
    known: list[str]
    options: SSHClientConnectionOptions

    @property
    def name(self) -> str:
        """Under which name its key is looked up."""
        return self.alias or self.host


class Shown(NamedTuple):
    """A key that a host shows. hop: what that host on the way to a node is called; None for the node itself."""

    target: Target
    key: SSHKey
    known: KnownHosts
    hop: str | None


class _Untrusted(NodeFailed):
    """A host that shows a key which is not trusted. tunnel: the connection through which it was asked, None for none."""

    def __init__(self, failed: NodeFailed, address: Address, target: Target, tunnel: SSHClientConnection | None) -> None:
        super().__init__(str(failed), state=failed.state, mend=failed.mend)
        self.address = address
        self.target = target
        self.tunnel = tunnel


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
    return facts


async def target_of(address: Address, ssh: Ssh) -> Target:
    """Where an address leads. Raises NodeFailed for a configuration that cannot be read."""
    import asyncssh

    try:
        options = await asyncssh.SSHClientConnectionOptions.construct(None, **_facts(address, ssh), client_keys=None)
    except (asyncssh.ConfigParseError, OSError) as error:
        raise NodeFailed(f"ssh cannot be set up: {error}", state="refused") from error
    jump = options.tunnel if isinstance(options.tunnel, str) and options.tunnel else None
    configured = [one for one in options.known_hosts or () if isinstance(one, str)]
    command = shlex.join(options.proxy_command) if options.proxy_command else None
    place = (options.host, options.port, options.username, options.host_key_alias)
    return Target(*place, jump, command, files_of(ssh, configured), options)


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
    """A connection that ends with `ways`.

    name: of the node that is meant.  through: the host before it, None to take the way that its configuration says.
    """
    import asyncssh

    target = await target_of(address, ssh)
    tunnel = through or await _jump(target, ssh, ways, name, jumps)
    known = await asyncio.to_thread(KnownHosts, target.known)
    keys = await asyncio.to_thread(facts_of, ssh, target.options)
    try:
        connection = await asyncssh.connect(
            **_facts(address, ssh),
            **keys,
            known_hosts=known,
            tunnel=tunnel,
            agent_forwarding=False,
            request_pty=False,  # what is printed is read by programs, and what goes wrong stands beside it
            password_auth=False,
            kbdint_auth=False,
            login_timeout=ssh.connect_timeout_s,
            keepalive_interval=ALIVE_S,
            keepalive_count_max=MISSED,
        )
    except (asyncssh.Error, OSError, asyncssh.KeyImportError) as error:
        failed = _failed(error, target, address, name, known)
        if failed.state == "untrusted":
            raise _Untrusted(failed, address, target, tunnel) from error
        if isinstance(error, asyncssh.PermissionDenied) and (files := await asyncio.to_thread(locked, ssh, target.options)):
            failed.mend = f"ssh-add {' '.join(files)}, or {failed.mend}"
        raise failed from error
    ways.push_async_callback(_close, connection)
    return connection


async def _jump(target: Target, ssh: Ssh, ways: AsyncExitStack, name: str, jumps: int) -> SSHClientConnection | None:
    """A connection to the last of the hosts on the way; None where there is none."""
    if target.jump is None:
        return None
    if not jumps:
        raise NodeFailed(f"more than {JUMPS} hosts on the way: ProxyJump {target.jump}", state="unreachable")
    try:
        hops = [parse_address(one.strip().removeprefix("ssh://").rstrip("/")) for one in target.jump.split(",")]
    except ValueError as wrong:
        raise NodeFailed(f"ProxyJump {target.jump}: {wrong}", state="unreachable") from wrong
    connection = None
    for hop in hops:
        try:
            connection = await _open(hop, ssh, ways, name, jumps - 1, connection)
        except NodeFailed as failed:
            failed.args = (f"{hop}, on the way there: {failed}",)
            raise
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


def _failed(error: Exception, target: Target, address: Address, name: str, known: KnownHosts) -> NodeFailed:
    """Why a host could not be connected to. name: of the node that is meant."""
    import asyncssh

    place = f"{target.name} port {target.port}"
    before = known.keys(target.name, target.port)
    if isinstance(error, asyncssh.HostKeyNotVerifiable) and "revoked" in error.reason:
        said = f"its host key is revoked: a line of {' or '.join(target.known)} says {REVOKED} of it for {place}"
        return NodeFailed(said, state="untrusted", mend="give the host another key: nobody trusts this one again")
    if isinstance(error, asyncssh.HostKeyNotVerifiable) or (isinstance(error, asyncssh.KeyExchangeFailed) and before):
        if before:
            forget = f"ssh-keygen -R '{place_of(target.name, target.port)}'"
            return NodeFailed(
                f"its host key is not the one that is known of {place}: it was set up anew, or somebody stands in between",
                state="untrusted",
                mend=f"if it was set up anew: {forget} -f {target.known[0]}, then: engine cluster trust {name}",
            )
        return NodeFailed(f"no host key is known of {place}", state="untrusted", mend=f"engine cluster trust {name}")
    if isinstance(error, asyncssh.PermissionDenied):
        said = f"it does not let {target.user} in: {error.reason}"
        return NodeFailed(said, state="refused", mend=f"ssh-copy-id {_words(address)}")
    if isinstance(error, asyncssh.ChannelOpenError):
        return NodeFailed(f"{place} cannot be reached from the host before it: {error.reason}", state="unreachable")
    if isinstance(error, asyncssh.KeyImportError):
        return NodeFailed(f"ssh cannot be set up: {error}", state="refused")
    if isinstance(error, OSError):
        return _unreached(error, target, place, address)
    return NodeFailed(f"ssh: {getattr(error, 'reason', '') or error}", state="lost")


def _unreached(error: OSError, target: Target, place: str, address: Address) -> NodeFailed:
    """Why this machine did not get to a host."""
    if isinstance(error, socket.gaierror):
        return NodeFailed(f"there is no host {target.host}: {error.strerror}", state="unreachable")
    if target.command is not None and error.filename is not None and target.command.startswith(shlex.quote(error.filename)):
        said = f"ProxyCommand {target.command} cannot be run: {error.strerror}"
        return NodeFailed(said, state="unreachable", mend=f"see that {error.filename} is installed here")
    if error.filename is not None:
        return NodeFailed(f"ssh cannot be set up: {error}", state="refused")
    said = f"{place} cannot be connected to: {error.strerror or error}"
    return NodeFailed(said, state="unreachable", mend=f"see that sshd runs there: ssh {_words(address)} true")


async def key_of(node: Node, ssh: Ssh) -> Shown:
    """The key that a node's host shows now, or that of the first one on the way which is not trusted. Raises NodeFailed."""
    import asyncssh

    address, target, hop = node.address, await target_of(node.address, ssh), None
    async with AsyncExitStack() as ways:
        known = KnownHosts(())
        try:
            async with asyncio.timeout(ssh.connect_timeout_s):
                try:
                    tunnel = await _jump(target, ssh, ways, node.id, JUMPS)
                except _Untrusted as closed:
                    address, target, tunnel = closed.address, closed.target, closed.tunnel
                    hop = str(address)
                known = await asyncio.to_thread(KnownHosts, target.known)
                facts = {name: value for name, value in _facts(address, ssh).items() if name in ("host", "port", "config")}
                wanted = known.algorithms(target.name, target.port)
                key = await asyncssh.get_server_host_key(**facts, tunnel=tunnel, server_host_key_algs=wanted or ())
        except TimeoutError as late:
            said = f"it does not answer as ssh within {ssh.connect_timeout_s:g} s"
            raise NodeFailed(said, state="unreachable") from late
        except (asyncssh.Error, OSError) as error:
            raise _failed(error, target, address, node.id, known) from error
    if key is None:
        raise NodeFailed("it shows no host key", state="untrusted")
    return Shown(target, key, known, hop)
