"""A look at the broker from outside, by an operator's login: what is open, unread, pending."""

from __future__ import annotations

import time
from dataclasses import dataclass

from confluent_kafka import Consumer, IsolationLevel, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from hub.broker import clients
from hub.contracts import topics

CALL_SECONDS = 3


@dataclass(frozen=True, slots=True)
class Moment:
    """`open`: inbox partitions with a transaction open; `unread`: events on outboxes before the gate."""

    open: int
    unread: int

    @property
    def busy(self):
        return bool(self.open or self.unread)


class Look:
    """Looks; `moment` and `pending` return None while the broker does not answer. Not for two threads.

    Groups are asked through a consumer each: librdkafka's administration client ends the process when the
    broker dies while it asks for a group's offsets (its issues 3663 and 4605).
    """

    def __init__(self, settings, agencies):
        self._settings = settings
        self._groups = {}
        config = clients.base(settings, topics.ADMIN_PRINCIPAL) | {"log_level": 0}
        self._admin = AdminClient(config)
        self._outboxes = [topics.outbox(code) for code in agencies]
        self._inboxes = [topics.inbox(code) for code in agencies]
        self._partitions = None

    def moment(self):
        """Return what is open and unread now."""
        try:
            places = self._places()
            inboxes = [place for place in places if place[0] in self._inboxes]
            outboxes = [place for place in places if place[0] in self._outboxes]
            stable = self._ends(inboxes, IsolationLevel.READ_COMMITTED)
            high = self._ends(inboxes, IsolationLevel.READ_UNCOMMITTED)
            # Committed first: an event that comes in between makes the lag too large, never negative.
            committed = self._committed(topics.GATE_GROUP, outboxes)
            ends = self._ends(outboxes, IsolationLevel.READ_COMMITTED)
        except KafkaException:
            return None
        return Moment(
            sum(stable[place] < high[place] for place in inboxes),
            sum(ends[place] - committed[place] for place in outboxes),
        )

    def pending(self, agency):
        """Return how many places of an agency's inbox lie before its group, less one marker a partition."""
        try:
            places = [place for place in self._places() if place[0] == topics.inbox(agency)]
            ends = self._ends(places, IsolationLevel.READ_COMMITTED)
            committed = self._committed(topics.group(agency), places)
        except KafkaException:
            return None
        return sum(max(0, ends[place] - committed[place] - 1) for place in places)

    def ends(self):
        """Return the end of every outbox partition."""
        outboxes = [place for place in self._places() if place[0] in self._outboxes]
        return self._ends(outboxes, IsolationLevel.READ_COMMITTED)

    def places(self, kind):
        """Return the partitions of all outboxes or inboxes."""
        wanted = self._outboxes if kind == "outbox" else self._inboxes
        return [place for place in self._places() if place[0] in wanted]

    def busy(self, seconds):
        """Wait up to so long for a moment with something open or unread; return the last moment seen."""
        deadline = time.monotonic() + seconds
        while True:
            moment = self.moment()
            if (moment is not None and moment.busy) or time.monotonic() > deadline:
                return moment

    def _places(self):
        if self._partitions is None:
            listed = self._admin.list_topics(timeout=CALL_SECONDS).topics
            self._partitions = [
                (name, part)
                for name in (*self._outboxes, *self._inboxes)
                for part in range(len(listed[name].partitions))
            ]
        return self._partitions

    def _ends(self, places, isolation):
        request = {TopicPartition(*place): OffsetSpec.latest() for place in places}
        futures = self._admin.list_offsets(request, isolation_level=isolation, request_timeout=CALL_SECONDS)
        return {(each.topic, each.partition): future.result().offset for each, future in futures.items()}

    def _committed(self, group, places):
        if group not in self._groups:
            config = clients.reader(self._settings, topics.ADMIN_PRINCIPAL, group)
            # Otherwise the answer waits for open transactions over the group's offsets.
            config |= {"isolation.level": "read_uncommitted", "log_level": 0}
            self._groups[group] = Consumer(config)
        found = self._groups[group].committed([TopicPartition(*place) for place in places], CALL_SECONDS)
        if faulty := next((each.error for each in found if each.error is not None), None):
            raise KafkaException(faulty)
        return {(each.topic, each.partition): max(each.offset, 0) for each in found}

    def close(self):
        for consumer in self._groups.values():
            consumer.close()
