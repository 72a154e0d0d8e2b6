"""Who may see and do what; the one place that decides.

Until sign-in exists there is one reader: whoever reaches the API over loopback, and may read everything.
"""
