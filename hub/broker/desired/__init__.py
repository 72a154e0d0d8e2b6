"""What must exist on the broker: topics, ACLs, SCRAM users, quotas, the registry's edition; made so, and checked.

Enters: desired state and the calls that reach it. Stays out: what an agency is (hub.registry).
"""
