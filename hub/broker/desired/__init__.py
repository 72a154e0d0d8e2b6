"""What must exist on the broker: topics, ACLs, users, quotas, the registry's edition.

Enters: desired state and the calls that reach it. Stays out: what an agency is (hub.registry).
"""
