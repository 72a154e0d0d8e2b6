"""A gate that does wrong on purpose: `python crooked_gate.py`, told by CROOKED (JSON) what to do to whom.

{"skip_every": n} leaves out each n-th delivery; {"skip": [ids], "twice": [ids], "swap": [first, second],
"values": {id: hex}, "headers": {id: [name, text]}} do so to the deliveries of events by their id, on inboxes
of which the topic is named in "topics".
"""

import json
import os

from hub.broker.gating.transactional import Transactions
from hub.host.process import run
from streams.gate import main

ORDERS = json.loads(os.environ["CROOKED"])
PUT = Transactions.put
held = []
count = 0


def put(self, topic, partition, key, value, headers, **more):
    """Pass a record on, or do what was ordered."""
    global count  # noqa: PLW0603
    if topic not in ORDERS["topics"]:
        return PUT(self, topic, partition, key, value, headers, **more)
    count += 1
    if "skip_every" in ORDERS and count % ORDERS["skip_every"] == 0:
        return None
    id_ = dict(headers)["ce_id"].decode()
    if id_ in ORDERS.get("skip", ()):
        return None
    if id_ in ORDERS.get("values", {}):
        value = bytes.fromhex(ORDERS["values"][id_])
    if id_ in ORDERS.get("headers", {}):
        name, text = ORDERS["headers"][id_]
        headers = [(each, text.encode() if each == name else was) for each, was in headers]
    first, second = ORDERS.get("swap", (None, None))
    if id_ == first:
        held.append((topic, partition, key, value, headers))
        return None
    PUT(self, topic, partition, key, value, headers)
    if id_ in ORDERS.get("twice", ()):
        PUT(self, topic, partition, key, value, headers)
    while id_ == second and held:
        PUT(self, *held.pop())
    return None


Transactions.put = put
if __name__ == "__main__":
    run("gate", main)
