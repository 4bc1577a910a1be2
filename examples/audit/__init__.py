"""The main job: thousands of agents audit a Python source tree, one agent a module.

The analysis (`tree`, `source`, `walk`, `rules`, `inspection`) knows nothing of agents and can be used alone. `agents`
gives each module, each package and the report an agent; `job` runs them on an engine; `report` writes what they
found.
"""
