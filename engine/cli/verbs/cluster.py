"""`engine cluster`: many machines over ssh, each with an engine of its own."""

from __future__ import annotations

from argparse import ArgumentTypeError, Namespace
from importlib import import_module

from engine.cli.misuse import Misuse, action_of
from engine.cli.parser import About, Parser, amount
from engine.cli.sprintpace import count_of, speed_of

__all__ = ["ABOUT", "add_arguments", "run"]

#: The module and the function of each action.
ACTIONS = {
    "init": ("clusterstart", "init"),
    "check": ("clusterstart", "check"),
    "trust": ("clustertrust", "run"),
    "exec": ("clusterexec", "run"),
    "up": ("clusterup", "run"),
    "spawn": ("clusterspawn", "run"),
    "run": ("clusterrun", "run"),
    "sprint": ("clustersprint", "run"),
    "deploy": ("clusterdeploy", "run"),
    "drain": ("clusterplan", "drain"),
    "undrain": ("clusterplan", "undrain"),
    "forget": ("clusterplan", "forget"),
    "role": ("clusterplan", "role"),
    "broadcast": ("clusterplan", "broadcast"),
    "stats": ("clusterstats", "run"),
    "ps": ("clusterverbs", "ps"),
    "logs": ("clusterlogs", "run"),
    "stop": ("clusterverbs", "stop"),
}
#: Those that work on several nodes.
FANNED = ("exec", "up", "spawn", "run", "deploy", "stats", "ps", "logs", "stop")
#: Those that concern the cluster as a whole.
WHOLE = ("drain", "undrain", "forget", "role", "broadcast")
#: What each option is for, where it is not for all of them: its name among the options that were read, and its default.
OPTIONS: dict[str, tuple[str, object, tuple[str, ...]]] = {
    "--force": ("force", False, ("init",)),
    "--yes": ("yes", False, ("trust",)),
    "--fingerprint": ("fingerprint", None, ("trust",)),
    "--by-node": ("by_node", False, ("exec",)),
    "--wheelhouse": ("wheelhouse", None, ("up",)),
    "--count": ("count", None, ("spawn",)),
    "--use": ("use", [], ("spawn",)),
    "--on": ("on", None, ("spawn",)),
    "--path": ("path", None, ("spawn", "deploy")),
    "--watch": ("watch", None, ("stats",)),
    "--wait": ("wait", False, ("run",)),
    "--lines": ("lines", None, ("logs",)),
    "--agent": ("agent", None, ("logs",)),
    "--event": ("event", None, ("logs",)),
    "--level": ("level", None, ("logs",)),
    "--since": ("since", None, ("logs",)),
    "--emergency": ("emergency", False, ("stop",)),
    "--sprints": ("sprints", None, ("sprint",)),
    "--speed": ("speed", None, ("sprint",)),
    "--detach": ("detach", False, ("sprint",)),
    "--timeout": ("timeout", None, (*FANNED, *WHOLE)),
    "--nodes": ("nodes", None, ("check", "sprint", *FANNED)),
}
#: Those that take words behind them.
WORDED = ("trust", "exec", "spawn", "run", "sprint", "deploy", *WHOLE)
#: Seconds between two snapshots, at least.
LEAST_S = 0.2
#: Nodes at a time, unless it is said how many, and at most.
JOBS, JOBS_MOST = 4, 256

ABOUT = About(
    usage="""\
init [--force] [-f FILE]
  engine cluster check [--nodes NODES] [-f FILE] [--json]
  engine cluster trust NODE ... [--fingerprint SHA256:... | --yes] [-f FILE]
  engine cluster exec [--nodes NODES] [-j N] [--timeout S] [--by-node]
                [-f FILE] -- COMMAND ...
  engine cluster up [--wheelhouse DIR] [--nodes NODES] [-f FILE] [--json]
  engine cluster spawn [KIND] --count N [--use CLASS ... --path DIR]
                [--on NODES | --nodes NODES] [-f FILE] [--json]
  engine cluster run FILE|- [--wait] [--nodes NODES] [-j N] [-f FILE]
  engine cluster sprint run FILE [--sprints N] [--speed S] [--detach]
                [-f FILE] [--json]
  engine cluster sprint ls | show SPRINT | settle SPRINT [-f FILE] [--json]
  engine cluster sprint pause|resume|abort|rollback [SPRINT] [-f FILE]
                [--json]
  engine cluster deploy MODULE[:KIND] --path DIR [--nodes NODES] [-f FILE]
  engine cluster deploy status|rollback|confirm [--nodes NODES] [-f FILE]
  engine cluster drain|undrain|forget NODE | role NODE ROLE [--timeout S]
                [-f FILE] [--json]
  engine cluster broadcast KIND METHOD [ARGS] [-f FILE] [--json]
  engine cluster stats [--watch [S]] [--nodes NODES] [-f FILE] [--json]
  engine cluster ps [--nodes NODES] [-f FILE] [--json]
  engine cluster logs [-n N] [--agent GLOB] [--event GLOB] [--level LEVEL]
                [--since WHEN] [--nodes NODES] [-f FILE] [--json]
  engine cluster stop [--emergency] [--nodes NODES] [-f FILE] [--json]""",
    text="""\
Works on the machines that cluster.yaml names, several at a time, over ssh: with your ssh configuration, your keys, your agent
and your jump hosts. A host whose key is not known, or is another one than is known, is not spoken to.

  init     write a cluster.yaml with comments
  check    read it only: keys, roles, addresses; asks no host
  trust    show the host keys of nodes, and trust them if you say so
  exec     the same command on every node; what several print alike is shown
           once, under their names
  up       install this very engine on each node, offline, with wheels that
           are made from what is installed here; then start it, with a NATS
           server on one node or three and a gateway on each, and wait until
           all have joined. What is there already stays, so that one that was
           cut off can be typed again. A node that runs another version is
           stopped first, its agents stay
  spawn    agents on all nodes, so many in all: each on the node that its name
           belongs to, more on nodes whose "agents" are more. With --path every
           node gets that folder, in which the classes of --use stand. Nothing
           is spawned where a node has no room for its part. With --on the
           kind lives on these nodes alone from now on, as those may that have
           its code or its GPU; what is elsewhere moves there. --on all: on all
           nodes that there are and will be
  run      a file of tasks, and their results as they come, with the node of
           each: a task for a kind is done where there is room, one for an
           agent where it lives. A task with a "key" is done once, however often
           it is sent. Agents of a node that is lost are unavailable, which is
           said; with --wait tasks for them wait until it is back. With --nodes,
           or where a task names a "node", they are dealt among the engines of
           the nodes apart
  sprint   a backlog, worked on by the agents of all nodes in micro-sprints:
           run places it and shows its sprints; who drives them may be
           lost, another node goes on. ls and show tell of them; pause, resume
           and abort are obeyed by whoever drives; rollback makes the release
           before current again; settle ends the doubt whether a hook had
           shipped when its node was lost
  deploy   new code for the agents of every node, as `engine deploy` does it:
           a folder for each version, tried on a share of the agents first
  drain    have a node give all its agents to the others, with what they are,
           and take no more tasks for kinds; waits until it has none. Refused
           where the others have no room for them
  undrain  have it take its share of them again
  forget   take a node that is lost for good out of the cluster: its agents
           are gone, and nothing waits for it any more. One that is heard of is
           not forgotten
  role     make a node primary, worker or backup from now on
  broadcast  have every node do a task for a kind, and print what each says
  stats    what all nodes count, added; a node that cannot be asked is named
           and in no sum. Who leads, how each node stands, and what waits
  ps       the workers of all nodes, and what joins them
  logs     the logs of all nodes, in the order of their clocks
  stop     end all that runs of each node, also what was left by one that was
           killed; what its agents are is kept. --emergency kills, on all nodes
           at once

NODES is a list: n1,n[2-4],@worker. A node that is down, slow or refuses stops no other: what became of each is said as it
comes, and in the table at the end. Ctrl-C ends the commands on all of them.

Ends with 1 if a node failed, with 2 for a bad file and where agents do not fit, with 3 if no node could be reached.""",
    examples="""\
  engine cluster init
  engine cluster check --json | jq .nodes
  engine cluster trust n1 n2
  engine cluster exec --nodes 'n[1-3]' -j 8 -- uptime -p
  engine cluster exec --json -- df -h / | jq '.nodes[] | {node, code, out}'
  engine cluster up && engine cluster stats
  engine cluster spawn counter --count 10_000
  engine cluster spawn --use agents:Scout --path shop --count 500
  engine cluster spawn renderer --count 100 --on n1,n2
  engine cluster run tasks.jsonl > results.jsonl
  engine cluster drain n3 && engine cluster exec --nodes n3 -- reboot
  engine cluster broadcast counter ping
  engine cluster stats --watch 1 --json | jq .tasks
  engine cluster logs --level warning --since 10m
  engine cluster stop
""",
    actions={
        "init": "write a cluster.yaml with comments",
        "check": "read it only",
        "trust": "show the host keys of nodes, and trust them",
        "exec": "the same command on every node",
        "up": "install this very engine on each node, start and join it",
        "spawn": "agents on all nodes",
        "run": "a file of tasks, done where there is room",
        "sprint run": "a backlog, worked on by the agents of all nodes",
        "sprint ls": "the sprints of the cluster",
        "sprint show": "one of them",
        "sprint pause": "send nothing more, and stop its time",
        "sprint resume": "go on",
        "sprint abort": "end it now",
        "sprint rollback": "make the release before current again",
        "sprint settle": "end the doubt whether a lost hook has shipped",
        "deploy": "new code for the agents of every node",
        "deploy status": "how the deploy of each node stands",
        "deploy rollback": "take the new code back",
        "deploy confirm": "let the new code stay",
        "drain": "have a node give its agents to the others",
        "undrain": "have it take its share again",
        "forget": "take a lost node out for good",
        "role": "make a node primary, worker or backup",
        "broadcast": "have every node do a task",
        "stats": "what all nodes count, added",
        "ps": "the workers of all nodes, and what joins them",
        "logs": "the logs of all nodes",
        "stop": "end all that runs of each node",
    },
)


def add_arguments(parser: Parser) -> None:
    """What to do, and on which nodes."""
    parser.add_argument("action", type=action_of(ACTIONS), metavar="ACTION", help=f"one of {', '.join(ACTIONS)}")
    parser.add_argument(
        "words",
        nargs="*",
        metavar="WORD",
        help="trust: ids of nodes; exec: a command, behind --; spawn: a kind; run: a file; sprint: what; deploy: a module; "
        "drain: a node",
    )
    parser.add_argument("-f", "--file", dest="cluster", metavar="FILE", help="the cluster's file (./cluster.yaml)")
    parser.add_argument("--nodes", metavar="NODES", help="only these: n1,n[2-4],@worker")
    parser.add_argument("-j", "--jobs", type=_jobs, default=JOBS, metavar="N", help=f"nodes at a time ({JOBS})")
    parser.add_argument("--timeout", type=_timeout, metavar="S", help="time for each node (command_timeout_s of the file)")
    parser.add_argument(
        "--wheelhouse", metavar="DIR", help="up: wheels for nodes with another Python or machine than this one's"
    )
    parser.add_argument("--count", type=_agents, metavar="N", help="spawn: how many there shall be on these nodes together")
    parser.add_argument(
        "--use", nargs="+", action="extend", default=[], metavar="CLASS", help="spawn: module:Class or file.py:Class of --path"
    )
    parser.add_argument("--on", metavar="NODES", help="spawn: the only nodes that the kind lives on from now on, or all")
    parser.add_argument("--path", metavar="DIR", help="spawn, deploy: the folder of your agents, which every node gets")
    parser.add_argument(
        "--watch", nargs="?", type=_interval, const=1.0, metavar="S", help="stats: again and again, each so many seconds (1)"
    )
    parser.add_argument("-n", "--lines", type=amount("parse_count"), metavar="N", help="logs: the last N of each node (100)")
    parser.add_argument("--agent", metavar="GLOB", help="logs: of agents, such as 'scout/*'")
    parser.add_argument("--event", metavar="GLOB", help="logs: of a name, such as 'worker.*'")
    parser.add_argument("--level", metavar="LEVEL", help="logs: that matter at least as much")
    parser.add_argument("--since", metavar="WHEN", help="logs: from then on, such as 10m (ago) or 14:30")
    parser.add_argument("--sprints", type=count_of, metavar="N", help="sprint run: so many sprints at most (1)")
    parser.add_argument("--speed", type=speed_of, metavar="S", help="sprint run: so many times as fast as the clock (1)")
    parser.add_argument("--detach", action="store_true", help="sprint run: return when it is placed")
    parser.add_argument("--wait", action="store_true", help="run: tasks for agents of a lost node wait until it is back")
    parser.add_argument("--emergency", action="store_true", help="stop: kill, on all nodes at once")
    parser.add_argument("--by-node", action="store_true", help="exec: each line behind the name of its node")
    parser.add_argument("--fingerprint", metavar="SHA256:...", help="trust: the key that has this one, without a question")
    parser.add_argument("--yes", action="store_true", help="trust: whatever key it shows")
    parser.add_argument("--force", action="store_true", help="init: write over a file that is there")
    parser.offer(
        cluster="files",
        wheelhouse="folders",
        path="folders",
        nodes="nodes",
        on="nodes",
        words={
            "trust": "nodes",
            "spawn": "kinds",
            "run": "files",
            "drain": "nodes",
            "undrain": "nodes",
            "forget": "nodes",
            "role": "nodes",
        },
    )


def _jobs(text: str) -> int:
    number: int = amount("parse_count")(text)
    if not 1 <= number <= JOBS_MOST:
        raise ArgumentTypeError(f"{number:,} is not between 1 and {JOBS_MOST}")
    return number


def _agents(text: str) -> int:
    number: int = amount("parse_count")(text)
    if not number:
        raise ArgumentTypeError("0 agents are none: give 1 or more")
    return number


def _timeout(text: str) -> float:
    seconds: float = amount("parse_seconds")(text)
    if not seconds:
        raise ArgumentTypeError("0 seconds are no time: give more, or leave it out")
    return seconds


def _interval(text: str) -> float:
    seconds: float = amount("parse_seconds")(text)
    if seconds < LEAST_S:
        raise ArgumentTypeError(f"{text!r} is too often: give {LEAST_S:g} or more seconds")
    return seconds


def run(options: Namespace) -> int:
    """Do it."""
    for name, (key, default, takers) in OPTIONS.items():
        if getattr(options, key) != default and options.action not in takers:
            raise Misuse(f"{name} is for {', '.join(takers)}, not for {options.action}; see: engine cluster --help")
    if options.words and options.action not in WORDED:
        raise Misuse(f"{options.words[0]!r} is one word too many; see: engine cluster --help")
    module, function = ACTIONS[options.action]
    code: int = getattr(import_module(f"engine.cli.{module}"), function)(options)
    return code
