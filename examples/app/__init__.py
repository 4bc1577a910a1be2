"""Three sprints that build an app: agents design, write, test, audit and ship an almanac for many kinds of records.

Everything is made by deterministic generators from `blueprint` and `templates`; no language model has a part in it.
What the agents make is a real program: its tests run, its coverage is measured, its flaws are found and mended, and what is
shipped answers on a port.
"""
