"""Which kills a run makes, from its seed: every kind once, in a shuffled order, then every kind again."""

from __future__ import annotations

import random

KINDS = {
    "gate": "kill -9 of one of two gates",
    "projector": "kill -9 of the projector",
    "audit": "kill -9 of the audit",
    "cases": "kill -9 of the cases",
    "api": "kill -9 of the API",
    "broker": "kill -9 of Kafka",
    "postgres": "kill -9 of PostgreSQL",
    "everything": "kill -9 of every part at once",
    "handover": "kill -9 of a gate while it takes over from the other",
    "rolling": "each process of the hub replaced in turn",
    "zombie-gate": "a gate stopped longer than its session, then continued",
    "zombie-projector": "the projector stopped, another at work meanwhile, then continued",
    "zombie-audit": "the audit stopped, then continued",
    "zombie-cases": "the cases stopped, another at work meanwhile, then continued",
}


def plan(seed, count, kinds=tuple(KINDS)):
    """Return the kinds of `count` kills; no kind comes twice before each came once."""
    rng = random.Random(seed)
    drawn = []
    while len(drawn) < count:
        deck = sorted(kinds)
        rng.shuffle(deck)
        drawn += deck
    return drawn[:count]
