"""What must lie on parked and inboxes for the events that were sent; anything else is a finding."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict

from hub.contracts import envelope, topics
from hub.contracts.origin import Origin
from hub.errors import ContractError
from tests.fuzz.faults import KNOWN
from tests.fuzz.world import CODEC, MASKED, personal

PREFIX_BYTES = 4096


class Judge:
    """Holds sent events against what was found of them; `findings` name seed, number and what was done."""

    def __init__(self, world, seed):
        self.world = world
        self.seed = seed
        self.findings = []
        self._last_seq = defaultdict(int)
        self._sent = {}
        self._parked = {}
        self._delivered = defaultdict(dict)

    def sent(self, origin, event):
        self._sent[origin] = event

    def parked(self, record):
        """Take in a record of hub.parked."""
        origin = _last(record, envelope.ORIGIN)
        if topics.agency_of(origin.split("/")[0])[0] in self._others():
            return
        if origin in self._parked:
            self._find(origin, "is parked twice")
        self._parked[origin] = record

    def delivered(self, record):
        """Take in a record of an inbox, in the order of its partition."""
        origin, route = _last(record, envelope.ORIGIN), _last(record, envelope.ROUTE)
        if route in self._delivered[origin]:
            self._find(origin, f"was delivered twice on {route}")
        self._delivered[origin][route] = record
        lane = (route, *origin.split("/")[:2])
        seq = int(_last(record, envelope.SEQ))
        if seq != self._last_seq[lane] + 1:
            self._find(origin, f"has number {seq} after {self._last_seq[lane]}")
        self._last_seq[lane] = seq
        if record.partition != int(lane[2]):
            self._find(origin, f"lies in partition {record.partition}")

    def complete(self):
        """Say whether of every event as much was found as is due; markers need not land at once."""
        return all(
            (origin in self._parked) == (event.verdict == "parked")
            and len(self._delivered.get(origin, ())) >= len(event.routes)
            for origin, event in self._sent.items()
        )

    def settle(self):
        """Judge what was sent since the last call and forget it; return the counts by verdict and class."""
        counts = Counter()
        for origin, event in self._sent.items():
            counts[event.verdict, event.reason] += 1
            self._judge(origin, event)
        for origin in (self._parked.keys() | self._delivered.keys()) - self._sent.keys():
            self._find(origin, "was found and never sent")
        self._sent.clear()
        self._parked.clear()
        self._delivered.clear()
        return counts

    def _others(self):
        """Say whose parked events are not ours: other tests' agencies on the same broker."""
        return _Except({topics.agency_of(topic)[0] for topic in self.world.outboxes})

    def _judge(self, origin, event):
        parked = self._parked.get(origin)
        if (parked is not None) != (event.verdict == "parked"):
            reason = f" as {_last(parked, envelope.REASON)}" if parked else ""
            self._find(origin, f"is{'' if parked else ' not'} parked{reason}; due: {event.verdict}")
        elif parked is not None:
            self._judge_parked(origin, event, parked)
        found = self._delivered.get(origin, {})
        if found.keys() != set(event.routes):
            self._find(origin, f"took the routes {sorted(found)}; due: {sorted(event.routes)}")
        for route, record in found.items():
            self._judge_delivery(origin, event, route, record)

    def _judge_parked(self, origin, event, parked):
        reason = _last(parked, envelope.REASON)
        if reason != event.reason:
            detail = _last(parked, envelope.DETAIL)
            self._find(origin, f"is parked as {reason} ({detail}); due: {event.reason}")
        own = list(event.headers) if event.readable else []
        if event.reason == "too-large":
            digest = hashlib.sha256(event.value or b"").hexdigest()
            if _last(parked, envelope.DIGEST) != f"sha-256:{digest}":
                self._find(origin, "is parked with another digest")
            if parked.value != (event.value and event.value[:PREFIX_BYTES]):
                self._find(origin, "is parked with another prefix")
        elif (parked.key, parked.value, list(parked.headers)[: len(own)]) != (event.key, event.value, own):
            self._find(origin, "is parked with other bytes than were sent")

    def _judge_delivery(self, origin, event, route, record):
        if route.startswith(self.world.masked_agreement):
            self._judge_masked(origin, event, record)
            return
        if record.key != event.key:
            self._find(origin, f"came with another key on {route}")
        if not event.plain:
            return
        if record.value != event.value:
            self._find(origin, f"came with another value on {route}")
        own = {(n, v) for n, v in event.headers if n in KNOWN or n.startswith("sig-")}
        if {(n, v) for n, v in record.headers if not n.startswith("hub-")} != own:
            self._find(origin, f"came with other headers on {route}")

    def _judge_masked(self, origin, event, record):
        """See that nothing withheld is there: personal fields, the subject, the case."""
        texts = [record.key or b"", *(value or b"" for _, value in record.headers)]
        if any(secret in text for secret in event.secrets for text in texts):
            self._find(origin, "shows subject or case to a recipient that may not see it")
        type_ = record_type(record)
        try:
            contract, data = CODEC.decode(record.value)
        except ContractError as error:
            self._find(origin, f"came with a value that cannot be read: {error}")
            return
        if type_ not in MASKED or any(data[name] != contract.note(name).default for name in personal(type_)):
            self._find(origin, "shows a personal field to a recipient that may not see it")

    def _find(self, origin, what):
        event = self._sent.get(origin)
        which = f"event {event.number} ({event.name})" if event else "an event"
        self.findings.append(f"seed {self.seed}, {which} at {origin} {what}.")


class _Except:
    """All agencies but these."""

    def __init__(self, ours):
        self._ours = ours

    def __contains__(self, code):
        return code not in self._ours


def record_type(record):
    return dict(record.headers)["ce_type"].decode()


def origin_of(topic, partition, offset):
    return str(Origin(topic, partition, offset))


def _last(record, name):
    return [value for each, value in record.headers if each == name][-1].decode()
