"""Parked events as a workplace: reason classes, owners, requests, replay and discard. Pure.

Enters: what a parked record says, and what may be done about it. Stays out: deciding (hub.gate), the topic
and the tables (hub.broker, hub.store).
"""
