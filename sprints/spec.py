"""The limits of this floor: each with its unit, its default and its reason.

Owns numbers only; where they come from (a file, a flag, code) is not known here.
"""

from __future__ import annotations

__all__ = [
    "AFTER_ITEMS",
    "AGENTS",
    "ARTIFACTS",
    "BACKLOG_BYTES",
    "BACKLOG_ITEMS",
    "CLASSES",
    "HOOKS",
    "IDS_BYTES",
    "ID_CHARS",
    "ITEMS_OUT_AN_AGENT",
    "PATH_CHARS",
    "PHASES",
    "PHASE_SHARES",
    "PRIORITIES",
    "RATE_STEP",
    "RETRIES",
    "ROLES",
    "SIZE_S",
    "SKILLS",
    "SPRINTS_A_DAY",
    "SPRINT_S",
    "TAGS",
    "TASKS_AN_AGENT",
    "TEXT_CHARS",
    "TIME_S",
    "VALUE",
    "WAVES",
]

#: The steps of every wave, in their order.
PHASES = ("plan", "exec", "test", "ship")
#: Seconds of a sprint unless it is told otherwise.
SPRINT_S = 900.0
#: How a wave's time is split over its steps: 1, 12, 1 and 1 minutes of 15.
PHASE_SHARES = (1 / 15, 12 / 15, 1 / 15, 1 / 15)
#: Tasks that a sprint plans for each agent while nothing was measured.
TASKS_AN_AGENT = 10.0
#: How many times more tasks an agent a sprint plans at most than the one before: one odd sprint moves no mountain.
RATE_STEP = 2.0
#: Items of a wave that are on their way at once, for each of its agents: enough that none waits for the next one, few enough
#: that a pause is felt within a few tasks.
ITEMS_OUT_AN_AGENT = 4

#: Tasks of a backlog: some hundred sprints of a thousand agents, and half a gigabyte while it is read.
BACKLOG_ITEMS = 1_000_000
#: Bytes of a backlog file: a million tasks of 256 bytes.
BACKLOG_BYTES = 256 * 1024 * 1024
#: Bytes of the names in one list of a ledger, some 500,000 short ones: a line of 16 MiB has three such lists at most.
IDS_BYTES = 5 * 1024 * 1024
#: Characters of a task's or role's name: with the id of its sprint it must fit into a file name.
ID_CHARS = 128
#: Characters of a title, a feature, a tag: a line that a person reads.
TEXT_CHARS = 1_000
#: Characters of an artifact's path: what Linux takes, less the folder it is put under.
PATH_CHARS = 1_024
#: Tasks that one task may wait for; who waits for more waits for a task that gathers them.
AFTER_ITEMS = 10_000
#: Artifacts of one task: each is hashed, and stands in the receipt.
ARTIFACTS = 1_000
#: Tags of one task.
TAGS = 100
#: Roles of one backlog: each has a row in every report.
ROLES = 1_000
#: Agents of one role: more than one machine keeps busy.
AGENTS = 10_000_000
#: Classes of agents that one backlog loads.
CLASSES = 100
#: Skills of one role.
SKILLS = 100
#: Hooks of one release: they run one after the other, within the step that ships.
HOOKS = 100
#: Waves of one sprint: each runs all four steps.
WAVES = 100
#: Attempts beyond the first that a task may have.
RETRIES = 100
#: The longest time in seconds that something may be given: a year.
TIME_S = 366 * 86_400.0
#: The most that a task may be worth: sums of a million of them stay exact to the cent.
VALUE = 1e6
#: Seconds that a task is taken to need where its backlog does not say.
SIZE_S = 1.0
#: What a task's priority may be, from the lowest on.
PRIORITIES = ("low", "normal", "high", "critical")
#: Sprints of one day: one every 15 minutes is 96, under test they take milliseconds.
SPRINTS_A_DAY = 999_999
