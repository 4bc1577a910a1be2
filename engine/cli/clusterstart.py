"""`engine cluster init` and `check`: the file, before any host is asked.

Owns the commented file that is written, and what is said of one.
"""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from typing import Any

from engine.cli import figures
from engine.cli.clusterfan import cluster_of, nodes_of
from engine.cli.misuse import Misuse
from engine.cli.output import hint, screen, show_document, show_json, show_lines
from engine.cli.table import Column, table
from engine.cli.writing import write_new
from engine.cluster.clusterfile import FILE, Cluster
from engine.cluster.node import Node

__all__ = ["check", "init"]

INIT_SCHEMA, CHECK_SCHEMA = "engine.cluster.init/v1", "engine.cluster.check/v1"

TEXT = """\
# A cluster: machines that are reached over ssh, each with an engine of its own.
#
#   engine cluster check              whether this file can be used
#   engine cluster trust n1 n2        show their host keys, and trust them
#   engine cluster exec -- uptime     the same command on every node
#
# Hosts may be names of your ssh configuration; your keys, your agent and your jump hosts are used as they are. Host keys are
# always checked.

# What the engine of each node is called.
name: swarm

# Where each node keeps its environment and its data.
# folder: ~/.local/share/engine/cluster/swarm

# ssh:
#   identity: ~/.ssh/id_ed25519         a key in place of those that ssh takes by itself
#   config: ~/.ssh/config
#   known_hosts: ~/.ssh/known_hosts
#   connect_timeout_s: 10               seconds until a host that does not answer is given up
#   command_timeout_s: 600              and a command on it, unless --timeout says otherwise

# What joins the nodes: NATS servers, on the primary alone or, with three nodes and more, on three of them. The cluster starts
# them; or name your own.
# nats:
#   port: 4222                          where nodes find them
#   peer_port: 6222                     where they find each other
#   url: tls://nats.example.org:4222    your own: one, or a list
#   credentials: nats.json              for these: {"user": ..., "password": ...} in a file of mode 0600
#   ca: ca.pem                          cert and key where they ask for one
#   replicas: 3                         servers that keep what is written
#
# timing:
#   heartbeat_s: 10                     a node says that it lives
#   suspicious_s: 30                    without a sign, and
#   offline_s: 60
#   task_lease_s: 30                    until tasks of a lost node go to others
#   leader_lease_s: 10                  until another node leads, looked at each
#   leader_check_s: 3

# Of each node:
#
#   id            what it is called here: n1
#   address       user@host:port; user and port are ssh's to say where they are left out
#   host          where the other nodes reach it                              default where ssh does
#   role          primary (one of them), worker (the default) or backup
#   agents        its share of the cluster's agents, for what others have     default 2500
#   cpu           share of the machine: 50%; also cores (1.5)                 default all of it
#   ram           memory of its workers together: 2GB                         default no limit
#   capabilities  what it can do that others cannot: [gpu, audit]
nodes:
  - {id: n1, address: n1.example.org, role: primary}
  - {id: n2, address: ada@n2.example.org:22, agents: 2500, cpu: 50%, ram: 2GB}
"""

COLUMNS = (
    Column("NODE"),
    Column("ADDRESS"),
    Column("ROLE"),
    Column("AGENTS", is_right=True),
    Column("CPU", is_right=True, rank=2),
    Column("RAM", is_right=True, rank=1),
    Column("CAPABILITIES", least=8, rank=3),
)


def init(options: Namespace) -> int:
    """Write the file."""
    file = Path(options.cluster or FILE)
    if not file.parent.is_dir():
        raise Misuse(f"there is no folder {file.parent}: make it first")
    written = write_new(file.parent, {file.name: TEXT}, is_forced=options.force)
    if options.json:
        show_json({"schema": INIT_SCHEMA, "file": str(file.absolute()), "written": written})
        return 0
    print(f"wrote {file}" if written else f"nothing to write: {file} is there already")
    hint(options, f"next: name your hosts in {file}, then: engine cluster check")
    return 0


def check(options: Namespace) -> int:
    """Read the file, and say what it means."""
    cluster = cluster_of(options)
    nodes = nodes_of(options, cluster)
    if options.json:
        show_document(options, _document(cluster, nodes), "nodes")
        return 0
    show_lines(table(COLUMNS, [_row(node) for node in nodes], screen(options)))
    agents = figures.plural(sum(node.agents for node in nodes), "agent")
    print(f"{cluster.file} can be used: {figures.plural(len(nodes), 'node')}, up to {agents}; no host was asked")
    return 0


def _row(node: Node) -> list[str]:
    ram = "-" if node.ram_bytes is None else figures.size(node.ram_bytes)
    facts = [node.id, str(node.address), node.role, figures.count(node.agents), node.cpu or "-", ram]
    return [*facts, ", ".join(node.capabilities) or "-"]


def _document(cluster: Cluster, nodes: list[Node]) -> dict[str, Any]:
    told = [
        {
            "id": node.id,
            "address": str(node.address),
            "role": node.role,
            "agents": node.agents,
            "cpu": node.cpu,
            "ram_bytes": node.ram_bytes,
            "capabilities": list(node.capabilities),
        }
        for node in nodes
    ]
    facts = {"schema": CHECK_SCHEMA, "file": str(cluster.file), "name": cluster.name, "folder": cluster.folder}
    return {**facts, "pools": None if cluster.pools is None else str(cluster.pools), "nodes": told}
