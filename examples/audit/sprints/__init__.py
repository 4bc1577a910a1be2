"""The audit as a backlog of three sprints, and whether sprints that learn do it faster than the same ones that do not.

A task a module and a task a package, each with a file that proves it. `__main__` runs the same backlog both ways, again and
again, and says what came of it; where it cannot be told from chance it says `no gain`.
"""
