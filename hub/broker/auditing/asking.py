"""What the audit asks the broker about partitions and groups, many of them in one call."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import Future
from typing import Any

from confluent_kafka import IsolationLevel, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from hub.audit.books import Place
from hub.broker import clients
from hub.broker.failures import failed
from hub.broker.groups import Groups
from hub.contracts import topics
from hub.settings import Settings

_REQUEST_SECONDS = 20.0


class Questions:
    """Questions to the broker under the audit's principal.

    Every method raises BrokerUnavailableError (retriable) where Kafka is away, BrokerError where it refuses.
    """

    def __init__(self, settings: Settings) -> None:
        self._admin = AdminClient(clients.base(settings, topics.AUDIT_PRINCIPAL), logger=None)
        self._groups = Groups(settings, topics.AUDIT_PRINCIPAL)

    def partitions(self) -> dict[str, int]:
        """Return the partition count of every topic there is now."""
        try:
            listed = self._admin.list_topics(timeout=_REQUEST_SECONDS).topics
        except KafkaException as error:
            raise failed(error.args[0], "the topics cannot be listed") from None
        return {
            name: len(topic.partitions)
            for name, topic in listed.items()
            if topic.error is None and topic.partitions
        }

    def highs(self, places: Iterable[Place]) -> dict[Place, int]:
        """Return the high watermarks: behind everything appended so far, also in open transactions."""
        return self._offsets(places, OffsetSpec.latest(), IsolationLevel.READ_UNCOMMITTED)  # type: ignore[no-untyped-call]

    def ends(self, places: Iterable[Place]) -> dict[Place, int]:
        """Return the last stable offsets: behind everything that a read_committed reader may see now."""
        return self._offsets(places, OffsetSpec.latest(), IsolationLevel.READ_COMMITTED)  # type: ignore[no-untyped-call]

    def lows(self, places: Iterable[Place]) -> dict[Place, int]:
        """Return the low watermarks: where retention has left the logs to begin."""
        return self._offsets(places, OffsetSpec.earliest(), IsolationLevel.READ_COMMITTED)  # type: ignore[no-untyped-call]

    def at_times(self, times_ms: Mapping[Place, int]) -> dict[Place, int]:
        """Return the first offset at or after a moment of the broker's clock; no entry: there is none."""
        specs = {place: OffsetSpec.for_timestamp(max(0, time_ms)) for place, time_ms in times_ms.items()}
        found = self._resolved(specs, IsolationLevel.READ_COMMITTED)
        return {place: offset for place, offset in found.items() if offset >= 0}

    def committed(self, places_of: Mapping[str, Iterable[Place]]) -> dict[Place, int]:
        """Return what groups have committed, next offsets by place; no entry where a group never did.

        All groups are asked at once. Offsets in open transactions are not seen, so there is no need to wait
        for these.
        """
        return {Place(*place): next_ for place, next_ in self._groups.committed(places_of).items()}

    def _offsets(self, places: Iterable[Place], spec: OffsetSpec, isolation: Any) -> dict[Place, int]:
        return self._resolved(dict.fromkeys(places, spec), isolation)

    def _resolved(self, specs: Mapping[Place, OffsetSpec], isolation: Any) -> dict[Place, int]:
        request = {TopicPartition(*place): spec for place, spec in specs.items()}
        if not request:
            return {}
        futures = self._admin.list_offsets(
            request, isolation_level=isolation, request_timeout=_REQUEST_SECONDS
        )
        return {
            Place(each.topic, each.partition): _result(future, f"{each.topic} cannot be looked up").offset
            for each, future in futures.items()
        }


def _result(future: Future[Any], what: str) -> Any:
    try:
        return future.result()
    except KafkaException as error:
        raise failed(error.args[0], what) from None
