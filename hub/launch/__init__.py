"""`hub up`: engines, children and their supervisor; demo/ beside it.

Enters: starting, watching and stopping processes. Stays out: what they do.
"""
