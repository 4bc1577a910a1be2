"""Workers that share chores: each is taken by one of them with `cas`, and a board hears of it through a topic.

Nobody hands the chores out: a worker takes what nobody has yet, and tells the topic in the same task.
"""
