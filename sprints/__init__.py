"""The floor of micro-sprints: plan, exec, test and ship within fixed time boxes.

It stands beside `pools` and never imports it: the engine hands it a way to dispatch tasks.
"""
