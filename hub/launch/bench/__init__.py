"""`hub bench`: the hub beside bare loops, on one machine, in one run.

Enters: starting contenders as processes and measuring them from outside. Stays out: what they do.
"""
